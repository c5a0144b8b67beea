//! Configuration parameters of Kora's commands.
//!
//! | name | default | bounds | |
//! | --- | --- | --- | --- |
//! | `kora-metric` | cosine | cosine, l2, ip | of indexes that are made from then on |
//! | `kora-m` | 16 | 2..=512 | links a vector has in them |
//! | `kora-ef-construction` | 200 | 1..=4096 | how widely neighbours are searched for in them |
//! | `kora-ef-search` | 100 | 1..=1000000 | EF of a VECQUERY that names none |

use std::sync::atomic::AtomicI64;

use crate::server::settings::{Choice, Number, Setting};

static METRIC: Choice = Choice { name: c"kora-metric", value: AtomicI64::new(0), words: &[c"cosine", c"l2", c"ip"] };
static M: Number = Number::new(c"kora-m", 16, 2, 512);
static EF_CONSTRUCTION: Number = Number::new(c"kora-ef-construction", 200, 1, 4096);
static EF_SEARCH: Number = Number::new(c"kora-ef-search", 100, 1, MAX_EF);

/// The largest EF.
pub const MAX_EF: i64 = 1_000_000;

pub static ALL: [Setting; 4] =
    [Setting::Choice(&METRIC), Setting::Number(&M), Setting::Number(&EF_CONSTRUCTION), Setting::Number(&EF_SEARCH)];

/// The default EF of VECQUERY.
pub fn ef_search() -> i64 {
    EF_SEARCH.get()
}

/// Metric, M and EF_CONSTRUCTION of an index that is made now, in the words of FT.CREATE.
pub fn of_index() -> [String; 3] {
    [METRIC.get().to_ascii_uppercase(), M.get().to_string(), EF_CONSTRUCTION.get().to_string()]
}
