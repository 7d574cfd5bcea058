//! What the log tells of a conversation at `-DV`, line for line as nats-server tells it.

use crate::support::patiently;
use crate::support::server::{Launch, Server};
use crate::support::shape::Shape;

/// Lines about clients, without process id, time, address and number. PINGs only order the conversation.
fn told(server: &Server) -> Vec<String> {
    let text = server.log.text();
    let lines = text.lines().filter_map(|line| {
        let (before, behind) = line.split_once(" - cid:")?;
        let level = before.rsplit(' ').nth(1)?;
        let (_, said) = behind.split_once(' ')?;
        Some(format!("{level} {said}"))
    });
    lines.filter(|line| !line.ends_with("[PING]") && !line.ends_with("[PONG]")).collect()
}

/// Waits for as many lines as are wanted, and compares them.
fn expect(server: &Server, wanted: &[&str]) {
    patiently("lines in the log", || told(server).len() >= wanted.len());
    assert_eq!(told(server), wanted);
}

/// A session with subscriptions, headers, a queue group, refusals and an end.
#[test]
fn of_one_client() {
    let server = Launch::new(Shape::ONE).flag("-DV").start();
    let mut client = server.accept();
    let steps = [
        "CONNECT {\"verbose\":false, \"pedantic\":false,\"headers\":true,\"no_responders\":true,\
         \"version\":\"1.0\",\"lang\":\"x\",\"name\":\"me\",\"user\":\"u\",\"pass\":\"canary\"}\r\n",
        "SUB a 1\r\nSUB b q 2\r\nUNSUB 2 5\r\nPUB a 5\r\nhello\r\n",
        "PUB a reply 0\r\n\r\n",
        "HPUB a 20 25\r\nNATS/1.0\r\nA: \u{e9}\u{1}\r\n\r\nhello\r\n",
        "HPUB a reply 12 12\r\nNATS/1.0\r\n\r\n\r\n",
        "UNSUB 1\r\nUNSUB 77\r\npub a 1\r\nx\r\n",
        "PUB $GR.x 1\r\nx\r\nPUB a $JS.ACK.x 1\r\nx\r\nSUB a..b 9\r\nSUB a _sys_ 12\r\n",
        "SUB once 20\r\nUNSUB 20 1\r\nPUB once 1\r\nx\r\nPUB once 1\r\ny\r\n",
    ];
    for step in steps {
        client.send(step);
        client.barrier();
    }
    drop(client);
    let label = "- \"v1.0:x:me\" - \"$G/user:u\" -";
    let wanted = [
        "[DBG] - Client connection created",
        "[TRC] - <<- [CONNECT {\"verbose\":false, \"pedantic\":false,\"headers\":true,\
         \"no_responders\":true,\"version\":\"1.0\",\"lang\":\"x\",\"name\":\"me\",\"user\":\"u\",\
         \"pass\":\"[REDACTED]\"}]",
        "[TRC] LABEL <<- [SUB a 1]",
        "[TRC] LABEL <<- [SUB b q 2]",
        "[TRC] LABEL <<- [UNSUB 2 5]",
        "[TRC] LABEL <<- [PUB a 5]",
        "[TRC] LABEL <<- MSG_PAYLOAD: [\"hello\"]",
        "[TRC] LABEL ->> [MSG a 1 5]",
        "[TRC] LABEL ->> MSG_PAYLOAD: [\"hello\"]",
        "[TRC] LABEL <<- [PUB a reply 0]",
        "[TRC] LABEL ->> [MSG a 1 reply 0]",
        "[TRC] LABEL <<- [HPUB a 20 25]",
        "[TRC] LABEL <<- MSG_PAYLOAD: [\"NATS/1.0\\r\\nA: \u{e9}\\x01\\r\\n\\r\\nhello\"]",
        "[TRC] LABEL ->> [HMSG a 1 20 25]",
        "[TRC] LABEL ->> MSG_PAYLOAD: [\"NATS/1.0\\r\\nA: \u{e9}\\x01\\r\\n\\r\\nhello\"]",
        "[TRC] LABEL <<- [HPUB a reply 12 12]",
        "[TRC] LABEL <<- MSG_PAYLOAD: [\"NATS/1.0\\r\\n\\r\\n\"]",
        "[TRC] LABEL ->> [HMSG a 1 reply 12 12]",
        "[TRC] LABEL ->> MSG_PAYLOAD: [\"NATS/1.0\\r\\n\\r\\n\"]",
        "[TRC] LABEL <<- [UNSUB 1]",
        "[TRC] LABEL <-> [DELSUB 1]",
        "[TRC] LABEL <<- [UNSUB 77]",
        "[TRC] LABEL <<- [PUB a 1]",
        "[TRC] LABEL <<- MSG_PAYLOAD: [\"x\"]",
        "[TRC] LABEL <<- [PUB $GR.x 1]",
        "[TRC] LABEL <<- MSG_PAYLOAD: [\"x\"]",
        "[TRC] LABEL ->> [-ERR Permissions Violation for Publish to \"$GR.x\"]",
        "[ERR] LABEL Publish Violation - Subject \"$GR.x\"",
        "[TRC] LABEL <<- [PUB a $JS.ACK.x 1]",
        "[TRC] LABEL <<- MSG_PAYLOAD: [\"x\"]",
        "[TRC] LABEL ->> [-ERR Permissions Violation for Publish with Reply of \"$JS.ACK.x\"]",
        "[ERR] LABEL Publish Violation - Reply \"$JS.ACK.x\"",
        "[TRC] LABEL <<- [SUB a..b 9]",
        "[TRC] LABEL ->> [-ERR Invalid Subject]",
        "[TRC] LABEL <<- [SUB a _sys_ 12]",
        "[TRC] LABEL ->> [-ERR Permissions Violation for Subscription to \"a\" using queue \"_sys_\"]",
        "[ERR] LABEL Subscription Violation - Subject \"a\", Queue: \"_sys_\", SID 12",
        "[TRC] LABEL <<- [SUB once 20]",
        "[TRC] LABEL <<- [UNSUB 20 1]",
        "[TRC] LABEL <<- [PUB once 1]",
        "[TRC] LABEL <<- MSG_PAYLOAD: [\"x\"]",
        "[DBG] LABEL Auto-unsubscribe limit of 1 reached for sid '20'",
        "[TRC] LABEL ->> [MSG once 20 1]",
        "[TRC] LABEL ->> MSG_PAYLOAD: [\"x\"]",
        "[TRC] LABEL <-> [DELSUB 20]",
        "[TRC] LABEL <<- [PUB once 1]",
        "[TRC] LABEL <<- MSG_PAYLOAD: [\"y\"]",
        "[DBG] LABEL Client connection closed: Client Closed",
        "[TRC] LABEL <-> [DELSUB 2]",
    ];
    let wanted: Vec<String> = wanted.iter().map(|line| line.replace("LABEL", label)).collect();
    expect(&server, &wanted.iter().map(String::as_str).collect::<Vec<_>>());
}

