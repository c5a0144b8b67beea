//! Messages between nodes, and the pieces in which long ones are sent.
//!
//! ```text
//!   piece:   version 1 · transfer 8 · length of the message 4 · bytes
//!   message: kind 1 · …
//! ```
//!
//! The pieces of a message arrive in order, as the links of the bus are TCP connections; those of several messages may be interleaved.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::catalog::Definition;
use super::slots::Slots;
use super::wire::{MAX_ITEMS, Malformed, Reader, Writer};
use crate::reply::Reply;

/// The version of pieces and messages; others are rejected.
const VERSION: u8 = 1;
/// Bytes of a message in a piece: the cluster's own messages may have to wait for one.
const PIECE: usize = 64 << 10;
/// Maximum bytes of a message.
pub const LONGEST: usize = 64 << 20;
/// Maximum bytes of incomplete messages, in all, and of one node, so that others have room too.
const MOST_BYTES: usize = 256 << 20;
const MOST_BYTES_OF_ONE: usize = 128 << 20;
/// Maximum number of incomplete messages of a node: more than it has sending threads.
const MOST_OPEN_OF_ONE: usize = 256;
/// Maximum number of arguments of a request: what servers accept from clients.
const MOST_WORDS: usize = 1 << 20;
/// An incomplete message is dropped after this time without a new piece.
const PATIENCE: Duration = Duration::from_secs(10);

/// The kind of [`Message::Answer`].
const ANSWER: u8 = 2;

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Search,
    Aggregate,
    Hybrid,
    Info,
    TagValues,
    Spelling,
}

const QUESTIONS: [Question; 6] =
    [Question::Search, Question::Aggregate, Question::Hybrid, Question::Info, Question::TagValues, Question::Spelling];

/// A flag of the request's kind: the answer includes a profile. Older modules reject such a message.
const PROFILED: u8 = 0x80;

/// A request to another node.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub question: Question,
    /// Each document is sent separately, with its key.
    pub keyed: bool,
    /// The answer includes a profile.
    pub profiled: bool,
    /// The time limit in milliseconds; 0 for none.
    pub milliseconds: u64,
    /// The command's arguments.
    pub words: Vec<Vec<u8>>,
}

