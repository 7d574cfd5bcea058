//! The scenarios: one row each, what they do in the file of their kind.

mod accounts;
mod churn;
mod clients;
mod connections;
mod fan;
mod mapping;
mod paced;
mod publish;
mod request;
mod rules;
mod sharing;
mod subscriptions;
mod tenancy;
mod tenants;
mod wildcards;

use crate::failure::{Outcome, fail};
use crate::figures::Figures;
use crate::login::Login;
use crate::measure::{Bench, scaled};

use churn::Proof;
use fan::Fan;
use sharing::Between;
use tenancy::{Neighbour, Server};

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

/// The server that a scenario wants.
#[derive(Debug)]
pub struct Setup {
    /// The text of its configuration file; none where it is started without one.
    pub configuration: Option<String>,
    /// Somebody whom it lets in.
    pub greeter: Login,
}

impl Setup {
    fn plain() -> Setup {
        Setup { configuration: None, greeter: Login::Anonymous }
    }
}

#[derive(Debug)]
enum Load {
    Publish { bytes: usize },
    RuledPublish { subjects: usize, ruled: bool },
    RuledDelivery { subjects: usize, ruled: bool },
    Fan(Fan, Between),
    Mapped,
    Request { in_flight: usize, between: Between },
    ClientRequests { clients: usize, between: Between },
    PacedRequest { per_second: f64 },
    PacedDelivery { per_second: f64 },
    Wildcards { subscriptions: usize },
    Churn,
    Login(Proof),
    IdleMemory { connections: usize },
    IdleCpu { connections: usize },
    SubscriptionMemory { subscriptions: usize },
    Tenants { accounts: usize },
    PacedTenants { accounts: usize, per_second: f64 },
    Tenancy(Neighbour, Server),
    AccountStart { accounts: usize },
    AccountMemory { accounts: usize },
    AccountConnections { accounts: usize, connections: usize },
}

impl Scenario {
    /// What the server has to be for this scenario at this scale.
    pub fn setup(&self, scale: f64) -> Setup {
        match &self.load {
            Load::RuledPublish { subjects, ruled } | Load::RuledDelivery { subjects, ruled } => {
                rules::setup(scaled(*subjects, scale), *ruled)
            }
            Load::Mapped => mapping::setup(),
            Load::Fan(_, between) | Load::Request { between, .. } | Load::ClientRequests { between, .. } => {
                between.setup()
            }
            Load::Login(proof) => proof.setup(),
            Load::Tenants { accounts }
            | Load::PacedTenants { accounts, .. }
            | Load::AccountConnections { accounts, .. } => accounts::setup(scaled(*accounts, scale)),
            Load::Tenancy(..) => tenancy::setup(),
            // What it is compared with has a file, too, and nothing in it.
            Load::AccountMemory { .. } => Setup { configuration: Some(String::new()), ..Setup::plain() },
            _ => Setup::plain(),
        }
    }

