//! The pipeline of FT.AGGREGATE: steps over rows that compute, filter, group, sort and limit.
//!
//! ```text
//!   documents ─► Table ─► Step ─► Step ─► … ─► rows of a reply
//! ```
//!
//! A [`Table`] has columns by number; the plan maps names to columns. A step processes all rows
//! at once, without recursion, and checks the time limit periodically.

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
pub use hybrid::{Fused, Fusion, Ranked, explain, fuse, vector_score};
pub use order::compare;
pub use pipeline::{Clock, Formula, Keeps, Pipeline, Step, TooLarge};
pub use plan::{Given, Plan, Shown, Source};
pub use reduce::Reducer;
pub use sort::{Direction, Sorting};
pub use table::Table;