/// The answer of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The slots that it covers.
    pub slots: Slots,
    /// Whether it is importing or migrating a slot key by key.
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
    /// The digest of the sender's definitions.
    Digest(u64),
    /// Definitions of the sender: some that changed, or all. The receiver acknowledges them if `id` is not 0, and sends
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
            Message::Ask { id, ask } => return Message::write_ask(*id, ask),
            Message::Answer { id, answer } => return Message::write_answer(*id, answer),
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

    /// The bytes of [`Message::Ask`].
    pub fn write_ask(id: u64, ask: &Ask) -> Vec<u8> {
        let mut to = Writer::default();
        to.byte(1);
        to.number(id);
        let question = QUESTIONS.iter().position(|known| *known == ask.question).unwrap_or(0) as u8;
        to.byte(question | if ask.profiled { PROFILED } else { 0 });
        to.byte(u8::from(ask.keyed));
        to.number(ask.milliseconds);
        to.list(&ask.words, |to, word| to.bytes(word));
        to.0
    }

    /// The bytes of [`Message::Answer`].
    pub fn write_answer(id: u64, answer: &Answer) -> Vec<u8> {
        let mut to = Writer::default();
        to.byte(ANSWER);
        to.number(id);
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
        to.0
    }

    /// The number of the request that the bytes answer, if they are an answer: the rest need not be decoded to know whether
    /// it is awaited.
    pub fn answered(bytes: &[u8]) -> Option<u64> {
        let mut from = Reader::new(bytes);
        let is_answer = from.byte().ok()? == ANSWER;
        from.number().ok().filter(|_| is_answer)
    }

    /// # Errors
    /// If the bytes are no message.
    pub fn read(bytes: &[u8]) -> Result<Message, Malformed> {
        let mut from = Reader::new(bytes);
        let message = match from.byte()? {
            1 => {
                let id = from.number()?;
                let kind = from.byte()?;
                let question = QUESTIONS.get(usize::from(kind & !PROFILED)).copied().ok_or(Malformed)?;
                let (keyed, milliseconds) = (from.flag()?, from.number()?);
                let words = from.list(|from| Ok(from.bytes()?.to_vec()))?;
                if words.len() > MOST_WORDS {
                    return Err(Malformed);
                }
                let profiled = kind & PROFILED != 0;
                Message::Ask { id, ask: Ask { question, keyed, profiled, milliseconds, words } }
            }
            ANSWER => {
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

/// Whether an answer, whose message has this many bytes, is more than other nodes accept.
pub fn is_too_long(answer: &Answer, bytes: usize) -> bool {
    // Each item is a byte at least.
    let is_full = || matches!(&answer.outcome, Outcome::Part(part) if items(part) > MAX_ITEMS);
    bytes > LONGEST || bytes > MAX_ITEMS && is_full()
}

/// The number of items of all lists in a reply, whose depth is bounded like that of documents.
fn items(reply: &Reply) -> usize {
    match reply {
        Reply::Array(list) | Reply::Set(list) => list.len() + list.iter().map(items).sum::<usize>(),
        Reply::Map(pairs) => pairs.len() + pairs.iter().map(|(a, b)| items(a) + items(b)).sum::<usize>(),
        _ => 0,
    }
}

/// Splits a message into pieces. `transfer` is a number that the sender uses once.
pub fn pieces(transfer: u64, message: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..).map_while(move |number| piece(transfer, message, number))
}

/// A piece of a message by its number.
pub fn piece(transfer: u64, message: &[u8], number: usize) -> Option<Vec<u8>> {
    let part = message.chunks(PIECE).nth(number)?;
    let mut to = Writer::default();
    to.byte(VERSION);
    to.number(transfer);
    to.len(message.len());
    to.0.extend_from_slice(part);
    Some(to.0)
}

/// Reassembles messages from their pieces.
#[derive(Default)]
pub struct Assembly {
    senders: HashMap<Vec<u8>, Sender>,
    bytes: usize,
    cleaned: Option<Instant>,
}

/// The incomplete messages of a node, by transfer.
#[derive(Default)]
struct Sender {
    open: HashMap<u64, Open>,
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
    /// If it is malformed, or there is no room for its message.
    pub fn take(&mut self, sender: &[u8], piece: &[u8], now: Instant) -> Result<Option<Vec<u8>>, Malformed> {
        let mut from = Reader::new(piece);
        if from.byte()? != VERSION {
            return Err(Malformed);
        }
        let transfer = from.number()?;
        let len = from.any_len()?;
        let part = from.rest();
        if part.is_empty() || part.len() > PIECE || part.len() > len || len > LONGEST {
            return Err(Malformed);
        }
        if part.len() == len {
            return Ok(Some(part.to_vec()));
        }
        self.forget_old(now);
        let before = self.bytes;
        let sender = self.senders.entry(sender.to_vec()).or_default();
        let of_others = before - sender.bytes;
        let taken = match of_others + sender.bytes + part.len() > MOST_BYTES {
            true => Err(Malformed),
            false => sender.take(transfer, len, part, now),
        };
        self.bytes = of_others + sender.bytes;
        taken
    }

    /// Whether no message is open.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.senders.values().all(|sender| sender.open.is_empty() && sender.bytes == 0) && self.bytes == 0
    }

    /// Drops incomplete messages that have waited too long, once a second.
    fn forget_old(&mut self, now: Instant) {
        if self.cleaned.is_some_and(|cleaned| now.saturating_duration_since(cleaned) < Duration::from_secs(1)) {
            return;
        }
        self.cleaned = Some(now);
        for sender in self.senders.values_mut() {
            sender.forget_old(now);
        }
        self.senders.retain(|_, sender| !sender.open.is_empty());
        self.bytes = self.senders.values().map(|sender| sender.bytes).sum();
    }
}

impl Sender {
    fn take(&mut self, transfer: u64, len: usize, part: &[u8], now: Instant) -> Result<Option<Vec<u8>>, Malformed> {
        if self.bytes + part.len() > MOST_BYTES_OF_ONE {
            return Err(Malformed);
        }
        if !self.open.contains_key(&transfer) && self.open.len() >= MOST_OPEN_OF_ONE {
            let oldest = self.open.iter().min_by_key(|(_, open)| open.since).map(|(transfer, _)| *transfer);
            oldest.map(|transfer| self.forget(transfer));
        }
        let open = self.open.entry(transfer).or_insert_with(|| Open { bytes: Vec::new(), len, since: now });
        open.since = now;
        if open.len != len || open.bytes.len() + part.len() > len {
            self.forget(transfer);
            return Err(Malformed);
        }
        open.bytes.extend_from_slice(part);
        self.bytes += part.len();
        if open.bytes.len() < len {
            return Ok(None);
        }
        Ok(self.forget(transfer).map(|open| open.bytes))
    }

    fn forget(&mut self, transfer: u64) -> Option<Open> {
        let open = self.open.remove(&transfer)?;
        self.bytes -= open.bytes.len();
        Some(open)
    }

    fn forget_old(&mut self, now: Instant) {
        self.open.retain(|_, open| now.saturating_duration_since(open.since) <= PATIENCE);
        self.bytes = self.open.values().map(|open| open.bytes.len()).sum();
    }
}
