//! Real clients: a runtime for a test, and async-nats connections to its server.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_nats::{Client, ConnectOptions, Message, Subscriber};
use futures_util::StreamExt;

use super::PATIENCE;
use super::server::Server;

/// Runs an asynchronous test on this thread, with a bound.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(3 * PATIENCE, future).await.expect("the test hangs") })
}

pub async fn connect(server: &Server) -> Client {
    connect_with(server, ConnectOptions::new()).await
}

pub async fn connect_with(server: &Server, options: ConnectOptions) -> Client {
    options.connect(server.url()).await.expect("the client connects")
}

/// Enough connections that every shard of any shape holds some.
pub async fn connect_many(server: &Server, count: usize) -> Vec<Client> {
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        clients.push(connect(server).await);
    }
    clients
}

/// Returns when every shard knows what `client` has subscribed to. async-nats never waits for a PONG of its
/// own: a subscription made after the others is asked for, from many connections, until each sees it.
pub async fn settle(server: &Server, client: &Client) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let subject = format!("settled.{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let probe = client.subscribe(subject.clone()).await.expect("subscribe");
    client.flush().await.expect("flush");
    for _ in 0..8 {
        let mut raw = server.raw();
        raw.send("SUB inbox 1\r\n");
        raw.wait_for_listener(&subject, true);
    }
    drop(probe);
}

/// The next message, which must come.
pub async fn next(subscriber: &mut Subscriber) -> Message {
    tokio::time::timeout(PATIENCE, subscriber.next())
        .await
        .expect("a message comes")
        .expect("the subscription lives")
}

pub fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.payload).into_owned()
}
