//! The cluster as this node sees it, parsed from CLUSTER NODES.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::slots::{SLOTS, Slots};

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Forty hexadecimal digits.
    pub id: Vec<u8>,
    /// Host and port, for people.
    pub address: Vec<u8>,
    /// The address of its cluster bus.
    pub bus: Option<SocketAddr>,
    pub is_primary: bool,
    /// Whether it is marked as failing, not yet known, or its link is down.
    pub is_lost: bool,
    /// Of a replica: the id of its primary.
    pub primary: Option<Vec<u8>>,
    pub slots: Slots,
}

/// All nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    pub nodes: Vec<Node>,
    /// The index of this node.
    me: Option<usize>,
    /// Slots that this node is importing key by key, and slots that it is migrating.
    pub importing: Slots,
    pub migrating: Slots,
    /// Places of nodes by their ids.
    places: HashMap<Vec<u8>, usize>,
    /// Places of a primary and its replicas, by its id.
    members: HashMap<Vec<u8>, Vec<usize>>,
    /// Places of the primaries that own slots, by their first.
    shards: Vec<usize>,
    assigned: Slots,
}

impl Topology {
    /// Parses the text of CLUSTER NODES; lines that are not understood are skipped.
    pub fn read(text: &[u8]) -> Topology {
        let mut topology = Topology::default();
        for line in text.split(|byte| *byte == b'\n') {
            let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect();
            let [id, address, flags, primary, _, _, _, link, slots @ ..] = &words[..] else { continue };
            let has = |flag: &[u8]| flags.split(|byte| *byte == b',').any(|known| known == flag);
            let is_me = has(b"myself");
            let lost = [&b"fail"[..], b"fail?", b"handshake", b"noaddr"].iter().any(|flag| has(flag));
            let mut node = Node {
                id: id.to_vec(),
                bus: bus(address),
                address: address.split(|byte| *byte == b'@').next().unwrap_or_default().to_vec(),
                is_primary: has(b"master"),
                is_lost: !is_me && (lost || *link != b"connected"),
                primary: (*primary != b"-").then(|| primary.to_vec()),
                slots: Slots::default(),
            };
            for word in slots {
                topology.add(&mut node, word);
            }
            topology.me = if is_me { Some(topology.nodes.len()) } else { topology.me };
            topology.nodes.push(node);
        }
        topology.arrange();
        topology
    }

    /// Builds the lookup tables, so that a request to a thousand shards does not take a million steps.
    fn arrange(&mut self) {
        let mut shards = Vec::new();
        for (place, node) in self.nodes.iter().enumerate() {
            self.places.insert(node.id.clone(), place);
            self.members.entry(node.primary.as_ref().unwrap_or(&node.id).clone()).or_default().push(place);
            if node.is_primary
                && let Some(first) = node.slots.first()
            {
                self.assigned.extend(&node.slots);
                shards.push((first, place));
            }
        }
        shards.sort_unstable();
        self.shards = shards.into_iter().map(|(_, place)| place).collect();
    }

