//! A typed reply, independent of the RESP version.

/// What a command answers. How it looks on the wire depends on the protocol: see `server/reply.rs`.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// An integer.
    Int(i64),
    /// An integer beyond the others.
    Big(u64),
    /// Yes or no; 1 or 0 in RESP2.
    Bool(bool),
    /// No value where a string would be.
    Nil,
    /// No value where an array would be.
    NilArray,
    /// A double; its text in RESP2.
    Double(f64),
    /// A static string.
    Simple(&'static str),
    /// Any bytes.
    Bulk(Vec<u8>),
    /// An error, alone or as one of several replies; its text begins with its code.
    Error(Vec<u8>),
    /// A list.
    Array(Vec<Reply>),
    /// A list without order; an array in RESP2.
    Set(Vec<Reply>),
    /// Pairs; in RESP2 a flat list.
    Map(Vec<(Reply, Reply)>),
}

impl Reply {
    /// Whether it has more levels of lists. Looks no deeper than that.
    pub fn nests_deeper_than(&self, levels: usize) -> bool {
        let Some(left) = levels.checked_sub(1) else {
            return matches!(self, Reply::Array(_) | Reply::Set(_) | Reply::Map(_));
        };
        match self {
            Reply::Array(items) | Reply::Set(items) => items.iter().any(|item| item.nests_deeper_than(left)),
            Reply::Map(pairs) => pairs.iter().any(|(a, b)| a.nests_deeper_than(left) || b.nests_deeper_than(left)),
            _ => false,
        }
    }
}

impl From<usize> for Reply {
    fn from(value: usize) -> Reply {
        Reply::Int(value as i64)
    }
}

impl From<f32> for Reply {
    fn from(value: f32) -> Reply {
        Reply::Double(value as f64)
    }
}

impl<T: Into<Reply>> From<Option<T>> for Reply {
    fn from(value: Option<T>) -> Reply {
        value.map_or(Reply::Nil, T::into)
    }
}
