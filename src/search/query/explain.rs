//! The tree as FT.EXPLAIN prints it.

use super::{Affix, Bound, Fields, Node, NodeKind, Query, TagValue};
use crate::search::schema::Definition;
use crate::search::text::Language;

/// Bytes of the text, about; what is beyond is left out. Each line may repeat long names.
const MAX_TEXT: usize = 16 << 20;

/// The tree as text, a node a line.
pub fn explain(query: &Query, definition: &Definition) -> String {
    let language = definition.language.as_deref().and_then(Language::named).unwrap_or_default();
    explain_with(query, definition, &|word| match language.stem(word) {
        Some(stem) => vec![format!("+{}", lossy(&stem)), lossy(&stem)],
        None => vec![format!("+{}", lossy(word))],
    })
}

/// `expand` gives a word's expansions as they are to be shown, without the word.
pub(super) fn explain_with(query: &Query, definition: &Definition, expand: &dyn Fn(&[u8]) -> Vec<String>) -> String {
    let mut printer = Printer { definition, expand, text: String::new(), depth: 0 };
    match &query.knn {
        None => printer.node(&query.root),
        Some(knn) => {
            let tail = format!(
                "}} => {{K={} nearest vectors to `${}` in vector index associated with field @{}, yields distance as `{}`}}",
                knn.k,
                lossy(&knn.parameter),
                printer.name(knn.field),
                lossy(&knn.distance)
            );
            printer.line("VECTOR {");
            printer.depth += 1;
            printer.node(&query.root);
            printer.depth -= 1;
            printer.line(&tail);
        }
    }
    printer.text
}

