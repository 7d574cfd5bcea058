//! What the log shows of live clients, how its lines look and where they go.

use std::net::UdpSocket;
use std::path::Path;

use super::Reloading;
use crate::support::PATIENCE;
use crate::support::program;
use crate::support::raw::{Raw, publication};
use crate::support::server::Launch;
use crate::support::shape::Shape;

fn with_header(subject: &str, value: &str, payload: &str) -> String {
    let header = format!("NATS/1.0\r\nA: {value}\r\n\r\n");
    format!("HPUB {subject} {} {}\r\n{header}{payload}\r\n", header.len(), header.len() + payload.len())
}

fn publish(client: &mut Raw, what: impl AsRef<[u8]>) {
    client.send(what);
    client.barrier();
}

/// Of messages no more than their headers is shown, as long as the file says so.
#[test]
fn trace_headers() {
    let reloading = Reloading::start(Shape::TWO, "trace: true\n");
    let log = &reloading.server.log;
    let mut client = reloading.server.raw();
    publish(&mut client, with_header("a", "one", "first"));
    log.expect(r#"<<- MSG_PAYLOAD: ["NATS/1.0\r\nA: one\r\n\r\nfirst"]"#);
    reloading.change("trace: true\ntrace_headers: true\n", "Reloaded: trace_headers = true");
    publish(&mut client, publication("a", "hidden"));
    publish(&mut client, with_header("a", "two", "hidden too"));
    log.expect(r#"<<- MSG_PAYLOAD: ["NATS/1.0\r\nA: two"]"#);
    reloading.change("trace: true\n", "Reloaded: trace_headers = false");
    publish(&mut client, with_header("a", "three", "third"));
    log.expect(r#"<<- MSG_PAYLOAD: ["NATS/1.0\r\nA: three\r\n\r\nthird"]"#);
    assert!(!log.text().contains("hidden"), "{}", log.text());
}

/// A payload is shown up to the new length, then whole again.
#[test]
fn max_traced_msg_len() {
    let reloading = Reloading::start(Shape::TWO, "trace: true\n");
    let log = &reloading.server.log;
    let mut client = reloading.server.raw();
    publish(&mut client, publication("a", "first payload"));
    log.expect(r#"<<- MSG_PAYLOAD: ["first payload"]"#);
    reloading.change("trace: true\nmax_traced_msg_len: 6\n", "Reloaded: max_traced_msg_len = 6");
    publish(&mut client, publication("a", "second payload"));
    log.expect(r#"<<- MSG_PAYLOAD: ["second..."]"#);
    reloading.change("trace: true\nmax_traced_msg_len: 0\n", "Reloaded: max_traced_msg_len = 0");
    publish(&mut client, publication("a", "third payload"));
    log.expect(r#"<<- MSG_PAYLOAD: ["third payload"]"#);
}

/// It means `trace` too.
#[test]
fn trace_verbose() {
    let reloading = Reloading::start(Shape::TWO, "debug: false\n");
    let mut client = reloading.server.raw();
    publish(&mut client, "SUB quiet 1\r\n");
    reloading.change("trace_verbose: true\n", "Reloaded: trace_verbose = true");
    publish(&mut client, "SUB loud 2\r\n");
    reloading.server.log.expect("<<- [SUB loud 2]");
    assert!(!reloading.server.log.text().contains("quiet"));
}

/// What stands between the process's id and the level in a line.
fn stamp(line: &str) -> &str {
    line.split_once("] ").and_then(|(_, rest)| rest.split_once('[')).expect("a line of the log").0.trim()
}

/// Lines begin with the time, or do not.
#[test]
fn logtime() {
    let reloading = Reloading::start(Shape::TWO, "max_payload: 1000\n");
    let line = |text: &str, said: &str| {
        reloading.change(text, said);
        reloading.server.log.expect(said)
    };
    assert_ne!(stamp(&line("max_payload: 1001\n", "Reloaded: max_payload = 1001")), "");
    line("max_payload: 1001\nlogtime: false\n", "Reloaded: logtime = false");
    let bare = line("max_payload: 1002\nlogtime: false\n", "Reloaded: max_payload = 1002");
    assert_eq!(stamp(&bare), "", "{bare}");
    line("max_payload: 1002\nlogtime: true\n", "Reloaded: logtime = true");
    assert_ne!(stamp(&line("max_payload: 1003\n", "Reloaded: max_payload = 1003")), "");
}

/// The time of day is that of Greenwich, or of where the server runs: fourteen hours ahead.
#[test]
fn logtime_utc() {
    if !program::is_corebus() && !Path::new("/usr/share/zoneinfo/Etc/GMT-14").exists() {
        return;
    }
    let launch = Launch::new(Shape::TWO).env("TZ", "Etc/GMT-14");
    let reloading = Reloading::launch(launch, "max_payload: 1000\n");
    let time = |said: &str| {
        let line = reloading.server.log.expect(said);
        let text = stamp(&line).split('.').next().expect("a time").to_owned();
        jiff::civil::DateTime::strptime("%Y/%m/%d %H:%M:%S", &text)
            .unwrap_or_else(|error| panic!("{text:?}: {error}"))
    };
    reloading.change("max_payload: 1001\n", "Reloaded: max_payload = 1001");
    let local = time("Reloaded: max_payload = 1001");
    reloading.change("max_payload: 1001\nlogtime_utc: true\n", "Reloaded: logtime_utc = true");
    reloading.change("max_payload: 1002\nlogtime_utc: true\n", "Reloaded: max_payload = 1002");
    let greenwich = time("Reloaded: max_payload = 1002");
    // Half of it leaves room for however slow this machine is.
    assert!(local > greenwich + jiff::Span::new().hours(7), "{local} {greenwich}");
}

/// Lines go to a syslog server from the moment the file names one, and come back.
#[test]
fn remote_syslog() {
    let listener = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    listener.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let url = format!("udp://{}", listener.local_addr().expect("an address"));
    let reloading = Reloading::start(Shape::TWO, "trace: true\n");
    let mut client = reloading.server.raw();
    let until = |needle: &str| {
        let mut buffer = [0; 4096];
        loop {
            let len = listener.recv(&mut buffer).unwrap_or_else(|_| panic!("no {needle:?}"));
            let line = String::from_utf8_lossy(&buffer[..len]).into_owned();
            if line.contains(needle) {
                return line;
            }
        }
    };
    reloading.ask(&format!("trace: true\nremote_syslog: \"{url}\"\n"));
    if program::is_corebus() {
        // nats-server says so in the log that it leaves.
        until("Reloaded: remote_syslog = udp://");
    }
    until("Reloaded server configuration");
    publish(&mut client, "SUB far.away 1\r\n");
    assert!(until("<<- [SUB far.away 1]").starts_with('<'));
    reloading.change("trace: true\n", "Reloaded server configuration");
    publish(&mut client, "SUB here.again 2\r\n");
    reloading.server.log.expect("<<- [SUB here.again 2]");
    assert!(!reloading.server.log.text().contains("far.away"));
}

/// Where there is no daemon, the log stays where it was. nats-server ends.
#[test]
fn syslog_without_a_daemon() {
    let daemon = ["/dev/log", "/var/run/syslog", "/var/run/log"].iter().any(|path| Path::new(path).exists());
    if daemon || !program::is_corebus() {
        return;
    }
    let reloading = Reloading::start(Shape::TWO, "max_payload: 1000\n");
    let said = "Failed to reload server configuration: error connecting to syslog: ";
    reloading.change("max_payload: 2000\nsyslog: true\n", said);
    assert_eq!(reloading.server.accept().info["max_payload"], serde_json::json!(1000));
    reloading.change("max_payload: 3000\n", "Reloaded: max_payload = 3000");
}

/// They are about connections to other servers, which are not here: all there is to see is that they are read.
#[test]
fn error_reports() {
    let reloading = Reloading::start(Shape::TWO, "connect_error_reports: 10\n");
    let text = "connect_error_reports: 20\nreconnect_error_reports: 30\n";
    reloading.change(text, "Reloaded: connect_error_reports = 20");
    reloading.server.log.expect("Reloaded: reconnect_error_reports = 30");
}
