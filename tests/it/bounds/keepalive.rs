//! The server asks the silent for a sign of life, and closes who gives none.

use crate::support::raw::Raw;
use crate::support::server::{Launch, Server};
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// Unanswered PINGs up to ping_max, then Stale Connection.
    silent_client_is_stale;
    /// A client that answers lives on.
    answering_client_lives;
}

fn server(shape: Shape) -> Server {
    Launch::new(shape).set("ping_interval", "600ms").set("ping_max", 2).start()
}

fn silent_client_is_stale(shape: Shape) {
    let server = server(shape);
    let mut silent = server.raw();
    assert_eq!(silent.until_closed(), "PING\r\nPING\r\n-ERR 'Stale Connection'\r\n");
    server.raw().barrier();
}

fn answering_client_lives(shape: Shape) {
    let server = server(shape);
    let mut answering: Vec<Raw> = (0..4).map(|_| server.raw()).collect();
    for _ in 0..5 {
        for client in &mut answering {
            assert_eq!(client.unit(), b"PING\r\n");
            client.send("PONG\r\n");
        }
    }
    for client in &mut answering {
        client.barrier();
    }
}

/// A client that never said CONNECT is asked too.
#[test]
fn client_without_connect_is_stale_too() {
    let server = server(Shape::TWO);
    let mut silent = server.accept();
    assert!(silent.until_closed().ends_with("-ERR 'Stale Connection'\r\n"));
}
