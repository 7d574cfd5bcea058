//! The log on a syslog server.

use std::net::UdpSocket;
use std::process::Stdio;

use crate::support::PATIENCE;
use crate::support::process::{Process, Signal};
use crate::support::raw::Raw;
use crate::support::scratch::Scratch;
use crate::support::server::Launch;
use crate::support::shape::Shape;

/// Every line is a datagram with its level; nothing is written to standard error.
#[test]
fn a_server_is_sent_every_line() {
    let listener = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    listener.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let scratch = Scratch::new();
    let url = format!("udp://{}", listener.local_addr().expect("an address"));
    let launch = Launch::new(Shape::TWO).flag("-DV").flag("-r").flag(url);
    let errors = scratch.file("errors");
    let stderr = std::fs::File::create(&errors).expect("a file");
    let child = launch.command(scratch.path()).stdout(Stdio::null()).stderr(stderr).spawn();
    let mut process = Process::new(child.expect("it starts"));

    let mut lines: Vec<String> = Vec::new();
    let mut until = |needle: &str| {
        let mut buffer = [0; 4096];
        loop {
            let len = listener.recv(&mut buffer).unwrap_or_else(|_| panic!("no {needle:?} in {lines:#?}"));
            let line = String::from_utf8_lossy(&buffer[..len]).into_owned();
            lines.push(line.clone());
            if line.contains(needle) {
                return line;
            }
        }
    };
    let listening = until("Listening for client connections on ");
    let tag = format!("[{}]: Listening", process.pid());
    assert!(listening.starts_with("<5>20") && listening.contains(&tag) && listening.ends_with('\n'));
    let address = listening.trim().rsplit(' ').next().expect("an address");
    let mut client = Raw::connect(address.parse().expect("an address"));
    client.send("CONNECT {\"verbose\":false}\r\nPUB a 1\r\nx\r\nSUB a\r\n");
    client.until_closed();
    assert!(until("Client connection created").starts_with("<7>"));
    assert!(until("<<- [PUB a 1]").starts_with("<5>"));
    assert!(until("processSub Parse Error").starts_with("<3>"));
    process.signal(Signal::TERM);
    assert!(until("Server Exiting..").starts_with("<5>"));
    assert_eq!(process.wait().code(), Some(0));
    assert_eq!(std::fs::read_to_string(&errors).expect("what it said"), "");
}

/// A server that cannot be reached ends the start.
#[test]
fn a_server_that_cannot_be_reached_is_fatal() {
    let scratch = Scratch::new();
    for (url, said) in [
        (
            "tcp://127.0.0.1:1",
            "error connecting to syslog: \"dial tcp 127.0.0.1:1: connect: connection refused\"",
        ),
        (
            "unix:///no/such/log",
            "error connecting to syslog: \"dial unix /no/such/log: connect: no such file or",
        ),
        ("http://127.0.0.1:1", "error invalid network type: \"http\""),
    ] {
        let output = Launch::new(Shape::TWO).flag("-r").flag(url).command(scratch.path()).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{url}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(said), "{url}: {text}");
    }
}

/// A file comes before a syslog server.
#[test]
fn a_file_comes_first() {
    let scratch = Scratch::new();
    let path = scratch.file("s.log");
    let launch = Launch::new(Shape::TWO).flag("-r").flag("tcp://127.0.0.1:1");
    let launch = launch.flag("-l").flag(path.display().to_string());
    let child = launch.command(scratch.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut process = Process::new(child.expect("it starts"));
    crate::support::patiently("a line in the file", || {
        std::fs::read_to_string(&path).unwrap_or_default().contains("Server is ready")
    });
    process.signal(Signal::TERM);
    assert_eq!(process.wait().code(), Some(0));
}
