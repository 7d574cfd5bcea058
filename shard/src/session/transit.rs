//! A connection on its way from one shard to another while it runs, as both see it. For a while it has subscriptions on
//! both. Of each shard's messages the old one gives it those before that shard's *cut*, the new one those behind it.

use std::sync::Arc;

use crate::account::AccountId;
use crate::driver::Socket;
use crate::interest::SubId;
use crate::proto::text::Reason;
use crate::session::Connection;
use crate::session::permissions::Permissions;
use crate::shard_set::{ShardId, ShardSet};
use crate::slot::Slot;

/// Which of the two it is.
pub enum Transit {
    Leaving(Leaving),
    Guest(Guest),
}

/// The connection itself, on the shard it leaves.
pub struct Leaving {
    pub to: ShardId,
    /// What stands for it there, once that is prepared.
    pub guest: Option<Slot>,
    /// Shards whose messages it gets there from now on.
    pub cut: ShardSet,
    /// Shards whose cut is awaited.
    pub awaited: ShardSet,
    /// Its socket, once nothing is under way on it.
    pub socket: Option<Socket>,
    /// Why it is to be closed where it goes.
    pub doomed: Option<Reason>,
}

/// What stands for it on the shard it goes to.
pub struct Guest {
    pub from: ShardId,
    /// The connection, there.
    pub mover: Slot,
    pub cut: ShardSet,
    /// Messages for it, to be given to it when it comes.
    pub held: Vec<Held>,
    pub held_bytes: usize,
    /// It has more than it may have waiting.
    pub is_slow: bool,
    /// What passed with it, once this shard was told.
    pub passed: Arc<[Passed]>,
    /// It is here, but some shard's cut is not.
    pub arrival: Option<Box<Arrival>>,
}

/// A message that waits for its reader.
pub struct Held {
    pub account: AccountId,
    pub sub: SubId,
    pub from: ShardId,
    pub subject: Box<[u8]>,
    pub reply_len: usize,
    pub header_len: Option<u32>,
    pub tail: bytes::Bytes,
    pub is_imported: bool,
}

/// A subscription as it is taken along.
pub struct Luggage {
    pub pattern: Vec<u8>,
    pub queue: Option<Vec<u8>>,
    pub sid: Vec<u8>,
    pub filtered: bool,
}

/// What the two shards say to each other about it.
pub enum Transfer {
    /// Make ready for it.
    Prepare {
        mover: Slot,
        cid: u64,
        peer: std::net::SocketAddr,
        account: AccountId,
        permissions: Option<Arc<Permissions>>,
        luggage: Vec<Luggage>,
    },
    /// All is ready, and every shard knows.
    Prepared { mover: Slot, guest: Slot },
    /// From now on what the receiver has for it goes to its guest: all at once, so that the receiver never knows
    /// half of it.
    Switch { mover: Slot, to: ShardId, guest: Slot, changes: Arc<[Passed]> },
    /// It does not come.
    Abandon { guest: Slot },
    /// Here it is.
    Arrive(Box<Arrival>),
}

/// A subscription that passes from one shard to another.
pub struct Passed {
    pub account: AccountId,
    pub subject: Vec<u8>,
    pub queue: Option<Vec<u8>>,
    /// What the old shard tells of from now on.
    pub count: u32,
}

pub struct Arrival {
    pub guest: Slot,
    pub socket: Socket,
    pub connection: Box<Connection>,
    /// Subscriptions by their ids, with what they have had and may have.
    pub counts: Vec<(Vec<u8>, u64, u32)>,
    pub doomed: Option<Reason>,
}

impl Connection {
    pub fn is_guest(&self) -> bool {
        matches!(self.transit.as_deref(), Some(Transit::Guest(_)))
    }

    pub fn is_leaving(&self) -> bool {
        matches!(self.transit.as_deref(), Some(Transit::Leaving(_)))
    }
}
