//! Partial replies that wait for those of other shards: their memory limit, and where they are freed.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::free_behind;
use crate::reply::Reply;
use crate::search::cluster::message::{Answer, Outcome};

/// Maximum bytes of the messages of all waiting answers, of all queries together.
const MOST: usize = 512 << 20;
/// Longer answers are freed in the pool.
const LONG: usize = 16 << 10;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// The approximate size of an answer as a message, if it is not sent; counting stops at a limit.
pub fn short_bytes(answer: &Answer) -> usize {
    let mut left = LONG;
    if let Outcome::Part(part) = &answer.outcome {
        take_off(part, &mut left);
    }
    if left == 0 { LONG + 1 } else { LONG - left }
}

/// Subtracts the bytes of a reply from `left`, until nothing is left.
fn take_off(reply: &Reply, left: &mut usize) {
    let own = 9 + if let Reply::Bulk(bytes) = reply { bytes.len() } else { 0 };
    *left = left.saturating_sub(own);
    let mut each = |item: &Reply| (*left > 0).then(|| take_off(item, left)).is_some();
    match reply {
        Reply::Array(items) | Reply::Set(items) => drop(items.iter().all(&mut each)),
        Reply::Map(pairs) => drop(pairs.iter().all(|(name, value)| each(name) && each(value))),
        _ => {}
    }
}

/// A reservation that is released when dropped.
pub struct Room(usize);

impl Room {
    fn take(bytes: usize) -> Option<Room> {
        let before = TAKEN.fetch_add(bytes, Ordering::Relaxed);
        let room = Room(bytes);
        (before.saturating_add(bytes) <= MOST).then_some(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        TAKEN.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// A waiting answer. If it is dropped unused on the main thread, its memory is freed in the pool.
pub struct Collected {
    answer: Option<Answer>,
    room: Option<Room>,
    bytes: usize,
}

impl Collected {
    /// An answer that arrived in a message of this many bytes. Where there is no room for it, it becomes a failure.
    pub fn new(mut answer: Answer, bytes: usize) -> Collected {
        let room = Room::take(bytes);
        if room.is_none() {
            let text = b"ERR the answers of the shards take too much memory; ask for less at once".to_vec();
            let part = std::mem::replace(&mut answer.outcome, Outcome::Failed(text));
            free_behind(part);
        }
        Collected { answer: Some(answer), room, bytes }
    }

    /// The bytes of its message.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The answer.
    pub fn get(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }

    /// The part of the reply, if it is one, and its room.
    pub fn into_part(mut self) -> Option<(Reply, Option<Room>)> {
        match self.answer.take()?.outcome {
            Outcome::Part(reply) => Some((reply, self.room.take())),
            _ => None,
        }
    }
}

impl Drop for Collected {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take().filter(|_| self.bytes > LONG) {
            free_behind(answer);
        }
    }
}
