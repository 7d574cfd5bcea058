//! What cannot change while running, and files with mistakes: nothing changes at all.

use super::Reloading;
use crate::support::process::Signal;
use crate::support::program;
use crate::support::raw::publication;
use crate::support::server::Server;
use crate::support::shape::Shape;

/// Each with the name nats-server's message has for it.
const FIXED: &[(&str, &str)] = &[
    ("server_name: other", "ServerName"),
    ("max_pending: 32MB", "MaxPending"),
    ("max_subscriptions: 10", "MaxSubs"),
    ("max_sub_tokens: 8", "MaxSubTokens"),
    ("no_header_support: true", "NoHeaderSupport"),
    ("lame_duck_duration: \"3m\"", "LameDuckDuration"),
    ("lame_duck_grace_period: \"5s\"", "LameDuckGracePeriod"),
    ("log_size_limit: 10MB", "LogSizeLimit"),
    ("log_max_num: 3", "LogMaxFiles"),
    ("max_closed_clients: 5", "MaxClosedClients"),
    ("http_port: -1", "HTTPPort"),
    ("http_base_path: \"/x\"", "HTTPBasePath"),
];

#[test]
fn what_cannot_change() {
    let reloading = Reloading::start(Shape::TWO, "max_payload: 100\n");
    let mut client = reloading.server.raw();
    for (line, name) in FIXED {
        let said = format!("config reload not supported for {name}: old=");
        reloading.change(&format!("max_payload: 200\n{line}\n"), &said);
    }
    still_a_hundred(&mut client);
}

#[test]
fn what_is_corebus_own() {
    if !program::is_corebus() {
        return;
    }
    // The flags of the shape say how many shards there are, where they run and how connections are placed.
    let reloading = Reloading::start(Shape::TWO, "corebus { shards: 2 }\n");
    reloading.change("corebus { cpus: \"0\" }\n", "config reload not supported for cpus: old=");
}

#[test]
fn mistakes() {
    let reloading = Reloading::start(Shape::TWO, "max_payload: 100\n");
    let mut client = reloading.server.raw();
    for (text, said) in [
        ("max_payload: 200\nmax_payloads: 5\n", "reloaded.conf:2:1: unknown field \"max_payloads\""),
        ("max_payload: 200\nping_max: many\n", "is string, not int64"),
        ("max_payload: 200\nport: {\n", "Unexpected EOF processing map."),
        (
            "max_payload: $NO_SUCH_THING\n",
            "variable reference for 'NO_SUCH_THING' on line 1 can not be found",
        ),
    ] {
        reloading.change(text, said);
    }
    reloading.server.log.expect("Failed to reload server configuration: ");
    still_a_hundred(&mut client);
    reloading.change("max_payload: 300\n", "Reloaded: max_payload = 300");
}

fn still_a_hundred(client: &mut crate::support::raw::Raw) {
    client.send(publication("a", &"x".repeat(150)));
    assert!(client.until_closed().contains("Maximum Payload Violation"));
}

/// Without a file there is nothing to read again.
#[test]
fn no_file() {
    let server = Server::start(Shape::TWO);
    server.process.signal(Signal::HUP);
    server.log.expect(
        "Failed to reload server configuration: can only reload config when a file is provided using -c or --config",
    );
    server.raw();
}
