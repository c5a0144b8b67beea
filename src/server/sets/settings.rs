//! Configuration parameters of vector sets.
//!
//! | name | default | bounds | |
//! | --- | --- | --- | --- |
//! | `pending-bytes` | 524288 | 0..=1073741824 | vectors of a set that may wait to be linked |
//! | `vadd-ef` | 200 | 1..=1000000 | EF of a VADD that names none |
//! | `vsim-ef` | 100 | 1..=1000000 | EF of a VSIM that names none |
//! | `vsim-filter-ef` | 0 | 0..=1000000000 | FILTER-EF of a VSIM that names none; 0 is as much as it takes |

use crate::server::settings::{Number, Setting};
use crate::set::{DEFAULT_EF_ADD, DEFAULT_EF_SEARCH, MAX_EF, SearchOptions};

static PENDING_BYTES: Number = Number {
    apply: |bytes| crate::set::set_pending_bytes(bytes as usize),
    ..Number::new(c"pending-bytes", 512 << 10, 0, 1 << 30)
};
static VADD_EF: Number = Number::new(c"vadd-ef", DEFAULT_EF_ADD as i64, 1, MAX_EF as i64);
static VSIM_EF: Number = Number::new(c"vsim-ef", DEFAULT_EF_SEARCH as i64, 1, MAX_EF as i64);
static VSIM_FILTER_EF: Number = Number::new(c"vsim-filter-ef", 0, 0, 1_000_000_000);

pub static ALL: [Setting; 4] = [
    Setting::Number(&PENDING_BYTES),
    Setting::Number(&VADD_EF),
    Setting::Number(&VSIM_EF),
    Setting::Number(&VSIM_FILTER_EF),
];

/// EF of a VADD that names none.
pub fn vadd_ef() -> usize {
    VADD_EF.get() as usize
}

/// What holds for a VSIM that does not say otherwise.
pub fn search_defaults() -> SearchOptions {
    let filter_ef = VSIM_FILTER_EF.get() as usize;
    SearchOptions {
        default_ef: VSIM_EF.get() as usize,
        filter_ef: (filter_ef > 0).then_some(filter_ef),
        ..SearchOptions::default()
    }
}
