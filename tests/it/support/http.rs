//! A client of monitoring: one request after the other over a plain socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::PATIENCE;
use super::server::{Launch, Server};

/// A server with monitoring on a port of its own.
pub struct Monitored {
    pub server: Server,
    pub address: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Lines of the head after the first, as they came.
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

impl Monitored {
    pub fn start(launch: Launch) -> Monitored {
        let server = launch.flag("-m").flag("-1").start();
        let address = address(&server);
        Monitored { server, address }
    }

    pub fn open(&self) -> TcpStream {
        open(self.address)
    }

    pub fn get(&self, target: &str) -> Answer {
        let mut stream = self.open();
        ask(&mut stream, "GET", target)
    }

    /// The page of a request that must succeed.
    pub fn json(&self, target: &str) -> Value {
        json(self.address, target)
    }

    /// The page once it is as wanted: what clients do shows a moment later.
    pub fn json_when(&self, target: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let page = self.json(target);
            if wanted(&page) {
                return page;
            }
            assert!(Instant::now() < deadline, "{target} is not as wanted: {page:#}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.headers.iter().filter_map(|line| line.split_once(':'));
        let mut values =
            lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        values.next().unwrap_or_default()
    }
}

/// Where a server that was asked to says that its monitoring listens.
pub fn address(server: &Server) -> SocketAddr {
    let line = server.log.expect("Starting http monitor on ");
    line.rsplit(' ').next().expect("an address").trim().parse().expect("an address")
}

fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("monitoring accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("read timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("write timeout");
    stream
}

/// The page of a request that must succeed.
pub fn json(address: SocketAddr, target: &str) -> Value {
    let answer = ask(&mut open(address), "GET", target);
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    serde_json::from_slice(&answer.body)
        .unwrap_or_else(|error| panic!("{target}: {error}: {}", answer.text()))
}

/// Asks on a connection that may be asked again.
pub fn ask(stream: &mut TcpStream, method: &str, target: &str) -> Answer {
    stream
        .write_all(format!("{method} {target} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes())
        .expect("it reads");
    read_answer(stream, method != "HEAD")
}

/// Reads one answer; a length of its body must be given unless the connection ends with it.
pub fn read_answer(stream: &mut TcpStream, with_body: bool) -> Answer {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        let length = stream.read(&mut byte).expect("an answer comes");
        assert_eq!(length, 1, "closed within the head: {}", String::from_utf8_lossy(&head));
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("text");
    let mut lines = head.lines().filter(|line| !line.is_empty());
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
    let headers = lines.map(str::to_owned).collect();
    let mut answer = Answer { status: status.parse().expect("a number"), headers, body: Vec::new() };
    if !with_body {
        return answer;
    }
    match answer.header("content-length").parse() {
        Ok(length) => {
            answer.body = vec![0; length];
            stream.read_exact(&mut answer.body).expect("the whole body");
        }
        Err(_) if answer.header("transfer-encoding") == "chunked" => answer.body = read_chunks(stream),
        Err(_) => drop(stream.read_to_end(&mut answer.body).expect("the body")),
    }
    answer
}

fn read_chunks(stream: &mut TcpStream) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a chunk's size");
            line.push(byte[0]);
        }
        let size = String::from_utf8_lossy(&line);
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk's size");
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk).expect("a chunk");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunk[..size]);
    }
}
