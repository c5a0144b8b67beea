//! A persistent ordered map: a B+ tree with reference-counted nodes.
//!
//! A copy takes one reference count. A change copies those nodes on its path that a copy still shares, of at most [`FAN`] entries each,
//! and changes all others in place. So a query keeps its snapshot while the map changes.

use std::borrow::Borrow;
use std::ops::Bound;
use std::sync::Arc;

/// Entries of a node, at most.
const FAN: usize = 64;

#[derive(Clone)]
enum Node<K, V> {
    Leaf {
        keys: Vec<K>,
        values: Vec<V>,
    },
    /// All keys of child `i` are at least `firsts[i]`, and below `firsts[i + 1]`.
    Inner {
        firsts: Vec<K>,
        kids: Vec<Arc<Node<K, V>>>,
    },
}

/// See the module.
#[derive(Clone)]
pub struct Tree<K, V> {
    root: Arc<Node<K, V>>,
    len: usize,
}

impl<K, V> Default for Tree<K, V> {
    fn default() -> Tree<K, V> {
        Tree { root: Arc::new(Node::Leaf { keys: Vec::new(), values: Vec::new() }), len: 0 }
    }
}

impl<K, V> Node<K, V> {
    fn len(&self) -> usize {
        match self {
            Node::Leaf { keys, .. } => keys.len(),
            Node::Inner { kids, .. } => kids.len(),
        }
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        let own = size_of::<Node<K, V>>() + 16;
        match self {
            Node::Leaf { keys, values } => own + keys.capacity() * size_of::<K>() + values.len() * size_of::<V>(),
            Node::Inner { firsts, kids } => {
                own + firsts.capacity() * size_of::<K>()
                    + kids.capacity() * 8
                    + kids.iter().map(|kid| kid.bytes()).sum::<usize>()
            }
        }
    }
}

/// A new neighbour on the right, and its first key.
type Split<K, V> = Option<(K, Arc<Node<K, V>>)>;

impl<K: Ord + Clone, V: Clone> Tree<K, V> {
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes of the nodes, without what keys and values point to: an estimate, for nodes that are two thirds full.
    pub fn bytes(&self) -> usize {
        self.len * (size_of::<K>() + size_of::<V>()) * 3 / 2 + self.len / FAN * 160
    }

    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf { keys, values } => {
                    return keys.binary_search_by(|k| k.borrow().cmp(key)).ok().map(|at| &values[at]);
                }
                Node::Inner { firsts, kids } => node = &kids[child(firsts, key)],
            }
        }
    }

    /// The value, mutable. Copies shared nodes only if the key exists.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.get(key)?;
        let mut node = Arc::make_mut(&mut self.root);
        loop {
            match node {
                Node::Leaf { keys, values } => {
                    return keys.binary_search_by(|k| k.borrow().cmp(key)).ok().map(|at| &mut values[at]);
                }
                Node::Inner { firsts, kids } => node = Arc::make_mut(&mut kids[child(firsts, key)]),
            }
        }
    }

    /// Sets a key's value; the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (before, split) = insert(&mut self.root, key, value);
        if let Some((first, right)) = split {
            let left = self.root.clone();
            let low = lowest(&left).expect("a node that was split has keys").clone();
            self.root = Arc::new(Node::Inner { firsts: vec![low, first], kids: vec![left, right] });
        }
        self.len += usize::from(before.is_none());
        before
    }

    /// Takes a key out; its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.get(key)?;
        let value = remove(&mut self.root, key)?;
        self.len -= 1;
        while let Node::Inner { kids, .. } = &*self.root {
            match kids.len() {
                0 => *self = Tree::default(),
                1 => self.root = kids[0].clone(),
                _ => break,
            }
        }
        Some(value)
    }

    /// The entry of the greatest key that is not above this one.
    pub fn floor<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let mut node = &*self.root;
        let mut before: Option<&Node<K, V>> = None;
        loop {
            match node {
                Node::Leaf { keys, values } => {
                    let at = keys.partition_point(|k| k.borrow() <= key);
                    return match at.checked_sub(1) {
                        Some(at) => Some((&keys[at], &values[at])),
                        None => before.and_then(highest),
                    };
                }
                Node::Inner { firsts, kids } => {
                    let at = child(firsts, key);
                    if at > 0 {
                        before = Some(&kids[at - 1]);
                    }
                    node = &kids[at];
                }
            }
        }
    }

    /// Entries in order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { stack: vec![(&*self.root, 0)] }
    }

    /// Entries in order of their keys, from a bound on.
    pub fn iter_from<Q: Ord + ?Sized>(&self, from: Bound<&Q>) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let (Bound::Included(key) | Bound::Excluded(key)) = from else { return self.iter() };
        let mut stack = Vec::with_capacity(4);
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf { keys, .. } => {
                    let at = match from {
                        Bound::Excluded(_) => keys.partition_point(|k| k.borrow() <= key),
                        _ => keys.partition_point(|k| k.borrow() < key),
                    };
                    stack.push((node, at));
                    return Iter { stack };
                }
                Node::Inner { firsts, kids } => {
                    let at = child(firsts, key);
                    stack.push((node, at + 1));
                    node = &kids[at];
                }
            }
        }
    }
}