    /// Parses `7`, `7-9`, `[7-<-id]` or `[7->-id]`.
    fn add(&mut self, node: &mut Node, word: &[u8]) {
        let Ok(text) = std::str::from_utf8(word) else { return };
        let number = |text: &str| text.parse::<u16>().ok().filter(|slot| *slot < SLOTS);
        if let Some(moving) = text.strip_prefix('[') {
            let (slot, rest) = moving.split_once('-').unwrap_or((moving, ""));
            let into = if rest.starts_with('<') { &mut self.importing } else { &mut self.migrating };
            number(slot).into_iter().for_each(|slot| into.insert(slot));
            return;
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        if let (Some(first), Some(last)) = (number(first), number(last))
            && first <= last
        {
            node.slots.insert_range(first, last);
        }
    }

    /// This node.
    pub fn me(&self) -> Option<&Node> {
        self.nodes.get(self.me?)
    }

    pub fn node(&self, id: &[u8]) -> Option<&Node> {
        self.places.get(id).map(|place| &self.nodes[*place])
    }

    /// The nodes of a shard: its primary, by whose id, and replicas.
    pub fn members(&self, primary: &[u8]) -> impl Iterator<Item = &Node> {
        self.members.get(primary).into_iter().flatten().map(|place| &self.nodes[*place])
    }

    /// The primaries that own slots, by their first slot; with those that may be about to get one.
    pub fn shards_and_others(&self) -> impl Iterator<Item = &Node> {
        let is_other = |node: &&Node| node.is_primary && node.slots.is_empty() && !node.is_lost;
        self.shards().chain(self.nodes.iter().filter(is_other))
    }

    /// The primaries that own slots, by their first.
    pub fn shards(&self) -> impl Iterator<Item = &Node> {
        self.shards.iter().map(|place| &self.nodes[*place])
    }

    /// The assigned slots.
    pub fn assigned(&self) -> &Slots {
        &self.assigned
    }

    /// The slots that a node serves: its own, or its primary's.
    pub fn slots_of(&self, node: &Node) -> Slots {
        let primary = node.primary.as_ref().and_then(|id| self.node(id));
        primary.map_or_else(|| node.slots.clone(), |primary| primary.slots.clone())
    }

    /// The node to ask for a shard: this node if it is one of the shard's, else the primary, else a replica of it; those tried
    /// before are left out. None if all are lost.
    pub fn voice(&self, shard: &Node, tried: &[Vec<u8>]) -> Option<&Node> {
        let fit = self.members(&shard.id).filter(|node| !node.is_lost && !tried.contains(&node.id));
        let me = self.me().map(|me| &me.id);
        fit.min_by_key(|node| (Some(&node.id) != me, !node.is_primary))
    }
}

/// Whether two texts of CLUSTER NODES differ only in the times of pings.
pub fn same_topology(a: &[u8], b: &[u8]) -> bool {
    let is_same = |a: &[u8], b: &[u8]| {
        let words = |line| <[u8]>::split(line, |byte| *byte == b' ').enumerate().filter(|(i, _)| !TIMES.contains(i));
        a == b || words(a).eq(words(b))
    };
    let (mut a, mut b) = (a.split(|byte| *byte == b'\n'), b.split(|byte| *byte == b'\n'));
    loop {
        match (a.next(), b.next()) {
            (Some(a), Some(b)) if is_same(a, b) => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

/// The words of a line of CLUSTER NODES with the times of the last ping and pong.
const TIMES: [usize; 2] = [4, 5];

/// Reads `ip:port@port of the bus,…`.
fn bus(address: &[u8]) -> Option<SocketAddr> {
    let (host, rest) = std::str::from_utf8(address).ok()?.split_once('@')?;
    let (ip, _) = host.rsplit_once(':')?;
    let port = rest.split(',').next()?.parse().ok()?;
    Some(SocketAddr::new(ip.parse::<IpAddr>().ok()?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"aa 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-5460 [93-<-bb] [77->-cc]\n\
        bb 127.0.0.1:7001@17001,host master - 0 1 2 connected 5461-10922 16383\n\
        cc 127.0.0.1:7002@17002 master,fail - 0 1 3 disconnected 10923-16382\n\
        dd 127.0.0.1:7003@17003 slave cc 0 1 3 connected\n\
        ee :0@0 master,noaddr - 0 1 0 disconnected\n\
        nonsense\n";

    #[test]
    fn nodes_and_their_slots() {
        let topology = Topology::read(TEXT);
        assert_eq!(topology.nodes.len(), 5);
        assert_eq!(topology.me().unwrap().address, b"127.0.0.1:7000");
        let buses: Vec<_> = topology.nodes.iter().map(|node| node.bus.map(|bus| bus.to_string())).collect();
        assert_eq!(buses[1].as_deref(), Some("127.0.0.1:17001"));
        assert_eq!(buses[4], None);
        assert_eq!(bus(b"2001:db8::1:6379@16379"), Some("[2001:db8::1]:16379".parse().unwrap()));
        assert_eq!((topology.importing.ranges(), topology.migrating.ranges()), (vec![(93, 93)], vec![(77, 77)]));
        let shards: Vec<&Node> = topology.shards().collect();
        assert_eq!(shards.iter().map(|node| &node.id[..]).collect::<Vec<_>>(), [b"aa", b"bb", b"cc"]);
        assert_eq!(topology.assigned().ranges(), [(0, 16383)]);
        let voices: Vec<_> = shards.iter().map(|shard| topology.voice(shard, &[]).map(|node| &node.id[..])).collect();
        assert_eq!(voices, [Some(&b"aa"[..]), Some(b"bb"), Some(b"dd")]);
        assert_eq!(topology.voice(shards[2], &[b"dd".to_vec()]), None);
        assert_eq!(topology.slots_of(topology.node(b"dd").unwrap()).ranges(), [(10923, 16382)]);
    }

    #[test]
    fn when_nodes_were_heard_changes_nothing() {
        let text = String::from_utf8_lossy(TEXT);
        assert!(same_topology(TEXT, text.replace(" 0 0 1 ", " 17 99 1 ").replace(" 0 1 2 ", " 5 6 2 ").as_bytes()));
        for (old, new) in
            [("0 0 1 conn", "0 0 2 conn"), ("5460", "5461"), ("nonsense\n", ""), (",fail", ""), (" cc", " bb")]
        {
            assert!(!same_topology(TEXT, text.replacen(old, new, 1).as_bytes()), "{old}");
        }
    }
}
