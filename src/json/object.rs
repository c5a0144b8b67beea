//! Changes of objects. Members keep their order.

use indexmap::IndexMap;
use thin_vec::ThinVec;

use super::text::Text;
use super::value::Value;

/// An object of more members gets an index by name.
pub const SMALL: usize = 32;

impl Value {
    /// An object without members.
    pub fn object() -> Value {
        Value::Object(ThinVec::new())
    }

    /// Sets a member: in its place if there is one of that name, else behind the others. Nothing happens to what is
    /// no object.
    pub fn set_member(&mut self, name: Text, value: Value) {
        match self {
            Value::Object(members) => {
                if let Some((_, old)) = members.iter_mut().find(|(other, _)| *other == name) {
                    *old = value;
                } else if members.len() < SMALL {
                    members.push((name, value));
                } else {
                    let mut large: IndexMap<Text, Value> = std::mem::take(members).into_iter().collect();
                    large.insert(name, value);
                    *self = Value::Large(Box::new(large));
                }
            }
            Value::Large(members) => {
                members.insert(name, value);
            }
            _ => {}
        }
    }

    /// The member of a name, to be changed.
    pub fn member_mut(&mut self, name: &[u8]) -> Option<&mut Value> {
        match self {
            Value::Object(members) => {
                members.iter_mut().find(|(other, _)| other.bytes() == name).map(|(_, value)| value)
            }
            Value::Large(members) => members.get_mut(name),
            _ => None,
        }
    }

    /// Removes the member of a name, if there is one.
    pub fn remove_member(&mut self, name: &[u8]) {
        match self {
            Value::Object(members) => members.retain(|(other, _)| other.bytes() != name),
            Value::Large(members) => {
                members.shift_remove(name);
            }
            _ => {}
        }
    }

    /// Gives room back that is not needed.
    pub(super) fn shrink(&mut self) {
        match self {
            Value::Object(members) => members.shrink_to_fit(),
            Value::Large(members) => members.shrink_to_fit(),
            _ => {}
        }
    }
}
