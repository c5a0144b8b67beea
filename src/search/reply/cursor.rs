//! Replies of cursors.

use crate::reply::Reply;

/// Rows and the cursor that leads to more; 0 says that there are none.
pub fn with_cursor(rows: Reply, id: i64) -> Reply {
    Reply::Array(vec![rows, Reply::Int(id)])
}
