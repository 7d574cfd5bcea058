//! What is left to chance, counted: shares of weighted mappings, and members of groups that imports join.

use super::play::Theatre;
use super::script::Stage;
use crate::support::raw::{Raw, payloads, publication};
use crate::support::shape::{Shape, in_every_shape};

const MESSAGES: usize = 4000;
/// Standard deviations: once in a hundred million fair runs one count is further off.
const FAR_OFF: f64 = 6.0;

in_every_shape! {
    /// The book's weights, with what is lost, and a mapping that changes under the publisher.
    weighted_mappings;
    /// A group whose members are in two accounts gets each message once.
    a_group_of_two_accounts;
}

fn open(shape: Shape, text: &str) -> Theatre {
    Theatre::open(shape, &Stage { configuration: text.to_owned(), ..Stage::default() })
}

fn enter(theatre: &Theatre, user: &str) -> Raw {
    let mut raw = theatre.server.accept();
    let credentials =
        if user.is_empty() { String::new() } else { format!(",\"user\":\"{user}\",\"pass\":\"p\"") };
    raw.send(format!("CONNECT {{\"verbose\":false{credentials}}}\r\n"));
    raw.barrier();
    raw
}

fn publish(raw: &mut Raw, subject: &str) {
    let all: String = (0..MESSAGES).map(|number| publication(subject, &number.to_string())).collect();
    raw.send(all);
    raw.barrier();
}

/// Counts what arrives at each subject, which must be as often as its share of all says.
fn expect_shares(theatre: &Theatre, subject: &str, shares: &[(&str, f64)]) {
    let mut listener = enter(theatre, "");
    for (target, _) in shares {
        listener.send(format!("SUB {target} {target}\r\n"));
    }
    listener.barrier();
    publish(&mut enter(theatre, ""), subject);
    let units = listener.barrier();
    for (target, share) in shares {
        let head = format!("MSG {target} {target} ");
        let count = units.iter().filter(|unit| unit.starts_with(head.as_bytes())).count() as f64;
        let (mean, variance) = (MESSAGES as f64 * share, MESSAGES as f64 * share * (1.0 - share));
        let off = (count - mean).abs();
        assert!(
            off <= FAR_OFF * variance.sqrt(),
            "{subject}: {target} got {count} of {MESSAGES}, not {share}"
        );
    }
}

fn weighted_mappings(shape: Shape) {
    let book = include_str!("../../data/accounts/book/mappings.conf");
    let theatre = open(shape, book);
    expect_shares(
        &theatre,
        "myservice.request",
        &[("myservice.request.v1", 0.9), ("myservice.request.v2", 0.1), ("myservice.request", 0.0)],
    );
    expect_shares(&theatre, "myservice.test.a", &[("myservice.test.a", 0.8), ("myservice.test.fail.a", 0.2)]);
    expect_shares(&theatre, "foo.loss.a", &[("foo.loss.a", 0.5)]);
    // "90% of requests would go to your service, 8% would go to a service simulating failure conditions, and the
    // unaccounted for 2% would simulate message loss."
    let lossy = "mappings = { myservice.requests: [
        { destination: myservice.requests.v3, weight: 90% },
        { destination: myservice.requests.v3.fail, weight: 8% }
        # the remaining 2% is \"lost\"
    ] }";
    assert!(theatre.reload(lossy));
    expect_shares(
        &theatre,
        "myservice.requests",
        &[
            ("myservice.requests.v3", 0.9),
            ("myservice.requests.v3.fail", 0.08),
            // nats-server: what nothing is said of stays where it is when the subject itself is no destination.
            ("myservice.requests", 0.02),
        ],
    );
    expect_shares(&theatre, "foo.loss.a", &[("foo.loss.a", 1.0)]);
}

fn a_group_of_two_accounts(shape: Shape) {
    let theatre = open(
        shape,
        "accounts {
            A { users: [ { user: a, password: p } ], exports: [ { stream: \"pub.>\" } ] }
            B { users: [ { user: b, password: p } ]
                imports: [ { stream: { account: A, subject: \"pub.>\" }, prefix: from } ] }
        }",
    );
    let (mut here, mut there) = (enter(&theatre, "a"), enter(&theatre, "b"));
    here.send("SUB pub.* team 1\r\n");
    there.send("SUB from.pub.* team 1\r\n");
    here.barrier();
    there.barrier();
    publish(&mut enter(&theatre, "a"), "pub.x");
    let (here, there) = (payloads(&here.barrier()), payloads(&there.barrier()));
    let mut all = [here.clone(), there.clone()].concat();
    all.sort_by_key(|text| text.parse::<usize>().expect("a number"));
    assert_eq!(all, (0..MESSAGES).map(|number| number.to_string()).collect::<Vec<_>>());
    let off = (here.len() as f64 - MESSAGES as f64 / 2.0).abs();
    assert!(off <= FAR_OFF * (MESSAGES as f64 / 4.0).sqrt(), "{} here, {} there", here.len(), there.len());
}
