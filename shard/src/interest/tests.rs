//! The interest against a naive model: random patterns, queues and shards, random subjects.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A small deterministic generator, so that a failing seed replays.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }

    fn subject(&mut self, wildcards: bool) -> String {
        let tokens = 1 + self.roll(4);
        let mut subject = Vec::new();
        for at in 0..tokens {
            subject.push(match self.roll(if wildcards { 8 } else { 5 }) {
                0 => "a",
                1 => "b",
                2 => "c",
                3 => "a-long-token-on-the-heap",
                4 => "",
                5 | 6 => "*",
                _ if at + 1 == tokens => ">",
                _ => "*",
            });
        }
        subject.join(".")
    }
}

fn naive_match(pattern: &str, subject: &str) -> bool {
    let mut subject_tokens = subject.split('.');
    if subject.split('.').any(str::is_empty) {
        return false;
    }
    for token in pattern.split('.') {
        let Some(given) = subject_tokens.next() else { return false };
        match token {
            ">" => return true,
            "*" => {}
            token if token == given => {}
            _ => return false,
        }
    }
    subject_tokens.next().is_none()
}

type Member = (String, Option<String>);

#[derive(Default)]
struct Model {
    local: BTreeMap<SubId, Member>,
    remote: BTreeMap<(ShardId, String, Option<String>), u32>,
}

impl Model {
    fn plain(&self, subject: &str) -> BTreeSet<SubId> {
        let wanted = |member: &Member| member.1.is_none() && naive_match(&member.0, subject);
        self.local.iter().filter(|(_, member)| wanted(member)).map(|(id, _)| *id).collect()
    }

    fn shards(&self, subject: &str) -> BTreeSet<ShardId> {
        let plain =
            self.remote.keys().filter(|(_, pattern, queue)| queue.is_none() && naive_match(pattern, subject));
        plain.map(|(shard, ..)| *shard).collect()
    }

    /// Queue name → (local members, remote members by shard).
    fn groups(&self, subject: &str) -> BTreeMap<String, (BTreeSet<SubId>, BTreeMap<ShardId, u32>)> {
        let mut groups: BTreeMap<String, (BTreeSet<SubId>, BTreeMap<ShardId, u32>)> = BTreeMap::new();
        for (id, (pattern, queue)) in &self.local {
            if let Some(queue) = queue
                && naive_match(pattern, subject)
            {
                groups.entry(queue.clone()).or_default().0.insert(*id);
            }
        }
        for ((shard, pattern, queue), count) in &self.remote {
            if let Some(queue) = queue
                && naive_match(pattern, subject)
            {
                *groups.entry(queue.clone()).or_default().1.entry(*shard).or_default() += count;
            }
        }
        groups
    }
}

fn check(interest: &mut Interest, model: &Model, subject: &str) {
    let (matched, table) = interest.lookup(subject.as_bytes());
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

/// Adds, removes, hears of other shards and looks up at random, and agrees with the model throughout; at the
/// end everything is taken away and nothing is left.
#[test]
fn agrees_with_a_naive_model() {
    for seed in 1..=60 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15u64.wrapping_mul(seed));
        let mut interest = Interest::default();
        let mut model = Model::default();
        let mut told: BTreeMap<(String, Option<String>), u32> = BTreeMap::new();
        let mut hear = |change: Change<'_>| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            told.insert((text(change.subject), change.queue.map(text)), change.count);
        };
        for _ in 0..400 {
            let pattern = dice.subject(true);
            let queue = [None, None, Some("q"), Some("r")][dice.roll(4)];
            match dice.roll(6) {
                0 | 1 if crate::subject::is_valid_pattern(pattern.as_bytes()) => {
                    let queue_bytes = queue.map(str::as_bytes);
                    let sub = interest.add(0, pattern.as_bytes(), queue_bytes, b"1", &mut hear);
                    model.local.insert(sub, (pattern, queue.map(str::to_owned)));
                }
                2 if !model.local.is_empty() => {
                    let at = dice.roll(model.local.len());
                    let sub = *model.local.keys().nth(at).unwrap();
                    model.local.remove(&sub);
                    interest.remove(sub, &mut hear);
                }
                3 if crate::subject::is_valid_pattern(pattern.as_bytes()) => {
                    let shard = 1 + dice.roll(3) as ShardId;
                    let count = if queue.is_some() { dice.roll(4) } else { dice.roll(2) } as u32;
                    let queue_bytes = queue.map(str::as_bytes);
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
                    let subject = dice.subject(false);
                    check(&mut interest, &model, &subject);
                    check(&mut interest, &model, &subject);
                }
            }
        }
        for sub in model.local.keys() {
            interest.remove(*sub, &mut hear);
        }
        for (shard, pattern, queue) in model.remote.keys() {
            let queue = queue.as_ref().map(|name| name.as_bytes());
            interest.set_remote(*shard, &Change { subject: pattern.as_bytes(), queue, count: 0 });
        }
        assert!(told.values().all(|count| *count == 0), "every announcement was taken back");
        assert!(interest.table.is_bare(), "seed {seed} left something behind");
    }
}
