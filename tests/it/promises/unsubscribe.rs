//! Auto-unsubscribe delivers exactly as many messages as it says, whoever publishes them.

use crate::support::raw::{Raw, payloads, publication};
use crate::support::server::Server;
use crate::support::shape::{Shape, in_every_shape};

const PUBLISHERS: usize = 6;
const EACH: usize = 100;

in_every_shape! {
    /// Publishers on every shard at a time, a maximum below what they send.
    maximum_is_exact_with_publishers_everywhere;
    /// After the maximum the interest is gone: the next request has no responders.
    interest_ends_with_the_maximum;
}

fn maximum_is_exact_with_publishers_everywhere(shape: Shape) {
    let server = Server::start(shape);
    let mut subscribers: Vec<Raw> = (0..6).map(|_| server.raw()).collect();
    let maximum = |number: usize| 1 + number * 90;
    for (number, subscriber) in subscribers.iter_mut().enumerate() {
        subscriber.send(format!("SUB count 1\r\nUNSUB 1 {}\r\n", maximum(number)));
        subscriber.barrier();
    }
    std::thread::scope(|scope| {
        for _ in 0..PUBLISHERS {
            let mut raw = server.raw();
            scope.spawn(move || {
                for _ in 0..EACH {
                    raw.send(publication("count", "x"));
                }
                raw.barrier();
            });
        }
    });
    for (number, subscriber) in subscribers.iter_mut().enumerate() {
        assert_eq!(payloads(&subscriber.barrier()).len(), maximum(number));
    }
}

fn interest_ends_with_the_maximum(shape: Shape) {
    let server = Server::start(shape);
    let mut requesters: Vec<Raw> = (0..4).map(|_| server.raw()).collect();
    for round in 0..20 {
        let mut subscriber = server.raw();
        subscriber.send("SUB once 1\r\nUNSUB 1 1\r\n");
        subscriber.barrier();
        let requester = &mut requesters[round % 4];
        requester.send(format!("SUB inbox {round}\r\n"));
        requester.send("PUB once inbox 0\r\n\r\n");
        assert!(requester.barrier().is_empty(), "somebody listens");
        assert_eq!(subscriber.barrier().len(), 1);
        requester.send("PUB once inbox 0\r\n\r\n");
        let told = requester.barrier();
        assert!(told.len() == 1 && told[0].starts_with(b"HMSG inbox "), "nobody listens any more: {told:?}");
        requester.send(format!("UNSUB {round}\r\n"));
    }
}
