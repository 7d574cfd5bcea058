//! `/connz`: pages, orders, filters, and connections that have ended.

use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::http::Monitored;
use crate::support::raw::{Raw, publication};
use crate::support::server::Launch;
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// Pages of the list join to the whole, whatever shard a connection is on.
    pages_join;
    /// The orders that can be told apart.
    sorts;
    /// Ended connections are remembered with their reason; no more than asked for.
    remembers_the_closed;
    /// One by its id, those of a user.
    filters;
}

fn cids(page: &Value) -> Vec<u64> {
    let connections = page["connections"].as_array().expect("connections");
    connections.iter().map(|connection| connection["cid"].as_u64().expect("a number")).collect()
}

fn cid(raw: &Raw) -> u64 {
    raw.info["client_id"].as_u64().expect("a client id")
}

fn pages_join(shape: Shape) {
    let monitored = Monitored::start(Launch::new(shape));
    let clients: Vec<Raw> = (0..25).map(|_| monitored.server.raw()).collect();
    let mut want: Vec<u64> = clients.iter().map(cid).collect();
    want.sort_unstable();
    let mut have = Vec::new();
    for offset in (0..30).step_by(10) {
        let page = monitored.json(&format!("/connz?offset={offset}&limit=10"));
        assert_eq!((&page["total"], &page["limit"]), (&json!(25), &json!(10)));
        let part = cids(&page);
        assert_eq!(page["num_connections"], json!(part.len()));
        have.extend(part);
    }
    assert_eq!(have, want);
    let page = monitored.json("/connz?offset=100");
    assert_eq!((&page["num_connections"], &page["connections"]), (&json!(0), &json!([])));
    let page = monitored.json("/connz?offset=-1&limit=-1");
    assert_eq!((&page["offset"], &page["limit"], cids(&page)), (&json!(0), &json!(1024), want));
}

fn sorts(shape: Shape) {
    let monitored = Monitored::start(Launch::new(shape));
    let mut clients: Vec<Raw> = (0..4).map(|_| monitored.server.raw()).collect();
    let ids: Vec<u64> = clients.iter().map(cid).collect();
    let [a, b, c, d] = ids[..] else { panic!("four clients") };
    // Publishes: d most, a none. Receives: a most messages, b most bytes. Subscribes: b most.
    clients[0].send("SUB small 1\r\n");
    clients[1].send("SUB large 1\r\nSUB none.1 2\r\nSUB none.2 3\r\n");
    clients[2].send("SUB none.1 1\r\nSUB none.2 2\r\n");
    clients.iter_mut().for_each(|client| drop(client.barrier()));
    clients[1].send(publication("nobody", "1"));
    clients[2].send(publication("small", "12") + &publication("small", "12"));
    clients[3].send(
        publication("large", &"x".repeat(100)) + &publication("small", "1") + &publication("nobody", ""),
    );
    for client in [1, 2, 3] {
        clients[client].barrier();
    }
    let order = |sort: &str| cids(&monitored.json(&format!("/connz?sort={sort}")));
    for sort in ["cid", "start", ""] {
        assert_eq!(order(sort), [a, b, c, d], "{sort}");
    }
    assert_eq!(order("msgs_from"), [d, c, b, a]);
    assert_eq!(order("bytes_from"), [d, c, b, a]);
    assert_eq!(order("msgs_to")[..2], [a, b]);
    assert_eq!(order("bytes_to")[..2], [b, a]);
    assert_eq!(order("subs"), [b, c, a, d]);
    // The youngest first, and the other way round.
    assert_eq!(order("uptime"), [d, c, b, a]);
    for sort in ["pending", "last", "idle", "rtt"] {
        let mut all = order(sort);
        all.sort_unstable();
        assert_eq!(all, ids, "{sort}");
    }
    let activity = |sort: &str| -> Vec<String> {
        let page = monitored.json(&format!("/connz?sort={sort}"));
        let connections = page["connections"].as_array().expect("connections").iter();
        connections.map(|one| one["last_activity"].as_str().expect("a time").to_owned()).collect()
    };
    assert!(activity("idle").is_sorted(), "the longest idle first");
    assert!(activity("last").iter().rev().is_sorted(), "the last first");
}

