//! The values of rows and expressions. A missing value is `None` of an `Option<Value>`; [`Value::Null`] is an
//! explicit null.

use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Number(f64),
    Text(Arc<[u8]>),
    Array(Arc<[Value]>),
}
