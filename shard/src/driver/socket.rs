//! A connected socket, whichever driver it belongs to.

use std::os::fd::OwnedFd;

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
