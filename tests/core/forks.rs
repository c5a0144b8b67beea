//! Children of a process whose other threads are at work: what they touch is never held by a thread that
//! they do not have.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use vset::arena::Grace;
use vset::graph::{Alone, Graph, Measure, Scratch, Space, Wait, gate, random_level};
use vset::set::{AttributeChange, Params, VectorSet, start_linkers};
use vset::vector::{Encoding, Metric};
use vset::workers::Pool;

/// Far above what a child takes: for one that would never end.
const NEVER: Duration = Duration::from_secs(300);

/// Runs `body` in a forked child, as the server forks one, and waits for its end. False if it never came, or
/// `body` said so.
fn in_child(body: impl FnOnce() -> bool) -> bool {
    /// One fork at a time: the gate is for one.
    static FORKING: Mutex<()> = Mutex::new(());
    let forking = FORKING.lock().unwrap_or_else(|e| e.into_inner());
    gate::shut();
    // SAFETY: the child calls `body`, which takes no lock that another thread may hold, and ends without
    // running destructors.
    match unsafe { libc::fork() } {
        0 => {
            gate::open_in_child();
            let fine = body();
            // SAFETY: ends the process.
            unsafe { libc::_exit(!fine as i32) }
        }
        child => {
            gate::open();
            drop(forking);
            assert!(child > 0, "there is a child");
            let (began, mut status) = (Instant::now(), 0);
            // SAFETY: the child is ours; `status` is an int.
            while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
                if began.elapsed() > NEVER {
                    // SAFETY: the child is ours and has not been waited for.
                    unsafe { libc::kill(child, libc::SIGKILL) };
                    return false;
                }
                std::thread::yield_now();
            }
            libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
        }
    }
}

/// Points on a line.
struct Line;

impl Measure for Line {
    type Probe = u32;

    fn distances(&self, probe: &u32, nodes: &[u32], out: &mut [f32]) {
        nodes.iter().zip(out).for_each(|(node, out)| *out = node.abs_diff(*probe) as f32);
    }
}

impl Space for Line {
    fn probe(&self, node: u32) -> u32 {
        node
    }
    fn move_probe(&self, probe: &mut u32, node: u32) {
        *probe = node;
    }
}

/// Threads count bytes all the time, as they do after each link; so does the child.
#[test]
fn a_child_counts_bytes_whatever_threads_do() {
    let (graph, grace) = (Graph::new(8), Grace::default());
    let mut rng = SmallRng::seed_from_u64(1);
    let mut scratch = Scratch::default();
    for node in 0..2000 {
        graph.announce(node, random_level(&mut rng));
        graph.link(&Line, node, 20, Alone::No, &grace, &mut scratch);
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!(graph.allocated() > 0);
                }
            });
        }
        let fine = (0..100).all(|_| in_child(|| graph.allocated() > 0));
        done.store(true, Ordering::Relaxed);
        assert!(fine, "a child never came to an end");
    });
}

/// Threads link and remove; a child takes the graph as it finds it, finishes all, and it is whole.
#[test]
fn a_child_finishes_what_threads_began() {
    const NODES: u32 = 6000;
    let (graph, grace) = (Graph::new(5), Grace::default());
    let mut rng = SmallRng::seed_from_u64(2);
    for node in 0..NODES {
        graph.announce(node, random_level(&mut rng));
    }
    let next = AtomicUsize::new(0);
    let finish = || {
        let mut scratch = Scratch::default();
        for node in 0..NODES {
            if graph.is_live(node) && !graph.is_linked(node) {
                graph.link(&Line, node, 20, Alone::Yes, &grace, &mut scratch);
            } else if !graph.is_live(node) && graph.is_present(node) {
                graph.remove(&Line, node, Alone::Yes, Wait::Yes, &grace);
            }
        }
        graph.join_groups(&Line, Alone::Yes, &grace);
        let live: Vec<u32> = (0..NODES).filter(|&node| graph.is_live(node)).collect();
        graph.check(&live).inspect_err(|why| eprintln!("{why}")).is_ok()
    };
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (graph, grace, next) = (&graph, &grace, &next);
            scope.spawn(move || {
                let mut rng = SmallRng::seed_from_u64(thread);
                let mut scratch = Scratch::default();
                loop {
                    let node = next.fetch_add(1, Ordering::SeqCst) as u32;
                    if node >= NODES {
                        break;
                    }
                    let _presence = grace.guard();
                    assert!(!graph.link(&Line, node, 20, Alone::No, grace, &mut scratch));
                    // Each thread takes out what it linked, half of it.
                    if rng.random_bool(0.5) && graph.mark_dead(node) {
                        graph.remove(&Line, node, Alone::No, Wait::Yes, grace);
                    }
                }
            });
        }
        while next.load(Ordering::SeqCst) < NODES as usize {
            assert!(in_child(finish), "a child did not come to an end, or found a broken graph");
        }
    });
    assert!(finish());
}

/// A set under updates and removals is settled and saved by children.
#[test]
fn children_save_while_linkers_work() {
    start_linkers(Pool::start("linker", 2, || ()));
    let mut rng = SmallRng::seed_from_u64(3);
    let mut set =
        VectorSet::new(Params { dim: 4, input_dim: None, encoding: Encoding::Int8, metric: Metric::Cosine, m: 6 });
    for round in 0..25 {
        for _ in 0..400 {
            let name = format!("e{}", rng.random_range(0..1500));
            if rng.random_bool(0.3) {
                set.remove(name.as_bytes());
            } else {
                let vector: Vec<f32> = (0..4).map(|_| rng.random_range(-1.0..1.0)).collect();
                set.add(name.as_bytes(), &vector, 20, AttributeChange::Keep).expect("room");
            }
        }
        let fine = in_child(|| {
            let len = set.len();
            let mut saved = 0;
            set.settle(Alone::Yes).for_each_saved(&mut |_, links| saved += !links.is_empty() as usize);
            saved == len
        });
        assert!(fine, "round {round}");
    }
    set.check().expect("a sound set");
}
