//! Who does not wait for an answer loses nothing: what follows a PING is served, in order, though the PONG had
//! to wait for other shards.

use crate::support::raw::{Raw, payloads, publication};
use crate::support::server::Server;
use crate::support::shape::{Shape, in_every_shape};

/// Enough that every shard has some of them.
const PUBLISHERS: usize = 4;
const ROUNDS: usize = 1500;
const LEAVERS: usize = 200;

in_every_shape! {
    /// PING and PUB in turn, each in a write of its own, so that some arrive while a PONG waits, some just as it
    /// goes out.
    what_follows_a_ping_is_served_in_order;
    /// The publisher is gone when its PONG could go out: what it said after its PING is delivered all the same.
    what_follows_the_last_ping_is_served_too;
}

fn what_follows_a_ping_is_served_in_order(shape: Shape) {
    let server = Server::start(shape);
    let mut subscribers: Vec<Raw> = (0..2).map(|_| subscriber(&server)).collect();
    std::thread::scope(|scope| {
        for number in 0..PUBLISHERS {
            let mut publisher = server.raw();
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    publisher.send("PING\r\n");
                    publisher.send(publication(&format!("line.{number}"), &format!("{number} {round} a")));
                    publisher.send(publication(&format!("line.{number}"), &format!("{number} {round} b")));
                }
                (0..ROUNDS).for_each(|_| drop(publisher.until_pong()));
                publisher.barrier();
            });
        }
    });
    for subscriber in &mut subscribers {
        let got = payloads(&subscriber.barrier());
        for number in 0..PUBLISHERS {
            let of_one = got.iter().filter(|payload| payload.starts_with(&format!("{number} ")));
            let wanted =
                (0..ROUNDS).flat_map(|round| ["a", "b"].map(|part| format!("{number} {round} {part}")));
            assert!(of_one.cloned().eq(wanted), "publisher {number}: {} in all", got.len());
        }
    }
}

fn what_follows_the_last_ping_is_served_too(shape: Shape) {
    let server = Server::start(shape);
    let mut subscribers: Vec<Raw> = (0..2).map(|_| subscriber(&server)).collect();
    for number in 0..LEAVERS {
        let mut publisher = server.raw();
        publisher.send(publication("line.first", "x") + "PING\r\n");
        publisher.send(publication("line.last", &format!("leaver {number}")));
        publisher.finish();
        publisher.until_closed();
    }
    for subscriber in &mut subscribers {
        let last = (0..2 * LEAVERS).map(|_| payloads(&[subscriber.message()]).remove(0));
        let mut last: Vec<String> = last.filter(|payload| payload.starts_with("leaver ")).collect();
        last.sort_by_key(|payload| payload["leaver ".len()..].parse::<usize>().expect("a number"));
        assert!(last.into_iter().eq((0..LEAVERS).map(|number| format!("leaver {number}"))));
    }
}

fn subscriber(server: &Server) -> Raw {
    let mut raw = server.raw();
    raw.send("SUB line.> 1\r\n");
    raw.barrier();
    raw
}
