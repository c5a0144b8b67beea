//! The cluster: its nodes as the server knows them, and messages to this module on other nodes.

use std::ffi::CString;
use std::os::raw::{c_char, c_uchar};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use crate::server::raw;

use super::{Called, Context, api, log};

/// Bytes of a node's id.
const ID: usize = raw::REDISMODULE_NODE_ID_LEN as usize;
/// The message type of this module.
const KIND: u8 = 1;

type Receiver = fn(&Context, &[u8], &[u8]);

static RECEIVER: OnceLock<Receiver> = OnceLock::new();

impl Context<'_> {
    /// Whether the server is a node of a cluster.
    pub fn is_in_cluster(&self) -> bool {
        self.flags() & raw::REDISMODULE_CTX_FLAGS_CLUSTER != 0
    }

    /// The text of CLUSTER NODES.
    ///
    /// # Errors
    /// Why the server does not report it.
    pub fn cluster_nodes(&self) -> Result<Vec<u8>, Vec<u8>> {
        self.call("CLUSTER", &["NODES"], Called::default()).map(|reply| reply.text().to_vec())
    }

    /// Sends a message to this module on another node; false if there is no link to it. Under the server's lock.
    pub fn send_to_node(&self, id: &[u8], message: &[u8]) -> bool {
        let (Ok(id), Ok(len)) = (CString::new(id), u32::try_from(message.len())) else { return false };
        let bytes = message.as_ptr().cast::<c_char>();
        let sent = api!(RedisModule_SendClusterMessage(self.ptr, id.as_ptr(), KIND, bytes, len));
        sent == Some(raw::REDISMODULE_OK as i32)
    }

    /// Calls `receiver` on the main thread with the sender's id and the bytes of each message.
    pub fn receive_from_nodes(&self, receiver: Receiver) {
        if RECEIVER.set(receiver).is_ok() {
            api!(RedisModule_RegisterClusterMessageReceiver(self.ptr, KIND, Some(on_message)));
        }
    }
}

unsafe extern "C" fn on_message(
    ctx: *mut raw::RedisModuleCtx,
    sender: *const c_char,
    _kind: u8,
    message: *const c_uchar,
    len: u32,
) {
    if sender.is_null() || message.is_null() {
        return;
    }
    // SAFETY: the server's context, id and bytes live during this call; an id has that many bytes and no end mark.
    let (ctx, sender, message) = unsafe {
        let bytes = std::slice::from_raw_parts(message, len as usize);
        (Context::new(ctx), std::slice::from_raw_parts(sender.cast::<u8>(), ID), bytes)
    };
    let Some(receiver) = RECEIVER.get() else { return };
    if catch_unwind(AssertUnwindSafe(|| receiver(&ctx, sender, message))).is_err() {
        log(std::ptr::null_mut(), c"warning", "vectorset: a message of another node was lost: a bug; please report it");
    }
}
