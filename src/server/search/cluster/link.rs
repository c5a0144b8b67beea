//! Sends and receives messages of other nodes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Instant;

use super::{ask, part, spread};
use crate::search::cluster::message::{Assembly, LONGEST, Message, piece, pieces};
use crate::server::api::{self, Context};
use crate::server::pools;

static ASSEMBLY: Mutex<Option<Assembly>> = Mutex::new(None);
/// Whether invalid bytes have been logged.
static COMPLAINED: AtomicBool = AtomicBool::new(false);

/// A unique request number, unlikely to repeat one from before a restart: late answers to those may still arrive.
pub fn number() -> u64 {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(rand::random::<u64>() >> 1 | 1));
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Sends a message to a node; false if it cannot be sent.
pub fn send(ctx: &Context, node: &[u8], message: &Message) -> bool {
    send_bytes(ctx, node, &message.write())
}

/// Sends the bytes of a message. Under the server's lock.
pub fn send_bytes(ctx: &Context, node: &[u8], bytes: &[u8]) -> bool {
    Circular::new(bytes).send(ctx, node)
}

/// A message to several nodes.
#[derive(Default)]
pub struct Circular(Vec<Vec<u8>>);

impl Circular {
    /// A message that is longer than other nodes accept is not sent.
    pub fn new(bytes: &[u8]) -> Circular {
        Circular(if bytes.len() <= LONGEST { pieces(number(), bytes).collect() } else { Vec::new() })
    }

    /// Sends it to a node, once; false if it cannot be sent. Under the server's lock.
    pub fn send(&self, ctx: &Context, node: &[u8]) -> bool {
        !self.0.is_empty() && self.0.iter().all(|piece| ctx.send_to_node(node, piece))
    }
}

/// A message that is being sent to a node.
pub struct Sending {
    node: Vec<u8>,
    bytes: Vec<u8>,
    transfer: u64,
    /// The number of the next piece.
    next: usize,
}

/// Pieces that are sent in one go.
const AT_ONCE: usize = 4;

impl Sending {
    pub fn new(node: Vec<u8>, bytes: Vec<u8>) -> Sending {
        Sending { node, bytes, transfer: number(), next: 0 }
    }

    /// Sends some pieces; whether there are more. Under the server's lock.
    pub fn go_on(&mut self, ctx: &Context) -> bool {
        for _ in 0..AT_ONCE {
            let Some(piece) = piece(self.transfer, &self.bytes, self.next) else { return false };
            // A node that is gone needs no more of it.
            if !ctx.send_to_node(&self.node, &piece) {
                return false;
            }
            self.next += 1;
        }
        true
    }
}

/// Longer messages are decoded in the pool.
const LONG: usize = 16 << 10;

/// Takes a piece of a message.
pub fn receive(ctx: &Context, sender: &[u8], piece: &[u8]) {
    let taken = {
        let mut assembly = ASSEMBLY.lock().unwrap_or_else(|e| e.into_inner());
        assembly.get_or_insert_with(Assembly::default).take(sender, piece, Instant::now())
    };
    let sender = sender.to_vec();
    match taken {
        Ok(None) => {}
        Err(_) => complain(&sender),
        // From a node that was not asked, or too late: need not be decoded.
        Ok(Some(bytes)) if Message::answered(&bytes).is_some_and(|id| !ask::awaits(&sender, id)) => {}
        Ok(Some(bytes)) if bytes.len() <= LONG => match Message::read(&bytes) {
            Ok(message) => take(ctx, &sender, message, bytes.len()),
            Err(_) => complain(&sender),
        },
        Ok(Some(bytes)) => pools::queries().spawn(Box::new(move || match Message::read(&bytes) {
            Ok(message) => api::with_lock(|ctx| take(ctx, &sender, message, bytes.len())),
            Err(_) => complain(&sender),
        })),
    }
}

fn take(ctx: &Context, sender: &[u8], message: Message, bytes: usize) {
    match message {
        Message::Ask { id, ask } => part::answer(ctx, sender.to_vec(), id, ask),
        Message::Answer { id, answer } => ask::answered(ctx, sender, id, answer, bytes),
        Message::Digest(digest) => spread::compare(ctx, sender, digest),
        Message::Definitions { id, asks, definitions } => spread::learn(ctx, sender, id, asks, definitions),
        Message::Acknowledged(id) => spread::acknowledged(sender, id),
    }
}

fn complain(sender: &[u8]) {
    if !COMPLAINED.swap(true, Ordering::Relaxed) {
        let text = format!(
            "vectorset: node {} sends messages that are not understood; is its module of another version?",
            sender.escape_ascii()
        );
        api::log(std::ptr::null_mut(), c"warning", &text);
    }
}
