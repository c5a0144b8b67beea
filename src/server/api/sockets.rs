//! The server's connections to other nodes, which the module API does not expose.

use std::mem::ManuallyDrop;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{FromRawFd, RawFd};

/// The open file descriptors of this process.
pub fn open_files() -> Vec<RawFd> {
    let entries = std::fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn stream(file: RawFd) -> ManuallyDrop<TcpStream> {
    // SAFETY: never closed here. All that is done with it are calls that fail where the number is no connection (any more).
    ManuallyDrop::new(unsafe { TcpStream::from_raw_fd(file) })
}

/// The peer's address of a TCP connection; None for other files.
pub fn peer(file: RawFd) -> Option<SocketAddr> {
    let peer = stream(file).peer_addr().ok()?;
    Some(SocketAddr::new(peer.ip().to_canonical(), peer.port()))
}

/// Whether a TCP connection has TCP_NODELAY.
pub fn sends_at_once(file: RawFd) -> bool {
    stream(file).nodelay().unwrap_or(false)
}

/// Sets TCP_NODELAY on a TCP connection.
pub fn send_at_once(file: RawFd) {
    let _ = stream(file).set_nodelay(true);
}