/// The child in which a key belongs.
fn child<K: Borrow<Q>, Q: Ord + ?Sized>(firsts: &[K], key: &Q) -> usize {
    firsts.partition_point(|first| first.borrow() <= key).saturating_sub(1)
}

fn lowest<K, V>(mut node: &Node<K, V>) -> Option<&K> {
    loop {
        match node {
            Node::Leaf { keys, .. } => return keys.first(),
            Node::Inner { kids, .. } => node = kids.first()?,
        }
    }
}

fn highest<K, V>(mut node: &Node<K, V>) -> Option<(&K, &V)> {
    loop {
        match node {
            Node::Leaf { keys, values } => return keys.last().zip(values.last()),
            Node::Inner { kids, .. } => node = kids.last()?,
        }
    }
}

/// Where an overfull node is split: in the middle, or, if it grows at its end, there, so that ordered insertions fill nodes.
fn cut(len: usize, at: usize) -> usize {
    if at + 1 == len { len - 1 } else { len / 2 }
}

/// Grows by steps, not by doubling: nodes stay small for good.
fn put_at<T>(list: &mut Vec<T>, at: usize, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 2).clamp(1, 16));
    }
    list.insert(at, item);
}

fn insert<K: Ord + Clone, V: Clone>(node: &mut Arc<Node<K, V>>, key: K, value: V) -> (Option<V>, Split<K, V>) {
    match Arc::make_mut(node) {
        Node::Leaf { keys, values } => {
            let at = match keys.binary_search(&key) {
                Ok(at) => {
                    // The key too: equal keys may be of different memory.
                    keys[at] = key;
                    return (Some(std::mem::replace(&mut values[at], value)), None);
                }
                Err(at) => at,
            };
            put_at(keys, at, key);
            put_at(values, at, value);
            if keys.len() <= FAN {
                return (None, None);
            }
            let cut = cut(keys.len(), at);
            let (keys, values) = (keys.split_off(cut), values.split_off(cut));
            (None, Some((keys[0].clone(), Arc::new(Node::Leaf { keys, values }))))
        }
        Node::Inner { firsts, kids } => {
            let at = child(firsts, &key);
            if key < firsts[at] {
                firsts[at] = key.clone();
            }
            let (before, split) = insert(&mut kids[at], key, value);
            let Some((first, right)) = split else { return (before, None) };
            put_at(firsts, at + 1, first);
            put_at(kids, at + 1, right);
            if kids.len() <= FAN {
                return (before, None);
            }
            let cut = cut(kids.len(), at + 1);
            let (firsts, kids) = (firsts.split_off(cut), kids.split_off(cut));
            (before, Some((firsts[0].clone(), Arc::new(Node::Inner { firsts, kids }))))
        }
    }
}

fn remove<K: Ord + Clone + Borrow<Q>, V: Clone, Q: Ord + ?Sized>(node: &mut Arc<Node<K, V>>, key: &Q) -> Option<V> {
    match Arc::make_mut(node) {
        Node::Leaf { keys, values } => {
            let at = keys.binary_search_by(|k| k.borrow().cmp(key)).ok()?;
            keys.remove(at);
            Some(values.remove(at))
        }
        Node::Inner { firsts, kids } => {
            let at = child(firsts, key);
            let value = remove(&mut kids[at], key)?;
            if kids[at].len() == 0 {
                firsts.remove(at);
                kids.remove(at);
            } else if kids[at].len() < FAN / 4 {
                let left = if at + 1 < kids.len() { at } else { at.saturating_sub(1) };
                merge(firsts, kids, left);
            }
            Some(value)
        }
    }
}

