//! Requests and replies over many connections, many at a time, with headers.

use async_nats::{Client, HeaderMap};
use futures_util::StreamExt;
use futures_util::future::join_all;

use crate::support::clients::{connect_many, run, settle, text};
use crate::support::server::Server;
use crate::support::shape::{Shape, in_every_shape};

const RESPONDERS: usize = 4;
const REQUESTERS: usize = 6;
const REQUESTS: usize = 50;

in_every_shape! {
    /// Every request gets its own answer, exactly one, from one responder of the group.
    each_request_has_its_own_answer;
}

fn each_request_has_its_own_answer(shape: Shape) {
    let server = Server::start(shape);
    run(async {
        for responder in connect_many(&server, RESPONDERS).await {
            respond(&server, responder).await;
        }
        let requesters = connect_many(&server, REQUESTERS).await;
        let requests = requesters.iter().enumerate().flat_map(|(who, client)| {
            (0..REQUESTS).map(move |number| ask(client, format!("{who}.{number}")))
        });
        join_all(requests).await;
    });
}

/// Answers every request with what it asks, header and payload.
async fn respond(server: &Server, client: Client) {
    let mut requests = client.queue_subscribe("echo", "responders".into()).await.expect("subscribe");
    settle(server, &client).await;
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let reply = request.reply.clone().expect("a reply subject");
            let headers = request.headers.clone().expect("headers");
            client.publish_with_headers(reply, headers, request.payload).await.expect("publish");
        }
    });
}

async fn ask(client: &Client, question: String) {
    let mut headers = HeaderMap::new();
    headers.insert("Question", question.as_str());
    let answer =
        client.request_with_headers("echo", headers, question.clone().into()).await.expect("an answer");
    assert_eq!(text(&answer), question);
    let header = answer.headers.as_ref().and_then(|headers| headers.get("Question")).expect("the header");
    assert_eq!(header.as_str(), question);
}
