//! The interest of an account against a naive model: patterns, queues and shards come and go, subjects are looked up.

use std::collections::{BTreeMap, BTreeSet};

use super::Choices;
use super::subjects::matches;
use crate::account::Snapshot;
use crate::interest::{Change, Interest, SubId};
use crate::shard_set::ShardId;

/// The bytes are choices of what to do next. At the end everything is taken away and nothing is left.
pub fn interest(data: &[u8]) {
    let mut choices = Choices(data);
    let mut interest = Interest::default();
    let mut model = Model::default();
    let mut told: BTreeMap<(String, Option<String>), u32> = BTreeMap::new();
    let mut hear = |change: Change<'_>| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        told.insert((text(change.subject), change.queue.map(text)), change.count);
    };
    while !choices.is_exhausted() {
        step(&mut choices, &mut interest, &mut model, &mut hear);
    }
    for sub in model.local.keys() {
        interest.remove(*sub, &mut hear);
    }
    for (shard, pattern, queue) in model.remote.keys() {
        let queue = queue.as_ref().map(|name| name.as_bytes());
        interest.set_remote(*shard, &Change { subject: pattern.as_bytes(), queue, count: 0 });
    }
    assert!(told.values().all(|count| *count == 0), "every announcement was taken back");
    assert!(interest.table.is_bare(), "something was left behind");
}

fn step(
    choices: &mut Choices<'_>,
    interest: &mut Interest,
    model: &mut Model,
    hear: &mut impl FnMut(Change<'_>),
) {
    let what = choices.below(6);
    let pattern = subject(choices, true);
    let queue = [None, None, Some("q"), Some("r")][choices.below(4)];
    let queue_bytes = queue.map(str::as_bytes);
    match what {
        0 | 1 if crate::subject::is_valid_pattern(pattern.as_bytes()) => {
            let sub = interest.add(0, pattern.as_bytes(), queue_bytes, b"1", hear);
            model.local.insert(sub, (pattern, queue.map(str::to_owned)));
        }
        2 if !model.local.is_empty() => {
            let sub = *model.local.keys().nth(choices.below(model.local.len())).unwrap();
            model.local.remove(&sub);
            interest.remove(sub, hear);
        }
        3 if crate::subject::is_valid_pattern(pattern.as_bytes()) => {
            let shard = 1 + choices.below(3) as ShardId;
            let count = if queue.is_some() { choices.below(4) } else { choices.below(2) } as u32;
            let change = Change { subject: pattern.as_bytes(), queue: queue_bytes, count };
            interest.set_remote(shard, &change);
            let key = (shard, pattern, queue.map(str::to_owned));
            if count > 0 {
                model.remote.insert(key, count);
            } else {
                model.remote.remove(&key);
            }
        }
        _ => {
            let subject = subject(choices, false);
            check(interest, model, &subject);
            check(interest, model, &subject);
        }
    }
}

fn subject(choices: &mut Choices<'_>, wildcards: bool) -> String {
    let tokens = 1 + choices.below(4);
    let mut subject = Vec::new();
    for at in 0..tokens {
        subject.push(match choices.below(if wildcards { 8 } else { 5 }) {
            0 => "a",
            1 => "b",
            2 => "c",
            3 => "a-long-token-on-the-heap",
            4 => "",
            7 if at + 1 == tokens => ">",
            _ => "*",
        });
    }
    subject.join(".")
}

type Member = (String, Option<String>);

#[derive(Default)]
struct Model {
    local: BTreeMap<SubId, Member>,
    remote: BTreeMap<(ShardId, String, Option<String>), u32>,
}

impl Model {
    fn plain(&self, subject: &str) -> BTreeSet<SubId> {
        let wanted = |member: &Member| member.1.is_none() && matches(member.0.as_bytes(), subject.as_bytes());
        self.local.iter().filter(|(_, member)| wanted(member)).map(|(id, _)| *id).collect()
    }

    fn shards(&self, subject: &str) -> BTreeSet<ShardId> {
        let plain = self
            .remote
            .keys()
            .filter(|(_, pattern, queue)| queue.is_none() && matches(pattern.as_bytes(), subject.as_bytes()));
        plain.map(|(shard, ..)| *shard).collect()
    }

    /// Queue name → (local members, remote members by shard).
    fn groups(&self, subject: &str) -> BTreeMap<String, (BTreeSet<SubId>, BTreeMap<ShardId, u32>)> {
        let mut groups: BTreeMap<String, (BTreeSet<SubId>, BTreeMap<ShardId, u32>)> = BTreeMap::new();
        for (id, (pattern, queue)) in &self.local {
            if let Some(queue) = queue
                && matches(pattern.as_bytes(), subject.as_bytes())
            {
                groups.entry(queue.clone()).or_default().0.insert(*id);
            }
        }
        for ((shard, pattern, queue), count) in &self.remote {
            if let Some(queue) = queue
                && matches(pattern.as_bytes(), subject.as_bytes())
            {
                *groups.entry(queue.clone()).or_default().1.entry(*shard).or_default() += count;
            }
        }
        groups
    }
}

fn check(interest: &mut Interest, model: &Model, subject: &str) {
    let snapshot = Snapshot::default();
    let (matched, table) = interest.lookup(subject.as_bytes(), &snapshot);
    let plain: BTreeSet<SubId> = matched.plain.iter().map(|target| target.sub).collect();
    assert_eq!(plain.len(), matched.plain.len(), "nobody twice for {subject}");
    assert_eq!(plain, model.plain(subject), "plain for {subject}");
    assert_eq!(matched.shards.collect::<BTreeSet<_>>(), model.shards(subject), "shards for {subject}");
    let mut groups = BTreeMap::new();
    for group in &matched.groups {
        let name = String::from_utf8(table.queue_name(group.queue).to_vec()).unwrap();
        let members = matched.members(group).iter().map(|target| target.sub).collect::<BTreeSet<_>>();
        let mut remotes = BTreeMap::new();
        for (shard, count) in matched.remotes(group) {
            *remotes.entry(*shard).or_insert(0) += count;
        }
        assert_eq!(group.remote_weight, remotes.values().sum::<u32>());
        groups.insert(name, (members, remotes));
    }
    assert_eq!(groups, model.groups(subject), "groups for {subject}");
}
