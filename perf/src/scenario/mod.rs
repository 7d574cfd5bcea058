//! The scenarios: one row each, what they do in the file of their kind.

mod churn;
mod clients;
mod connections;
mod fan;
mod paced;
mod publish;
mod request;
mod subscriptions;
mod wildcards;

use crate::failure::{Outcome, fail};
use crate::figures::Figures;
use crate::measure::Bench;

use fan::Fan;

/// One thing to measure.
#[derive(Debug)]
pub struct Scenario {
    /// As it is called on the command line and in the history. Never changes its meaning.
    pub name: &'static str,
    pub about: &'static str,
    /// What is counted, and what CPU time is divided by.
    pub operation: &'static str,
    /// Part of `perf quick`.
    pub quick: bool,
    load: Load,
}

#[derive(Debug)]
enum Load {
    Publish { bytes: usize },
    Fan(Fan),
    Request { in_flight: usize },
    ClientRequests { clients: usize },
    PacedRequest { per_second: f64 },
    PacedDelivery { per_second: f64 },
    Wildcards { subscriptions: usize },
    Churn,
    IdleMemory { connections: usize },
    IdleCpu { connections: usize },
    SubscriptionMemory { subscriptions: usize },
}

impl Scenario {
    /// Loads the server and measures; a run whose counts are not exact is a failure, never a figure.
    pub fn run(&self, bench: &Bench<'_>) -> Outcome<Figures> {
        match &self.load {
            Load::Publish { bytes } => publish::run(bench, *bytes),
            Load::Fan(shape) => fan::run(bench, shape),
            Load::Request { in_flight } => request::run(bench, *in_flight),
            Load::ClientRequests { clients } => clients::run(bench, *clients),
            Load::PacedRequest { per_second } => paced::run_requests(bench, *per_second),
            Load::PacedDelivery { per_second } => paced::run_deliveries(bench, *per_second),
            Load::Wildcards { subscriptions } => wildcards::run(bench, *subscriptions),
            Load::Churn => churn::run(bench),
            Load::IdleMemory { connections } => connections::run_memory(bench, *connections),
            Load::IdleCpu { connections } => connections::run_cpu(bench, *connections),
            Load::SubscriptionMemory { subscriptions } => subscriptions::run(bench, *subscriptions),
        }
    }
}

const fn row(name: &'static str, about: &'static str, operation: &'static str, load: Load) -> Scenario {
    Scenario { name, about, operation, quick: false, load }
}

const fn quick(scenario: Scenario) -> Scenario {
    Scenario { quick: true, ..scenario }
}

const fn publish(name: &'static str, about: &'static str, bytes: usize) -> Scenario {
    row(name, about, "message", Load::Publish { bytes })
}

const fn fan(name: &'static str, about: &'static str, shape: Fan) -> Scenario {
    row(name, about, "delivery", Load::Fan(shape))
}

const fn request(name: &'static str, about: &'static str, in_flight: usize) -> Scenario {
    row(name, about, "request", Load::Request { in_flight })
}

/// All of them, in the order of the table.
pub const ALL: &[Scenario] = &[
    quick(publish("publish-16-bytes", "one publisher, nobody subscribes, 16 B", 16)),
    publish("publish-128-bytes", "one publisher, nobody subscribes, 128 B", 128),
    publish("publish-1-kib", "one publisher, nobody subscribes, 1 KiB", 1024),
    publish("publish-64-kib", "one publisher, nobody subscribes, 64 KiB", 64 * 1024),
    quick(fan("one-to-one", "one publisher, one subscriber, 128 B", Fan::of(1, 1))),
    quick(fan("one-to-four", "one publisher, four subscribers, 128 B", Fan::of(1, 4))),
    fan("one-to-64", "one publisher, 64 subscribers, 128 B", Fan::of(1, 64)),
    fan("one-to-1000", "one publisher, 1,000 subscribers, 128 B", Fan::of(1, 1000)),
    quick(fan("four-to-one", "four publishers, one subscriber, 128 B", Fan::of(4, 1))),
    fan("four-to-four", "four publishers, four subscribers who get all, 128 B", Fan::of(4, 4)),
    fan("four-pairs", "four publishers, each with its own subscriber, 128 B", Fan::of(4, 4).paired()),
    quick(fan("queue-of-eight", "one publisher, a queue group of eight, 128 B", Fan::of(1, 8).grouped())),
    fan("headers", "one to one with headers (HPUB, HMSG), 128 B", Fan::of(1, 1).with_headers()),
    quick(request("request-one-in-flight", "request and reply, one at a time", 1)),
    quick(request("request-10-in-flight", "request and reply, 10 in flight on one connection", 10)),
    request("request-100-in-flight", "request and reply, 100 in flight on one connection", 100),
    quick(row(
        "request-10-clients",
        "request and reply, 10 clients with one in flight each",
        "request",
        Load::ClientRequests { clients: 10 },
    )),
    row(
        "request-paced",
        "2,000 requests a second, latency from the intended time",
        "request",
        Load::PacedRequest { per_second: 2_000.0 },
    ),
    row(
        "delivery-paced",
        "one to one, 10,000 messages a second, latency from the intended time",
        "delivery",
        Load::PacedDelivery { per_second: 10_000.0 },
    ),
    quick(row(
        "wildcards-100k",
        "100,000 wildcard subscriptions, random subjects that each match two",
        "message",
        Load::Wildcards { subscriptions: 100_000 },
    )),
    quick(row("churn", "connect, CONNECT, PING, close, one after another", "connection", Load::Churn)),
    quick(row(
        "memory-10k-connections",
        "memory of 10,000 idle connections",
        "connection",
        Load::IdleMemory { connections: 10_000 },
    )),
    quick(row(
        "memory-500k-subscriptions",
        "memory of 500,000 distinct wildcard subscriptions",
        "subscription",
        Load::SubscriptionMemory { subscriptions: 500_000 },
    )),
    row(
        "idle-5k-connections",
        "CPU of 5,000 idle connections",
        "second",
        Load::IdleCpu { connections: 5_000 },
    ),
];

/// Those whose name is one of the words, or holds one that is no whole name; all where no word is given. A word that
/// chooses nothing is a failure.
pub fn named(words: &[String]) -> Outcome<Vec<&'static Scenario>> {
    let chooses = |word: &String, scenario: &Scenario| match ALL.iter().any(|other| other.name == word) {
        true => scenario.name == word,
        false => scenario.name.contains(word.as_str()),
    };
    match words.iter().find(|word| !ALL.iter().any(|scenario| chooses(word, scenario))) {
        Some(word) => fail!("no scenario is called {word:?}; `perf list` shows them all"),
        None => Ok((ALL.iter())
            .filter(|scenario| words.is_empty() || words.iter().any(|word| chooses(word, scenario)))
            .collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let mut names: Vec<_> = ALL.iter().map(|scenario| scenario.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn a_word_chooses_all_that_hold_it_and_a_whole_name_only_one() {
        let names = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            let found = named(&words).map_err(|failure| failure.to_string())?;
            Ok::<_, String>(found.iter().map(|scenario| scenario.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["in-flight"]).map(|names| names.len()), Ok(3));
        assert_eq!(names(&["churn", "headers"]), Ok(vec!["headers", "churn"]));
        assert_eq!(names(&["one-to-one"]), Ok(vec!["one-to-one"]));
        assert_eq!(names(&[]).map(|names| names.len()), Ok(ALL.len()));
        assert!(names(&["churn", "nonesuch"]).is_err_and(|failure| failure.contains("nonesuch")));
    }
}
