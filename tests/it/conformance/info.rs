//! INFO, whose content a transcript masks: the fields that clients read.

use serde_json::{Value, json};

use crate::support::server::{Launch, Server};
use crate::support::shape::Shape;

/// The fields and values every client library relies on.
#[test]
fn fields_that_clients_read() {
    let server = Server::start(Shape::TWO);
    let info = server.accept().info;
    assert_eq!(info["proto"], json!(1));
    assert_eq!(info["headers"], json!(true));
    assert_eq!(info["max_payload"], json!(1_048_576));
    assert_eq!(info["host"], json!("127.0.0.1"));
    assert_eq!(info["port"], json!(server.address.port()));
    assert_eq!(info["client_ip"], json!("127.0.0.1"));
    let id = info["server_id"].as_str().expect("server_id");
    assert!(id.len() == 56 && id.starts_with('N'), "server_id is a server's nkey, not {id}");
    assert!(info["server_name"].is_string());
    let version = info["version"].as_str().expect("version");
    assert!(version.split('.').count() >= 3, "version is like 2.x.y, not {version}");
    assert!(info["client_id"].is_u64());
    for absent in ["auth_required", "tls_required", "nonce", "connect_urls", "ldm"] {
        assert_eq!(info[absent], Value::Null, "{absent} has no place here");
    }
}

/// Client identities differ, over all shards.
#[test]
fn each_connection_has_an_identity_of_its_own() {
    let server = Server::start(Shape::FOUR);
    let clients: Vec<_> = (0..32).map(|_| server.accept()).collect();
    let mut ids: Vec<_> = clients.iter().map(|client| client.info["client_id"].as_u64()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), clients.len());
}

/// What is configured shows.
#[test]
fn shows_what_is_configured() {
    let launch = Launch::new(Shape::TWO).set("max_payload", 2048).set("no_header_support", true);
    let server = launch.flag("--auth").flag("secret").flag("-n").flag("a-name").start();
    let info = server.accept().info;
    assert_eq!(info["max_payload"], json!(2048));
    assert_eq!(info["headers"], json!(false));
    assert_eq!(info["auth_required"], json!(true));
    assert_eq!(info["server_name"], json!("a-name"));
}

/// A client of protocol 1 learns after its first PONG which account it is in; a client of protocol 0 gets
/// no INFO it did not expect (nats-server client.go:processPing).
#[test]
fn second_info_follows_the_first_pong() {
    let server = Server::start(Shape::TWO);
    let mut raw = server.accept();
    raw.send("CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n");
    assert_eq!(raw.unit(), b"PONG\r\n");
    let second = String::from_utf8(raw.unit()).expect("text");
    let info: Value = serde_json::from_str(second.strip_prefix("INFO ").expect("INFO")).expect("JSON");
    assert_eq!(info["connect_info"], json!(true));
    assert_eq!(info["remote_account"], json!("$G"));
    assert_eq!(info["server_id"], raw.info["server_id"]);
    assert!(raw.barrier().is_empty(), "only once");
}
