//! The graph over plain float vectors, against brute force.

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::*;
use std::sync::atomic::Ordering;

/// Points of a plain vector space with squared Euclidean distance.
pub(super) struct Points(pub Vec<Vec<f32>>);

impl Measure for Points {
    type Probe = Vec<f32>;

    fn distances(&self, probe: &Vec<f32>, nodes: &[u32], out: &mut [f32]) {
        for (&node, out) in nodes.iter().zip(out) {
            *out = self.0[node as usize].iter().zip(probe).map(|(a, b)| (a - b) * (a - b)).sum();
        }
    }
}

impl Space for Points {
    fn probe(&self, node: u32) -> Vec<f32> {
        self.0[node as usize].clone()
    }
    fn move_probe(&self, probe: &mut Vec<f32>, node: u32) {
        probe.clone_from(&self.0[node as usize]);
    }
}

pub(super) fn random_points(n: usize, dim: usize, rng: &mut SmallRng) -> Points {
    Points((0..n).map(|_| (0..dim).map(|_| rng.random::<f32>()).collect()).collect())
}

struct Built {
    space: Points,
    graph: Graph,
    grace: Grace,
    scratch: Scratch,
    rng: SmallRng,
    live: Vec<u32>,
}

impl Built {
    fn new(space: Points, m: usize, seed: u64) -> Built {
        println!("seed {seed}");
        let rng = SmallRng::seed_from_u64(seed);
        Built {
            space,
            graph: Graph::new(m),
            grace: Grace::default(),
            scratch: Scratch::default(),
            rng,
            live: Vec::new(),
        }
    }

    fn add(&mut self, node: u32, ef: usize) {
        self.graph.announce(node, random_level(&mut self.rng));
        let ticket = self.grace.enter();
        assert!(!self.graph.link(&self.space, node, ef, Alone::No, &self.grace, &mut self.scratch));
        self.grace.leave(ticket);
        self.live.push(node);
    }

    fn remove(&mut self, at: usize) -> u32 {
        let node = self.live.swap_remove(at);
        assert!(self.graph.mark_dead(node));
        let ticket = self.grace.enter();
        self.graph.remove(&self.space, node, Alone::No, Wait::Yes, &self.grace);
        self.grace.leave(ticket);
        self.graph.forget(node);
        node
    }

    fn recall(&mut self, k: usize, ef: usize, queries: usize) -> f64 {
        let mut found = 0;
        let dim = self.space.0[0].len();
        for _ in 0..queries {
            let query: Vec<f32> = (0..dim).map(|_| self.rng.random()).collect();
            let mut distances = vec![0.0; self.live.len()];
            self.space.distances(&query, &self.live, &mut distances);
            let mut exact: Vec<(f32, u32)> = distances.into_iter().zip(self.live.iter().copied()).collect();
            exact.sort_by(|a, b| a.partial_cmp(b).unwrap());
            let hits = self.graph.search(&self.space, &query, ef, &mut self.scratch);
            assert!(hits.windows(2).all(|w| w[0].distance <= w[1].distance));
            let nodes: Vec<u32> = hits.iter().take(k).map(|c| c.node).collect();
            found += exact.iter().take(k).filter(|(_, n)| nodes.contains(n)).count();
        }
        found as f64 / (queries * k.min(self.live.len())) as f64
    }
}

#[test]
fn every_step_keeps_the_invariants() {
    for (seed, m, ef) in [(1, 4, 8), (2, 4, 50), (3, 16, 100)] {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut built = Built::new(random_points(300, 3, &mut rng), m, seed);
        let mut unused: Vec<u32> = (0..300).collect();
        for step in 0..2000 {
            let grow = if step % 800 < 500 { 0.65 } else { 0.35 };
            if !unused.is_empty() && (built.live.is_empty() || rng.random_bool(grow)) {
                let node = unused.swap_remove(rng.random_range(0..unused.len()));
                built.add(node, ef);
            } else {
                let at = rng.random_range(0..built.live.len());
                unused.push(built.remove(at));
            }
            if let Err(why) = built.graph.check(&built.live) {
                panic!("m {m} ef {ef} step {step}: {why}");
            }
        }
        while !built.live.is_empty() {
            built.remove(0);
            built.graph.check(&built.live).unwrap();
        }
    }
}

#[test]
fn clusters_stay_connected_with_few_links() {
    for seed in 0..30 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let points = (0..54)
            .map(|i| {
                let centre = (i % 3) as f32 * 100.0;
                (0..4).map(|_| centre + rng.random::<f32>()).collect()
            })
            .collect();
        let mut built = Built::new(Points(points), 4, seed);
        for node in 0..54 {
            built.add(node, 8);
        }
        built.graph.check(&built.live).unwrap();
        for _ in 0..27 {
            let at = built.rng.random_range(0..built.live.len());
            built.remove(at);
            built.graph.check(&built.live).unwrap();
        }
    }
}