struct Printer<'a> {
    definition: &'a Definition,
    expand: &'a dyn Fn(&[u8]) -> Vec<String>,
    text: String,
    depth: usize,
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Printer<'_> {
    fn is_full(&self) -> bool {
        self.text.len() > MAX_TEXT
    }

    fn line(&mut self, line: &str) {
        self.text.extend(std::iter::repeat_n("  ", self.depth));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn name(&self, field: usize) -> String {
        lossy(&self.definition.fields[field].name)
    }

    /// `@a|b:`, or nothing for all fields.
    fn fields(&self, fields: &Fields) -> String {
        match fields {
            Fields::All => String::new(),
            Fields::Of(fields) => {
                let names: Vec<String> = fields.iter().map(|field| self.name(*field)).collect();
                format!("@{}:", names.join("|"))
            }
        }
    }

    fn block(&mut self, open: &str, lines: impl FnOnce(&mut Self), attributes: &str) {
        self.line(open);
        self.depth += 1;
        lines(self);
        self.depth -= 1;
        self.line(&format!("}}{attributes}"));
    }

    fn nodes(&mut self, open: &str, nodes: &[Node], attributes: &str) {
        self.block(open, |printer| nodes.iter().for_each(|node| printer.node(node)), attributes);
    }

    fn node(&mut self, node: &Node) {
        if self.is_full() {
            return;
        }
        let attributes = attributes(node);
        let leaf = match &node.kind {
            NodeKind::And(nodes) => return self.nodes("INTERSECT {", nodes, &attributes),
            NodeKind::Or(nodes) => return self.nodes("UNION {", nodes, &attributes),
            NodeKind::Not(node) => return self.block("NOT{", |printer| printer.node(node), &attributes),
            NodeKind::Optional(node) => return self.block("OPTIONAL{", |printer| printer.node(node), &attributes),
            NodeKind::Word { word, verbatim, fields } => return self.word(word, *verbatim, fields, &attributes),
            NodeKind::Phrase { words, fields } => {
                let prefix = self.fields(fields);
                let lines = |printer: &mut Self| {
                    for word in words {
                        if printer.is_full() {
                            break;
                        }
                        printer.line(&format!("{prefix}{}", lossy(word)));
                    }
                };
                return self.block(&format!("{prefix}EXACT {{"), lines, &attributes);
            }
            NodeKind::Tag { field, values } => {
                let open = format!("TAG:@{} {{", self.name(*field));
                let lines = |printer: &mut Self| values.iter().for_each(|value| printer.line(&tag_value(value)));
                return self.block(&open, lines, &attributes);
            }
            NodeKind::Nothing => "<empty>".into(),
            NodeKind::All => "<WILDCARD>".into(),
            NodeKind::Affix { affix: of, fields } => format!("{}{}", self.fields(fields), affix(of)),
            NodeKind::Fuzzy { word, fields, .. } => format!("{}FUZZY{{{}}}", self.fields(fields), lossy(word)),
            NodeKind::Empty { fields } => format!("{}\"\"", self.fields(fields)),
            NodeKind::Numeric { field, min, max } => {
                let sign = |bound: &Bound| if bound.exclusive { "<" } else { "<=" };
                let (low, high) = (min.value, max.value);
                format!("NUMERIC {{{low:.6} {} @{} {} {high:.6}}}", sign(min), self.name(*field), sign(max))
            }
            NodeKind::Geo { field, lon, lat, radius, unit } => {
                format!("GEO {}:{{{lon:.6},{lat:.6} --> {radius:.6} {}}}", self.name(*field), unit.name())
            }
            NodeKind::GeoShape { field, predicate, parameter, .. } => {
                format!("GEOSHAPE {}:{{{} ${}}}", self.name(*field), predicate.name(), lossy(parameter))
            }
            NodeKind::Missing { field } => format!("ISMISSING{{{}}}", self.name(*field)),
            NodeKind::VectorRange(range) => {
                let name = range.distance.as_ref().map(|name| format!(", yields distance as `{}`", lossy(name)));
                format!(
                    "VECTOR {{Vectors that are within {} distance radius from `${}` in vector index associated with field @{}{}}}",
                    crate::search::number::format_number(range.radius),
                    lossy(&range.parameter),
                    self.name(range.field),
                    name.unwrap_or_default()
                )
            }
        };
        self.line(&format!("{leaf}{attributes}"));
    }

    fn word(&mut self, word: &[u8], verbatim: bool, fields: &Fields, attributes: &str) {
        let prefix = self.fields(fields);
        let expansions = if verbatim { Vec::new() } else { (self.expand)(word) };
        if expansions.is_empty() {
            return self.line(&format!("{prefix}{}{attributes}", lossy(word)));
        }
        let lines = |printer: &mut Self| {
            printer.line(&format!("{prefix}{}", lossy(word)));
            for expansion in expansions {
                printer.line(&format!("{prefix}{expansion}(expanded)"));
            }
        };
        self.block(&format!("{prefix}UNION {{"), lines, attributes);
    }
}

fn affix(affix: &Affix) -> String {
    match affix {
        Affix::Prefix(operand) => format!("PREFIX{{{}*}}", lossy(operand)),
        Affix::Suffix(operand) => format!("SUFFIX{{*{}}}", lossy(operand)),
        Affix::Infix(operand) => format!("INFIX{{*{}*}}", lossy(operand)),
        Affix::Wildcard(pattern) => format!("WILDCARD{{{}}}", lossy(pattern)),
    }
}

fn tag_value(value: &TagValue) -> String {
    match value {
        TagValue::Exact(value) => lossy(value),
        TagValue::Affix(of) => affix(of),
    }
}

fn attributes(node: &Node) -> String {
    let mut parts = Vec::new();
    if node.weight != 1.0 {
        parts.push(format!("$weight: {};", crate::search::number::format_number(node.weight)));
    }
    parts.extend(node.slop.map(|slop| format!("$slop: {slop};")));
    parts.extend(node.in_order.map(|order| format!("$inorder: {order};")));
    parts.extend(node.phonetic.map(|phonetic| format!("$phonetic: {phonetic};")));
    if parts.is_empty() { String::new() } else { format!(" => {{ {} }}", parts.join(" ")) }
}
