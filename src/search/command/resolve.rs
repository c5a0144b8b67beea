//! From options to a query: resolves names by the index's definition.

use super::options::{GeoFilter, NumericFilter, QueryOptions};
use crate::search::error::{Error, QUERY_BAD};
use crate::search::query::{self, Context, Node, NodeKind, Query};
use crate::search::schema::{Definition, Kind};

impl QueryOptions {
    /// The query, with FILTER and GEOFILTER as parts of it.
    pub fn query(&self, definition: &Definition) -> Result<Query, Error> {
        let is_text = |field: &usize| matches!(definition.fields[*field].kind, Kind::Text { .. });
        let in_fields: Option<Vec<usize>> = self.in_fields.as_ref().map(|names| {
            let mut fields: Vec<usize> = names.iter().filter_map(|name| definition.field(name)).collect();
            fields.retain(|field| is_text(field) && !definition.fields[*field].no_index);
            fields
        });
        let context = Context {
            definition,
            params: &self.params,
            dialect: self.dialect,
            verbatim: self.verbatim,
            in_fields: in_fields.as_deref(),
            no_stop_words: self.no_stop_words,
            ordered: self.in_order || self.slop.is_some_and(|slop| slop >= 0),
        };
        let mut query = query::parse(&self.query, &context)?;
        let mut nodes = Vec::new();
        for filter in &self.filters {
            nodes.push(self.numeric(filter, definition)?);
        }
        for filter in &self.geo_filters {
            nodes.push(self.geo(filter, definition)?);
        }
        if nodes.is_empty() {
            return Ok(query);
        }
        if query.root.kind != NodeKind::All {
            nodes.insert(0, query.root);
        }
        query.root = match nodes.len() {
            1 => nodes.remove(0),
            _ => Node::new(NodeKind::And(nodes)),
        };
        Ok(query)
    }

    fn numeric(&self, filter: &NumericFilter, definition: &Definition) -> Result<Node, Error> {
        match definition.field(&filter.field) {
            Some(field) if definition.fields[field].kind == Kind::Numeric => {
                query::numeric_node(definition, field, filter.min, filter.max)
            }
            found => {
                let texts = ("Unknown Field '%'", "Field is not a numeric field, field: %");
                self.unfit(found.map_or(texts.0, |_| texts.1), &filter.field)
            }
        }
    }

    fn geo(&self, filter: &GeoFilter, definition: &Definition) -> Result<Node, Error> {
        query::check_circle(filter.lon, filter.lat, filter.radius)?;
        match definition.field(&filter.field) {
            Some(field) if definition.fields[field].kind == Kind::Geo => {
                let GeoFilter { lon, lat, radius, unit, .. } = *filter;
                Ok(Node::new(match definition.fields[field].no_index {
                    true => NodeKind::Nothing,
                    false => NodeKind::Geo { field, lon, lat, radius, unit },
                }))
            }
            found => {
                let texts = ("Unknown Field, field: %", "Field is not a geo field, field: %");
                self.unfit(found.map_or(texts.0, |_| texts.1), &filter.field)
            }
        }
    }

    /// A filter on a field that does not exist or has another type: an error, or in dialect 1 no hits.
    fn unfit(&self, text: &str, field: &[u8]) -> Result<Node, Error> {
        match self.dialect {
            1 => Ok(Node::new(NodeKind::Nothing)),
            _ => Err(Error::quoting(QUERY_BAD, text, &[field])),
        }
    }
}
