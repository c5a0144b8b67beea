//! Graphs that change under concurrent searches and removals, against what must hold at every moment and at the end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::pool::Candidate;
use super::tests::{Points, random_points};
use super::*;

struct Linked {
    space: Points,
    graph: Graph,
    grace: Grace,
    scratch: Scratch,
}

impl Linked {
    fn new(n: u32, dim: usize, m: usize, seed: u64) -> Linked {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let space = random_points(n as usize, dim, &mut rng);
        let mut linked = Linked { space, graph: Graph::new(m), grace: Grace::default(), scratch: Scratch::default() };
        for node in 0..n {
            linked.graph.announce(node, random_level(&mut rng));
            assert!(!linked.link(node, 30));
        }
        linked
    }

    fn link(&mut self, node: u32, ef: usize) -> bool {
        let _presence = self.grace.guard();
        self.graph.link(&self.space, node, ef, Alone::No, &self.grace, &mut self.scratch)
    }

    fn remove(&self, node: u32) {
        let _presence = self.grace.guard();
        self.graph.remove(&self.space, node, Alone::No, Wait::Yes, &self.grace);
    }
}

/// The entry is removed again and again while others search: each finds as many as its beam is wide.
#[test]
fn searches_find_enough_while_the_entry_is_removed() {
    const EF: usize = 10;
    let linked = Linked::new(3000, 6, 6, 31);
    let (done, searches) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (linked, done, searches) = (&linked, &done, &searches);
            scope.spawn(move || {
                let mut scratch = Scratch::default();
                let mut rng = SmallRng::seed_from_u64(thread);
                while !done.load(Ordering::SeqCst) {
                    let query: Vec<f32> = (0..6).map(|_| rng.random()).collect();
                    let _presence = linked.grace.guard();
                    let hits = linked.graph.search(&linked.space, &query, EF, &mut scratch);
                    assert_eq!(hits.len(), EF, "search {}", searches.fetch_add(1, Ordering::SeqCst));
                }
            });
        }
        for _ in 0..1500 {
            let (entry, _) = linked.graph.entry().expect("there are more");
            assert!(linked.graph.mark_dead(entry));
            linked.remove(entry);
        }
        done.store(true, Ordering::SeqCst);
    });
    println!("{} searches", searches.into_inner());
    let live: Vec<u32> = (0..3000).filter(|&n| linked.graph.is_live(n)).collect();
    linked.graph.check(&live).unwrap();
}