/// A client that wants everything acknowledged.
#[test]
fn of_a_verbose_and_pedantic_client() {
    let server = Launch::new(Shape::ONE).flag("-DV").start();
    let mut client = server.accept();
    client
        .send("CONNECT {\"verbose\":true,\"pedantic\":true}\r\nSUB a 1\r\nPUB a. 1\r\nx\r\nPUB a 1\r\nx\r\n");
    client.barrier();
    let wanted = [
        "[DBG] - Client connection created",
        "[TRC] - <<- [CONNECT {\"verbose\":true,\"pedantic\":true}]",
        "[TRC] - ->> [OK]",
        "[TRC] - <<- [SUB a 1]",
        "[TRC] - ->> [OK]",
        "[TRC] - <<- [PUB a. 1]",
        "[TRC] - ->> [-ERR Invalid Publish Subject]",
        "[TRC] - <<- MSG_PAYLOAD: [\"x\"]",
        "[TRC] - ->> [OK]",
        "[TRC] - <<- [PUB a 1]",
        "[TRC] - <<- MSG_PAYLOAD: [\"x\"]",
        "[TRC] - ->> [OK]",
        "[TRC] - ->> [MSG a 1 1]",
        "[TRC] - ->> MSG_PAYLOAD: [\"x\"]",
    ];
    expect(&server, &wanted);
}

