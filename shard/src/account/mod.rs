//! Accounts: how they are configured (snapshots in a directory, immutable), and one as one shard sees it.

pub mod directory;
pub mod imports;
pub mod mapping;
pub mod snapshot;
#[cfg(test)]
mod tests;

use crate::inspection::SubscriptionFigures;
use crate::interest::{Interest, SubId};
use crate::shard_set::ShardSet;

pub use directory::{Directory, GLOBAL};
pub use imports::{Renaming, ServiceImport, StreamImport};
pub use snapshot::Snapshot;

/// Handle of an account: its place in the snapshot every shard was given.
pub type AccountId = u32;

/// The account of connections that name none. Source: nats-server `const.go:DEFAULT_GLOBAL_ACCOUNT`.
pub const GLOBAL_ACCOUNT: &str = "$G";

pub struct Account {
    pub name: String,
    /// Where its connections live; interest is told among these alone.
    pub members: ShardSet,
    pub interest: Interest,
}

impl Account {
    /// One of its subscriptions, as monitoring shows it.
    pub fn subscription(&self, sub: SubId, cid: u64) -> SubscriptionFigures {
        let table = &self.interest.table;
        let record = table.sub(sub);
        SubscriptionFigures {
            account: self.name.as_str().into(),
            subject: table.pattern(sub).into(),
            queue: table.queue_of(sub).map(Into::into),
            sid: record.sid.as_bytes().into(),
            delivered: record.delivered,
            max: record.max,
            cid,
        }
    }
}
