//! Clients that leave in the worst moment cost nobody else anything.

use crate::support::clients::{connect, run, settle};
use crate::support::raw::{Raw, publication};
use crate::support::server::Server;
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// Closed with messages unread, which resets the connection, while more are on their way.
    with_messages_unread;
    /// A client library that drains itself away with messages on their way, again and again.
    after_draining;
    /// Closed in the middle of an operation: nothing of it is delivered.
    in_the_middle_of_a_message;
}

fn with_messages_unread(shape: Shape) {
    let server = Server::start(shape);
    let mut publisher = server.raw();
    let batch = publication("leave", &"x".repeat(500)).repeat(200);
    for _ in 0..20 {
        let mut leaving: Vec<Raw> = (0..4).map(|_| server.raw()).collect();
        for client in &mut leaving {
            client.send("SUB leave 1\r\nSUB * 2\r\n");
            client.barrier();
        }
        publisher.send(&batch);
        drop(leaving);
        publisher.send(&batch);
        publisher.barrier();
    }
    server.raw().barrier();
}

fn after_draining(shape: Shape) {
    let server = Server::start(shape);
    let mut publisher = server.raw();
    run(async {
        for _ in 0..10 {
            let client = connect(&server).await;
            let first = client.subscribe("leave").await.expect("subscribe");
            let second = client.subscribe("*").await.expect("subscribe");
            settle(&server, &client).await;
            publisher.send(publication("leave", "x").repeat(200));
            publisher.barrier();
            client.drain().await.expect("drain");
            drop((first, second));
        }
    });
    publisher.barrier();
}

fn in_the_middle_of_a_message(shape: Shape) {
    let server = Server::start(shape);
    let mut subscriber = server.raw();
    subscriber.send("SUB leave 1\r\n");
    subscriber.barrier();
    for piece in [
        "PUB leave 100\r\nonly this much",
        "PUB leave 100\r\n",
        "PUB leave 1",
        "PU",
        "HPUB leave 12 14\r\nNATS",
    ] {
        let mut leaving = server.raw();
        leaving.send(piece);
    }
    let mut publisher = server.raw();
    publisher.send(publication("leave", "whole"));
    publisher.barrier();
    assert_eq!(subscriber.barrier(), [b"MSG leave 1 5\r\nwhole\r\n"]);
}
