//! One row of links, `[head, id, id, …]`: changed by one thread at a time, read by any number of threads concurrently
//! (a sequence lock).
//!
//! The lower half of the head is the number of ids, the upper half counts removals. A removal moves the last id to
//! the free place, and the next insertion overwrites the last place. A reader between the two would miss the id
//! that moved; it sees that the head has changed, and reads again.

use std::sync::atomic::AtomicU32;

use crate::sync::atomic::{Ordering, fence};

/// The part of the head that counts ids.
const COUNT: u32 = 0xffff;
/// What one removal adds to the head.
const REMOVAL: u32 = COUNT + 1;

/// What a row is made of: an atomic, or a model's.
pub(super) trait Word {
    fn load(&self, order: Ordering) -> u32;
    /// Loads it in the one thread that may change it.
    fn own(&self) -> u32;
    fn store(&self, value: u32, order: Ordering);
}

impl Word for AtomicU32 {
    #[inline(always)]
    fn load(&self, order: Ordering) -> u32 {
        self.load(order)
    }
    #[inline(always)]
    fn own(&self) -> u32 {
        self.load(Ordering::Relaxed)
    }
    #[inline(always)]
    fn store(&self, value: u32, order: Ordering) {
        self.store(value, order);
    }
}

/// How many ids a row holds.
#[inline(always)]
pub(super) fn len<W: Word>(row: &[W]) -> usize {
    count(row[0].load(Ordering::Acquire))
}

#[inline(always)]
fn count(head: u32) -> usize {
    (head & COUNT) as usize
}

/// The ids, each of them one that is or was there: one may be missing, or be there twice, if the row changes.
#[inline(always)]
pub(super) fn ids<W: Word>(row: &[W]) -> impl Iterator<Item = u32> + '_ {
    row[1..=len(row).min(row.len() - 1)].iter().map(|id| id.load(Ordering::Relaxed))
}

/// Appends the ids to `out`: all that are present throughout, perhaps one of them twice, and some that are being added or removed.
#[inline(always)]
pub(super) fn read<W: Word>(row: &[W], out: &mut Vec<u32>) {
    let before = out.len();
    loop {
        let head = row[0].load(Ordering::Acquire);
        let ids = &row[1..=count(head).min(row.len() - 1)];
        out.extend(ids.iter().map(|id| id.load(Ordering::Relaxed)));
        // A thread that sees an id sees all that its writer did before: removals, and the announcement of its node.
        fence(Ordering::Acquire);
        if row[0].load(Ordering::Relaxed) & !COUNT == head & !COUNT {
            return;
        }
        out.truncate(before);
    }
}

/// Adds an id to a row that has room.
pub(super) fn push<W: Word>(row: &[W], id: u32) {
    let head = row[0].own();
    // Release: who sees the id, or the head, sees what was written before it.
    row[count(head) + 1].store(id, Ordering::Release);
    row[0].store(head + 1, Ordering::Release);
}

/// Puts an id in the place of another, if that is there.
pub(super) fn replace<W: Word>(row: &[W], old: u32, new: u32) {
    if let Some(at) = place(row, old) {
        row[at].store(new, Ordering::Release);
    }
}

/// Takes an id out, if it is there.
pub(super) fn remove<W: Word>(row: &[W], id: u32) {
    let Some(at) = place(row, id) else { return };
    let head = row[0].own();
    row[at].store(row[count(head)].own(), Ordering::Release);
    row[0].store((head - 1).wrapping_add(REMOVAL), Ordering::Release);
}

fn place<W: Word>(row: &[W], id: u32) -> Option<usize> {
    (1..=count(row[0].own())).find(|&at| row[at].own() == id)
}

/// Fills a row that no other thread sees yet.
pub(super) fn fill<W: Word>(row: &[W], ids: &[u32]) {
    for (to, &id) in row[1..].iter().zip(ids) {
        to.store(id, Ordering::Relaxed);
    }
    row[0].store(ids.len() as u32, Ordering::Release);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    /// Links come and go one at a time; a reader finds all others, wherever they move.
    #[test]
    fn what_stays_is_always_read() {
        const READS: usize = 100_000;
        let row: Vec<AtomicU32> = (0..9).map(|_| AtomicU32::new(0)).collect();
        fill(&row, &[1, 2, 3, 4, 5, 6, 7]);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Each is the last one in turn, and then moves to the place of the next.
                while !done.load(Ordering::Relaxed) {
                    for id in 1..8 {
                        remove(&row, id);
                        push(&row, id);
                    }
                }
            });
            let mut found = Vec::new();
            for _ in 0..READS {
                found.clear();
                read(&row, &mut found);
                let missing = (1..8).filter(|id| !found.contains(id)).count();
                if missing > 1 {
                    done.store(true, Ordering::Relaxed);
                    panic!("{missing} are missing: {found:?}");
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(len(&row), 7);
        // So many that their number comes round.
        for _ in 0..=u32::from(u16::MAX) {
            remove(&row, 7);
            push(&row, 7);
        }
        assert_eq!(len(&row), 7);
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use super::*;
    use loom::sync::Arc;

    impl Word for loom::sync::atomic::AtomicU32 {
        fn load(&self, order: Ordering) -> u32 {
            self.load(order)
        }
        /// A change of nothing: loom would take a plain load for the last access, and miss that the store which follows it
        /// may come before another thread's load.
        fn own(&self) -> u32 {
            self.fetch_add(0, Ordering::Relaxed)
        }
        fn store(&self, value: u32, order: Ordering) {
            self.store(value, order);
        }
    }

    /// A link that is there throughout is read, whatever comes and goes.
    #[test]
    fn loom_what_stays_is_always_read() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let row: Arc<Vec<_>> = Arc::new((0..4).map(|_| loom::sync::atomic::AtomicU32::new(0)).collect());
            fill(&row, &[1, 2, 3]);
            let changed = row.clone();
            let writer = loom::thread::spawn(move || {
                remove(&changed, 1);
                push(&changed, 4);
                replace(&changed, 2, 5);
            });
            let mut found = Vec::new();
            read(&row, &mut found);
            assert!(found.contains(&3), "{found:?}");
            assert!(found.contains(&2) || found.contains(&5), "{found:?}");
            writer.join().unwrap();
        });
    }
}
