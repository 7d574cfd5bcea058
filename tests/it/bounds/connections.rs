//! max_connections and floods: the one too many is told, the others stay, and room comes back.

use std::time::Instant;

use crate::support::PATIENCE;
use crate::support::raw::{Raw, Received};
use crate::support::server::{Launch, Server};
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// The bound is one of the whole server, not of each shard.
    one_too_many_is_told_and_closed;
    /// Hundreds of connections that come and go at once: nobody else notices, and room comes back.
    flood_passes;
}

/// Connects again and again until the server has room.
fn connect_when_there_is_room(server: &Server) -> Raw {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let mut raw = Raw::open(server.address);
        if raw.try_send(crate::support::raw::INTRODUCTION)
            && raw.try_send("PING\r\n")
            && matches!(raw.receive(PATIENCE), Received::Unit(unit) if unit.starts_with(b"INFO "))
            && matches!(raw.receive(PATIENCE), Received::Unit(unit) if unit == b"PONG\r\n")
        {
            return raw;
        }
    }
    panic!("no room comes back");
}

fn one_too_many_is_told_and_closed(shape: Shape) {
    let server = Launch::new(shape).set("max_connections", 5).start();
    let mut clients: Vec<Raw> = (0..5).map(|_| server.raw()).collect();
    for _ in 0..10 {
        let answer = Raw::open(server.address).until_closed();
        assert!(answer.contains("-ERR 'maximum connections exceeded'\r\n"), "{answer:?}");
    }
    for client in &mut clients {
        client.barrier();
    }
    clients.pop();
    connect_when_there_is_room(&server).barrier();
}

fn flood_passes(shape: Shape) {
    let server = Launch::new(shape).set("max_connections", 20).start();
    let mut steady: Vec<Raw> = (0..8).map(|_| server.raw()).collect();
    for _ in 0..5 {
        let flood: Vec<Raw> = (0..100).map(|_| Raw::open(server.address)).collect();
        for client in &mut steady {
            client.barrier();
        }
        drop(flood);
    }
    let mut newcomer = connect_when_there_is_room(&server);
    newcomer.barrier();
}

/// 0 lets nobody in, and is told so.
#[test]
fn none_at_all() {
    for max in [0, -1] {
        let server = Launch::new(Shape::TWO).set("max_connections", max).start();
        let mut refused = server.accept();
        assert!(refused.until_closed().contains("maximum connections exceeded"), "{max}");
    }
}
