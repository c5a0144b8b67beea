//! Atomics and mutexes: the standard ones, or instrumented ones for model checkers.
//!
//! * `--cfg loom`: atomics of loom, which runs a model in every order that the memory model allows.
//!   Loom treats sequentially consistent operations as acquire-release; only its fences are
//!   sequentially consistent. Where the code relies on such operations, [`model_fence`] adds a fence under loom
//!   alone; where it relies on a fence, the fence is always there.
//! * `--cfg tsan`: the standard mutex, with an additional atomic. ThreadSanitizer misses some of the mutex's
//!   operations, since the standard library is not instrumented, but it sees the atomic.

#[cfg(loom)]
pub use loom::{sync::atomic, thread::yield_now};
#[cfg(not(tsan))]
pub use std::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub use std::{sync::atomic, thread::yield_now};
#[cfg(tsan)]
pub use tsan::{Mutex, MutexGuard};

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
mod tsan {
    use std::ops::{Deref, DerefMut};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{self, LockResult};

    /// What is done with it is what the standard mutex does; `turn` only makes it visible to the sanitizer.
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
