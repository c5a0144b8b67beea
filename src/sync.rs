//! Atomics: the standard ones, or in models (`--cfg loom`) those of a checker that runs a model in
//! every order which the memory model allows.
//!
//! Loom takes sequentially consistent operations for acquire-release ones, and only fences at their
//! word. Where such operations are all that an argument needs, [`model_fence`] stands for their
//! order; where it needs a fence, the fence is real.

#[cfg(loom)]
pub use loom::{sync::atomic, thread::yield_now};
#[cfg(not(loom))]
pub use std::{sync::atomic, thread::yield_now};

/// A fence between two sequentially consistent operations, which only the model needs.
#[inline(always)]
pub fn model_fence() {
    #[cfg(loom)]
    atomic::fence(atomic::Ordering::SeqCst);
}
