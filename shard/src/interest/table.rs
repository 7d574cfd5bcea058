//! The subscriptions of one account on one shard, and what other shards told of theirs.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::matched::{Matched, Target};
use super::token::Token;
use super::trie::{NONE, NodeId, Trie};
use crate::shard_set::{ShardId, ShardSet};

/// Handle of a subscription of this shard.
pub type SubId = u32;
/// The owner of the server's own subscriptions: no connection.
pub const HOUSE: u32 = NONE - 1;
/// Handle of a queue name.
pub type QueueId = u32;
type GroupId = u32;

/// One subscription. It hangs in the list of its node (plain) or of its queue group.
pub struct Subscription {
    pub sid: Token,
    /// Messages given to it since it was made.
    pub delivered: u64,
    /// Index of its connection.
    pub owner: u32,
    /// Unsubscribe after this many messages; 0 means never. Of the server's own ones: who answers them.
    pub max: u32,
    pub role: Role,
    /// Deliveries are to be checked against its owner's permissions.
    pub filtered: bool,
    /// It is met, but not told of: its owner is on its way to another shard or from one, and who counts it there
    /// or here is told apart.
    pub uncounted: bool,
    /// The first of its shadows, or itself among them; `NONE` where the role is to be neither.
    pub shadow: u32,
    node: NodeId,
    group: GroupId,
    previous: SubId,
    next: SubId,
}

/// What a subscription has to do with imports of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing.
    Plain,
    /// It has shadows in other accounts.
    Master,
    /// It stands in this account for a subscription of another one.
    Shadow,
}

/// A queue name at one pattern.
struct Group {
    queue: QueueId,
    node: NodeId,
    /// Next group of the same node.
    next: GroupId,
    first: SubId,
    members: u32,
    /// Those among them that are not told of.
    uncounted: u32,
    remotes: Vec<(ShardId, u32)>,
}

impl Group {
    /// Members that others are told of.
    fn counted(&self) -> u32 {
        self.members - self.uncounted
    }
}

/// Beside a shard's id: members that it does not tell of itself.
const EXTRA: ShardId = 1 << 15;

struct Queue {
    name: Box<[u8]>,
    groups: u32,
}

/// A change that other shards must hear of: how many members this shard has now (for plain subscriptions:
/// 1 for some, 0 for none).
#[derive(Debug, PartialEq, Eq)]
pub struct Change<'a> {
    pub subject: &'a [u8],
    pub queue: Option<&'a [u8]>,
    pub count: u32,
}

#[derive(Default)]
pub struct Table {
    trie: Trie,
    subs: Vec<Subscription>,
    free_subs: Vec<SubId>,
    groups: Vec<Group>,
    free_groups: Vec<GroupId>,
    queues: Vec<Queue>,
    free_queues: Vec<QueueId>,
    queue_names: HashMap<Box<[u8]>, QueueId>,
    remote_sets: Vec<ShardSet>,
    free_remote_sets: Vec<u32>,
    hasher: DefaultHashBuilder,
    /// Groups met by the lookup under way.
    met: Vec<(QueueId, GroupId)>,
}

/// A connection's subscriptions by their ids.
#[derive(Default)]
pub struct Sids(HashTable<SubId>);

impl Sids {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn find(&self, table: &Table, sid: &[u8]) -> Option<SubId> {
        let hash = table.hasher.hash_one(sid);
        self.0.find(hash, |id| table.sub(*id).sid.as_bytes() == sid).copied()
    }

    pub fn insert(&mut self, table: &Table, sub: SubId) {
        let hash_of = |id: &SubId| table.hasher.hash_one(table.sub(*id).sid.as_bytes());
        self.0.insert_unique(hash_of(&sub), sub, hash_of);
    }

    pub fn remove(&mut self, table: &Table, sub: SubId) {
        let hash = table.hasher.hash_one(table.sub(sub).sid.as_bytes());
        if let Ok(entry) = self.0.find_entry(hash, |id| *id == sub) {
            entry.remove();
        }
        if self.0.is_empty() {
            self.0 = HashTable::new();
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = SubId> + '_ {
        self.0.iter().copied()
    }

    /// Takes all out, in an order that does not depend on the hasher's seed.
    pub fn take(&mut self) -> Vec<SubId> {
        let mut subs: Vec<SubId> = std::mem::take(&mut self.0).into_iter().collect();
        subs.sort_unstable();
        subs
    }
}

impl Table {
    #[inline]
    pub fn sub(&self, id: SubId) -> &Subscription {
        &self.subs[id as usize]
    }

