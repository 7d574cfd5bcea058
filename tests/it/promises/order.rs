//! Messages of one publisher reach each subscriber in order, and all of them.

use std::collections::BTreeMap;

use crate::support::raw::{Raw, payloads, publication};
use crate::support::server::Server;
use crate::support::shape::{Shape, in_every_shape};

const PUBLISHERS: usize = 4;
const SUBSCRIBERS: usize = 6;
const MESSAGES: usize = 1000;

in_every_shape! {
    /// Publishers at work at the same time, subscribers on every shard, plain and wildcard.
    of_each_publisher_for_each_subscriber;
    /// One publisher's messages on different subjects stay in order for who subscribes to all.
    over_different_subjects;
    /// Publishers who send all they have at once, which is served over many turns, and their last words.
    of_floods;
}

fn of_each_publisher_for_each_subscriber(shape: Shape) {
    let server = Server::start(shape);
    let mut subscribers: Vec<Raw> = (0..SUBSCRIBERS).map(|_| server.raw()).collect();
    for (number, subscriber) in subscribers.iter_mut().enumerate() {
        let subject = if number % 2 == 0 { "order.x" } else { "order.>" };
        subscriber.send(format!("SUB {subject} 1\r\n"));
        subscriber.barrier();
    }
    std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let mut raw = server.raw();
            scope.spawn(move || {
                for message in 0..MESSAGES {
                    raw.send(publication("order.x", &format!("{publisher} {message}")));
                }
                raw.barrier();
            });
        }
    });
    for subscriber in &mut subscribers {
        let mut next = BTreeMap::new();
        for payload in payloads(&subscriber.barrier()) {
            let (publisher, message) = payload.split_once(' ').expect("two numbers");
            let expected = next.entry(publisher.to_owned()).or_insert(0);
            assert_eq!(message, expected.to_string(), "of publisher {publisher}");
            *expected += 1;
        }
        assert_eq!(next.into_values().collect::<Vec<_>>(), [MESSAGES; PUBLISHERS]);
    }
}

fn over_different_subjects(shape: Shape) {
    let server = Server::start(shape);
    let mut subscribers: Vec<Raw> = (0..SUBSCRIBERS).map(|_| server.raw()).collect();
    for subscriber in &mut subscribers {
        subscriber.send("SUB order.> 1\r\n");
        subscriber.barrier();
    }
    let mut publisher = server.raw();
    let batch = |range: std::ops::Range<usize>| {
        range.map(|number| publication(&format!("order.{}", number % 17), &number.to_string()))
    };
    for start in (0..MESSAGES).step_by(100) {
        publisher.send(batch(start..start + 100).collect::<String>());
    }
    publisher.barrier();
    let expected: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    for subscriber in &mut subscribers {
        assert_eq!(payloads(&subscriber.barrier()), expected);
    }
}

fn of_floods(shape: Shape) {
    const FLOOD: usize = 10_000;
    let server = Server::start(shape);
    let mut subscriber = server.raw();
    subscriber.send("SUB order.x 1\r\n");
    subscriber.barrier();
    std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let mut raw = server.raw();
            scope.spawn(move || {
                let message = |number| publication("order.x", &format!("{publisher} {number}"));
                let all: Vec<u8> = (0..FLOOD).flat_map(|number| Vec::from(message(number))).collect();
                raw.send(all);
                raw.barrier();
            });
        }
        let mut quiet = server.raw();
        (0..20).for_each(|_| drop(quiet.barrier()));
    });
    let mut next = BTreeMap::new();
    for payload in payloads(&subscriber.barrier()) {
        let (publisher, message) = payload.split_once(' ').expect("two numbers");
        let expected = next.entry(publisher.to_owned()).or_insert(0);
        assert_eq!(message, expected.to_string(), "of publisher {publisher}");
        *expected += 1;
    }
    assert_eq!(next.into_values().collect::<Vec<_>>(), [FLOOD; PUBLISHERS]);
}
