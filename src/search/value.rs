//! The values of rows and expressions. A value that a row lacks is `None` of an `Option<Value>`; [`Value::Null`] is one
//! that is there and null.

use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Number(f64),
    Text(Arc<[u8]>),
    Array(Arc<[Value]>),
}
