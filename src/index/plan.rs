//! The query planner: estimates the cost of each way to search and chooses the cheapest.
//!
//! Costs are nanoseconds as measured on one machine; only their ratios matter.

/// A way to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Compare with every row, or with every one that is accepted.
    Scan,
    /// Search the graph with a beam of this width.
    Graph {
        /// Width of the beam.
        ef: usize,
    },
    /// Search the graph, all nodes serving as bridges, for this many nearest matches.
    Traverse {
        /// Width of the beam of matches.
        width: usize,
        /// Nodes that may be expanded.
        most_expanded: usize,
    },
}

impl Plan {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Plan::Scan => "scan",
            Plan::Graph { .. } => "graph",
            Plan::Traverse { .. } => "traverse",
        }
    }
}

/// To find out whether a row is accepted while the graph is walked.
const TEST_NANOS: f64 = 25.0;

/// What a choice rests on.
pub(super) struct Estimate {
    /// Rows of the index.
    pub len: usize,
    /// One more than the highest id: what a scan goes through, the ids of the dead among them.
    pub end: usize,
    /// Bytes of a stored vector.
    pub row_bytes: usize,
    /// Bytes of a sketch, if rows have one.
    pub sketch_bytes: Option<usize>,
    pub m: usize,
    pub ef: usize,
    /// The client chose EF.
    pub explicit_ef: bool,
    pub exact: bool,
    pub most_expanded: Option<usize>,
    /// Share of rows that are accepted; None if all are.
    pub selectivity: Option<f64>,
    /// Nanoseconds to find out whether a row that is met in order is accepted.
    pub test_nanos: f64,
}

impl Estimate {
    /// The cheapest way that keeps what the options promise.
    pub fn plan(&self) -> Plan {
        if self.exact {
            return Plan::Scan;
        }
        let Some(selectivity) = self.selectivity else {
            return if self.scan_nanos() <= self.graph_nanos(self.ef) {
                Plan::Scan
            } else {
                Plan::Graph { ef: self.ef }
            };
        };
        let width = self.width();
        match self.most_expanded {
            // The entry counts as the first, and the last is not expanded: the rule of Redis 8.
            Some(most) if most < self.len => Plan::Traverse { width: self.ef, most_expanded: most },
            _ if self.scan_nanos() <= self.traverse_nanos(width, selectivity) => Plan::Scan,
            _ => Plan::Traverse { width, most_expanded: usize::MAX },
        }
    }

    /// What the plan costs.
    pub fn cost(&self) -> u64 {
        let nanos = match self.plan() {
            Plan::Scan => self.scan_nanos(),
            Plan::Graph { ef } => self.graph_nanos(ef),
            Plan::Traverse { width, .. } => self.traverse_nanos(width, self.selectivity.unwrap_or(1.0)),
        };
        nanos as u64
    }

    /// Matches to look for. Where the client leaves it to us, the more the larger the index: otherwise
    /// recall would fall with its size. (Measured: the cube root keeps it above 0.95 for word vectors
    /// from 30,000 to 300,000 elements.)
    fn width(&self) -> usize {
        /// Elements up to which EF is enough.
        const SMALL: f64 = 25_000.0;
        if self.explicit_ef {
            return self.ef;
        }
        (self.ef as f64 * (self.len as f64 / SMALL).cbrt().max(1.0)) as usize
    }

    fn evaluation_nanos(&self) -> f64 {
        evaluation_nanos(self.row_bytes)
    }

    /// What a search in the graph costs for each row that it expands, and for each in its beam at the end.
    fn step_nanos(&self) -> (f64, f64) {
        /// How much wider the beam of a search by sketches is.
        const WIDER: f64 = 1.5;
        let m = self.m as f64;
        match self.sketch_bytes {
            Some(bytes) => (WIDER * m * evaluation_nanos(bytes), WIDER * self.evaluation_nanos()),
            None => (m * self.evaluation_nanos(), 0.0),
        }
    }

    /// Rows lie in order and are fetched ahead, so each costs half of one met in a search.
    fn scan_nanos(&self) -> f64 {
        /// To see that an id is of no live row.
        const SKIP_NANOS: f64 = 4.0;
        let (tests, matching) = match self.selectivity {
            Some(selectivity) => (self.test_nanos, selectivity),
            None => (2.0, 1.0),
        };
        let unused = self.end.saturating_sub(self.len) as f64;
        unused * tests.min(SKIP_NANOS) + self.len as f64 * (tests + matching * self.evaluation_nanos() / 2.0)
    }

    /// What it costs to look up rows by their ids and to compare with each of them.
    pub fn rows_nanos(&self, rows: usize) -> f64 {
        rows as f64 * (TEST_NANOS + self.evaluation_nanos())
    }

    /// Each step evaluates about half a row of links, and each insertion moves half of the beam.
    fn graph_nanos(&self, ef: usize) -> f64 {
        let (ef, (step, end)) = (ef as f64, self.step_nanos());
        3000.0 + ef * (step + end) + ef * ef / 8.0
    }

    fn traverse_nanos(&self, width: usize, selectivity: f64) -> f64 {
        let steps = (width as f64 / selectivity).min(self.len as f64);
        let (step, end) = self.step_nanos();
        3000.0 + steps * (step + self.test_nanos.max(TEST_NANOS) + 50.0) + width as f64 * end
    }
}

fn evaluation_nanos(bytes: usize) -> f64 {
    20.0 + bytes as f64 / 16.0
}
