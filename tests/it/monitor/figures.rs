//! The figures are exact, over all shards.

use serde_json::{Value, json};

use crate::support::http::Monitored;
use crate::support::raw::{Raw, publication};
use crate::support::server::Launch;
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// Messages and bytes in and out, by client, by shard and in all.
    counts_messages;
    /// A reader that is cut.
    counts_the_slow;
    /// A silent client that is closed.
    counts_the_stale;
    /// The way to a client is measured by PING, early.
    measures_the_way;
}

const READERS: usize = 6;
const MESSAGES: usize = 10;

fn sum(page: &Value, field: &str) -> u64 {
    let shards = page["corebus"]["shards"].as_array().expect("shards");
    shards.iter().map(|shard| shard[field].as_u64().expect("a number")).sum()
}

fn counts_messages(shape: Shape) {
    let monitored = Monitored::start(Launch::new(shape));
    let at_start = monitored.json("/varz")["subscriptions"].as_u64().expect("a number");
    let mut readers: Vec<Raw> = (0..READERS).map(|_| monitored.server.raw()).collect();
    for reader in &mut readers {
        reader.send("SUB figures.* 1\r\n");
        reader.barrier();
    }
    // One that knows no headers is sent, and counted, the body alone.
    let mut plain = monitored.server.accept();
    plain.send("CONNECT {\"verbose\":false}\r\nSUB figures.* 1\r\n");
    plain.barrier();
    let mut writer = monitored.server.raw();
    for _ in 0..MESSAGES {
        writer.send(publication("figures.plain", "hello"));
    }
    writer.send("HPUB figures.headed 22 25\r\nNATS/1.0\r\nName: it\r\n\r\nabc\r\n");
    writer.send("SUB nothing.comes 5\r\nUNSUB 5\r\n");
    writer.barrier();
    let (messages, readers_count) = (MESSAGES as u64 + 1, READERS as u64);
    let bytes_in = MESSAGES as u64 * 5 + 25;
    // In all, as nats-server has it, the headers that one was not sent are counted too.
    let bytes_out = (readers_count + 1) * bytes_in;
    let page = monitored.json("/varz");
    assert_eq!(page["connections"], json!(READERS + 2));
    assert_eq!(page["total_connections"], json!(READERS + 2));
    assert_eq!(page["in_msgs"], json!(messages));
    assert_eq!(page["in_bytes"], json!(bytes_in));
    assert_eq!(page["out_msgs"], json!(messages * (readers_count + 1)));
    assert_eq!(page["out_bytes"], json!(bytes_out));
    for direction in ["in", "out"] {
        for unit in ["msgs", "bytes"] {
            assert_eq!(page[format!("{direction}_client_{unit}")], page[format!("{direction}_{unit}")]);
        }
    }
    assert_eq!(page["subscriptions"].as_u64().expect("a number") - at_start, readers_count + 1);
    assert_eq!(page["slow_consumers"], json!(0));
    assert_eq!(page["http_req_stats"], json!({ "/varz": 2 }));
    if page["corebus"].is_object() {
        let shards = page["corebus"]["shards"].as_array().expect("shards");
        assert_eq!(shards.len(), shape.shards);
        assert_eq!(page["corebus"]["driver"], json!(shape.driver));
        assert_eq!(sum(&page, "connections"), readers_count + 2);
        for field in ["in_msgs", "in_bytes", "out_msgs", "out_bytes", "subscriptions"] {
            assert_eq!(json!(sum(&page, field)), page[field], "{field}");
        }
        // At home no message crosses, but a connection may: it was accepted wherever it came.
        if shape.shards == 1 || shape.placement == "spread" {
            assert_eq!(sum(&page, "letters") > 0, shape.shards > 1);
        }
    }
    let page = monitored.json("/connz?limit=100");
    let connections = page["connections"].as_array().expect("connections");
    let of = |cid: &Value| connections.iter().find(|one| one["cid"] == *cid).expect("it is there").clone();
    let reader = of(&readers[0].info["client_id"]);
    assert_eq!((&reader["out_msgs"], &reader["out_bytes"]), (&json!(messages), &json!(bytes_in)));
    assert_eq!((&reader["in_msgs"], &reader["in_bytes"]), (&json!(0), &json!(0)));
    assert_eq!(reader["subscriptions"], json!(1));
    let plain = of(&plain.info["client_id"]);
    assert_eq!((&plain["out_msgs"], &plain["out_bytes"]), (&json!(messages), &json!(MESSAGES * 5 + 3)));
    let writer = of(&writer.info["client_id"]);
    assert_eq!((&writer["in_msgs"], &writer["in_bytes"]), (&json!(messages), &json!(bytes_in)));
    assert_eq!((&writer["out_msgs"], &writer["subscriptions"]), (&json!(0), &json!(0)));
    for connection in connections {
        assert_eq!(connection["pending_bytes"], json!(0));
        assert!(connection["last_activity"].as_str() >= connection["start"].as_str());
        assert_ne!(connection["rtt"], json!("0s"), "CONNECT gives a first guess");
    }
}

fn counts_the_stale(shape: Shape) {
    let monitored = Monitored::start(Launch::new(shape).set("ping_interval", "300ms").set("ping_max", 1));
    let mut silent = monitored.server.raw();
    assert!(silent.until_closed().ends_with("-ERR 'Stale Connection'\r\n"));
    let stale =
        |page: &Value| page["stale_connections"] == 1 && page["stale_connection_stats"]["clients"] == 1;
    monitored.json_when("/varz", stale);
    let page = monitored.json("/connz?state=closed&sort=reason");
    assert_eq!(page["connections"][0]["reason"], json!("Stale Connection"));
}

fn counts_the_slow(shape: Shape) {
    let launch = Launch::new(shape).set("max_pending", 100_000).set("max_payload", 50_000);
    let monitored = Monitored::start(launch);
    let mut slow = monitored.server.raw();
    slow.send("SUB flood 1\r\n");
    slow.barrier();
    let mut writer = monitored.server.raw();
    let message = publication("flood", &"x".repeat(40_000));
    let cut = |page: &Value| page["slow_consumers"] == 1 && page["slow_consumer_stats"]["clients"] == 1;
    // Its sockets take some mebibytes first.
    for _ in 0..1000 {
        writer.send(&message);
        writer.barrier();
        if cut(&monitored.json("/varz")) {
            break;
        }
    }
    monitored.json_when("/varz", cut);
    let page = monitored.json_when("/connz?state=closed&sort=reason", |page| page["total"] == 1);
    assert_eq!(page["connections"][0]["reason"], json!("Slow Consumer (Pending Bytes)"));
}

fn measures_the_way(shape: Shape) {
    let monitored = Monitored::start(Launch::new(shape));
    let mut client = monitored.server.raw();
    let guess = monitored.json("/connz")["connections"][0]["rtt"].clone();
    // Long before the ping_interval of two minutes, though it is not silent.
    assert_eq!(client.unit(), b"PING\r\n");
    // Far from the guess, whatever that was.
    std::thread::sleep(std::time::Duration::from_millis(20));
    client.send("PONG\r\n");
    client.barrier();
    monitored.json_when("/connz", |page| page["connections"][0]["rtt"] != guess);
}
