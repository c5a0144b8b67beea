//! Open cursors: pipelines that wait for their clients to read on.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::pipeline::Walk;
use super::registry;
use crate::search::command::aggregate::CursorOptions;
use crate::search::command::settings::Settings;
use crate::server::commands::Failure;

/// An open cursor.
pub struct Waiting {
    /// The index it began in.
    index: u64,
    pub walk: Walk,
    pub options: CursorOptions,
    since: Instant,
}

impl Waiting {
    pub fn new(index: u64, walk: Walk, options: CursorOptions) -> Waiting {
        Waiting { index, walk, options, since: Instant::now() }
    }

    /// Whether its index is gone.
    pub fn was_dropped(&self) -> bool {
        registry::with(|registry| registry.by_id(self.index).is_none())
    }

    fn is_stale(&self) -> bool {
        self.since.elapsed() >= Duration::from_millis(self.options.max_idle)
    }
}

static WAITING: Mutex<Option<HashMap<i64, Waiting>>> = Mutex::new(None);

fn with<R>(body: impl FnOnce(&mut HashMap<i64, Waiting>) -> R) -> R {
    let mut waiting = WAITING.lock().unwrap_or_else(|e| e.into_inner());
    body(waiting.get_or_insert_with(HashMap::new))
}

/// Whether an index may have one more.
///
/// # Errors
/// If it has too many.
pub fn check_limit(index: u64, settings: &Settings) -> Result<(), Failure> {
    collect();
    let limit = settings.index_cursor_limit;
    if counts(index).1 as u64 >= limit {
        let text = format!("INDEX_CURSOR_LIMIT of {limit} has been reached for an index");
        return Err(Failure::Text(text.into_bytes()));
    }
    Ok(())
}

/// Stores a cursor under a new number.
pub fn keep(waiting: Waiting) -> i64 {
    with(|all| {
        let id = std::iter::repeat_with(|| rand::random::<u64>() >> 1).map(|id| id as i64);
        let id = id.into_iter().find(|id| *id > 0 && !all.contains_key(id)).unwrap_or(1);
        all.insert(id, waiting);
        id
    })
}

/// Stores a cursor under its previous number.
pub fn put_back(id: i64, mut waiting: Waiting) -> i64 {
    waiting.since = Instant::now();
    with(|all| all.insert(id, waiting));
    id
}

/// Takes a cursor, of this index or of a dropped one: a user of one index may not read cursors of another.
///
/// # Errors
/// If there is none of that number.
pub fn take(id: i64, index: u64) -> Result<Waiting, Failure> {
    collect();
    let of = with(|all| all.get(&id).map(|waiting| waiting.index));
    let is_gone = |of: u64| registry::with(|registry| registry.by_id(of).is_none());
    let waiting = of.filter(|of| *of == index || is_gone(*of)).and_then(|_| with(|all| all.remove(&id)));
    waiting.ok_or_else(|| Failure::Text(format!("Cursor not found, id: {id}").into_bytes()))
}

/// Deletes idle cursors.
pub fn collect() {
    let stale = with(|all| all.extract_if(|_, waiting| waiting.is_stale()).collect::<Vec<_>>());
    super::free_behind((!stale.is_empty()).then_some(stale));
}

/// Deletes the cursors of these indexes.
pub fn forget(indexes: &[u64]) {
    let gone = with(|all| all.extract_if(|_, waiting| indexes.contains(&waiting.index)).collect::<Vec<_>>());
    super::free_behind((!gone.is_empty()).then_some(gone));
}

/// How many there are, of all indexes and of one.
pub fn counts(index: u64) -> (usize, usize) {
    with(|all| (all.len(), all.values().filter(|waiting| waiting.index == index).count()))
}
