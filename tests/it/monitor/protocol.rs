//! HTTP as clients speak it, well and badly: none holds up another, and the server outlives all.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::support::http::{Monitored, ask, read_answer};
use crate::support::server::Launch;
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// Requests one after the other, and several at once, on one connection.
    keeps_connections;
    /// Bytes that are no request are refused or dropped; the next client is served.
    survives_nonsense;
    /// More clients that say nothing than there is room for.
    the_silent_give_way;
}

fn keeps_connections(shape: Shape) {
    let monitored = Monitored::start(Launch::new(shape));
    let mut stream = monitored.open();
    for _ in 0..3 {
        assert_eq!(ask(&mut stream, "GET", "/healthz").text(), r#"{"status":"ok"}"#);
    }
    let head = ask(&mut stream, "HEAD", "/healthz");
    assert_eq!((head.status, head.header("content-length")), (200, "15"));
    assert_eq!(ask(&mut stream, "POST", "/healthz").status, 200, "as nats-server: any method");
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /nope HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("sent");
    assert_eq!(read_answer(&mut stream, true).status, 200);
    assert_eq!(read_answer(&mut stream, true).status, 404);
    // A body is passed over.
    stream.write_all(b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").expect("sent");
    assert_eq!(read_answer(&mut stream, true).status, 200);
    let mut old = monitored.open();
    old.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").expect("sent");
    assert_eq!(read_answer(&mut old, true).status, 200);
    let mut rest = Vec::new();
    old.read_to_end(&mut rest).expect("it closes after one answer of HTTP/1.0");
    let page = monitored.get("/varz");
    assert_eq!(page.header("content-type"), "application/json");
    assert_eq!(page.header("access-control-allow-origin"), "*");
    assert_eq!(monitored.get("/").header("content-type"), "text/html; charset=utf-8");
    // No page is written for a callback: nats-server takes none any more.
    assert!(monitored.get("/varz?callback=x").text().starts_with('{'));
}

fn survives_nonsense(shape: Shape) {
    let monitored = Monitored::start(Launch::new(shape));
    let long = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(2_000_000));
    let many: String = (0..500).map(|number| format!("X-{number}: y\r\n")).collect();
    let many = format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{many}\r\n");
    let nonsense: [&[u8]; 11] = [
        b"garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\xff\r\n\r\n",
        b"GET /healthz HTTP/9.1\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: zz\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"CONNECT {\"verbose\":false}\r\nPING\r\n\r\n",
        b"GET  /healthz\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        long.as_bytes(),
        many.as_bytes(),
    ];
    for bytes in nonsense {
        let mut stream = monitored.open();
        // It may be cut while it still sends.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let refused =
            answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 5");
        // Whether a body that nobody reads is well formed, and how many headers are too many, is the server's to
        // say.
        let doubtful = bytes.windows(7).any(|word| word == b"chunked") || bytes == many.as_bytes();
        let passed_over = doubtful && answer.starts_with("HTTP/1.1 200");
        assert!(
            refused || passed_over,
            "{:?} was answered {answer}",
            String::from_utf8_lossy(&bytes[..40.min(bytes.len())])
        );
        assert_eq!(monitored.get("/healthz").status, 200);
    }
    // Half a request, and gone.
    for bytes in [&b"GET /varz"[..], b"GET /varz HTTP/1.1\r\nHost: a\r\n\r\n", b""] {
        monitored.open().write_all(bytes).expect("sent");
    }
    assert_eq!(monitored.json("/healthz"), json!({ "status": "ok" }));
    monitored.server.raw().barrier();
}

fn the_silent_give_way(shape: Shape) {
    let monitored = Monitored::start(Launch::new(shape));
    let mut idle = monitored.open();
    assert_eq!(ask(&mut idle, "GET", "/healthz").status, 200);
    let silent: Vec<TcpStream> = (0..200).map(|_| monitored.open()).collect();
    let mut begun: Vec<TcpStream> = (0..200).map(|_| monitored.open()).collect();
    begun.iter_mut().for_each(|stream| drop(stream.write_all(b"GET /varz HTT")));
    for _ in 0..5 {
        assert_eq!(monitored.get("/healthz").status, 200);
    }
    drop(silent);
    assert_eq!(monitored.json("/healthz"), json!({ "status": "ok" }));
}
