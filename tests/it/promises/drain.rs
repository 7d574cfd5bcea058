//! Draining: what was published before is still received, nothing is lost to the group that stays.

use std::ops::Range;

use futures_util::StreamExt;

use crate::support::clients::{connect, run, settle, text};
use crate::support::raw::{Raw, payloads, publication};
use crate::support::server::Server;
use crate::support::shape::{Shape, in_every_shape};

const MESSAGES: usize = 200;

in_every_shape! {
    /// As clients drain on the wire: UNSUB, PING, and everything published before comes before the PONG.
    unsubscribe_and_barrier_bring_the_last_message;
    /// Queue members drain one after the other while messages go on: each message is taken once.
    queue_members_drain_without_loss;
    /// async-nats drains a subscription, then the client: each ends, with no gap in what it received.
    client_library_drains;
}

/// Publishes these numbers, up to the PONG.
fn publish(raw: &mut Raw, numbers: Range<usize>) {
    raw.send(numbers.map(|number| publication("drain", &number.to_string())).collect::<String>());
    raw.barrier();
}

fn numbers(range: Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn unsubscribe_and_barrier_bring_the_last_message(shape: Shape) {
    let server = Server::start(shape);
    let mut publisher = server.raw();
    for _ in 0..8 {
        let mut subscriber = server.raw();
        subscriber.send("SUB drain 1\r\nSUB * 2\r\n");
        subscriber.barrier();
        publish(&mut publisher, 0..MESSAGES);
        subscriber.send("UNSUB 1\r\nUNSUB 2\r\n");
        assert_eq!(subscriber.barrier().len(), 2 * MESSAGES);
        publish(&mut publisher, 0..1);
        assert!(subscriber.barrier().is_empty());
    }
}

fn queue_members_drain_without_loss(shape: Shape) {
    const MEMBERS: usize = 5;
    let server = Server::start(shape);
    let mut publisher = server.raw();
    let mut members: Vec<Raw> = (0..=MEMBERS).map(|_| server.raw()).collect();
    for member in &mut members {
        member.send("SUB drain team 1\r\n");
        member.barrier();
    }
    let mut received = Vec::new();
    #[allow(clippy::needless_range_loop)]
    for round in 0..MEMBERS {
        let start = round * 2 * MESSAGES;
        publish(&mut publisher, start..start + MESSAGES);
        // Half of them are published while the member leaves.
        members[round].send("UNSUB 1\r\n");
        publish(&mut publisher, start + MESSAGES..start + 2 * MESSAGES);
        received.extend(payloads(&members[round].barrier()));
    }
    received.extend(payloads(&members[MEMBERS].barrier()));
    received.sort_by_key(|text| text.parse::<usize>().expect("a number"));
    assert_eq!(received, numbers(0..2 * MESSAGES * MEMBERS));
}

fn client_library_drains(shape: Shape) {
    let server = Server::start(shape);
    let mut publisher = server.raw();
    run(async {
        for _ in 0..4 {
            let client = connect(&server).await;
            let mut first = client.subscribe("drain").await.expect("subscribe");
            let second = client.subscribe("drain").await.expect("subscribe");
            settle(&server, &client).await;
            publish(&mut publisher, 0..MESSAGES);
            // The library stops listening when it thinks that all is there, so how many it takes is its own.
            first.drain().await.expect("drain");
            let received: Vec<_> = first.map(|message| text(&message)).collect().await;
            assert_eq!(received, numbers(0..received.len()));
            client.drain().await.expect("drain");
            let received: Vec<_> = second.map(|message| text(&message)).collect().await;
            assert_eq!(received, numbers(0..received.len()));
        }
    });
}
