//! One JSON value in 16 bytes, and read access to it.
//!
//! Arrays of numbers, such as embeddings, are packed if all elements are of one kind: 4 bytes for a double that
//! an `f32` holds exactly or a small integer, 8 for other doubles. Readers do not see the difference: a [`Node`] refers to
//! a value wherever it is stored, and its [`View`] is its type and content.
//!
//! Existing crates are not suitable: `ijson` interns strings behind a global lock, which may be held in a forked child,
//! and a removal moves the last member of an object; `serde_json` takes 32 bytes per value and more for
//! objects.

use indexmap::IndexMap;
use thin_vec::ThinVec;

use super::number::Number;
use super::text::Text;

/// A member of an object.
pub type Member = (Text, Value);

/// Any JSON value. The code that builds values bounds their nesting: see [`super::MAX_DEPTH`].
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX`.
    Uint(u64),
    Double(f64),
    String(Text),
    Array(ThinVec<Value>),
    /// Doubles that are exact in half their size.
    F32s(ThinVec<f32>),
    F64s(ThinVec<f64>),
    I32s(ThinVec<i32>),
    /// Up to [`super::object::SMALL`] members, in order.
    Object(ThinVec<Member>),
    /// More of them, in order, with an index by name.
    Large(Box<IndexMap<Text, Value>>),
}

const _: () = assert!(size_of::<Value>() == 16);

/// A reference to a value: unpacked, or packed in an array.
#[derive(Clone, Copy, Debug)]
pub enum Node<'a> {
    Value(&'a Value),
    F32(&'a f32),
    F64(&'a f64),
    I32(&'a i32),
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    Null,
    Bool(bool),
    Number(Number),
    String(&'a Text),
    Array(Items<'a>),
    Object(Members<'a>),
}

/// The elements of an array.
#[derive(Clone, Copy, Debug)]
pub enum Items<'a> {
    Values(&'a [Value]),
    F32s(&'a [f32]),
    F64s(&'a [f64]),
    I32s(&'a [i32]),
}

/// The members of an object, in order.
#[derive(Clone, Copy, Debug)]
pub enum Members<'a> {
    Small(&'a [Member]),
    Large(&'a IndexMap<Text, Value>),
}

/// Bytes on the heap of a vector, its header included.
pub(super) fn allocated<T>(vector: &ThinVec<T>) -> usize {
    const HEADER: usize = 16;
    match vector.capacity() {
        0 => 0,
        capacity => HEADER + capacity * size_of::<T>(),
    }
}

impl Value {
    /// What this value is.
    pub fn view(&self) -> View<'_> {
        match self {
            Value::Null => View::Null,
            Value::Bool(value) => View::Bool(*value),
            Value::Int(value) => View::Number(Number::Int(*value)),
            Value::Uint(value) => View::Number(Number::Uint(*value)),
            Value::Double(value) => View::Number(Number::Double(*value)),
            Value::String(text) => View::String(text),
            Value::Array(items) => View::Array(Items::Values(items)),
            Value::F32s(items) => View::Array(Items::F32s(items)),
            Value::F64s(items) => View::Array(Items::F64s(items)),
            Value::I32s(items) => View::Array(Items::I32s(items)),
            Value::Object(members) => View::Object(Members::Small(members)),
            Value::Large(members) => View::Object(Members::Large(members)),
        }
    }

    /// The value as a node.
    pub fn node(&self) -> Node<'_> {
        Node::Value(self)
    }

    /// Bytes of the whole tree, this value's own 16 included. An estimate: allocators round up.
    pub fn memory(&self) -> usize {
        let heap = match self {
            Value::String(text) => text.heap(),
            Value::Array(items) => allocated(items) + items.iter().map(|item| item.memory() - 16).sum::<usize>(),
            Value::F32s(items) => allocated(items),
            Value::F64s(items) => allocated(items),
            Value::I32s(items) => allocated(items),
            Value::Object(members) => allocated(members) + members.iter().map(member_heap).sum::<usize>(),
            Value::Large(members) => {
                // An entry has a hash beside name and value; the index has a number and a byte a place.
                let entries = members.capacity() * (size_of::<Member>() + 8 + 9) + size_of::<IndexMap<Text, Value>>();
                entries + members.iter().map(|(name, value)| name.heap() + value.memory() - 16).sum::<usize>()
            }
            _ => 0,
        };
        16 + heap
    }

    /// Values in the tree, packed numbers not counted, but at most about `enough`: what freeing it costs.
    pub fn count(&self, enough: usize) -> usize {
        let mut count = 1;
        let mut add = |value: &Value| {
            if count < enough {
                count += value.count(enough - count);
            }
        };
        match self {
            Value::Array(items) => items.iter().for_each(&mut add),
            Value::Object(members) => members.iter().for_each(|(_, value)| add(value)),
            Value::Large(members) => members.values().for_each(add),
            _ => {}
        }
        count
    }
}

fn member_heap((name, value): &Member) -> usize {
    name.heap() + value.memory() - 16
}

impl<'a> Node<'a> {
    /// What the value is.
    pub fn view(self) -> View<'a> {
        match self {
            Node::Value(value) => value.view(),
            Node::F32(value) => View::Number(Number::Double(f64::from(*value))),
            Node::F64(value) => View::Number(Number::Double(*value)),
            Node::I32(value) => View::Number(Number::Int(i64::from(*value))),
        }
    }

    /// The address of the value: different for any two values of a document.
    pub fn address(self) -> usize {
        match self {
            Node::Value(value) => std::ptr::from_ref(value) as usize,
            Node::F32(value) => std::ptr::from_ref(value) as usize,
            Node::F64(value) => std::ptr::from_ref(value) as usize,
            Node::I32(value) => std::ptr::from_ref(value) as usize,
        }
    }

    /// An owned copy.
    pub fn to_value(self) -> Value {
        match self {
            Node::Value(value) => value.clone(),
            Node::F32(value) => Value::Double(f64::from(*value)),
            Node::F64(value) => Value::Double(*value),
            Node::I32(value) => Value::Int(i64::from(*value)),
        }
    }

    /// The same as a value of serde_json.
    pub fn to_serde(self) -> serde_json::Value {
        match self.view() {
            View::Null => serde_json::Value::Null,
            View::Bool(value) => value.into(),
            View::Number(Number::Int(value)) => value.into(),
            View::Number(Number::Uint(value)) => value.into(),
            View::Number(Number::Double(value)) => value.into(),
            View::String(text) => text.as_str().into(),
            View::Array(items) => items.iter().map(Node::to_serde).collect(),
            View::Object(members) => {
                members.iter().map(|(name, value)| (name.as_str(), value.node().to_serde())).collect()
            }
        }
    }

    /// Bytes that it takes in its place.
    pub fn memory(self) -> usize {
        match self {
            Node::Value(value) => value.memory(),
            Node::F32(_) | Node::I32(_) => 4,
            Node::F64(_) => 8,
        }
    }

    /// The kind's name in JSON.TYPE.
    pub fn kind(self) -> &'static str {
        match self.view() {
            View::Null => "null",
            View::Bool(_) => "boolean",
            View::Number(Number::Double(_)) => "number",
            View::Number(_) => "integer",
            View::String(_) => "string",
            View::Array(_) => "array",
            View::Object(_) => "object",
        }
    }

    /// Containers one inside the other: 0 for a scalar, 1 for an empty array.
    pub fn depth(self) -> usize {
        match self.view() {
            View::Array(Items::Values(items)) => 1 + items.iter().map(|v| v.node().depth()).max().unwrap_or(0),
            View::Array(_) => 1,
            View::Object(members) => 1 + members.iter().map(|(_, v)| v.node().depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Equal as a value of the same kind: 3 is not 3.0; the order of members does not matter.
    pub fn is_same(self, other: Node) -> bool {
        match (self.view(), other.view()) {
            (View::Null, View::Null) => true,
            (View::Bool(a), View::Bool(b)) => a == b,
            (View::Number(a), View::Number(b)) => a == b,
            (View::String(a), View::String(b)) => a == b,
            (View::Array(a), View::Array(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.is_same(b)),
            (View::Object(a), View::Object(b)) => {
                let same = |(name, value): (&Text, &Value)| {
                    b.get(name.bytes()).is_some_and(|(_, other)| value.node().is_same(other.node()))
                };
                a.len() == b.len() && a.iter().all(same)
            }
            _ => false,
        }
    }
}

impl<'a> Items<'a> {
    pub fn len(self) -> usize {
        match self {
            Items::Values(items) => items.len(),
            Items::F32s(items) => items.len(),
            Items::F64s(items) => items.len(),
            Items::I32s(items) => items.len(),
        }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The element at a position.
    pub fn get(self, at: usize) -> Option<Node<'a>> {
        match self {
            Items::Values(items) => items.get(at).map(Node::Value),
            Items::F32s(items) => items.get(at).map(Node::F32),
            Items::F64s(items) => items.get(at).map(Node::F64),
            Items::I32s(items) => items.get(at).map(Node::I32),
        }
    }

    pub fn iter(self) -> impl Iterator<Item = Node<'a>> {
        (0..self.len()).map_while(move |at| self.get(at))
    }
}

impl<'a> Members<'a> {
    pub fn len(self) -> usize {
        match self {
            Members::Small(members) => members.len(),
            Members::Large(members) => members.len(),
        }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The member of a name, and its position.
    pub fn get(self, name: &[u8]) -> Option<(usize, &'a Value)> {
        match self {
            Members::Small(members) => {
                let at = members.iter().position(|(other, _)| other.bytes() == name)?;
                Some((at, &members[at].1))
            }
            Members::Large(members) => members.get_full(name).map(|(at, _, value)| (at, value)),
        }
    }

    /// The member at a position.
    pub fn at(self, at: usize) -> Option<(&'a Text, &'a Value)> {
        match self {
            Members::Small(members) => members.get(at).map(|(name, value)| (name, value)),
            Members::Large(members) => members.get_index(at),
        }
    }

    pub fn iter(self) -> impl Iterator<Item = (&'a Text, &'a Value)> {
        (0..self.len()).map_while(move |at| self.at(at))
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Value {
        match number {
            Number::Int(value) => Value::Int(value),
            Number::Uint(value) => Value::Uint(value),
            Number::Double(value) => Value::Double(value),
        }
    }
}
