//! The names of all elements that replies tell of, read on any thread: where finding them would take the main thread too
//! long.

use std::sync::Arc;

use super::query::Visible;
use super::table::Table;
use super::{VectorSet, now};
use crate::index::Reader;

/// More elements than this that are hidden are met too often by who draws from all.
const MANY_HIDDEN: usize = 1000;

/// See the module's text.
pub struct Roll {
    reader: Reader,
    table: Arc<Table>,
}

impl VectorSet {
    /// Prepares to read the names.
    pub fn roll(&self) -> Roll {
        Roll { reader: self.index.reader(), table: self.table.clone() }
    }

    /// Whether most elements are hidden, since they wait for their removal: to draw others takes a look at each.
    pub fn hides_most(&self) -> bool {
        let hidden = self.hidden();
        hidden > MANY_HIDDEN && hidden > self.len() / 2
    }
}

impl Roll {
    /// The names, in no order. Each was that of an element at some moment since the roll was made, none is here twice, and
    /// those are here that were elements all the time.
    pub fn names(&self) -> Vec<&[u8]> {
        let table = &*self.table;
        let rows = self.reader.rows_that(&Visible { chosen: None, table, now: now() });
        let name = |row| table.names.get(row).or_else(|| table.names.get(self.reader.latest(row)));
        rows.into_iter().filter_map(name).collect()
    }

    /// Whether the set is gone, so that this may be the last to hold its memory.
    pub fn is_last(&self) -> bool {
        self.reader.is_last()
    }
}

#[cfg(test)]
mod tests {
    use crate::set::{AttributeChange, Params, VectorSet};
    use crate::vector::{Encoding, Metric};

    #[test]
    fn those_are_read_that_are_not_hidden() {
        let params = Params { dim: 1, input_dim: None, encoding: Encoding::F32, metric: Metric::Cosine, m: 4 };
        let mut set = VectorSet::new(params);
        let name = |i: usize| format!("e{i:04}").into_bytes();
        for i in 0..2000 {
            set.add(&name(i), &[1.0], 10, AttributeChange::Keep).expect("room");
            set.set_time(&name(i), (i % 3 > 0).then_some(1));
        }
        assert!(set.hides_most());
        let roll = set.roll();
        assert_eq!(set.add(&name(0), &[-1.0], 10, AttributeChange::Keep), Ok(false));
        let mut names = roll.names();
        names.sort();
        assert_eq!(names, (0..2000).step_by(3).map(name).collect::<Vec<_>>());
        drop(names);
        set.remove_hidden(2000);
        assert!(!set.hides_most() && !roll.is_last());
        drop(set);
        assert!(roll.is_last() && roll.names().len() == 667);
    }
}