fn remembers_the_closed(shape: Shape) {
    let monitored = Monitored::start(Launch::new(shape).set("max_closed_clients", 5));
    let mut left = monitored.server.raw();
    left.send("SUB kept.in.mind q 1\r\nUNSUB 1 7\r\n");
    left.barrier();
    let left_cid = cid(&left);
    drop(left);
    let left = monitored.json_when("/connz?state=closed&subs=detail", |page| page["total"] == 1);
    let left = &left["connections"][0];
    assert_eq!((&left["cid"], &left["reason"]), (&json!(left_cid), &json!("Client Closed")));
    assert_eq!(left["subscriptions"], json!(1));
    let detail = &left["subscriptions_list_detail"][0];
    assert_eq!(detail["subject"], json!("kept.in.mind"));
    assert_eq!((&detail["qgroup"], &detail["sid"]), (&json!("q"), &json!("1")));
    assert!(left["stop"].as_str() >= left["start"].as_str());
    let mut wrong = monitored.server.raw();
    wrong.send("NONSENSE\r\n");
    wrong.until_closed();
    let page = monitored.json_when("/connz?state=closed&sort=stop", |page| page["total"] == 2);
    assert_eq!(cids(&page), [cid(&wrong), left_cid], "the last first");
    assert_eq!(page["connections"][0]["reason"], json!("Protocol Violation"));
    // An open one beside them.
    let open = monitored.server.raw();
    assert_eq!(monitored.json("/connz?state=any")["total"], json!(3));
    assert_eq!(cids(&monitored.json("/connz")), [cid(&open)]);
    // More than are kept: the oldest are forgotten, over all shards.
    let mut last = Vec::new();
    for count in 0..7 {
        let raw = monitored.server.raw();
        last.push(cid(&raw));
        drop(raw);
        let newest = json!(last[count]);
        monitored.json_when("/connz?state=closed&sort=stop&limit=1", |page| {
            page["connections"][0]["cid"] == newest
        });
    }
    let page = monitored.json("/connz?state=closed");
    assert_eq!((&page["total"], cids(&page)), (&json!(5), last[2..].to_vec()));
}

fn filters(shape: Shape) {
    let launch = Launch::new(shape).flag("--user=ann").flag("--pass=secret");
    let monitored = Monitored::start(launch);
    let mut clients: Vec<Raw> = (0..3).map(|_| monitored.server.accept()).collect();
    for client in &mut clients {
        client.send("CONNECT {\"verbose\":false,\"user\":\"ann\",\"pass\":\"secret\",\"name\":\"one\"}\r\n");
        client.barrier();
    }
    let wanted = cid(&clients[1]);
    let page = monitored.json(&format!("/connz?cid={wanted}&auth=1"));
    assert_eq!((&page["total"], &page["limit"], cids(&page)), (&json!(3), &json!(1), vec![wanted]));
    assert_eq!(page["connections"][0]["authorized_user"], json!("ann"));
    assert_eq!(page["connections"][0]["name"], json!("one"));
    assert_eq!(page["connections"][0]["ip"], json!("127.0.0.1"));
    assert!(!page.to_string().contains("secret"));
    assert_eq!(monitored.json("/connz?cid=4711")["num_connections"], json!(0));
    assert_eq!(cids(&monitored.json("/connz?user=ann")).len(), 3);
    assert_eq!(monitored.json("/connz?user=bob")["connections"], json!([]));
    assert_eq!(cids(&monitored.json("/connz?acc=$G")).len(), 3);
    assert_eq!(monitored.json("/varz")["auth_required"], json!(true));
    assert!(
        monitored.json("/connz")["connections"][0].get("authorized_user").is_none(),
        "only where asked for"
    );
}

/// A list far longer than a shard looks through in one turn, with a client served meanwhile.
fn lists_thousands(shape: Shape) {
    const CROWD: usize = 5000;
    if !shape.applies() {
        return;
    }
    let monitored = Monitored::start(Launch::new(shape));
    let crowd: Vec<TcpStream> = (0..CROWD)
        .map(|_| TcpStream::connect(monitored.server.address).expect("the server accepts"))
        .collect();
    let mut client = monitored.server.raw();
    for number in 0..400 {
        client.send(format!("SUB many.{number} {number}\r\n"));
    }
    client.barrier();
    monitored.json_when("/varz", |page| page["connections"] == CROWD + 1);
    let page = monitored.json("/connz?limit=10000&subs=1");
    assert_eq!((&page["total"], &page["num_connections"]), (&json!(CROWD + 1), &json!(CROWD + 1)));
    let ids = cids(&page);
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "sorted, none twice");
    let page = monitored.json("/connz?sort=subs&limit=1&subs=1");
    assert_eq!((cids(&page), &page["connections"][0]["subscriptions"]), (vec![cid(&client)], &json!(400)));
    assert_eq!(page["connections"][0]["subscriptions_list"].as_array().expect("a list").len(), 400);
    let page = monitored.json(&format!("/connz?offset={}&limit=10", CROWD - 5));
    assert_eq!(cids(&page), ids[CROWD - 5..]);
    client.barrier();
    drop(crowd);
    let page = monitored.json_when("/connz?state=closed&limit=10000", |page| page["total"] == CROWD);
    assert_eq!(cids(&page).len(), CROWD);
}

#[test]
fn lists_thousands_on_two_shards() {
    lists_thousands(Shape::TWO);
}

#[test]
fn lists_thousands_with_epoll() {
    lists_thousands(Shape::ONE_EPOLL);
}
