//! Lame duck: no newcomers, clients are told and then closed one after the other, the process ends with 0.

use std::net::TcpStream;

use crate::support::process::Signal;
use crate::support::program;
use crate::support::raw::Raw;
use crate::support::server::{Launch, Server};
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// From SIGUSR2 to the end.
    tells_then_closes;
}

fn server(shape: Shape) -> Server {
    let launch = Launch::new(shape).set("lame_duck_duration", "30s");
    launch.set("lame_duck_grace_period", "100ms").start()
}

/// A client that takes asynchronous INFO.
fn modern(server: &Server) -> Raw {
    let mut raw = server.accept();
    raw.send("CONNECT {\"verbose\":false,\"protocol\":1}\r\n");
    raw.barrier();
    raw.unit();
    raw
}

fn tells_then_closes(shape: Shape) {
    let mut server = server(shape);
    let mut clients = [modern(&server), modern(&server)];
    let mut old = server.raw();
    server.process.signal(Signal::USR2);
    for client in &mut clients {
        let line = String::from_utf8(client.unit()).expect("text");
        let json = line.strip_prefix("INFO ").unwrap_or_else(|| panic!("not INFO: {line}"));
        let info: serde_json::Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(info["ldm"], serde_json::json!(true));
    }
    server.log.expect("Entering lame duck mode, stop accepting new clients");
    assert!(TcpStream::connect(server.address).is_err(), "no newcomers");
    // Still served: the barrier passes until a client's own turn comes.
    server.log.expect("Closing existing clients");
    for client in &mut clients {
        assert_eq!(client.until_closed().replace("PING\r\n", ""), "");
    }
    // It may be asked for a sign of life meanwhile.
    let said = old.until_closed().replace("PING\r\n", "");
    assert_eq!(said, "", "a client of the old protocol is not told, only closed");
    assert_eq!(server.process.wait().code(), Some(0));
}

/// Clients are served through the grace period, which SIGTERM ends at once.
#[test]
fn serves_through_the_grace_period() {
    let launch = Launch::new(Shape::TWO).set("lame_duck_duration", "30s");
    let mut server = launch.set("lame_duck_grace_period", "20s").start();
    let mut publisher = modern(&server);
    let mut subscriber = modern(&server);
    server.process.signal(Signal::USR2);
    subscriber.unit();
    publisher.unit();
    subscriber.send("SUB still 1\r\n");
    subscriber.barrier();
    publisher.send("PUB still 2\r\non\r\n");
    publisher.barrier();
    assert_eq!(subscriber.message(), b"MSG still 1 2\r\non\r\n");
    // nats-server hears no other signal until lame duck mode is over.
    if program::is_corebus() {
        assert_eq!(server.stop(Signal::TERM), Some(0));
    }
}

/// Without clients there is nothing to wait for; asked for through the program itself.
#[test]
fn ends_at_once_without_clients() {
    let mut server = server(Shape::TWO);
    let mut sender = std::process::Command::new(program::path());
    let status = sender.arg(format!("--signal=ldm={}", server.process.pid())).status().expect("it runs");
    assert!(status.success());
    assert_eq!(server.process.wait().code(), Some(0));
}
