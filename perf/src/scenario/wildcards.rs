//! Many wildcard subscriptions, and subjects that no cache has seen: what matching costs.

use crate::failure::{Outcome, fail};
use crate::figures::Figures;
use crate::flow::{BATCH_BYTES, Batch, Publishing, Window, beside};
use crate::login::Login;
use crate::measure::{Bench, set_throughput};
use crate::wire::Client;

use super::fan::connect;
use super::publish::publication;

const SUBSCRIBERS: usize = 8;
const PAYLOAD: usize = 16;
/// Some 300,000 subjects in all, more than any cache of matches holds.
const BATCHES: usize = 256;
const DELIVERY_BYTES: usize = 60;

/// The subscriptions: for each region and plant one on `region.*.plant`, for each region and line one on
/// `region.line.>`. A subject `region.line.plant` matches exactly one of each kind.
#[derive(Debug, Clone, Copy)]
struct Space {
    regions: u64,
    /// Also the number of lines.
    plants: u64,
}

impl Space {
    const MATCHES: u64 = 2;

    fn with(subscriptions: usize) -> Space {
        let plants = (subscriptions as u64 / 2).clamp(1, 200);
        Space { regions: (subscriptions as u64 / (2 * plants)).max(1), plants }
    }

    fn subscriptions(self) -> impl Iterator<Item = String> {
        let places =
            (0..self.regions).flat_map(move |region| (0..self.plants).map(move |each| (region, each)));
        places.flat_map(|(region, each)| {
            [format!("perf.wild.r{region}.*.p{each}"), format!("perf.wild.r{region}.l{each}.>")]
        })
    }

    fn subject(self, random: &mut Random) -> String {
        let (region, line) = (random.below(self.regions), random.below(self.plants));
        format!("perf.wild.r{region}.l{line}.p{}", random.below(self.plants))
    }
}

pub fn run(bench: &Bench<'_>, subscriptions: usize) -> Outcome<Figures> {
    let space = Space::with(bench.scaled(subscriptions));
    let mut subscribers = connect(bench, SUBSCRIBERS, &Login::Anonymous)?;
    subscribe(&mut subscribers, space.subscriptions())?;
    let mut publishers = connect(bench, 1, &Login::Anonymous)?;
    let batches = batches(space);
    let window = Window::new(DELIVERY_BYTES, SUBSCRIBERS);
    let (mut figures, due) = beside(&mut subscribers, |progress| {
        let mut publishing = Publishing::new(&mut publishers, &batches, progress, window);
        publishing.run(bench.warmup())?;
        let warm = publishing.sent[0];
        let meter = bench.meter()?;
        publishing.run(bench.duration())?;
        Ok((meter.stop((publishing.sent[0] - warm) as f64)?, publishing.due))
    })?;
    subscribers.iter_mut().chain(&mut publishers).try_for_each(Client::barrier)?;
    let received: u64 = subscribers.iter().map(|subscriber| subscriber.scanner.messages()).sum();
    if received != due {
        return fail!("the subscribers received {received} messages instead of {due}");
    }
    set_throughput(&mut figures, PAYLOAD * Space::MATCHES as usize);
    Ok(figures)
}

/// Deals the subscriptions out in turn, in large writes; they are all taken when this returns.
pub fn subscribe(subscribers: &mut [Client], subjects: impl Iterator<Item = String>) -> Outcome<()> {
    let count = subscribers.len();
    let mut lines = vec![Vec::with_capacity(BATCH_BYTES); count];
    for (number, subject) in subjects.enumerate() {
        let line = &mut lines[number % count];
        line.extend_from_slice(format!("SUB {subject} {}\r\n", number + 1).as_bytes());
        if line.len() > BATCH_BYTES - 256 {
            subscribers[number % count].write(line)?;
            line.clear();
        }
    }
    for (subscriber, line) in subscribers.iter_mut().zip(&lines) {
        subscriber.write(line)?;
    }
    subscribers.iter_mut().try_for_each(Client::barrier)
}

fn batches(space: Space) -> Vec<Batch> {
    let mut random = Random::default();
    let batch = |_| {
        let mut batch = Batch { bytes: Vec::with_capacity(BATCH_BYTES), messages: 0, deliveries: 0 };
        while batch.bytes.len() < BATCH_BYTES - 128 {
            batch.bytes.extend_from_slice(&publication(&space.subject(&mut random), PAYLOAD));
            batch.messages += 1;
            batch.deliveries += Space::MATCHES;
        }
        batch
    };
    (0..BATCHES).map(batch).collect()
}

/// The same numbers in every run and for every server (xorshift64).
#[derive(Debug)]
pub struct Random(u64);

impl Default for Random {
    fn default() -> Random {
        Random(0x9e37_79b9_7f4a_7c15)
    }
}

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, subject: &str) -> bool {
        match pattern.strip_suffix(".>") {
            Some(prefix) => subject.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')),
            None => pattern.split('.').zip(subject.split('.')).all(|(word, own)| word == "*" || word == own),
        }
    }

    #[test]
    fn each_subject_matches_exactly_two_subscriptions() {
        let space = Space::with(2_000);
        let subscriptions: Vec<_> = space.subscriptions().collect();
        assert_eq!(subscriptions.len(), 2_000);
        let mut random = Random(7);
        for _ in 0..200 {
            let subject = space.subject(&mut random);
            let count = subscriptions.iter().filter(|pattern| matches(pattern, &subject)).count();
            assert_eq!(count as u64, Space::MATCHES, "{subject}");
        }
    }

    #[test]
    fn there_are_about_as_many_subscriptions_as_asked() {
        assert_eq!(Space::with(100_000).subscriptions().count(), 100_000);
        assert_eq!(Space::with(1_000).subscriptions().count(), 800);
        assert_eq!(Space::with(1).subscriptions().count(), 2);
    }
}
