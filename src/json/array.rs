//! Changes of arrays, packed or not.

use thin_vec::ThinVec;

use super::value::{Value, View};

fn exact_f32(value: f64) -> Option<f32> {
    let half = value as f32;
    (f64::from(half).to_bits() == value.to_bits()).then_some(half)
}

fn as_f32(value: &Value) -> Option<f32> {
    if let Value::Double(value) = value { exact_f32(*value) } else { None }
}

fn as_f64(value: &Value) -> Option<f64> {
    if let Value::Double(value) = value { Some(*value) } else { None }
}

fn as_i32(value: &Value) -> Option<i32> {
    if let Value::Int(value) = value { i32::try_from(*value).ok() } else { None }
}

/// All values in a smaller form, if all have one.
fn packed<T>(values: &[Value], pack: impl Fn(&Value) -> Option<T>) -> Option<ThinVec<T>> {
    pack(values.first()?)?;
    let mut items = ThinVec::with_capacity(values.len());
    for value in values {
        items.push(pack(value)?);
    }
    Some(items)
}

impl Value {
    /// An array of these, in the smallest form that holds them.
    pub fn array(values: Vec<Value>) -> Value {
        if let Some(items) = packed(&values, as_i32) {
            return Value::I32s(items);
        }
        if let Some(items) = packed(&values, as_f32) {
            return Value::F32s(items);
        }
        if let Some(items) = packed(&values, as_f64) {
            return Value::F64s(items);
        }
        let mut items = ThinVec::with_capacity(values.len());
        items.extend(values);
        Value::Array(items)
    }

    /// The elements as unpacked values, so that any value can be inserted. None if it is not an array.
    pub fn items_mut(&mut self) -> Option<&mut ThinVec<Value>> {
        let unpacked = match self {
            Value::F32s(items) => Some(items.iter().map(|v| Value::Double(f64::from(*v))).collect()),
            Value::F64s(items) => Some(items.iter().map(|v| Value::Double(*v)).collect()),
            Value::I32s(items) => Some(items.iter().map(|v| Value::Int(i64::from(*v))).collect()),
            _ => None,
        };
        if let Some(items) = unpacked {
            *self = Value::Array(items);
        }
        if let Value::Array(items) = self { Some(items) } else { None }
    }

    /// Number of elements; none if it is not an array.
    pub fn array_len(&self) -> Option<usize> {
        match self.view() {
            View::Array(items) => Some(items.len()),
            _ => None,
        }
    }

    /// Puts values before the element at a position, which may be the end. Positions beyond do nothing.
    pub fn insert_items(&mut self, at: usize, values: &[Value]) {
        fn insert<T>(items: &mut ThinVec<T>, at: usize, more: ThinVec<T>) {
            let tail = items.split_off(at);
            items.extend(more);
            items.extend(tail);
        }
        if self.array_len().is_none_or(|len| at > len) || values.is_empty() {
            return;
        }
        match self {
            Value::F32s(items) if let Some(more) = packed(values, as_f32) => insert(items, at, more),
            Value::F64s(items) if let Some(more) = packed(values, as_f64) => insert(items, at, more),
            Value::I32s(items) if let Some(more) = packed(values, as_i32) => insert(items, at, more),
            Value::Array(items) if items.is_empty() => *self = Value::array(values.to_vec()),
            _ => {
                if let Some(items) = self.items_mut() {
                    insert(items, at, values.iter().cloned().collect());
                }
            }
        }
    }

    /// Replaces the element at a position, and returns what was there unless that was packed.
    pub fn set_item(&mut self, at: usize, value: Value) -> Value {
        fn set<T>(items: &mut ThinVec<T>, at: usize, value: T) -> Value {
            if let Some(item) = items.get_mut(at) {
                *item = value;
            }
            Value::Null
        }
        match self {
            Value::F32s(items) if let Some(value) = as_f32(&value) => set(items, at, value),
            Value::F64s(items) if let Some(value) = as_f64(&value) => set(items, at, value),
            Value::I32s(items) if let Some(value) = as_i32(&value) => set(items, at, value),
            _ => {
                let item = self.items_mut().and_then(|items| items.get_mut(at));
                item.map_or(Value::Null, |item| std::mem::replace(item, value))
            }
        }
    }

    /// Takes the element at a position out.
    pub fn remove_item(&mut self, at: usize) -> Option<Value> {
        if at >= self.array_len()? {
            return None;
        }
        match self {
            Value::Array(items) => Some(items.remove(at)),
            Value::F32s(items) => Some(Value::Double(f64::from(items.remove(at)))),
            Value::F64s(items) => Some(Value::Double(items.remove(at))),
            Value::I32s(items) => Some(Value::Int(i64::from(items.remove(at)))),
            _ => None,
        }
    }

    /// Keeps the elements from one position to before another; the others are returned, but packed ones.
    pub fn trim_items(&mut self, from: usize, to: usize) -> Vec<Value> {
        fn trim<T>(items: &mut ThinVec<T>, from: usize, to: usize) -> (ThinVec<T>, ThinVec<T>) {
            let after = items.split_off(to.min(items.len()));
            let kept = items.split_off(from.min(items.len()));
            (std::mem::replace(items, kept), after)
        }
        match self {
            Value::Array(items) => {
                let (before, after) = trim(items, from, to);
                return before.into_iter().chain(after).collect();
            }
            Value::F32s(items) => drop(trim(items, from, to)),
            Value::F64s(items) => drop(trim(items, from, to)),
            Value::I32s(items) => drop(trim(items, from, to)),
            _ => {}
        }
        Vec::new()
    }

    /// Takes the elements or members at these positions out, which ascend. Numbers of packed arrays are not returned.
    pub fn remove_positions(&mut self, positions: &[usize]) -> Vec<Value> {
        let mut next = 0;
        let mut rest = positions;
        let mut goes = || {
            let goes = rest.first() == Some(&next);
            rest = &rest[usize::from(goes)..];
            next += 1;
            goes
        };
        let mut removed = Vec::new();
        let mut take = |value: &mut Value| {
            let goes = goes();
            if goes {
                removed.push(std::mem::replace(value, Value::Null));
            }
            !goes
        };
        match self {
            Value::Array(items) => items.retain_mut(take),
            Value::Object(members) => members.retain_mut(|(_, value)| take(value)),
            Value::Large(members) => members.retain(|_, value| take(value)),
            Value::F32s(items) => items.retain(|_| !goes()),
            Value::F64s(items) => items.retain(|_| !goes()),
            Value::I32s(items) => items.retain(|_| !goes()),
            _ => {}
        }
        removed
    }
}
