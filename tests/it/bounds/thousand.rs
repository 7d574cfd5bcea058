//! A thousand connections at a time, on every driver.

use crate::support::raw::{Raw, publication};
use crate::support::server::Server;
use crate::support::shape::Shape;

const CONNECTIONS: usize = 1000;

/// All of them subscribe, one publishes, all receive; then all leave and others come.
fn serves(shape: Shape) {
    let server = Server::start(shape);
    for _ in 0..2 {
        let mut clients: Vec<Raw> = (0..CONNECTIONS).map(|_| server.raw()).collect();
        for client in &mut clients {
            client.send("SUB all 1\r\nPING\r\n");
        }
        for client in &mut clients {
            client.until_pong();
        }
        clients[CONNECTIONS / 2].send(publication("all", "hello"));
        for client in &mut clients {
            assert_eq!(client.message(), b"MSG all 1 5\r\nhello\r\n");
        }
    }
}

#[test]
fn on_two_shards() {
    serves(Shape::TWO);
}

#[test]
fn on_four_shards_with_epoll() {
    if Shape::FOUR_EPOLL.applies() {
        serves(Shape::FOUR_EPOLL);
    }
}

#[test]
fn at_home() {
    if Shape::HOME.applies() {
        serves(Shape::HOME);
    }
}
