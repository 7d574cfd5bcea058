//! A connected socket, whichever driver it belongs to.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::SendFlags;

use crate::deliver::Batch;

/// Movable between shards.
#[derive(Debug)]
pub enum Socket {
    Fd(OwnedFd),
    #[cfg(test)]
    Sim(super::sim::Plug),
}

impl Socket {
    /// The descriptor of a real socket.
    pub fn into_fd(self) -> OwnedFd {
        match self {
            Socket::Fd(fd) => fd,
            #[cfg(test)]
            Socket::Sim(plug) => unreachable!("{plug:?} given to a real driver"),
        }
    }
}

/// Gives the kernel as much of a batch in one piece as it takes without waiting: bytes.
pub(super) fn send_at_once(fd: &OwnedFd, batch: &Batch) -> io::Result<usize> {
    if !batch.rest.is_empty() {
        return Ok(0);
    }
    Ok(rustix::net::send(fd, &batch.first, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
}
