//! A connected socket, whichever driver it belongs to.

use std::os::fd::OwnedFd;

/// Movable between shards.
#[derive(Debug)]
pub enum Socket {
    Fd(OwnedFd),
    /// A connection of the simulated driver.
    Sim(u32),
}

impl Socket {
    /// The descriptor of a real socket.
    pub fn into_fd(self) -> OwnedFd {
        match self {
            Socket::Fd(fd) => fd,
            Socket::Sim(id) => unreachable!("simulated socket {id} given to a real driver"),
        }
    }
}
