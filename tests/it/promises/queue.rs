//! A queue group gets each message exactly once, over all shards, and its members get a fair share.

use crate::support::raw::{Raw, payloads, publication};
use crate::support::server::Server;
use crate::support::shape::{Shape, in_every_shape};

const MEMBERS: usize = 12;
const PUBLISHERS: usize = 4;
const MESSAGES: usize = 1200;
/// Eleven degrees of freedom exceed this once in ten million fair draws.
const CHI_SQUARE_MAX: f64 = 55.0;

in_every_shape! {
    /// Each message once, shares even within statistics.
    each_message_once_and_fairly;
    /// A connection with three members gets three times the share of one with one.
    members_count_not_connections;
    /// Two groups and plain subscriptions on one subject do not disturb each other.
    groups_and_plain_subscriptions_side_by_side;
    /// Members of one group on overlapping patterns are one group.
    overlapping_patterns_are_one_group;
}

/// Publishes the numbers 0.. from several connections at a time; returns when all are barriered.
fn publish_numbers(server: &Server, subject: &str) {
    std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let mut raw = server.raw();
            scope.spawn(move || {
                for number in (publisher..MESSAGES).step_by(PUBLISHERS) {
                    raw.send(publication(subject, &number.to_string()));
                }
                raw.barrier();
            });
        }
    });
}

fn assert_each_once(mut received: Vec<String>) {
    received.sort_by_key(|text| text.parse::<usize>().expect("a number"));
    let expected: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    assert_eq!(received, expected);
}

fn chi_square(counts: &[usize], expected: &[f64]) -> f64 {
    counts.iter().zip(expected).map(|(count, share)| (*count as f64 - share).powi(2) / share).sum()
}

fn each_message_once_and_fairly(shape: Shape) {
    let server = Server::start(shape);
    let mut members: Vec<Raw> = (0..MEMBERS).map(|_| server.raw()).collect();
    for member in &mut members {
        member.send("SUB work team 1\r\n");
        member.barrier();
    }
    publish_numbers(&server, "work");
    let received: Vec<_> = members.iter_mut().map(|member| payloads(&member.barrier())).collect();
    let counts: Vec<_> = received.iter().map(Vec::len).collect();
    assert_each_once(received.concat());
    let even = [MESSAGES as f64 / MEMBERS as f64; MEMBERS];
    assert!(chi_square(&counts, &even) < CHI_SQUARE_MAX, "shares of {counts:?}");
}

fn members_count_not_connections(shape: Shape) {
    let server = Server::start(shape);
    let mut connections: Vec<Raw> = (0..4).map(|_| server.raw()).collect();
    let sizes = [3, 1, 1, 1];
    for (connection, size) in connections.iter_mut().zip(sizes) {
        for sid in 0..size {
            connection.send(format!("SUB work team {sid}\r\n"));
        }
        connection.barrier();
    }
    publish_numbers(&server, "work");
    let received: Vec<_> = connections.iter_mut().map(|raw| payloads(&raw.barrier())).collect();
    let counts: Vec<_> = received.iter().map(Vec::len).collect();
    assert_each_once(received.concat());
    let shares = sizes.map(|size| (MESSAGES * size) as f64 / 6.0);
    assert!(chi_square(&counts, &shares) < CHI_SQUARE_MAX, "shares of {counts:?}");
}

fn groups_and_plain_subscriptions_side_by_side(shape: Shape) {
    let server = Server::start(shape);
    let mut connections: Vec<Raw> = (0..6).map(|_| server.raw()).collect();
    for connection in &mut connections {
        connection.send("SUB work red r\r\nSUB work blue b\r\nSUB work p\r\n");
        connection.barrier();
    }
    publish_numbers(&server, "work");
    let units: Vec<Vec<Vec<u8>>> = connections.iter_mut().map(Raw::barrier).collect();
    let of_sid = |units: &[Vec<u8>], sid: &str| {
        let mine = units.iter().filter(|unit| unit.starts_with(format!("MSG work {sid} ").as_bytes()));
        payloads(&mine.cloned().collect::<Vec<_>>())
    };
    assert_each_once(units.iter().flat_map(|units| of_sid(units, "r")).collect());
    assert_each_once(units.iter().flat_map(|units| of_sid(units, "b")).collect());
    for units in &units {
        assert_each_once(of_sid(units, "p"));
    }
}

fn overlapping_patterns_are_one_group(shape: Shape) {
    let server = Server::start(shape);
    let mut connections: Vec<Raw> = (0..6).map(|_| server.raw()).collect();
    for (connection, pattern) in connections.iter_mut().zip(["a.b", "a.*", "a.>", "*.b", ">", "a.b"]) {
        connection.send(format!("SUB {pattern} team 1\r\n"));
        connection.barrier();
    }
    publish_numbers(&server, "a.b");
    assert_each_once(connections.iter_mut().flat_map(|raw| payloads(&raw.barrier())).collect());
}
