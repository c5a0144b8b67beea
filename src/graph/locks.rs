//! Locks on link rows, and the gate that makes fork() safe.
//!
//! A link is changed by the thread that holds the locks of both of its ends. Locks are striped over all
//! graphs: a node's lock is one of a fixed number, chosen by a hash. They are taken in ascending order, so
//! there is no deadlock, and small sets need no memory for locks.
//!
//! A fork() copies memory at one instant. A link half made at that instant would stay half made in
//! the child, and a lock held by another thread would stay held. So changes happen inside a gate:
//! a thread that holds locks is inside, and [`gate::shut`] waits (microseconds) until none is.

use crate::sync::{Mutex, MutexGuard};

const STRIPES: usize = 1024;
static LOCKS: [Mutex<()>; STRIPES] = [const { Mutex::new(()) }; STRIPES];

/// The right to change the links between the locked nodes.
pub(super) struct Locked {
    // Declared in this order: locks are released before the gate is left.
    _guards: [Option<MutexGuard<'static, ()>>; 3],
    _inside: gate::Inside,
}

fn stripe(graph: usize, node: u32) -> usize {
    // Fibonacci hashing: neighbouring ids and graphs spread over the stripes.
    let mixed = (node as u64 ^ (graph as u64 >> 6)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 54) as usize
}

/// Locks up to three nodes of the graph at this address.
pub(super) fn lock(graph: usize, nodes: &[u32]) -> Locked {
    debug_assert!(nodes.len() <= 3);
    let inside = gate::enter();
    let mut stripes = [usize::MAX; 3];
    for (stripe_of, &node) in stripes.iter_mut().zip(nodes) {
        *stripe_of = stripe(graph, node);
    }
    stripes.sort_unstable();
    let mut guards = [None, None, None];
    let mut last = usize::MAX;
    for (guard, &stripe) in guards.iter_mut().zip(&stripes) {
        if stripe != usize::MAX && stripe != last {
            // A poisoned lock guards nothing by itself: the rows are valid after any store.
            *guard = Some(LOCKS[stripe].lock().unwrap_or_else(|e| e.into_inner()));
        }
        last = stripe;
    }
    Locked { _guards: guards, _inside: inside }
}

/// The gate between threads that change links and a fork().
pub mod gate {
    use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use crate::sync::{model_fence, yield_now};

    /// Counters of those inside; a thread uses one of them, so that threads do not fight for one.
    const COUNTERS: usize = if cfg!(loom) { 2 } else { 64 };

    /// A counter with two cache lines to itself: processors fetch them in pairs.
    #[repr(align(128))]
    struct Counter(AtomicUsize);

    struct Gate {
        shut: AtomicBool,
        inside: [Counter; COUNTERS],
    }

    #[cfg(not(loom))]
    static GATE: Gate =
        Gate { shut: AtomicBool::new(false), inside: [const { Counter(AtomicUsize::new(0)) }; COUNTERS] };
    #[cfg(loom)]
    loom::lazy_static! {
        static ref GATE: Gate =
            Gate { shut: AtomicBool::new(false), inside: std::array::from_fn(|_| Counter(AtomicUsize::new(0))) };
    }

    /// The counter of this thread: in turn, as threads come.
    fn own_counter() -> &'static AtomicUsize {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static OWN: usize = THREADS.fetch_add(1, Ordering::Relaxed) % COUNTERS;
        }
        // A thread that is ending has no thread-local any more.
        &GATE.inside[OWN.try_with(|own| *own).unwrap_or(0)].0
    }

    /// Presence behind the gate.
    pub(in crate::graph) struct Inside(&'static AtomicUsize);

    impl Drop for Inside {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Goes in; waits while the gate is shut.
    pub(in crate::graph) fn enter() -> Inside {
        let inside = own_counter();
        loop {
            // Sequentially consistent, as in `shut`: of "I am inside" and "it is shut", each side
            // writes one and then reads the other, so at least one of them sees the other.
            inside.fetch_add(1, Ordering::SeqCst);
            model_fence();
            if !GATE.shut.load(Ordering::SeqCst) {
                return Inside(inside);
            }
            inside.fetch_sub(1, Ordering::SeqCst);
            while GATE.shut.load(Ordering::SeqCst) {
                yield_now();
            }
        }
    }

    /// Shuts the gate and waits until no thread is inside. Before fork(), on the forking thread.
    pub fn shut() {
        GATE.shut.store(true, Ordering::SeqCst);
        model_fence();
        for counter in &GATE.inside {
            while counter.0.load(Ordering::SeqCst) != 0 {
                yield_now();
            }
        }
    }

    /// Opens the gate again. After fork(), in the parent and in the child.
    pub fn open() {
        GATE.shut.store(false, Ordering::SeqCst);
    }

    /// In the child: threads that were on their way in do not exist there.
    pub fn open_in_child() {
        GATE.inside.iter().for_each(|counter| counter.0.store(0, Ordering::SeqCst));
        open();
    }

    #[cfg(all(test, loom))]
    mod loom_models {
        use super::*;
        use loom::cell::UnsafeCell;
        use loom::sync::Arc;

        /// While the gate is shut no thread changes anything; afterwards all go on.
        #[test]
        fn loom_no_thread_is_inside_while_it_is_shut() {
            let mut model = loom::model::Builder::new();
            model.preemption_bound = Some(2);
            model.max_branches = 10_000;
            model.check(|| {
                let link = Arc::new(UnsafeCell::new(0));
                let other = link.clone();
                let thread = loom::thread::spawn(move || {
                    let _inside = enter();
                    other.with_mut(|_| ());
                });
                shut();
                link.with(|_| ());
                open();
                thread.join().unwrap();
            });
        }
    }
}