/// Clients that are sent away.
#[test]
fn of_clients_that_go_wrong() {
    let server = Launch::new(Shape::ONE).flag("-DV").start();
    let cases: [(&str, &[&str]); 7] = [
        (
            "CONNECT {\"verbose\":5}\r\n",
            &[
                "[TRC] - <<- [CONNECT {\"verbose\":5}]",
                "[ERR] - json: cannot unmarshal number into Go struct field ClientOpts.verbose of type bool",
                "[DBG] - Client connection closed: Protocol Violation",
            ],
        ),
        (
            "PUB a 9000000\r\n",
            &[
                "[TRC] - <<- [PUB a 9000000]",
                "[ERR] - maximum payload exceeded: 9000000 vs 1048576",
                "[TRC] - ->> [-ERR Maximum Payload Violation]",
                "[DBG] - Client connection closed: Maximum Message Payload Exceeded",
            ],
        ),
        (
            "PUB a\r\n",
            &[
                "[TRC] - <<- [PUB a]",
                "[ERR] - processPub Parse Error: \"a\"",
                "[DBG] - Client connection closed: Protocol Violation",
            ],
        ),
        (
            "SUB a\r\n",
            &[
                "[TRC] - <<- [SUB a]",
                "[ERR] - processSub Parse Error: \"a\"",
                "[DBG] - Client connection closed: Protocol Violation",
            ],
        ),
        (
            "SUB a 1\r\nHPUB a 12 13\r\n",
            &[
                "[TRC] - <<- [SUB a 1]",
                "[TRC] - ->> [OK]",
                "[TRC] - <<- [HPUB a 12 13]",
                "[ERR] - message headers not supported",
                "[DBG] - Client connection closed: Protocol Violation",
                "[TRC] - <-> [DELSUB 1]",
            ],
        ),
        ("-ERR 'boo'\r\n", &["[ERR] - Client Error 'boo'", "[DBG] - Client connection closed: Parse Error"]),
        (
            "CONNECT {\"verbose\":false,\"account\":\"x\",\"nkey\":\"UA\"}\r\n",
            &[
                "[TRC] - <<- [CONNECT {\"verbose\":false,\"account\":\"x\",\"nkey\":\"[REDACTED]\"}]",
                "[ERR] - authentication error - Nkey \"UA\"",
                "[TRC] - ->> [-ERR Authorization Violation]",
                "[DBG] - Client connection closed: Authentication Failure",
            ],
        ),
    ];
    let mut wanted = Vec::new();
    for (sent, said) in cases {
        let mut client = server.accept();
        client.send(sent);
        client.until_closed();
        wanted.push("[DBG] - Client connection created");
        wanted.extend(said);
        expect(&server, &wanted);
    }
}

/// `trace_headers` shows of messages no more than their headers, `max_traced_msg_len` no more than so much,
/// on both ways.
#[test]
fn of_messages_shown_in_part() {
    let talk = |launch: Launch| {
        let server = launch.start();
        let mut client = server.raw();
        client.send("SUB a 1\r\nHPUB a 18 23\r\nNATS/1.0\r\nA: b\r\n\r\nhello\r\nPUB a 5\r\nhello\r\n");
        client.barrier();
        server.log.expect("->> [MSG a 1 5]");
        patiently("the last payload", || {
            let text = server.log.text();
            text.matches("PAYLOAD").count() >= 2
        });
        let lines = told(&server).into_iter();
        lines.filter_map(|line| line.split_once("- ").map(|(_, said)| said.to_owned())).collect::<Vec<_>>()
    };
    let payloads =
        |lines: Vec<String>| lines.into_iter().filter(|line| line.contains("PAYLOAD")).collect::<Vec<_>>();
    let headers = payloads(talk(Launch::new(Shape::ONE).set("trace_headers", true)));
    let shown = "MSG_PAYLOAD: [\"NATS/1.0\\r\\nA: b\"]";
    assert_eq!(headers, [format!("<<- {shown}"), format!("->> {shown}")]);
    let cut = Launch::new(Shape::ONE).flag("-V").set("max_traced_msg_len", 9);
    let cut = payloads(talk(cut));
    let shown = "MSG_PAYLOAD: [\"NATS/1.0\\r...\"]";
    assert_eq!(cut[..2], [format!("<<- {shown}"), format!("->> {shown}")]);
}

/// A reader that knows no headers is shown to get none.
#[test]
fn of_a_reader_without_headers() {
    let server = Launch::new(Shape::ONE).flag("-V").start();
    let mut reader = server.accept();
    reader.send("CONNECT {\"verbose\":false}\r\nSUB a 1\r\n");
    reader.barrier();
    let mut writer = server.raw();
    writer.send("HPUB a r 12 13\r\nNATS/1.0\r\n\r\nx\r\n");
    writer.barrier();
    reader.barrier();
    server.log.expect("->> [MSG a 1 r 1]");
    server.log.expect("->> MSG_PAYLOAD: [\"x\"]");
}
