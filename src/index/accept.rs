//! Row filters: which rows a query may return.

/// A choice of rows. A query asks it on its own thread.
pub trait Accept {
    /// Whether the row may be found.
    fn matches(&self, row: u32) -> bool;

    /// Whether a row may be found that took the place of another one after the query was asked.
    fn matches_successor(&self, old: u32, _new: u32) -> bool {
        self.matches(old)
    }

    /// How many rows match, as far as that is known without a look at each. It decides how the query goes about
    /// its search; None makes it look at a sample.
    fn count(&self) -> Option<usize>;

    /// Calls `visit` with each row below `end` that matches, ascending. Rows that are not live may be among them.
    fn for_each(&self, end: u32, visit: &mut dyn FnMut(u32)) {
        (0..end).filter(|&row| self.matches(row)).for_each(visit);
    }

    /// About how many nanoseconds it takes to find out about a row that is met in order.
    fn test_nanos(&self) -> f64 {
        1.0
    }
}

/// All rows.
pub struct Everything;

impl Accept for Everything {
    #[inline(always)]
    fn matches(&self, _: u32) -> bool {
        true
    }

    fn count(&self) -> Option<usize> {
        None
    }
}
