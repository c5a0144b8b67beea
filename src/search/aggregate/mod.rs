//! FT.AGGREGATE's steps over rows: compute, filter, group, sort, cut.
//!
//! ```text
//!   documents ─► Table ─► Step ─► Step ─► … ─► rows of a reply
//! ```
//!
//! A [`Table`] has columns by number; which name stands for which column is the plan's matter. A step works on all rows
//! at once; none recurses, and each looks at the clock now and then.

mod group;
mod hybrid;
mod order;
mod parts;
mod pipeline;
mod plan;
mod reduce;
mod sort;
mod table;
#[cfg(test)]
mod tests;

pub use group::{Apart, Grouping, Groups};
pub use hybrid::{Fused, Fusion, fuse, vector_score};
pub use order::compare;
pub use pipeline::{Clock, Formula, Keeps, Pipeline, Step};
pub use plan::{Given, Plan, Shown, Source};
pub use reduce::Reducer;
pub use sort::{Direction, Sorting};
pub use table::Table;
