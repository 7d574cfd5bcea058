//! Who a connection is and where it stands. A connection is a plain movable value: nothing in it belongs to
//! a shard's kernel or thread, so it can be handed to another shard.

pub mod admission;
pub mod closed;
pub mod connection;
pub mod permissions;
pub mod table;
pub mod transit;

use std::net::SocketAddr;
use std::sync::Arc;

pub use closed::ClosedConnections;
pub use connection::{Connection, Pause};
pub use table::Connections;
pub use transit::Transit;

use crate::account::Directory;
use crate::driver::Socket;

/// A connection on its way to the shard that will keep it.
pub struct Handover {
    pub socket: Socket,
    pub peer: SocketAddr,
    /// `None`: accepted this moment, nothing was said yet.
    pub connection: Option<Moved>,
}

/// What a connection that moves was last judged by.
pub struct Moved {
    pub connection: Box<Connection>,
    pub directory: Arc<Directory>,
    /// How many directories the shard it comes from had adopted; every shard adopts the same.
    pub adopted: u64,
}
