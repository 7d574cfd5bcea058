//! A server that comes back on its port finds its clients again.

use crate::support::clients::{connect, next, run, text};
use crate::support::server::Server;
use crate::support::shape::Shape;

/// Killed and started again, on the same port, several times: subscriptions live on.
#[test]
fn clients_come_back_with_their_subscriptions() {
    let mut server = Server::start(Shape::TWO);
    run(async {
        let subscribing = connect(&server).await;
        let publishing = connect(&server).await;
        let mut subscriber = subscribing.subscribe("again").await.expect("subscribe");
        for round in 0..3 {
            server.restart();
            // Published until it arrives: both clients come back in their own time.
            loop {
                publishing.publish("again", round.to_string().into()).await.expect("publish");
                let wait = std::time::Duration::from_millis(100);
                match tokio::time::timeout(wait, next(&mut subscriber)).await {
                    Ok(message) if text(&message) == round.to_string() => break,
                    _ => {}
                }
            }
        }
    });
}

/// Thirty restarts in a row on one port, each ready for a client at once.
#[test]
fn thirty_restarts_on_one_port() {
    let mut server = Server::start(Shape::TWO);
    for _ in 0..30 {
        server.raw().barrier();
        server.restart();
    }
    server.raw().barrier();
}
