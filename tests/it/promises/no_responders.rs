//! A request that nobody can answer fails at once, and one that somebody can does not.

use async_nats::client::RequestErrorKind;
use futures_util::StreamExt;

use crate::support::clients::{connect, connect_many, run, settle};
use crate::support::server::Server;
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// From every connection, with and without a listener on some other shard.
    tells_the_requester;
}

fn tells_the_requester(shape: Shape) {
    let server = Server::start(shape);
    run(async {
        for client in connect_many(&server, 8).await {
            let error = client.request("nobody", "".into()).await.expect_err("nobody answers");
            assert_eq!(error.kind(), RequestErrorKind::NoResponders);
        }
        let responder = connect(&server).await;
        let mut requests = responder.subscribe("somebody").await.expect("subscribe");
        settle(&server, &responder).await;
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let reply = request.reply.expect("a reply subject");
                responder.publish(reply, "here".into()).await.expect("publish");
            }
        });
        for client in connect_many(&server, 8).await {
            let answer = client.request("somebody", "".into()).await.expect("an answer");
            assert_eq!(answer.payload, "here");
        }
    });
}
