//! The shards of a query: which node of each is asked, and what it answered.
//!
//! Sending a message takes the same time however many shards there are, and the query is sent to a bounded number at once.

use std::collections::HashMap;

use super::topology::{Node, Topology};

/// Shards that are asked per batch: each takes two microseconds.
pub const AT_ONCE: usize = 64;

/// A shard and its answer.
struct Shard<A> {
    primary: Vec<u8>,
    address: Vec<u8>,
    /// The node that is asked for it.
    voice: Option<Vec<u8>>,
    /// The nodes that could not be asked.
    tried: Vec<Vec<u8>>,
    answer: Option<A>,
}

/// The shards of a request.
pub struct Roll<A> {
    shards: Vec<Shard<A>>,
    /// Indices of shards, by the nodes that are asked for them.
    voices: HashMap<Vec<u8>, usize>,
    /// Indices of the shards that are still to be asked, the next one last.
    queue: Vec<usize>,
    /// How many have been asked and have not answered.
    silent: usize,
}

impl<A> Default for Roll<A> {
    fn default() -> Roll<A> {
        Roll { shards: Vec::new(), voices: HashMap::new(), queue: Vec::new(), silent: 0 }
    }
}

/// The result of asking some shards.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Asked {
    /// This node is one of those that have to answer.
    pub is_mine: bool,
    /// Others are still to be asked.
    pub more: bool,
}

