//! `VMADD key [REDUCE dim] [NOQUANT | F16 | Q8 | BIN] [METRIC metric] [EF n] [M n] [NX | XX]
//! [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] [WITHATTRIBS] (FP32 | …) element blob [attributes] …`

use super::args::is_word;
use super::insertion::{Insertion, behind_key, parse_reduce};
use super::vector::component;
use super::{Arguments, CommandError, VectorArgument};
use crate::set::{AttributeChange, Params, VectorSet};
use crate::vector::{Codec, Projection, is_finite};

/// The arguments of VMADD.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    pub key: &'a [u8],
    pub how: Insertion,
    pub with_attributes: bool,
    /// Arguments before the first element, the key among them.
    head: usize,
    /// At least one; all of one dimension and one type of components.
    pub elements: Vec<Element<'a>>,
}

/// One of the elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Element<'a> {
    pub name: &'a [u8],
    pub vector: VectorArgument<'a>,
    pub attributes: Option<&'a [u8]>,
}

/// Reads the arguments behind the command's name; `default_ef` stands for an EF that is not given.
///
/// # Errors
/// The first that is wrong, from left to right.
pub fn parse<'a>(arguments: Arguments<'a>, default_ef: usize) -> Result<Request<'a>, CommandError> {
    let mut args = behind_key(arguments, 4)?;
    let mut how = Insertion::new(parse_reduce(&mut args)?, default_ef);
    let mut with_attributes = false;
    let component = loop {
        let word = args.next().ok_or(CommandError::InvalidVector)?;
        if let Some(component) = component(word) {
            break component;
        } else if is_word(word, "WITHATTRIBS") {
            with_attributes = true;
        } else if !how.take(word, &mut args)? {
            return Err(CommandError::VmaddSyntax);
        }
    };
    how.check_options()?;
    let head = arguments.len() - args.len();
    let mut elements: Vec<Element> = Vec::new();
    while let Some(name) = args.next() {
        let blob = args.next().ok_or(CommandError::Arity)?;
        let vector = VectorArgument::from_blob(component, blob).ok_or(CommandError::InvalidVector)?;
        let attributes = if with_attributes { Some(args.next().ok_or(CommandError::Arity)?) } else { None };
        let (got, has) = (vector.values.len(), elements.first().map_or(vector.values.len(), Element::dim));
        if got != has {
            return Err(CommandError::DimensionMismatch { got, has });
        }
        elements.push(Element { name, vector, attributes });
    }
    let Some(first) = elements.first() else { return Err(CommandError::Arity) };
    if how.reduce.is_some_and(|dim| dim > first.dim()) {
        return Err(CommandError::InvalidVector);
    }
    Ok(Request { key: arguments[0], how, with_attributes, head, elements })
}

impl<'a> Element<'a> {
    fn dim(&self) -> usize {
        self.vector.values.len()
    }

    /// The effect on its attributes.
    pub fn attribute_change(&self) -> AttributeChange<'a> {
        self.attributes.map_or(AttributeChange::Keep, AttributeChange::Set)
    }
}

impl Request<'_> {
    /// Components of each vector.
    pub fn dim(&self) -> usize {
        self.elements[0].dim()
    }

    /// Arguments before the first element, the key among them.
    pub fn head(&self) -> usize {
        self.head
    }

    /// Whether all elements fit a set that exists.
    ///
    /// # Errors
    /// The first thing in which they do not.
    pub fn check(&self, set: &VectorSet) -> Result<(), CommandError> {
        self.how.check(self.dim(), set.params())?;
        self.check_vectors(set.params(), set.projection())
    }

    /// Whether all elements fit a set that they would create.
    ///
    /// # Errors
    /// If they do not, or nothing could save that set.
    pub fn check_new(&self) -> Result<Params, CommandError> {
        self.how.check_new(self.dim())?;
        let params = self.how.params(self.dim());
        if params.input_dim.is_none() {
            self.check_vectors(&params, None)?;
        }
        Ok(params)
    }

    /// Whether a set of these parameters can hold all vectors: found out before the first is stored.
    ///
    /// # Errors
    /// If the projection of one is not finite, or its encoding has no such numbers.
    pub fn check_vectors(&self, params: &Params, projection: Option<&Projection>) -> Result<(), CommandError> {
        let codec = Codec::new(params.encoding, params.dim).with_metric(params.metric);
        for element in &self.elements {
            let projected = projection.map(|projection| projection.apply(&element.vector.values));
            if projected.as_ref().is_some_and(|vector| !is_finite(vector)) {
                return Err(CommandError::InvalidVector);
            }
            if !codec.can_hold(projected.as_deref().unwrap_or(&element.vector.values)) {
                return Err(CommandError::TooLarge);
            }
        }
        Ok(())
    }

    /// A command that stores these elements on any server.
    pub fn normalised(&self, now: i64, elements: &[&Element]) -> Vec<Vec<u8>> {
        let mut args: Vec<Vec<u8>> = vec![self.key.to_vec()];
        if let Some(dim) = self.how.reduce {
            args.extend([b"REDUCE".to_vec(), dim.to_string().into_bytes()]);
        }
        self.how.write_options(now, &mut args);
        if self.with_attributes {
            args.push(b"WITHATTRIBS".to_vec());
        }
        let [word, _] = self.elements[0].vector.sent();
        args.push(word);
        for element in elements {
            args.extend([element.name.to_vec(), element.vector.blob()]);
            args.extend(element.attributes.map(<[u8]>::to_vec));
        }
        args
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::DEFAULT_EF_ADD;

    fn split(text: &str) -> Vec<&[u8]> {
        text.split(' ').map(str::as_bytes).collect()
    }

    #[test]
    fn errors_in_order() {
        use CommandError::*;
        for (text, error) in [
            ("k FP32 e", Arity),
            ("k FP32 e abcd f", Arity),
            ("k WITHATTRIBS FP32 e abcd", Arity),
            ("k VALUES 1 1 e", VmaddSyntax),
            ("k CAS FP32 e abcd", VmaddSyntax),
            ("k NX XX FP32 e abcd", BothConditions),
            ("k EF 0 FP32 e abcd", InvalidEf),
            ("k FP32 e abc", InvalidVector),
            ("k REDUCE 2 FP32 e abcd", InvalidVector),
            ("k FP32 e abcd f abcdabcd", DimensionMismatch { got: 2, has: 1 }),
            ("k NX EF 3 METRIC", VmaddSyntax),
        ] {
            let error_found = parse(&split(text), DEFAULT_EF_ADD).err();
            assert_eq!(error_found, Some(error), "{text}");
        }
    }

    #[test]
    fn the_normalised_form_reads_back() {
        for text in [
            "k fp32 a abcd b abcd",
            "k noquant metric ip EF 7 M 5 WITHATTRIBS INT8 a abcd {} b abcd {}",
            "k REDUCE 1 PXAT 99 FP64 a @@@@@@@@@@@@@@@@",
        ] {
            let words = split(text);
            let request = parse(&words, DEFAULT_EF_ADD).unwrap();
            let all: Vec<&Element> = request.elements.iter().collect();
            let sent = request.normalised(0, &all);
            let sent: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
            let again = parse(&sent, DEFAULT_EF_ADD).unwrap();
            assert_eq!((&again.how, again.dim(), again.elements.len()), (&request.how, request.dim(), all.len()));
            assert_eq!(again.elements.last().unwrap().vector.values, request.elements.last().unwrap().vector.values);
        }
    }
}