/// Joins a child with its right neighbour if they leave room for more.
fn merge<K: Clone, V: Clone>(firsts: &mut Vec<K>, kids: &mut Vec<Arc<Node<K, V>>>, left: usize) {
    if left + 1 >= kids.len() || kids[left].len() + kids[left + 1].len() > FAN / 2 {
        return;
    }
    firsts.remove(left + 1);
    let right = kids.remove(left + 1);
    match (Arc::make_mut(&mut kids[left]), Arc::unwrap_or_clone(right)) {
        (Node::Leaf { keys, values }, Node::Leaf { keys: more, values: with }) => {
            keys.extend(more);
            values.extend(with);
        }
        (Node::Inner { firsts, kids }, Node::Inner { firsts: more, kids: with }) => {
            firsts.extend(more);
            kids.extend(with);
        }
        _ => unreachable!("children of a node are of one kind"),
    }
}

/// Entries in order of their keys.
pub struct Iter<'a, K, V> {
    /// Nodes from the root down, and which of their entries comes next.
    stack: Vec<(&'a Node<K, V>, usize)>,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<(&'a K, &'a V)> {
        loop {
            let (node, at) = self.stack.last_mut()?;
            match node {
                Node::Leaf { keys, values } => {
                    if let Some(key) = keys.get(*at) {
                        *at += 1;
                        return Some((key, &values[*at - 1]));
                    }
                    self.stack.pop();
                }
                Node::Inner { kids, .. } => match kids.get(*at) {
                    Some(kid) => {
                        *at += 1;
                        self.stack.push((&**kid, 0));
                    }
                    None => {
                        self.stack.pop();
                    }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::collections::BTreeMap;

    fn equal(tree: &Tree<u32, u64>, map: &BTreeMap<u32, u64>) {
        assert_eq!(tree.len(), map.len());
        assert!(tree.iter().eq(map.iter()));
    }

    #[test]
    fn it_is_a_map_and_copies_keep_their_moment() {
        for seed in 0..20 {
            let mut random = SmallRng::seed_from_u64(seed);
            let mut tree = Tree::default();
            let mut map = BTreeMap::new();
            let mut copies = Vec::new();
            for step in 0..6000u64 {
                let key = random.random_range(0..if seed % 2 == 0 { 3000 } else { 300_000 });
                // Grows first, then shrinks.
                if random.random_bool(if step < 4000 { 0.7 } else { 0.2 }) {
                    assert_eq!(tree.insert(key, step), map.insert(key, step), "seed {seed}");
                } else {
                    let key = map.range(key..).next().map_or(key, |(key, _)| *key);
                    assert_eq!(tree.remove(&key), map.remove(&key), "seed {seed}");
                }
                let probe = random.random_range(0..3000);
                assert_eq!(tree.get(&probe), map.get(&probe));
                assert_eq!(tree.floor(&probe), map.range(..=probe).next_back());
                assert!(tree.iter_from(Bound::Included(&probe)).take(5).eq(map.range(probe..).take(5)));
                let after = (Bound::Excluded(probe), Bound::Unbounded);
                assert!(tree.iter_from(Bound::Excluded(&probe)).take(5).eq(map.range(after).take(5)));
                if let (Some(one), Some(other)) = (tree.get_mut(&probe), map.get_mut(&probe)) {
                    (*one, *other) = (step, step);
                }
                if step % 1000 == 500 {
                    copies.push((tree.clone(), map.clone()));
                }
            }
            equal(&tree, &map);
            copies.iter().for_each(|(tree, map)| equal(tree, map));
            for key in map.into_keys() {
                tree.remove(&key);
            }
            assert!(tree.len() == 0 && tree.iter().next().is_none());
        }
    }

    #[test]
    fn keys_in_order_fill_their_nodes() {
        let mut tree = Tree::default();
        for key in 0..100_000u32 {
            tree.insert(key, ());
        }
        assert!(tree.root.bytes() < 100_000 * 6, "{}", tree.root.bytes());
        assert!(tree.bytes() > tree.root.bytes());
    }
}
