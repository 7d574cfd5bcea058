//! Draining: what was published before is still received, nothing after.

use futures_util::StreamExt;

use crate::support::clients::{connect, connect_many, run, text};
use crate::support::server::Server;
use crate::support::shape::{Shape, in_every_shape};

const MESSAGES: usize = 200;

in_every_shape! {
    /// A drained subscription ends after the last message that came before.
    subscription_ends_after_its_last_message;
    /// A drained client does so with all its subscriptions, then closes.
    client_ends_after_its_last_messages;
    /// Queue members drain one after the other while requests go on: every message is taken once.
    queue_members_drain_without_loss;
}

fn subscription_ends_after_its_last_message(shape: Shape) {
    let server = Server::start(shape);
    run(async {
        let clients = connect_many(&server, 4).await;
        for (number, client) in clients.iter().enumerate() {
            let mut subscriber = client.subscribe("drain").await.expect("subscribe");
            client.request("nobody", "".into()).await.expect_err("a round trip");
            let publisher = &clients[(number + 1) % clients.len()];
            for message in 0..MESSAGES {
                publisher.publish("drain", message.to_string().into()).await.expect("publish");
            }
            publisher.request("nobody", "".into()).await.expect_err("a round trip");
            subscriber.drain().await.expect("drain");
            let received: Vec<_> = subscriber.map(|message| text(&message)).collect().await;
            assert_eq!(received, (0..MESSAGES).map(|message| message.to_string()).collect::<Vec<_>>());
        }
    });
}

fn client_ends_after_its_last_messages(shape: Shape) {
    let server = Server::start(shape);
    run(async {
        let publisher = connect(&server).await;
        for _ in 0..4 {
            let client = connect(&server).await;
            let first = client.subscribe("drain.a").await.expect("subscribe");
            let second = client.subscribe("drain.>").await.expect("subscribe");
            client.request("nobody", "".into()).await.expect_err("a round trip");
            for message in 0..MESSAGES {
                publisher.publish("drain.a", message.to_string().into()).await.expect("publish");
            }
            publisher.request("nobody", "".into()).await.expect_err("a round trip");
            client.drain().await.expect("drain");
            assert_eq!(first.count().await, MESSAGES);
            assert_eq!(second.count().await, MESSAGES);
        }
    });
}

fn queue_members_drain_without_loss(shape: Shape) {
    const MEMBERS: usize = 5;
    let server = Server::start(shape);
    run(async {
        let publisher = connect(&server).await;
        let mut members = Vec::new();
        for client in connect_many(&server, MEMBERS).await {
            let subscriber = client.queue_subscribe("drain", "team".into()).await.expect("subscribe");
            client.request("nobody", "".into()).await.expect_err("a round trip");
            members.push((client, subscriber));
        }
        let mut counts = Vec::new();
        let mut published = 0;
        for (client, mut subscriber) in members {
            for _ in 0..MESSAGES {
                publisher.publish("drain", published.to_string().into()).await.expect("publish");
                published += 1;
            }
            subscriber.drain().await.expect("drain");
            client.request("nobody", "".into()).await.expect_err("a round trip");
            counts.push(tokio::spawn(async move { (client, subscriber.count().await) }));
            publisher.request("nobody", "".into()).await.expect_err("a round trip");
        }
        let mut received = 0;
        for count in counts {
            received += count.await.expect("a member").1;
        }
        // What came after the last member had left was nobody's.
        assert!(received <= published && received >= MESSAGES * (MEMBERS - 1), "{received} of {published}");
    });
}
