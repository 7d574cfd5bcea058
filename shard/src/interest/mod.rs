//! Who wants this subject: the subscriptions of one account on one shard, what other shards said of theirs,
//! and a cache of answers. Hot path: a lookup that hits allocates nothing, nor does one that misses once its
//! vectors have grown.

mod cache;
mod matched;
mod table;
mod token;
mod trie;

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

pub use matched::{GroupMatch, Matched, Target};
pub use table::{Change, HOUSE, QueueId, Role, Sids, SubId, Subscription, Table};
pub use trie::NONE;

use crate::account::Snapshot;
use crate::inspection::InterestFigures;
use crate::shard_set::ShardId;
use crate::subject;

/// The interest of one account, as one shard sees it. Each account has its own: isolation is structural.
#[derive(Default)]
pub struct Interest {
    pub table: Table,
    cache: cache::Cache,
    hasher: DefaultHashBuilder,
    /// Subscriptions of this shard that came, and went.
    inserts: u64,
    removes: u64,
}

impl Interest {
    /// Adds a subscription of this shard; the pattern must be valid. `tell` hears what others must know.
    pub fn add(
        &mut self,
        owner: u32,
        pattern: &[u8],
        queue: Option<&[u8]>,
        sid: &[u8],
        tell: &mut dyn FnMut(Change<'_>),
    ) -> SubId {
        self.void(pattern);
        self.inserts += 1;
        self.table.add(owner, pattern, queue, sid, tell)
    }

    /// See `Table::add_uncounted`.
    pub fn add_uncounted(&mut self, owner: u32, pattern: &[u8], queue: &[u8], sid: &[u8]) -> SubId {
        self.void(pattern);
        self.inserts += 1;
        self.table.add_uncounted(owner, pattern, queue, sid)
    }

    /// Removes a subscription of this shard.
    pub fn remove(&mut self, sub: SubId, tell: &mut dyn FnMut(Change<'_>)) {
        let pattern = self.table.pattern(sub);
        self.void(&pattern);
        self.removes += 1;
        self.table.remove(sub, tell);
    }

    /// See `Table::set_counted`.
    pub fn set_counted(&mut self, sub: SubId, counted: bool, tell: &mut dyn FnMut(Change<'_>)) {
        self.table.set_counted(sub, counted, tell);
    }

    /// See `Table::add_extra`.
    pub fn add_extra(&mut self, shard: ShardId, subject: &[u8], queue: &[u8], add: bool) {
        self.void(subject);
        self.table.add_extra(shard, subject, queue, add);
    }

    /// Notes what another shard said of its own interest.
    pub fn set_remote(&mut self, shard: ShardId, change: &Change<'_>) {
        self.void(change.subject);
        self.table.set_remote(shard, change);
    }

    /// Everyone who wants the subject, beside the table the answer's handles belong to. The snapshot is the
    /// account's: `forget_answers` when it changes.
    #[inline]
    pub fn lookup(&mut self, subject: &[u8], snapshot: &Snapshot) -> (&mut Matched, &mut Table) {
        let hash = self.hasher.hash_one(subject);
        let table = &mut self.table;
        let matched = self.cache.lookup(subject, hash, |matched| {
            table.matches(subject, matched);
            snapshot.find(subject, matched);
        });
        (matched, table)
    }

    /// What was answered so far may be wrong now.
    pub fn forget_answers(&mut self) {
        self.cache.void_all();
    }

    /// Places of its cache.
    pub fn kept(&self) -> usize {
        self.cache.places()
    }

    /// What this shard knows of the account's interest, in figures; looks through the whole cache.
    pub fn figures(&self) -> InterestFigures {
        let mut figures = InterestFigures {
            subscriptions: self.table.len(),
            inserts: self.inserts,
            removes: self.removes,
            lookups: self.cache.lookups,
            hits: self.cache.hits,
            ..InterestFigures::default()
        };
        for matched in self.cache.answers() {
            let fanout = matched.plain.len() + matched.groups.len();
            figures.cached += 1;
            figures.fanout_total += fanout;
            figures.fanout_max = figures.fanout_max.max(fanout);
        }
        figures
    }

    fn void(&mut self, pattern: &[u8]) {
        if subject::is_literal(pattern) {
            let hash = self.hasher.hash_one(pattern);
            self.cache.void(hash);
        } else {
            self.cache.void_all();
        }
    }
}