#[test]
fn recall_is_high_and_survives_churn() {
    let mut rng = SmallRng::seed_from_u64(11);
    let mut built = Built::new(random_points(4000, 12, &mut rng), 16, 11);
    for node in 0..2000 {
        built.add(node, 200);
    }
    let fresh = built.recall(10, 50, 100);
    println!("fresh {fresh}");
    assert!(fresh > 0.97);
    for node in 2000..3000 {
        let at = built.rng.random_range(0..built.live.len());
        built.remove(at);
        built.add(node, 200);
    }
    built.graph.check(&built.live).unwrap();
    let churned = built.recall(10, 50, 100);
    println!("churned {churned}");
    assert!(churned > fresh - 0.02);
}

/// Points that are looked for by rounded ones.
struct Rounded(Points);

impl Measure for Rounded {
    type Probe = Vec<f32>;

    fn distances(&self, probe: &Vec<f32>, nodes: &[u32], out: &mut [f32]) {
        self.0.distances(probe, nodes, out);
    }
}

impl Space for Rounded {
    fn probe(&self, node: u32) -> Vec<f32> {
        self.0.probe(node)
    }
    fn move_probe(&self, probe: &mut Vec<f32>, node: u32) {
        self.0.move_probe(probe, node);
    }
    fn rough_probe(&self, node: u32) -> Option<Vec<f32>> {
        Some(self.0.0[node as usize].iter().map(|x| (x * 3.0).round() / 3.0).collect())
    }
}

#[test]
fn neighbours_that_were_found_by_estimates_are_chosen_by_distances() {
    let seed = 12;
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut built = Built::new(random_points(2000, 12, &mut rng), 16, seed);
    let space = Rounded(Points(built.space.0.clone()));
    for node in 0..2000 {
        built.graph.announce(node, random_level(&mut built.rng));
        let _presence = built.grace.guard();
        assert!(!built.graph.link(&space, node, 200, Alone::No, &built.grace, &mut built.scratch));
        built.live.push(node);
    }
    built.graph.check(&built.live).unwrap();
    let recall = built.recall(10, 50, 100);
    println!("{recall}");
    assert!(recall > 0.97);
}

#[test]
fn identical_points_are_all_found() {
    let mut built = Built::new(Points(vec![vec![1.0, 2.0]; 200]), 4, 5);
    for node in 0..200 {
        built.add(node, 20);
    }
    built.graph.check(&built.live).unwrap();
    let hits = built.graph.search(&built.space, &vec![1.0, 2.0], 200, &mut built.scratch);
    assert_eq!(hits.len(), 200);
}

#[test]
fn threads_link_and_remove_at_once() {
    let seed = 21;
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let space = random_points(3000, 6, &mut rng);
    let graph = Graph::new(6);
    let grace = Grace::default();
    for node in 0..3000 {
        graph.announce(node, random_level(&mut rng));
    }
    let next = std::sync::atomic::AtomicU32::new(0);
    let to_remove = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut scratch = Scratch::default();
                loop {
                    let node = next.fetch_add(1, Ordering::SeqCst);
                    if node >= 3000 {
                        break;
                    }
                    let ticket = grace.enter();
                    if graph.link(&space, node, 40, Alone::No, &grace, &mut scratch) {
                        graph.remove(&space, node, Alone::No, Wait::Yes, &grace);
                    }
                    // Every third of the lower half goes again.
                    if node > 1500 && node.is_multiple_of(2) {
                        let victim = to_remove.fetch_add(3, Ordering::SeqCst);
                        if graph.mark_dead(victim) {
                            graph.remove(&space, victim, Alone::No, Wait::Yes, &grace);
                        }
                    }
                    graph.search(&space, &space.0[node as usize], 10, &mut scratch);
                    grace.leave(ticket);
                }
            });
        }
    });
    let live: Vec<u32> = (0..3000).filter(|&n| graph.is_live(n)).collect();
    assert!(live.len() < 3000);
    graph.check(&live).unwrap();
}

/// Small graphs of few links under threads that link and remove: where groups would part first.
#[test]
fn many_small_graphs_under_threads_stay_connected() {
    for seed in 0..300u64 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let space = random_points(400, 4, &mut rng);
        let graph = Graph::new(if seed % 3 == 0 { 16 } else { 4 });
        let grace = Grace::default();
        for node in 0..400 {
            graph.announce(node, random_level(&mut rng));
        }
        let next = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for thread in 0..3u64 {
                let (graph, grace, space, next) = (&graph, &grace, &space, &next);
                scope.spawn(move || {
                    let mut rng = SmallRng::seed_from_u64(seed * 10 + thread);
                    let mut scratch = Scratch::default();
                    loop {
                        let node = next.fetch_add(1, Ordering::SeqCst);
                        if node >= 400 {
                            break;
                        }
                        let _present = grace.guard();
                        if graph.link(space, node, 12, Alone::No, grace, &mut scratch) {
                            graph.remove(space, node, Alone::No, Wait::Yes, grace);
                        }
                        if rng.random_bool(0.7) {
                            let victim = rng.random_range(0..(node + 3).min(400));
                            // Claimed by the thread that marks it.
                            if graph.is_live(victim) && graph.claim(victim) && graph.mark_dead(victim) {
                                graph.remove(space, victim, Alone::No, Wait::Yes, grace);
                            }
                        }
                    }
                });
            }
        });
        let live: Vec<u32> = (0..400).filter(|&n| graph.is_live(n)).collect();
        if let Err(why) = graph.check(&live) {
            panic!("seed {seed}: {why}");
        }
    }
}