    #[inline]
    pub fn sub_mut(&mut self, id: SubId) -> &mut Subscription {
        &mut self.subs[id as usize]
    }

    /// Subscriptions of this shard.
    pub fn len(&self) -> usize {
        self.subs.len() - self.free_subs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn queue_name(&self, queue: QueueId) -> &[u8] {
        &self.queues[queue as usize].name
    }

    pub fn queue(&self, name: &[u8]) -> Option<QueueId> {
        self.queue_names.get(name).copied()
    }

    /// Adds a subscription; the pattern must be valid.
    pub fn add(
        &mut self,
        owner: u32,
        pattern: &[u8],
        queue: Option<&[u8]>,
        sid: &[u8],
        tell: &mut dyn FnMut(Change<'_>),
    ) -> SubId {
        self.add_new((owner, true), pattern, queue, sid, tell)
    }

    /// The same for a member of a queue group that is not told of.
    pub fn add_uncounted(&mut self, owner: u32, pattern: &[u8], queue: &[u8], sid: &[u8]) -> SubId {
        self.add_new((owner, false), pattern, Some(queue), sid, &mut |_| {})
    }

    fn add_new(
        &mut self,
        (owner, counted): (u32, bool),
        pattern: &[u8],
        queue: Option<&[u8]>,
        sid: &[u8],
        tell: &mut dyn FnMut(Change<'_>),
    ) -> SubId {
        let node = self.trie.insert(pattern);
        let group = queue.map_or(NONE, |name| self.group_at(node, name));
        let next = match group {
            NONE => self.trie.heads(node).plain,
            group => self.groups[group as usize].first,
        };
        let sub = Subscription {
            sid: Token::new(sid),
            delivered: 0,
            owner,
            max: 0,
            role: Role::Plain,
            filtered: false,
            uncounted: !counted,
            shadow: NONE,
            node,
            group,
            previous: NONE,
            next,
        };
        let id = place(&mut self.subs, &mut self.free_subs, sub);
        if next != NONE {
            self.subs[next as usize].previous = id;
        }
        self.set_first(node, group, id);
        if group != NONE {
            self.groups[group as usize].members += 1;
            self.groups[group as usize].uncounted += u32::from(!counted);
            tell(Change { subject: pattern, queue, count: self.groups[group as usize].counted() });
        } else if !self.list(next).any(|target| self.counts(target.sub)) {
            tell(Change { subject: pattern, queue: None, count: 1 });
        }
        id
    }

    fn counts(&self, sub: SubId) -> bool {
        !self.subs[sub as usize].uncounted
    }

    /// From now on a subscription is told of, or is not, though it is met all the same.
    pub fn set_counted(&mut self, id: SubId, counted: bool, tell: &mut dyn FnMut(Change<'_>)) {
        let Subscription { node, group, uncounted, .. } = self.subs[id as usize];
        if uncounted != counted {
            return;
        }
        self.subs[id as usize].uncounted = !counted;
        let subject = self.trie.pattern(node);
        if group != NONE {
            let record = &mut self.groups[group as usize];
            record.uncounted = if counted { record.uncounted - 1 } else { record.uncounted + 1 };
            let count = record.counted();
            let queue = &self.queues[record.queue as usize].name;
            return tell(Change { subject: &subject, queue: Some(queue), count });
        }
        let first = self.trie.heads(node).plain;
        let others = self.list(first).any(|target| target.sub != id && self.counts(target.sub));
        if !others {
            tell(Change { subject: &subject, queue: None, count: u32::from(counted) });
        }
    }

    /// One more member of a queue group than a shard tells of, or one less.
    pub fn add_extra(&mut self, shard: ShardId, subject: &[u8], queue: &[u8], add: bool) {
        let node = self.trie.insert(subject);
        let group = self.group_at(node, queue);
        let remotes = &mut self.groups[group as usize].remotes;
        let extra = shard | EXTRA;
        match remotes.iter().position(|(other, _)| *other == extra) {
            Some(place) if add => remotes[place].1 += 1,
            Some(place) if remotes[place].1 > 1 => remotes[place].1 -= 1,
            Some(place) => drop(remotes.swap_remove(place)),
            None if add => remotes.push((extra, 1)),
            None => {}
        }
        self.drop_group_if_empty(group);
        self.trie.prune(node);
    }

    /// Removes a subscription. `tell` is called while its pattern still exists.
    pub fn remove(&mut self, id: SubId, tell: &mut dyn FnMut(Change<'_>)) {
        let Subscription { node, group, previous, next, uncounted, .. } = self.subs[id as usize];
        if next != NONE {
            self.subs[next as usize].previous = previous;
        }
        match previous {
            NONE => self.set_first(node, group, next),
            previous => self.subs[previous as usize].next = next,
        }
        if group != NONE {
            let record = &mut self.groups[group as usize];
            record.members -= 1;
            record.uncounted -= u32::from(uncounted);
            if !uncounted {
                let count = record.counted();
                let queue = &self.queues[record.queue as usize].name;
                tell(Change { subject: &self.trie.pattern(node), queue: Some(queue), count });
            }
            self.drop_group_if_empty(group);
        } else if !uncounted {
            let first = self.trie.heads(node).plain;
            if !self.list(first).any(|target| self.counts(target.sub)) {
                tell(Change { subject: &self.trie.pattern(node), queue: None, count: 0 });
            }
        }
        self.trie.prune(node);
        self.subs[id as usize].sid = Token::new(b"");
        self.subs[id as usize].owner = NONE;
        self.free_subs.push(id);
    }

    /// Tells all that this shard's subscriptions amount to, some of it more than once.
    pub fn tell_all(&self, tell: &mut dyn FnMut(Change<'_>)) {
        for id in 0..self.handles_end() {
            let Some(sub) = self.get(id) else { continue };
            let (pattern, queue) = (self.pattern(id), self.queue_of(id));
            let count = if sub.group == NONE { 1 } else { self.groups[sub.group as usize].counted() };
            if sub.uncounted {
                continue;
            }
            tell(Change { subject: &pattern, queue, count });
        }
    }

    /// One past the highest handle ever given out.
    pub fn handles_end(&self) -> SubId {
        self.subs.len() as SubId
    }

    /// The subscription of a handle, unless the handle is free.
    pub fn get(&self, id: SubId) -> Option<&Subscription> {
        self.subs.get(id as usize).filter(|sub| sub.owner != NONE)
    }

    /// Whether nothing at all is kept: no subscription, group, queue name, remote set or node.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn is_bare(&self) -> bool {
        self.is_empty()
            && self.trie.len() == 0
            && self.groups.len() == self.free_groups.len()
            && self.queue_names.is_empty()
            && self.queues.len() == self.free_queues.len()
            && self.remote_sets.len() == self.free_remote_sets.len()
    }

    /// The pattern of a subscription.
    pub fn pattern(&self, id: SubId) -> Vec<u8> {
        self.trie.pattern(self.sub(id).node)
    }

    /// The queue of a subscription.
    pub fn queue_of(&self, id: SubId) -> Option<&[u8]> {
        match self.sub(id).group {
            NONE => None,
            group => Some(self.queue_name(self.groups[group as usize].queue)),
        }
    }

    /// Notes what another shard said of its own interest.
    pub fn set_remote(&mut self, shard: ShardId, change: &Change<'_>) {
        match change.queue {
            None => self.set_remote_plain(shard, change.subject, change.count > 0),
            Some(queue) => self.set_remote_group(shard, change.subject, queue, change.count),
        }
    }

    /// Fills `matched` with everyone who wants the subject.
    pub fn matches(&mut self, subject: &[u8], matched: &mut Matched) {
        matched.clear();
        let mut met = std::mem::take(&mut self.met);
        met.clear();
        self.trie.matches(subject, &mut |node| {
            let heads = self.trie.heads(node);
            matched.plain.extend(self.list(heads.plain));
            if heads.remote != NONE {
                matched.shards = matched.shards.union(self.remote_sets[heads.remote as usize]);
            }
            let mut group = heads.group;
            while group != NONE {
                let Group { queue, next, .. } = self.groups[group as usize];
                met.push((queue, group));
                group = next;
            }
        });
        met.sort_unstable();
        for (queue, group) in &met {
            let group = &self.groups[*group as usize];
            let remotes = group.remotes.iter().map(|(shard, count)| (shard & !EXTRA, *count));
            matched.extend_group(*queue, self.list(group.first), remotes);
        }
        self.met = met;
    }

    fn list(&self, mut at: SubId) -> impl Iterator<Item = Target> + '_ {
        std::iter::from_fn(move || {
            if at == NONE {
                return None;
            }
            let sub = at;
            let Subscription { owner, next, .. } = self.subs[sub as usize];
            at = next;
            Some(Target { sub, owner })
        })
    }

    fn set_first(&mut self, node: NodeId, group: GroupId, first: SubId) {
        match group {
            NONE => self.trie.heads_mut(node).plain = first,
            group => self.groups[group as usize].first = first,
        }
    }

    fn set_remote_plain(&mut self, shard: ShardId, subject: &[u8], some: bool) {
        if some {
            let node = self.trie.insert(subject);
            if self.trie.heads(node).remote == NONE {
                let set = place(&mut self.remote_sets, &mut self.free_remote_sets, ShardSet::EMPTY);
                self.trie.heads_mut(node).remote = set;
            }
            self.remote_sets[self.trie.heads(node).remote as usize].insert(shard);
            return;
        }
        let Some(node) = self.trie.find(subject) else { return };
        let set = self.trie.heads(node).remote;
        if set == NONE {
            return;
        }
        self.remote_sets[set as usize].remove(shard);
        if self.remote_sets[set as usize].is_empty() {
            self.free_remote_sets.push(set);
            self.trie.heads_mut(node).remote = NONE;
            self.trie.prune(node);
        }
    }

    fn set_remote_group(&mut self, shard: ShardId, subject: &[u8], queue: &[u8], count: u32) {
        let node = self.trie.insert(subject);
        let group = self.group_at(node, queue);
        let remotes = &mut self.groups[group as usize].remotes;
        remotes.retain(|(other, _)| *other != shard);
        if count > 0 {
            remotes.push((shard, count));
        }
        self.drop_group_if_empty(group);
        self.trie.prune(node);
    }

    fn group_at(&mut self, node: NodeId, name: &[u8]) -> GroupId {
        let mut at = self.trie.heads(node).group;
        while at != NONE {
            let Group { queue, next, .. } = self.groups[at as usize];
            if self.queue_name(queue) == name {
                return at;
            }
            at = next;
        }
        let queue = self.intern(name);
        let next = self.trie.heads(node).group;
        let group = Group { queue, node, next, first: NONE, members: 0, uncounted: 0, remotes: Vec::new() };
        let id = place(&mut self.groups, &mut self.free_groups, group);
        self.trie.heads_mut(node).group = id;
        id
    }

    fn drop_group_if_empty(&mut self, id: GroupId) {
        let Group { queue, node, next, members, ref remotes, .. } = self.groups[id as usize];
        if members > 0 || !remotes.is_empty() {
            return;
        }
        let first = self.trie.heads(node).group;
        if first == id {
            self.trie.heads_mut(node).group = next;
        } else {
            let mut before = first;
            while self.groups[before as usize].next != id {
                before = self.groups[before as usize].next;
            }
            self.groups[before as usize].next = next;
        }
        self.groups[id as usize].remotes = Vec::new();
        self.free_groups.push(id);
        self.queues[queue as usize].groups -= 1;
        if self.queues[queue as usize].groups == 0 {
            let name = std::mem::take(&mut self.queues[queue as usize].name);
            self.queue_names.remove(&name);
            self.free_queues.push(queue);
        }
    }

    fn intern(&mut self, name: &[u8]) -> QueueId {
        if let Some(queue) = self.queue_names.get(name) {
            self.queues[*queue as usize].groups += 1;
            return *queue;
        }
        let queue = place(&mut self.queues, &mut self.free_queues, Queue { name: name.into(), groups: 1 });
        self.queue_names.insert(name.into(), queue);
        queue
    }
}

/// Puts a record in a free place, or a new one, and answers its handle.
fn place<T>(records: &mut Vec<T>, free: &mut Vec<u32>, record: T) -> u32 {
    match free.pop() {
        Some(id) => {
            records[id as usize] = record;
            id
        }
        None => {
            assert!(records.len() < NONE as usize, "handles are 32 bits wide");
            records.push(record);
            (records.len() - 1) as u32
        }
    }
}
