//! Atomics and mutexes: the standard ones, or those that a checker sees through.
//!
//! * `--cfg loom`: atomics of loom, which runs a model in every order that the memory model allows.
//!   Loom takes sequentially consistent operations for acquire-release ones, and only fences at
//!   their word. Where such operations are all that an argument needs, [`model_fence`] stands for
//!   their order; where it needs a fence, the fence is real.
//! * `--cfg tsan`: the standard mutex, of which ThreadSanitizer misses some operations, since the
//!   standard library is not instrumented, with an atomic beside it that it sees.

#[cfg(loom)]
pub use loom::{sync::atomic, thread::yield_now};
#[cfg(not(tsan))]
pub use std::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub use std::{sync::atomic, thread::yield_now};
#[cfg(tsan)]
pub use told::{Mutex, MutexGuard};

/// A fence between two sequentially consistent operations, which only the model needs.
#[inline(always)]
pub fn model_fence() {
    #[cfg(loom)]
    atomic::fence(atomic::Ordering::SeqCst);
}

/// A number as the one thread that may change it stored it. For loom a change of nothing: it keeps one last load of an atomic,
/// and would take this one for another thread's, which the store that follows may then never precede.
#[inline(always)]
pub fn own(number: &atomic::AtomicU64) -> u64 {
    #[cfg(loom)]
    return number.fetch_add(0, atomic::Ordering::Relaxed);
    #[cfg(not(loom))]
    number.load(atomic::Ordering::Relaxed)
}

#[cfg(tsan)]
mod told {
    use std::ops::{Deref, DerefMut};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{self, LockResult};

    /// What is done with it is what the standard mutex does; `turn` only tells of it.
    #[derive(Default)]
    pub struct Mutex<T> {
        turn: AtomicUsize,
        inner: sync::Mutex<T>,
    }

    pub struct MutexGuard<'a, T> {
        turn: &'a AtomicUsize,
        inner: sync::MutexGuard<'a, T>,
    }

    impl<T> Mutex<T> {
        pub const fn new(value: T) -> Mutex<T> {
            Mutex { turn: AtomicUsize::new(0), inner: sync::Mutex::new(value) }
        }

        pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
            let inner = self.inner.lock().unwrap_or_else(|e| e.into_inner());
            self.turn.load(Ordering::Acquire);
            Ok(MutexGuard { turn: &self.turn, inner })
        }

        pub fn get_mut(&mut self) -> LockResult<&mut T> {
            self.inner.get_mut()
        }
    }

    impl<T> Drop for MutexGuard<'_, T> {
        fn drop(&mut self) {
            // The inner guard unlocks after this.
            self.turn.fetch_add(1, Ordering::Release);
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            &self.inner
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.inner
        }
    }
}
