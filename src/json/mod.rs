//! JSON documents: the commands `JSON.*` as a plain library, without a server.
//!
//! ```text
//!   arguments ─► command ─► path (matches) ─► edit ─► value
//!                   │                                  │
//!                   └──────► reply      saved form ◄───┴───► text
//! ```
//!
//! | part | holds |
//! | --- | --- |
//! | [`value`], `text`, `number`, `array`, `object` | a document in memory |
//! | [`parse`](mod@parse), [`write`](mod@write) | JSON text in and out |
//! | [`path`] | JSONPath and legacy paths: which values of a document are selected |
//! | [`edit`] | edits at the selected places |
//! | [`command`] | each command: from arguments to changes and replies |
//! | [`saved`] | the saved form |

pub mod array;
pub mod command;
pub mod edit;
mod error;
mod fpha;
pub mod number;
pub mod object;
pub mod parse;
pub mod path;
pub mod saved;
pub mod text;
pub mod value;
pub mod write;

pub use command::expanded;
pub use error::Error;
pub use parse::parse;
pub use path::{Path, compiled};
pub use value::{Node, Value};
pub use write::to_text;

/// Containers one inside the other in a document, when a command makes it.
pub const MAX_DEPTH: usize = 128;
/// The limit for files: other servers allow deeper documents. No recursion goes deeper.
pub const MAX_DEPTH_SAVED: usize = 1024;
/// Bytes of a text, and about what one command may add to a document.
pub const MAX_TEXT: usize = 512 << 20;

/// What each of several paths leads to, as [`select`] has it, of all together about [`MAX_TEXT`] bytes.
pub fn select_each(root: &Value, paths: &[&Path], limit: usize) -> Vec<Result<Vec<serde_json::Value>, Error>> {
    let mut left = MAX_TEXT;
    let found = Path::select_each(paths, root).into_iter();
    found.map(|nodes| copied(nodes?, limit, &mut left)).collect()
}

/// The matches of a path, at most `limit`, and about [`MAX_TEXT`] bytes: paths may select one value many times.
pub fn select(root: &Value, path: &Path, limit: usize) -> Result<Vec<serde_json::Value>, Error> {
    copied(path.select(root)?, limit, &mut { MAX_TEXT })
}

/// Nodes as owned values, as long as there is room for them.
fn copied(nodes: Vec<Node>, limit: usize, left: &mut usize) -> Result<Vec<serde_json::Value>, Error> {
    if nodes.len() > 1 {
        for node in nodes.iter().take(limit) {
            *left = left.checked_sub(node.memory()).ok_or_else(|| Error::new("the values are too large"))?;
        }
    }
    Ok(nodes.into_iter().take(limit).map(Node::to_serde).collect())
}
