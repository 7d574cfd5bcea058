//! What live and new clients notice.

use super::Reloading;
use crate::support::PATIENCE;
use crate::support::program;
use crate::support::raw::{Raw, Received, publication};
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// Those whose password is no longer right are cut; those who come with the new one are let in.
    password;
    /// Lower and higher bounds hold for clients that were there before.
    max_payload;
    /// Clients beyond a lower bound are told and closed, the others stay.
    max_connections;
    /// Whoever comes after the log says that the bound has changed is counted against the new one, wherever it
    /// is taken in and kept.
    max_connections_at_once;
}

fn password(shape: Shape) {
    let reloading = Reloading::start(shape, "authorization { user: ann, password: old }\n");
    let mut clients: Vec<_> = (0..4).map(|_| reloading.client("ann", "old").0).collect();
    reloading.change("authorization { user: ann, password: new }\n", "Reloaded: authorization password");
    for client in &mut clients {
        no_longer_authorized(client);
    }
    assert!(!reloading.client("ann", "old").1);
    let (mut kept, let_in) = reloading.client("ann", "new");
    assert!(let_in);
    // Nothing about it changes: it stays. nats-server closes it all the same.
    reloading.change(
        "authorization { user: ann, password: new }\nmax_control_line: 2KB\n",
        "Reloaded: max_control_line = 2048",
    );
    if program::is_corebus() {
        kept.barrier();
    }
}

/// Told why and closed; nats-server does not always come round to telling.
fn no_longer_authorized(client: &mut Raw) {
    let text = client.until_closed();
    assert!(
        text == "-ERR 'Authorization Violation'\r\n" || (text.is_empty() && !program::is_corebus()),
        "{text:?}"
    );
}

fn max_payload(shape: Shape) {
    let reloading = Reloading::start(shape, "max_payload: 100\n");
    let mut clients: Vec<_> = (0..2).map(|_| reloading.server.raw()).collect();
    reloading.change("max_payload: 200\n", "Reloaded: max_payload = 200");
    for client in &mut clients {
        client.send("SUB here 1\r\n");
        client.send(publication("here", &"x".repeat(150)));
        client.message();
    }
    assert_eq!(reloading.server.accept().info["max_payload"], serde_json::json!(200));
    reloading.change("max_payload: 50\n", "Reloaded: max_payload = 50");
    for client in &mut clients {
        client.send(publication("here", &"x".repeat(150)));
        assert!(client.until_closed().ends_with("-ERR 'Maximum Payload Violation'\r\n"));
    }
}

fn max_connections(shape: Shape) {
    let reloading = Reloading::start(shape, "max_connections: 20\n");
    let mut clients: Vec<_> = (0..6).map(|_| reloading.server.raw()).collect();
    for client in &mut clients {
        client.send("SUB still.there 1\r\n");
        client.barrier();
    }
    reloading.change("max_connections: 2\n", "Reloaded: max_connections = 2");
    reloading.server.log.expect("Closed 4 connections to fall within max_connections");
    let mut more = reloading.server.accept();
    assert!(more.until_closed().contains("maximum connections exceeded"));
    reloading.change("max_connections: 3\n", "Reloaded: max_connections = 3");
    let mut asking = reloading.server.raw();
    asking.send(publication("still.there", "?"));
    asking.barrier();
    // Nothing is sent to find out: that could destroy what a closed connection has not read yet.
    let (stayed, cut): (Vec<_>, Vec<_>) = clients
        .iter_mut()
        .map(|client| client.unit())
        .partition(|unit| unit.starts_with(b"MSG still.there 1 "));
    assert_eq!((stayed.len(), cut.len()), (2, 4));
    assert!(cut.iter().all(|unit| unit == b"-ERR 'maximum connections exceeded'\r\n"));
}

