//! The shard's face to the kernel: accept, receive, send, wake, clock. Completion style: the shard says what
//! it wants, `wait` says what happened. One turn of the shard is one `wait`.
//!
//! Promises of every body:
//! - what was received of one connection comes in order, and before the connection's `Ended`;
//! - one send per connection at a time; its batch comes back in `Sent`, whole sent or failed;
//! - after `close` come whatever events were under way and at last `Closed`; only then may the slot be used
//!   again. After `detach` likewise, with `Detached` at the end and everything received before it.

mod buffers;
pub mod epoll;
mod flight;
#[cfg(test)]
pub mod sim;
mod socket;
pub mod uring;

use std::io;
use std::net::SocketAddr;

pub use socket::Socket;

use crate::deliver::Batch;
use crate::slot::Slot;

/// Bytes of a piece that is small: whoever sends such waits for an answer rather than floods.
pub const SMALL_BYTES_MAX: u32 = 512;

/// Bytes received, in a buffer of the driver's: read with `bytes`, to be given back with `release`.
#[derive(Debug)]
pub struct Piece {
    pub buffer: u16,
    pub len: u32,
}

/// What happened.
pub enum Event {
    Accepted {
        socket: Socket,
        peer: SocketAddr,
    },
    /// Accepting failed; it goes on after `listen(true)` is called again.
    AcceptFailed(io::Error),
    Received {
        slot: Slot,
        piece: Piece,
    },
    /// The peer sends no more, or receiving failed.
    Ended {
        slot: Slot,
        error: Option<io::Error>,
    },
    Sent {
        slot: Slot,
        batch: Batch,
        result: io::Result<()>,
    },
    Closed {
        slot: Slot,
    },
    Detached {
        slot: Slot,
        socket: Socket,
    },
}

/// How long `wait` may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    Poll,
    /// Until something happens, or this moment of `now`, or someone rings.
    Until(Option<u64>),
}

/// One shard's kernel.
pub trait Driver {
    /// Starts or stops accepting.
    fn listen(&mut self, on: bool);
    /// Takes a socket and starts receiving from it.
    fn open(&mut self, slot: Slot, socket: Socket);
    /// Stops receiving; what is under way still comes.
    fn pause(&mut self, slot: Slot);
    fn resume(&mut self, slot: Slot);
    /// Sends a batch. With `prompt` all of it may be given to the kernel at once: then it is answered back, and
    /// no `Sent` comes.
    fn send(&mut self, slot: Slot, batch: Batch, prompt: bool) -> Option<Batch>;
    /// Tells the peer that nothing more will be sent, after what was.
    fn finish(&mut self, slot: Slot);
    fn close(&mut self, slot: Slot);
    /// Gives the socket back once nothing is under way on it.
    fn detach(&mut self, slot: Slot);
    /// Starts all that was asked for, waits, and appends what happened.
    fn wait(&mut self, wait: Wait, events: &mut Vec<Event>) -> io::Result<()>;
    fn bytes(&self, piece: &Piece) -> &[u8];
    fn release(&mut self, piece: Piece);
    /// Nanoseconds since some fixed moment; read once per turn.
    fn now(&self) -> u64;
}

/// Nanoseconds of the monotonic clock.
pub fn monotonic() -> u64 {
    read(rustix::time::ClockId::Monotonic)
}

/// Nanoseconds the calling thread has used of its CPU.
pub(crate) fn thread_cpu() -> u64 {
    read(rustix::time::ClockId::ThreadCPUTime)
}

fn read(clock: rustix::time::ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
