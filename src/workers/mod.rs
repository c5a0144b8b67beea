//! Thread pools with a FIFO queue of tasks.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Something to do.
pub type Task = Box<dyn FnOnce() + Send>;

/// A pool of threads that live as long as the process, unless the pool shrinks.
pub struct Pool {
    name: &'static str,
    state: Mutex<State>,
    wake: Condvar,
    on_start: fn(),
}

#[derive(Default)]
struct State {
    queue: VecDeque<Task>,
    /// Threads that there are, and that there should be.
    threads: usize,
    size: usize,
    /// Threads that run a task.
    busy: usize,
}

impl Pool {
    /// Starts `threads` threads of this name (at most 15 characters are shown); each calls
    /// `on_start` first.
    pub fn start(name: &'static str, threads: usize, on_start: fn()) -> Arc<Pool> {
        let pool = Arc::new(Pool { name, state: Mutex::default(), wake: Condvar::new(), on_start });
        pool.resize(threads);
        pool
    }

    /// Puts a task into the queue. A task that panics harms no other. Where no thread could be started, it
    /// runs here and now.
    pub fn spawn(&self, task: Task) {
        let mut state = self.lock();
        if state.threads == 0 {
            drop(state);
            run(task);
            return;
        }
        state.queue.push_back(task);
        drop(state);
        self.wake.notify_one();
    }

    /// Grows or shrinks the pool, to one thread at least; running tasks end first.
    pub fn resize(self: &Arc<Pool>, threads: usize) {
        let mut state = self.lock();
        state.size = threads.max(1);
        while state.threads < state.size {
            let pool = self.clone();
            let spawned = std::thread::Builder::new().name(self.name.into()).spawn(move || pool.work());
            if spawned.is_err() {
                break;
            }
            state.threads += 1;
        }
        drop(state);
        self.wake.notify_all();
    }

    /// Threads that should be there.
    pub fn size(&self) -> usize {
        self.lock().size
    }

    /// Threads that run a task.
    pub fn busy(&self) -> usize {
        self.lock().busy
    }

    /// Tasks in the queue.
    pub fn queued(&self) -> usize {
        self.lock().queue.len()
    }

    /// Whether nothing runs and nothing waits.
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        state.busy == 0 && state.queue.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn work(&self) {
        (self.on_start)();
        let mut state = self.lock();
        loop {
            if state.threads > state.size {
                state.threads -= 1;
                return;
            }
            if let Some(task) = state.queue.pop_front() {
                state.busy += 1;
                drop(state);
                run(task);
                state = self.lock();
                state.busy -= 1;
            } else {
                state = self.wake.wait(state).unwrap_or_else(|e| e.into_inner());
            }
        }
    }
}

/// Runs a task and catches its panic; the panic's payload is leaked, since dropping it could panic too.
fn run(task: Task) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(task)) {
        std::mem::forget(panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    #[test]
    fn every_task_runs_whatever_the_others_do() {
        let pool = Pool::start("test", 3, || ());
        let (done, finished) = mpsc::channel();
        let count = Arc::new(AtomicUsize::new(0));
        for i in 0..300 {
            if i == 100 {
                pool.resize(1);
            } else if i == 200 {
                pool.resize(4);
            }
            let (done, count) = (done.clone(), count.clone());
            pool.spawn(Box::new(move || {
                count.fetch_add(1, Ordering::SeqCst);
                done.send(()).expect("the test waits");
                assert!(i % 50 != 0, "one of the tasks that panic");
            }));
        }
        for _ in 0..300 {
            finished.recv().expect("every task reports");
        }
        while pool.busy() > 0 {
            std::thread::yield_now();
        }
        assert_eq!(pool.queued(), 0);
        assert_eq!(count.load(Ordering::SeqCst), 300);
        assert_eq!(pool.size(), 4);
    }
}
