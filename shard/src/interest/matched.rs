//! What one lookup answers: everyone who wants a message on a subject.

use super::table::{QueueId, SubId};
use crate::shard_set::{ShardId, ShardSet};

/// One subscription of this shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub sub: SubId,
    /// Index of its connection.
    pub owner: u32,
}

/// One queue group, merged over all patterns that match: the same queue name is one group, whatever the
/// patterns. Source: nats-server `sublist.go:addNodeToResults`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupMatch {
    pub queue: QueueId,
    members: (u32, u32),
    remotes: (u32, u32),
    /// Members over all other shards.
    pub remote_weight: u32,
}

/// The answer of a lookup. Its vectors are reused from lookup to lookup.
#[derive(Default, Debug)]
pub struct Matched {
    pub plain: Vec<Target>,
    /// Other shards with plain subscriptions.
    pub shards: ShardSet,
    pub groups: Vec<GroupMatch>,
    /// Services of other accounts that are asked: places among the account's service imports.
    pub services: Vec<u32>,
    /// The account's mapping that applies: its place.
    pub mapping: Option<u32>,
    /// Whether some permissions, by their number, let this subject be published; the number is 0 before anybody
    /// asked.
    pub judged_by: u64,
    pub may_publish: bool,
    members: Vec<Target>,
    remotes: Vec<(ShardId, u32)>,
}

impl Matched {
    pub fn clear(&mut self) {
        self.plain.clear();
        self.shards = ShardSet::EMPTY;
        self.groups.clear();
        self.services.clear();
        self.mapping = None;
        self.judged_by = 0;
        self.members.clear();
        self.remotes.clear();
    }

    /// Members of a group on this shard.
    pub fn members(&self, group: &GroupMatch) -> &[Target] {
        &self.members[group.members.0 as usize..group.members.1 as usize]
    }

    /// Member counts of a group on other shards.
    pub fn remotes(&self, group: &GroupMatch) -> &[(ShardId, u32)] {
        &self.remotes[group.remotes.0 as usize..group.remotes.1 as usize]
    }

    /// Every subscription of this shard, queue groups included.
    pub fn all(&self) -> impl Iterator<Item = Target> + '_ {
        self.plain.iter().chain(&self.members).copied()
    }

    pub fn group(&self, queue: QueueId) -> Option<&GroupMatch> {
        self.groups.iter().find(|group| group.queue == queue)
    }

    /// Adds members to the group of a queue; calls for one queue must be adjacent.
    pub(super) fn extend_group(
        &mut self,
        queue: QueueId,
        members: impl Iterator<Item = Target>,
        remotes: impl Iterator<Item = (ShardId, u32)>,
    ) {
        if self.groups.last().is_none_or(|group| group.queue != queue) {
            let members = (self.members.len() as u32, self.members.len() as u32);
            let remotes = (self.remotes.len() as u32, self.remotes.len() as u32);
            self.groups.push(GroupMatch { queue, members, remotes, remote_weight: 0 });
        }
        self.members.extend(members);
        let before = self.remotes.len();
        self.remotes.extend(remotes);
        let weight = self.remotes[before..].iter().map(|(_, count)| count).sum::<u32>();
        let group = self.groups.last_mut().expect("just pushed");
        group.members.1 = self.members.len() as u32;
        group.remotes.1 = self.remotes.len() as u32;
        group.remote_weight += weight;
    }
}
