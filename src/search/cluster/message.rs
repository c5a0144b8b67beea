//! Messages between nodes, and the pieces in which long ones travel.
//!
//! ```text
//!   piece:   version 1 · transfer 8 · length of the message 4 · bytes
//!   message: kind 1 · …
//! ```
//!
//! Pieces of a message come in order, as the bus's links are connections; the pieces of several messages may alternate.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::catalog::Definition;
use super::slots::Slots;
use super::wire::{Malformed, Reader, Writer};
use crate::reply::Reply;

/// Of pieces and messages; others are not understood.
const VERSION: u8 = 1;
/// Bytes of a message in a piece: what the cluster's own messages may have to wait for.
const PIECE: usize = 64 << 10;
/// Bytes of a message, at most.
pub const LONGEST: usize = 64 << 20;
/// Messages of which pieces are missing, at most, and bytes of all of them.
const MOST_OPEN: usize = 1024;
const MOST_BYTES: usize = 256 << 20;
/// A message whose pieces stay away for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Search,
    Aggregate,
    Hybrid,
    Info,
    TagValues,
}

const QUESTIONS: [Question; 5] =
    [Question::Search, Question::Aggregate, Question::Hybrid, Question::Info, Question::TagValues];

/// A question, as a node asks another.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub question: Question,
    /// Each document comes by itself, with its key.
    pub keyed: bool,
    /// Milliseconds that the query may take; 0 for any.
    pub milliseconds: u64,
    /// The command's arguments.
    pub words: Vec<Vec<u8>>,
}

/// What a node answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The slots whose documents it speaks for.
    pub slots: Slots,
    /// Whether keys of some slot come to it one by one, or leave it so.
    pub importing: bool,
    pub migrating: bool,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Its part of the reply.
    Part(Reply),
    /// The index is not (yet) known there.
    NoIndex,
    Failed(Vec<u8>),
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Ask {
        id: u64,
        ask: Ask,
    },
    Answer {
        id: u64,
        answer: Answer,
    },
    /// What the sender's definitions come to.
    Digest(u64),
    /// Definitions of the sender: some that changed, or all. Who gets them acknowledges them if `id` is not 0, and sends
    /// back its own if `asks`.
    Definitions {
        id: u64,
        asks: bool,
        definitions: Vec<Definition>,
    },
    Acknowledged(u64),
}

impl Message {
    pub fn write(&self) -> Vec<u8> {
        let mut to = Writer::default();
        match self {
            Message::Ask { id, ask } => {
                to.byte(1);
                to.number(*id);
                to.byte(QUESTIONS.iter().position(|known| *known == ask.question).unwrap_or(0) as u8);
                to.byte(u8::from(ask.keyed));
                to.number(ask.milliseconds);
                to.list(&ask.words, |to, word| to.bytes(word));
            }
            Message::Answer { id, answer } => {
                to.byte(2);
                to.number(*id);
                answer.slots.write(&mut to);
                to.byte(u8::from(answer.importing));
                to.byte(u8::from(answer.migrating));
                match &answer.outcome {
                    Outcome::Part(reply) => {
                        to.byte(0);
                        to.reply(reply);
                    }
                    Outcome::NoIndex => to.byte(1),
                    Outcome::Failed(text) => {
                        to.byte(2);
                        to.bytes(text);
                    }
                }
            }
            Message::Digest(digest) => {
                to.byte(3);
                to.number(*digest);
            }
            Message::Definitions { id, asks, definitions } => {
                to.byte(4);
                to.number(*id);
                to.byte(u8::from(*asks));
                to.list(definitions, |to, definition| definition.write(to));
            }
            Message::Acknowledged(id) => {
                to.byte(5);
                to.number(*id);
            }
        }
        to.0
    }

