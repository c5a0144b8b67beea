//! Messages to and from other nodes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::{ask, part, spread};
use crate::search::cluster::message::{Assembly, LONGEST, Message, pieces};
use crate::server::api::{self, Context};
use crate::server::pools;

static TRANSFERS: AtomicU64 = AtomicU64::new(1);
static ASSEMBLY: Mutex<Option<Assembly>> = Mutex::new(None);
/// Whether the log has been told of bytes that make no sense.
static COMPLAINED: AtomicBool = AtomicBool::new(false);

/// Sends a message to a node; false if it cannot be sent.
pub fn send(ctx: &Context, node: &[u8], message: &Message) -> bool {
    send_bytes(ctx, node, &message.write())
}

/// Sends the bytes of a message. Under the server's lock.
pub fn send_bytes(ctx: &Context, node: &[u8], bytes: &[u8]) -> bool {
    let transfer = TRANSFERS.fetch_add(1, Ordering::Relaxed);
    bytes.len() <= LONGEST && pieces(transfer, bytes).all(|piece| ctx.send_to_node(node, &piece))
}

/// Longer messages are read in the pool.
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
        Ok(Some(bytes)) if bytes.len() <= LONG => match Message::read(&bytes) {
            Ok(message) => take(ctx, &sender, message),
            Err(_) => complain(&sender),
        },
        Ok(Some(bytes)) => pools::queries().spawn(Box::new(move || match Message::read(&bytes) {
            Ok(message) => api::with_lock(|ctx| take(ctx, &sender, message)),
            Err(_) => complain(&sender),
        })),
    }
}

fn take(ctx: &Context, sender: &[u8], message: Message) {
    match message {
        Message::Ask { id, ask } => part::answer(ctx, sender.to_vec(), id, ask),
        Message::Answer { id, answer } => ask::answered(ctx, sender, id, answer),
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
