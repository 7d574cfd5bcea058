//! One account as one shard sees it.

use crate::interest::Interest;
use crate::shard_set::ShardSet;

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