    /// # Errors
    /// If the bytes are no message.
    pub fn read(bytes: &[u8]) -> Result<Message, Malformed> {
        let mut from = Reader(bytes);
        let message = match from.byte()? {
            1 => {
                let id = from.number()?;
                let question = QUESTIONS.get(usize::from(from.byte()?)).copied().ok_or(Malformed)?;
                let (keyed, milliseconds) = (from.flag()?, from.number()?);
                let words = from.list(|from| Ok(from.bytes()?.to_vec()))?;
                Message::Ask { id, ask: Ask { question, keyed, milliseconds, words } }
            }
            2 => {
                let id = from.number()?;
                let (slots, importing, migrating) = (Slots::read(&mut from)?, from.flag()?, from.flag()?);
                let outcome = match from.byte()? {
                    0 => Outcome::Part(from.reply()?),
                    1 => Outcome::NoIndex,
                    2 => Outcome::Failed(from.bytes()?.to_vec()),
                    _ => return Err(Malformed),
                };
                Message::Answer { id, answer: Answer { slots, importing, migrating, outcome } }
            }
            3 => Message::Digest(from.number()?),
            4 => {
                let (id, asks) = (from.number()?, from.flag()?);
                Message::Definitions { id, asks, definitions: from.list(Definition::read)? }
            }
            5 => Message::Acknowledged(from.number()?),
            _ => return Err(Malformed),
        };
        from.end()?;
        Ok(message)
    }
}

/// Cuts a message into pieces. `transfer` is a number that the sender uses once.
pub fn pieces(transfer: u64, message: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    message.chunks(PIECE).map(move |part| {
        let mut to = Writer::default();
        to.byte(VERSION);
        to.number(transfer);
        to.len(message.len());
        to.0.extend_from_slice(part);
        to.0
    })
}

/// Puts messages together from their pieces.
#[derive(Default)]
pub struct Assembly {
    open: HashMap<(Vec<u8>, u64), Open>,
    bytes: usize,
}

struct Open {
    bytes: Vec<u8>,
    len: usize,
    since: Instant,
}

impl Assembly {
    /// Takes a piece from a node; returns the message if it was the last.
    ///
    /// # Errors
    /// If it is no piece, or there is no room for what it is of.
    pub fn take(&mut self, sender: &[u8], piece: &[u8], now: Instant) -> Result<Option<Vec<u8>>, Malformed> {
        let mut from = Reader(piece);
        if from.byte()? != VERSION {
            return Err(Malformed);
        }
        let transfer = from.number()?;
        let len = from.any_len()?;
        let part = from.0;
        if part.is_empty() || part.len() > PIECE || part.len() > len || len > LONGEST {
            return Err(Malformed);
        }
        if part.len() == len {
            return Ok(Some(part.to_vec()));
        }
        self.forget_old(now);
        let key = (sender.to_vec(), transfer);
        let is_new = !self.open.contains_key(&key);
        if self.bytes + part.len() > MOST_BYTES || is_new && self.open.len() >= MOST_OPEN {
            return Err(Malformed);
        }
        let open = self.open.entry(key.clone()).or_insert_with(|| Open { bytes: Vec::new(), len, since: now });
        open.since = now;
        if open.len != len || open.bytes.len() + part.len() > len {
            self.forget(&key);
            return Err(Malformed);
        }
        open.bytes.extend_from_slice(part);
        self.bytes += part.len();
        if open.bytes.len() < len {
            return Ok(None);
        }
        Ok(self.forget(&key).map(|open| open.bytes))
    }

    /// Whether no message is open.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.bytes == 0
    }

    fn forget(&mut self, key: &(Vec<u8>, u64)) -> Option<Open> {
        let open = self.open.remove(key)?;
        self.bytes -= open.bytes.len();
        Some(open)
    }

    fn forget_old(&mut self, now: Instant) {
        let stale = |open: &Open| now.saturating_duration_since(open.since) > PATIENCE;
        let old: Vec<_> = self.open.iter().filter(|(_, open)| stale(open)).map(|(key, _)| key.clone()).collect();
        old.iter().for_each(|key| drop(self.forget(key)));
    }
}
