//! PING is a barrier: what a connection did before its PING has happened, for everyone, at its PONG.

use crate::support::raw::{Raw, publication};
use crate::support::server::Server;
use crate::support::shape::{Shape, in_every_shape};

/// Connections of each kind: enough that every shard has some of both.
const CONNECTIONS: usize = 8;
const ROUNDS: usize = 25;

in_every_shape! {
    /// After a publisher's PONG its messages lie before every subscriber's next PONG.
    messages_are_out_when_the_publisher_has_its_pong;
    /// After a subscriber's PONG every other connection's messages reach it.
    interest_is_known_when_the_subscriber_has_its_pong;
    /// After the PONG that follows UNSUB no other connection's messages reach it.
    interest_is_gone_when_the_subscriber_has_its_pong;
    /// One connection alternates SUB, UNSUB and barriers: no stale interest, no lost interest.
    interest_that_comes_and_goes_is_never_stale;
}

fn messages_are_out_when_the_publisher_has_its_pong(shape: Shape) {
    let server = Server::start(shape);
    let mut subscribers: Vec<Raw> = (0..CONNECTIONS).map(|_| server.raw()).collect();
    let mut publishers: Vec<Raw> = (0..CONNECTIONS).map(|_| server.raw()).collect();
    for subscriber in &mut subscribers {
        subscriber.send("SUB news.> 1\r\n");
        subscriber.barrier();
    }
    for round in 0..ROUNDS {
        let publisher = &mut publishers[round % CONNECTIONS];
        publisher.send(publication("news.a", "one") + &publication("news.b", "two"));
        publisher.barrier();
        for subscriber in &mut subscribers {
            let units = subscriber.barrier();
            assert_eq!(units, [b"MSG news.a 1 3\r\none\r\n", b"MSG news.b 1 3\r\ntwo\r\n"]);
        }
    }
}

fn interest_is_known_when_the_subscriber_has_its_pong(shape: Shape) {
    let server = Server::start(shape);
    let mut subscribers: Vec<Raw> = (0..CONNECTIONS).map(|_| server.raw()).collect();
    let mut publishers: Vec<Raw> = (0..CONNECTIONS).map(|_| server.raw()).collect();
    for round in 0..ROUNDS {
        let subscriber = &mut subscribers[round % CONNECTIONS];
        subscriber.send(format!("SUB round.{round} {round}\r\n"));
        subscriber.barrier();
        for publisher in &mut publishers {
            publisher.send(publication(&format!("round.{round}"), "x"));
            publisher.barrier();
        }
        assert_eq!(subscriber.barrier().len(), CONNECTIONS, "round {round}");
    }
}

fn interest_is_gone_when_the_subscriber_has_its_pong(shape: Shape) {
    let server = Server::start(shape);
    let mut subscribers: Vec<Raw> = (0..CONNECTIONS).map(|_| server.raw()).collect();
    let mut publishers: Vec<Raw> = (0..CONNECTIONS).map(|_| server.raw()).collect();
    for round in 0..ROUNDS {
        let subscriber = &mut subscribers[round % CONNECTIONS];
        subscriber.send(format!("SUB round.{round} {round}\r\n"));
        subscriber.barrier();
        subscriber.send(format!("UNSUB {round}\r\n"));
        subscriber.barrier();
        for publisher in &mut publishers {
            publisher.send(publication(&format!("round.{round}"), "x"));
            publisher.barrier();
        }
        assert!(subscriber.barrier().is_empty(), "round {round}");
    }
}

fn interest_that_comes_and_goes_is_never_stale(shape: Shape) {
    let server = Server::start(shape);
    let mut subscribers: Vec<Raw> = (0..CONNECTIONS).map(|_| server.raw()).collect();
    let mut publisher = server.raw();
    for round in 0..ROUNDS {
        for (number, subscriber) in subscribers.iter_mut().enumerate() {
            match (number + round) % 2 {
                0 => subscriber.send("SUB same 1\r\nUNSUB 1\r\nSUB same 1\r\n"),
                _ => subscriber.send("SUB same 1\r\nUNSUB 1\r\n"),
            }
            subscriber.barrier();
        }
        publisher.send(publication("same", "x"));
        publisher.barrier();
        for (number, subscriber) in subscribers.iter_mut().enumerate() {
            let expected = usize::from((number + round) % 2 == 0);
            assert_eq!(subscriber.barrier().len(), expected, "round {round}, subscriber {number}");
            subscriber.send("UNSUB 1\r\n");
        }
    }
}