    /// Loads the server and measures; a run whose counts are not exact is a failure, never a figure.
    pub fn run(&self, bench: &Bench<'_>) -> Outcome<Figures> {
        match &self.load {
            Load::Publish { bytes } => publish::run(bench, *bytes),
            Load::RuledPublish { subjects, ruled } => rules::run(bench, *subjects, *ruled),
            Load::RuledDelivery { subjects, ruled } => rules::run_delivered(bench, *subjects, *ruled),
            Load::Fan(shape, between) => fan::run(bench, shape, *between),
            Load::Mapped => mapping::run(bench),
            Load::Request { in_flight, between } => request::run(bench, *in_flight, *between),
            Load::ClientRequests { clients, between } => clients::run(bench, *clients, *between),
            Load::PacedRequest { per_second } => paced::run_requests(bench, *per_second),
            Load::PacedDelivery { per_second } => paced::run_deliveries(bench, *per_second),
            Load::Wildcards { subscriptions } => wildcards::run(bench, *subscriptions),
            Load::Churn => churn::run(bench, &Login::Anonymous),
            Load::Login(proof) => proof.run(bench),
            Load::IdleMemory { connections } => {
                connections::run_memory(bench, *connections, |_| Login::Anonymous)
            }
            Load::IdleCpu { connections } => connections::run_cpu(bench, *connections),
            Load::SubscriptionMemory { subscriptions } => subscriptions::run(bench, *subscriptions),
            Load::Tenants { accounts } => tenants::run(bench, *accounts),
            Load::PacedTenants { accounts, per_second } => tenants::run_paced(bench, *accounts, *per_second),
            Load::Tenancy(neighbour, server) => tenancy::run(bench, *neighbour, *server),
            Load::AccountStart { accounts } => accounts::run_start(bench, *accounts),
            Load::AccountMemory { accounts } => accounts::run_memory(bench, *accounts),
            Load::AccountConnections { accounts, connections } => {
                accounts::run_connections(bench, *accounts, *connections)
            }
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
    row(name, about, "delivery", Load::Fan(shape, Between::OneAccount))
}

const fn request(name: &'static str, about: &'static str, in_flight: usize) -> Scenario {
    row(name, about, "request", Load::Request { in_flight, between: Between::OneAccount })
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
        Load::ClientRequests { clients: 10, between: Between::OneAccount },
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
    row(
        "tenants-100",
        "100 accounts, in each one publisher and three subscribers, 128 B",
        "message published",
        Load::Tenants { accounts: 100 },
    ),
    row(
        "tenants-100-paced",
        "100 accounts as above, 10,000 messages a second in all, latency from the intended time",
        "message published",
        Load::PacedTenants { accounts: 100, per_second: 10_000.0 },
    ),
    row(
        "tenancy-apart",
        "an account asks 1,000 requests a second; on another server four flood four, 128 B",
        "request, both servers together",
        Load::Tenancy(Neighbour::Flood { bytes: 128 }, Server::Apart),
    ),
    row(
        "tenancy",
        "an account asks 1,000 requests a second; in another, four flood four, 128 B",
        "request, the flood's with it",
        Load::Tenancy(Neighbour::Flood { bytes: 128 }, Server::Shared),
    ),
    row(
        "tenancy-apart-64-kib",
        "an account asks 1,000 requests a second; on another server four flood four, 64 KiB",
        "request, both servers together",
        Load::Tenancy(Neighbour::Flood { bytes: 64 * 1024 }, Server::Apart),
    ),
    row(
        "tenancy-64-kib",
        "an account asks 1,000 requests a second; in another, four flood four, 64 KiB",
        "request, the flood's with it",
        Load::Tenancy(Neighbour::Flood { bytes: 64 * 1024 }, Server::Shared),
    ),
    row(
        "tenancy-subscribing",
        "an account asks 1,000 requests a second; in another, one takes and leaves 200 subscriptions for ever",
        "request, the subscriptions' with it",
        Load::Tenancy(Neighbour::Subscriptions, Server::Shared),
    ),
    row(
        "start-10k-accounts",
        "started with 10,000 accounts in its file, until the first PONG",
        "start",
        Load::AccountStart { accounts: 10_000 },
    ),
    row(
        "memory-10k-accounts",
        "memory of 10,000 accounts, with one user each, that nobody uses",
        "account",
        Load::AccountMemory { accounts: 10_000 },
    ),
    row(
        "memory-10k-tenants",
        "memory of 10,000 idle connections, each in an account of its own",
        "connection",
        Load::AccountConnections { accounts: 10_000, connections: 10_000 },
    ),
    row(
        "login-password",
        "connect, log in by a plain password, PING, close, one after another",
        "connection",
        Load::Login(Proof::Password),
    ),
    row(
        "login-nkey",
        "connect, log in by an nkey, PING, close, one after another",
        "connection",
        Load::Login(Proof::Nkey),
    ),
    row(
        "publish-1000-subjects",
        "one publisher to 1,000 subjects in no order, nobody subscribes, 16 B",
        "message",
        Load::RuledPublish { subjects: 1_000, ruled: false },
    ),
    row(
        "publish-1000-rules",
        "one publisher to 1,000 subjects that 1,000 rules allow it, nobody subscribes, 16 B",
        "message",
        Load::RuledPublish { subjects: 1_000, ruled: true },
    ),
    row(
        "deliver-1000-subjects",
        "one publisher to 1,000 subjects in no order, one subscriber gets all, 16 B",
        "delivery",
        Load::RuledDelivery { subjects: 1_000, ruled: false },
    ),
    row(
        "deliver-1000-rules",
        "one publisher to 1,000 subjects that 1,000 rules allow it, one subscriber gets all, 16 B",
        "delivery",
        Load::RuledDelivery { subjects: 1_000, ruled: true },
    ),
    row(
        "request-import",
        "request and reply, one at a time, of a service imported from another account",
        "request",
        Load::Request { in_flight: 1, between: Between::TwoAccounts },
    ),
    row(
        "request-import-10-clients",
        "request and reply, 10 clients with one in flight each, of an imported service",
        "request",
        Load::ClientRequests { clients: 10, between: Between::TwoAccounts },
    ),
    row(
        "stream-import",
        "one publisher, four subscribers in an account that imports what it publishes, 128 B",
        "delivery",
        Load::Fan(Fan::of(1, 4), Between::TwoAccounts),
    ),
    row(
        "weighted-mapping",
        "one publisher to a subject mapped to two, half and half, each with one subscriber, 128 B",
        "delivery",
        Load::Mapped,
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
