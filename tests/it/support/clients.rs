//! Real clients: a runtime for a test, and async-nats connections to its server.

use std::future::Future;

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
