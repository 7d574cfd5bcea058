//! Accounts: how they are configured (snapshots in a directory, immutable), and one as one shard sees it.

pub mod directory;
pub mod imports;
pub mod mapping;
pub mod services;
pub mod shadows;
pub mod snapshot;
mod sources;
#[cfg(test)]
mod tests;
mod tree;

use std::sync::Arc;

use crate::inspection::SubscriptionFigures;
use crate::interest::{Interest, Matched, SubId, Table};
use crate::session::permissions::{Permissions, Verdicts};
use crate::shard_set::ShardSet;

pub use directory::{Directory, GLOBAL};
pub use imports::{Renaming, ServiceImport, StreamImport};
pub use services::ServiceImports;
pub use snapshot::Snapshot;

/// Handle of an account: its place in the snapshot every shard was given.
pub type AccountId = u32;

/// The account of connections that name none. Source: nats-server `const.go:DEFAULT_GLOBAL_ACCOUNT`.
pub const GLOBAL_ACCOUNT: &str = "$G";

pub struct Account {
    pub snapshot: Arc<Snapshot>,
    /// Where its connections live.
    pub members: ShardSet,
    /// Who is told of its interest: where it lives, and accounts that imports join it to.
    pub audience: ShardSet,
    /// It maps subjects to others.
    pub maps: bool,
    /// Messages of its own, and deliveries, since it was looked at last.
    pub work: u64,
    pub interest: Interest,
}

impl Account {
    pub fn new(snapshot: Arc<Snapshot>) -> Account {
        let (members, audience) = (ShardSet::EMPTY, ShardSet::EMPTY);
        let maps = !snapshot.mappings.is_empty();
        Account { snapshot, members, audience, maps, work: 0, interest: Interest::default() }
    }

    /// Another snapshot holds from now on.
    pub fn adopt(&mut self, snapshot: Arc<Snapshot>) {
        self.maps = !snapshot.mappings.is_empty();
        self.snapshot = snapshot;
        self.interest.forget_answers();
    }

    /// A connection counts among its own no more.
    pub fn leave(&self) {
        self.snapshot.clients.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }

    pub fn name(&self) -> &str {
        &self.snapshot.name
    }

    /// Everyone who wants a message on the subject, services of other accounts included, and what it is mapped
    /// to.
    #[inline]
    pub fn lookup(&mut self, subject: &[u8]) -> (&Matched, &mut Table) {
        let (matched, table) = self.interest.lookup(subject, &self.snapshot);
        (matched, table)
    }

    /// Whether permissions let a subject be published, responses apart. The answer is kept beside those who want
    /// the subject: for the next message both are found in one place.
    #[inline]
    pub fn may_publish(
        &mut self,
        permissions: &Permissions,
        verdicts: &mut Verdicts,
        subject: &[u8],
    ) -> bool {
        let (matched, _) = self.interest.lookup(subject, &self.snapshot);
        if matched.judged_by != permissions.number() {
            matched.may_publish = verdicts.may_publish(permissions, subject);
            matched.judged_by = permissions.number();
        }
        matched.may_publish
    }

    /// One of its subscriptions, as monitoring shows it.
    pub fn subscription(&self, sub: SubId, cid: u64) -> SubscriptionFigures {
        let table = &self.interest.table;
        let record = table.sub(sub);
        SubscriptionFigures {
            account: self.name().into(),
            subject: table.pattern(sub).into(),
            queue: table.queue_of(sub).map(Into::into),
            sid: record.sid.as_bytes().into(),
            delivered: record.delivered,
            max: record.max,
            cid,
        }
    }
}