impl<A> Roll<A> {
    /// Shards by their primaries, none of them asked.
    pub fn of<'a>(primaries: impl IntoIterator<Item = &'a Node>) -> Roll<A> {
        let shard = |node: &Node| Shard {
            primary: node.id.clone(),
            address: node.address.clone(),
            voice: None,
            tried: Vec::new(),
            answer: None,
        };
        let mut roll = Roll { shards: primaries.into_iter().map(shard).collect(), ..Roll::default() };
        roll.ask_again();
        roll
    }

    /// Schedules all shards that have not answered, from the start.
    pub fn ask_again(&mut self) {
        self.voices.clear();
        self.silent = 0;
        self.queue = self.unanswered();
        for place in &self.queue {
            self.shards[*place].voice = None;
        }
    }

    /// Schedules a repetition for nodes that have not answered, unless not all have been asked yet.
    pub fn remind(&mut self) {
        if self.queue.is_empty() {
            self.queue = self.unanswered();
            self.queue.retain(|place| self.shards[*place].voice.is_some());
        }
    }

    fn unanswered(&self) -> Vec<usize> {
        (0..self.shards.len()).rev().filter(|place| self.shards[*place].answer.is_none()).collect()
    }

    /// Asks the next shards. `send` returns whether a message to a node could be sent; another node of the shard is asked if not.
    pub fn ask(&mut self, topology: &Topology, mut send: impl FnMut(&Node) -> bool) -> Asked {
        let mut is_mine = false;
        for _ in 0..AT_ONCE {
            let Some(place) = self.queue.pop() else { break };
            is_mine |= self.ask_one(place, topology, &mut send);
        }
        Asked { is_mine, more: !self.queue.is_empty() }
    }

    /// Asks a node of a shard. True if it is this node, which has not been asked before.
    fn ask_one(&mut self, place: usize, topology: &Topology, send: &mut impl FnMut(&Node) -> bool) -> bool {
        let shard = &mut self.shards[place];
        let me = topology.me().map(|me| &me.id);
        if shard.answer.is_some() {
            return false;
        }
        if let Some(voice) = &shard.voice {
            if let Some(node) = topology.node(voice).filter(|node| Some(&node.id) != me) {
                send(node);
            }
            return false;
        }
        let Some(primary) = topology.node(&shard.primary) else { return false };
        while let Some(node) = topology.voice(primary, &shard.tried) {
            let is_mine = Some(&node.id) == me;
            if is_mine || send(node) {
                shard.voice = Some(node.id.clone());
                self.voices.insert(node.id.clone(), place);
                self.silent += 1;
                return is_mine;
            }
            shard.tried.push(node.id.clone());
        }
        false
    }

    /// Whether a node has been asked and has not answered.
    pub fn awaits(&self, sender: &[u8]) -> bool {
        self.voices.get(sender).is_some_and(|place| self.shards[*place].answer.is_none())
    }

    /// Takes the answer of a node; one that is not awaited is dropped.
    pub fn answer(&mut self, sender: &[u8], answer: A) {
        if self.awaits(sender)
            && let Some(place) = self.voices.get(sender)
        {
            self.shards[*place].answer = Some(answer);
            self.silent -= 1;
        }
    }

    /// Whether all shards with a reachable node have answered.
    pub fn is_done(&self) -> bool {
        self.queue.is_empty() && self.silent == 0
    }

    /// Stops waiting for answers.
    pub fn give_up(&mut self) {
        self.queue.clear();
        self.voices.clear();
        self.silent = 0;
    }

    /// Whether some node whose answer is missing is no longer in the cluster.
    pub fn has_lost(&self, topology: &Topology) -> bool {
        let is_lost = |shard: &Shard<A>| {
            let node = shard.voice.as_ref().and_then(|id| topology.node(id));
            shard.answer.is_none() && node.is_none_or(|node| node.is_lost)
        };
        self.queue.is_empty() && self.shards.iter().any(is_lost)
    }

    /// Discards some answers; [`Roll::ask_again`] asks for them again.
    pub fn forget(&mut self, is_wrong: impl Fn(&A) -> bool) {
        for shard in &mut self.shards {
            shard.answer.take_if(|answer| is_wrong(answer));
        }
    }

    /// The answers in the order of the shards.
    pub fn answers(&self) -> impl Iterator<Item = &A> {
        self.shards.iter().filter_map(|shard| shard.answer.as_ref())
    }

    pub fn into_answers(self) -> impl Iterator<Item = A> {
        self.shards.into_iter().filter_map(|shard| shard.answer)
    }

    /// The address of the first shard that has not answered.
    pub fn missing(&self) -> Option<&[u8]> {
        self.shards.iter().find(|shard| shard.answer.is_none()).map(|shard| &shard.address[..])
    }

    /// The address of the first shard with such an answer.
    pub fn address(&self, mut which: impl FnMut(&A) -> bool) -> Option<&[u8]> {
        let shard = self.shards.iter().find(|shard| shard.answer.as_ref().is_some_and(&mut which));
        shard.map(|shard| &shard.address[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cluster of this many shards, each of a primary and a replica, seen from the first primary.
    fn cluster(shards: usize) -> Topology {
        let line = |shard: usize| {
            let (first, last) = (shard * 16384 / shards, (shard + 1) * 16384 / shards - 1);
            let flags = if shard == 0 { "myself,master" } else { "master" };
            format!(
                "p{shard} 127.0.0.1:{shard}@1 {flags} - 0 0 1 connected {first}-{last}\n\
                 r{shard} 127.0.0.1:{shard}@2 slave p{shard} 0 0 1 connected\n"
            )
        };
        Topology::read((0..shards).map(line).collect::<String>().as_bytes())
    }

    /// Asks all: nodes in order, and how many in each go.
    fn ask_all(roll: &mut Roll<u32>, topology: &Topology, works: impl Fn(&[u8]) -> bool) -> (Vec<Vec<u8>>, Vec<usize>) {
        let (mut sent, mut steps) = (Vec::new(), Vec::new());
        loop {
            let before = sent.len();
            let asked = roll.ask(topology, |node| {
                sent.push(node.id.clone());
                works(&node.id)
            });
            steps.push(sent.len() - before);
            if !asked.more {
                return (sent, steps);
            }
        }
    }

    #[test]
    fn a_thousand_shards_are_asked_in_steps() {
        let topology = cluster(1000);
        assert!((0..1000).all(|shard| topology.members(format!("p{shard}").as_bytes()).count() == 2));
        let mut roll = Roll::of(topology.shards());
        let (sent, steps) = ask_all(&mut roll, &topology, |_| true);
        let expected: Vec<Vec<u8>> = (1..1000).map(|shard| format!("p{shard}").into_bytes()).collect();
        assert_eq!(sent, expected);
        assert_eq!((steps.len(), steps.iter().max()), (1000_usize.div_ceil(AT_ONCE), Some(&AT_ONCE)));
        for (number, node) in expected.iter().enumerate() {
            assert!(roll.awaits(node) && !roll.is_done());
            roll.answer(node, number as u32);
            assert!(!roll.awaits(node));
        }
        assert_eq!(roll.missing(), Some(&b"127.0.0.1:0"[..]));
        roll.answer(b"p0", 7);
        assert!(roll.is_done() && roll.missing().is_none());
        assert_eq!(roll.answers().take(3).collect::<Vec<_>>(), [&7, &0, &1]);
    }

    #[test]
    fn silent_ones_are_reminded_and_lost_ones_replaced() {
        let topology = cluster(3);
        let mut roll = Roll::of(topology.shards());
        let (sent, _) = ask_all(&mut roll, &topology, |node| node != b"p1");
        assert_eq!(sent, [b"p1", b"r1", b"p2"]);
        assert!(roll.awaits(b"r1") && !roll.awaits(b"p1") && !roll.awaits(b"r2") && roll.awaits(b"p0"));
        roll.answer(b"p2", 2);
        roll.answer(b"p1", 9);
        roll.answer(b"p2", 9);
        assert_eq!(roll.answers().collect::<Vec<_>>(), [&2]);
        roll.remind();
        assert!(!roll.is_done());
        assert_eq!(ask_all(&mut roll, &topology, |_| true).0, [b"r1"]);
        let without = Topology::read(b"p0 a:1@1 myself,master - 0 0 1 connected 0-5\n");
        assert!(roll.has_lost(&without) && !roll.has_lost(&topology));
        roll.answer(b"p0", 0);
        roll.answer(b"r1", 1);
        assert!(roll.is_done());
        roll.forget(|answer| *answer == 1);
        roll.ask_again();
        assert!(!roll.is_done() && !roll.awaits(b"r1"));
        // What could not be reached in this round is not tried again.
        assert_eq!(ask_all(&mut roll, &topology, |_| true).0, [b"r1"]);
        roll.give_up();
        assert!(roll.is_done());
        assert_eq!(roll.into_answers().collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn a_shard_that_cannot_be_reached_is_not_waited_for() {
        let topology = cluster(2);
        let mut roll: Roll<u32> = Roll::of(topology.shards());
        let asked = roll.ask(&topology, |_| false);
        assert_eq!(asked, Asked { is_mine: true, more: false });
        assert!(!roll.is_done());
        roll.answer(b"p0", 0);
        assert!(roll.is_done());
        assert_eq!(roll.missing(), Some(&b"127.0.0.1:1"[..]));
    }
}