fn max_connections_at_once(shape: Shape) {
    let reloading = Reloading::start(shape, "max_connections: 100\n");
    let mut clients: Vec<_> = (0..6).map(|_| reloading.server.raw()).collect();
    for more in 1..=12 {
        let payload = 2000 + more;
        reloading.change(
            &format!("max_connections: 2\nmax_payload: {payload}\n"),
            &format!("Reloaded: max_payload = {payload}"),
        );
        clients.retain_mut(|client| {
            client.try_send("PING\r\n");
            matches!(client.receive(PATIENCE), Received::Unit(unit) if unit == b"PONG\r\n")
        });
        assert_eq!(clients.len(), 2);
        let max = 2 + more;
        reloading.change(&format!("max_connections: {max}\n"), &format!("Reloaded: max_connections = {max}"));
        clients.extend((0..more).map(|_| reloading.server.raw()));
    }
}

/// Another name is asked for.
#[test]
fn user() {
    let reloading = Reloading::start(Shape::TWO, "authorization { user: ann, password: p }\n");
    let (mut ann, let_in) = reloading.client("ann", "p");
    assert!(let_in);
    reloading.change("authorization { user: bob, password: p }\n", "Reloaded: authorization username");
    no_longer_authorized(&mut ann);
    assert!(reloading.client("bob", "p").1 && !reloading.client("ann", "p").1);
}

/// Where nobody had to say who they are, everybody has to from now on, those who are there too.
#[test]
fn authorization_begins_and_ends() {
    let reloading = Reloading::start(Shape::TWO, "max_payload: 1000\n");
    let mut stranger = reloading.server.raw();
    reloading.change("max_payload: 1000\nauthorization { token: T }\n", "Reloaded: authorization token");
    assert_eq!(stranger.until_closed(), "-ERR 'Authorization Violation'\r\n");
    let mut named = reloading.server.accept();
    assert_eq!(named.info["auth_required"], serde_json::json!(true));
    named.send("CONNECT {\"auth_token\":\"T\",\"verbose\":false}\r\n");
    named.barrier();
    reloading.change("max_payload: 2000\n", "Reloaded: max_payload = 2000");
    named.barrier();
    reloading.server.raw();
}

/// A line longer than the new bound is refused.
#[test]
fn max_control_line() {
    let reloading = Reloading::start(Shape::TWO, "max_control_line: 4KB\n");
    let mut client = reloading.server.raw();
    let long = format!("SUB {} 1\r\n", "x".repeat(1000));
    client.send(&long);
    client.barrier();
    reloading.change("max_control_line: 512\n", "Reloaded: max_control_line = 512");
    client.send(&long);
    assert!(client.until_closed().contains("-ERR 'maximum control line exceeded'"));
}

/// Clients that come later are asked for signs of life as the new configuration has it.
#[test]
fn keepalive() {
    let reloading = Reloading::start(Shape::TWO, "ping_interval: \"10m\"\n");
    let said = "Reloaded: ping_max = 1";
    reloading.change("ping_interval: \"200ms\"\nping_max: 1\n", said);
    reloading.server.log.expect("Reloaded: ping_interval = 200ms");
    let mut silent = reloading.server.raw();
    let text = silent.until_closed();
    assert!(text.contains("PING\r\n") && text.ends_with("-ERR 'Stale Connection'\r\n"), "{text:?}");
}

/// Who says nothing is given the new time.
#[test]
fn authorization_timeout() {
    let long = "authorization { token: T, timeout: 60 }\n";
    let reloading = Reloading::start(Shape::TWO, long);
    reloading.change("authorization { token: T, timeout: 0.3 }\n", "Reloaded: authorization timeout = 0.3");
    let mut silent = reloading.server.accept();
    assert_eq!(silent.until_closed(), "-ERR 'Authentication Timeout'\r\n");
}

/// Flags go on winning over the file.
#[test]
fn flags_win() {
    let reloading = Reloading::start_with(
        Shape::TWO,
        "authorization { user: ann, password: filed }\n",
        &["--user", "ann", "--pass", "flagged"],
    );
    assert!(reloading.client("ann", "flagged").1);
    reloading.change(
        "authorization { user: ann, password: other }\nmax_payload: 1000\n",
        "Reloaded: max_payload = 1000",
    );
    assert!(reloading.client("ann", "flagged").1 && !reloading.client("ann", "other").1);
}
