//! Answers that wait for those of other shards: the memory that they may take together, and where they are freed.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::free_behind;
use crate::reply::Reply;
use crate::search::cluster::message::{Answer, Outcome};

/// Bytes of the messages of all answers that wait, of all queries together, at most.
const MOST: usize = 512 << 20;
/// Longer answers are freed in the pool.
const LONG: usize = 16 << 10;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Room that is given back when dropped.
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

/// An answer that waits. What is dropped on the main thread, as nothing came of it, is freed in the pool.
pub struct Collected {
    answer: Option<Answer>,
    room: Option<Room>,
    bytes: usize,
}

impl Collected {
    /// An answer that came in a message of so many bytes. Where there is no room for it, it becomes a failure.
    pub fn new(mut answer: Answer, bytes: usize) -> Collected {
        let room = Room::take(bytes);
        if room.is_none() {
            let text = b"ERR the answers of the shards take too much memory; ask for less at once".to_vec();
            let part = std::mem::replace(&mut answer.outcome, Outcome::Failed(text));
            free_behind(part);
        }
        Collected { answer: Some(answer), room, bytes }
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