/// Groups far from each other, held together by few links, whose nodes come and go: a search that is wide enough finds all
/// nodes that were there all the time.
#[test]
fn wide_searches_find_all_that_stay() {
    const GROUPS: u32 = 8;
    const STAY: u32 = 40;
    const COME: u32 = 4000;
    let mut rng = SmallRng::seed_from_u64(35);
    let mut space = random_points((STAY + COME) as usize, 3, &mut rng);
    for (node, point) in (0..).zip(&mut space.0) {
        point[0] += 100.0 * (node % GROUPS) as f32;
    }
    let (graph, grace) = (Graph::new(4), Grace::default());
    let mut scratch = Scratch::default();
    let add = |node: u32, level: usize, scratch: &mut Scratch| {
        let _presence = grace.guard();
        graph.announce(node, level);
        assert!(!graph.link(&space, node, 20, Alone::No, &grace, scratch));
    };
    for node in 0..STAY {
        add(node, random_level(&mut rng), &mut scratch);
    }
    let (running, missed, searches) = (AtomicUsize::new(2), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (add, space, graph, grace, running) = (&add, &space, &graph, &grace, &running);
            scope.spawn(move || {
                let (mut scratch, mut rng) = (Scratch::default(), SmallRng::seed_from_u64(thread.into()));
                let mut mine = Vec::new();
                for node in (STAY..STAY + COME).filter(|node| node / GROUPS % 2 == thread) {
                    add(node, random_level(&mut rng), &mut scratch);
                    mine.push(node);
                    if mine.len() > 60 {
                        let dead = mine.swap_remove(rng.random_range(0..60));
                        let _presence = grace.guard();
                        assert!(graph.mark_dead(dead));
                        graph.remove(space, dead, Alone::No, Wait::Yes, grace);
                    }
                }
                running.fetch_sub(1, Ordering::SeqCst);
            });
        }
        for thread in 0..2 {
            let (space, graph, grace) = (&space, &graph, &grace);
            let (running, missed, searches) = (&running, &missed, &searches);
            scope.spawn(move || {
                let (mut scratch, mut rng) = (Scratch::default(), SmallRng::seed_from_u64(10 + thread));
                while running.load(Ordering::SeqCst) > 0 {
                    let _presence = grace.guard();
                    let probe = space.probe(rng.random_range(0..STAY));
                    let found = graph.search(space, &probe, (STAY + COME) as usize, &mut scratch);
                    let stayed = found.iter().filter(|c| c.node < STAY).count();
                    missed.fetch_add(STAY as usize - stayed, Ordering::SeqCst);
                    searches.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    println!("{} searches", searches.load(Ordering::SeqCst));
    assert_eq!(missed.into_inner(), 0, "nodes that were missed in {} searches", searches.into_inner());
}

/// A search that reached a node just before its removal continues with the node's neighbours.
#[test]
fn a_removed_node_leads_on_until_it_is_forgotten() {
    let mut linked = Linked::new(500, 4, 6, 32);
    let (entry, level) = linked.graph.entry().expect("there are nodes");
    linked.graph.mark_dead(entry);
    linked.remove(entry);
    assert_ne!(linked.graph.entry().map(|(node, _)| node), Some(entry));
    for level in 0..=level {
        let around = linked.graph.neighbours(entry, level);
        assert!(around.iter().all(|&node| !linked.graph.neighbours(node, level).contains(&entry)));
    }
    let start = Candidate { distance: 0.0, node: entry };
    let probe = linked.space.probe(entry);
    linked.scratch.begin_at(start, 500, linked.graph.nodes.end());
    linked.graph.search_level(&linked.space, &probe, 0, &mut linked.scratch);
    assert_eq!(linked.scratch.pool.iter().len(), 500);
    linked.graph.forget(entry);
    assert!(linked.graph.neighbours(entry, 0).is_empty());
}

/// All that a new node could link to is dead, but still has links.
#[test]
fn a_new_node_among_the_dead_is_found_later() {
    let mut linked = Linked::new(301, 4, 4, 33);
    let dead: Vec<u32> = (0..300).collect();
    assert!(dead.iter().all(|&node| linked.graph.mark_dead(node)));
    linked.graph.announce(301, 0);
    linked.space.0.push(vec![0.5; 4]);
    linked.graph.mark_dead(300);
    linked.remove(300);
    assert!(!linked.link(301, 20));
    assert!(!linked.graph.neighbours(301, 0).is_empty());
    dead.iter().for_each(|&node| linked.remove(node));
    linked.graph.check(&[301]).unwrap();
    assert_eq!(linked.graph.entry(), Some((301, 0)));
}

/// Threads take out nodes that lie close together.
#[test]
fn neighbours_may_be_removed_at_once() {
    for seed in 0..200 {
        let linked = Linked::new(200, 3, if seed % 2 == 0 { 4 } else { 8 }, seed);
        let mut dead: Vec<u32> = (0..200).collect();
        dead.sort_by(|&a, &b| linked.space.0[a as usize][0].total_cmp(&linked.space.0[b as usize][0]));
        dead.truncate(150);
        assert!(dead.iter().all(|&node| linked.graph.mark_dead(node)));
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while let Some(&node) = dead.get(next.fetch_add(1, Ordering::SeqCst)) {
                        linked.remove(node);
                    }
                });
            }
        });
        let live: Vec<u32> = (0..200).filter(|&n| linked.graph.is_live(n)).collect();
        assert_eq!(live.len(), 50);
        if let Err(why) = linked.graph.check(&live) {
            panic!("seed {seed}: {why}");
        }
    }
}

/// Points whose distances from some are undefined.
struct Faulty<'a>(&'a Points);

impl Measure for Faulty<'_> {
    type Probe = Vec<f32>;

    fn distances(&self, probe: &Vec<f32>, nodes: &[u32], out: &mut [f32]) {
        assert!(!nodes.iter().any(|node| node % 50 == 7), "a test of panics");
        self.0.distances(probe, nodes, out);
    }
}

impl Space for Faulty<'_> {
    fn probe(&self, node: u32) -> Vec<f32> {
        assert!(!node.is_multiple_of(10), "a test of panics");
        self.0.probe(node)
    }
    fn move_probe(&self, probe: &mut Vec<f32>, node: u32) {
        self.0.move_probe(probe, node);
    }
}

/// Panics while links are chosen leave a graph that is whole and works on.
#[test]
fn a_panic_costs_no_more_than_good_links() {
    let mut rng = SmallRng::seed_from_u64(34);
    let space = random_points(400, 4, &mut rng);
    let (graph, grace, mut scratch) = (Graph::new(6), Grace::default(), Scratch::default());
    let _presence = grace.guard();
    for node in 0..400 {
        graph.announce(node, random_level(&mut rng));
        assert!(!graph.link(&Faulty(&space), node, 30, Alone::No, &grace, &mut scratch));
        assert!(graph.is_linked(node));
    }
    let live: Vec<u32> = (0..400).collect();
    graph.check(&live).unwrap();
    for node in 0..200 {
        graph.mark_dead(node);
        graph.remove(&Faulty(&space), node, Alone::No, Wait::Yes, &grace);
    }
    graph.check(&live[200..]).unwrap();
}
