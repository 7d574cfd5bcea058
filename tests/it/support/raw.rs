//! A client that speaks bytes: blocking, with a bound on every wait.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::{PATIENCE, unit};

/// What reading brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    Unit(Vec<u8>),
    /// The server closed; what follows the last unit is kept.
    Closed(Vec<u8>),
    Silence,
}

pub struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
    consumed: usize,
    /// Set when the server's INFO has been read.
    pub info: serde_json::Value,
}

/// CONNECT of a client that wants no acknowledgements and knows headers.
pub const INTRODUCTION: &str =
    concat!(r#"CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}"#, "\r\n");

impl Raw {
    /// Connects and reads INFO, which a server sends first.
    pub fn connect(address: SocketAddr) -> Raw {
        let mut raw = Raw::open(address);
        let first = raw.unit();
        let text = String::from_utf8(first).expect("INFO is text");
        let json = text.strip_prefix("INFO ").unwrap_or_else(|| panic!("not INFO: {text:?}"));
        raw.info = serde_json::from_str(json).expect("INFO is JSON");
        raw
    }

    /// Connects and reads nothing.
    pub fn open(address: SocketAddr) -> Raw {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("nodelay");
        // Lets a slow reader's socket, not this program, be what fills up.
        stream.set_write_timeout(Some(PATIENCE)).expect("write timeout");
        Raw { stream, buffer: Vec::new(), consumed: 0, info: serde_json::Value::Null }
    }

    pub fn introduce(&mut self) {
        self.send(INTRODUCTION);
        self.barrier();
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Sends what the server may no longer want to read.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Says that nothing more will be sent; what the server still says can be read.
    pub fn finish(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Write).expect("the connection is there");
    }

    /// PING, and every unit that came before its PONG.
    pub fn barrier(&mut self) -> Vec<Vec<u8>> {
        self.send("PING\r\n");
        self.until_pong()
    }

    pub fn until_pong(&mut self) -> Vec<Vec<u8>> {
        let mut units = Vec::new();
        loop {
            match self.unit() {
                pong if pong == b"PONG\r\n" => return units,
                // The server's own keep-alive may come at any time.
                ping if ping == b"PING\r\n" => self.send("PONG\r\n"),
                other => units.push(other),
            }
        }
    }

    /// The next unit; a server that closes or keeps silent fails the test.
    pub fn unit(&mut self) -> Vec<u8> {
        match self.receive(PATIENCE) {
            Received::Unit(unit) => unit,
            other => panic!("expected a protocol line, got {other:?}"),
        }
    }

    /// The next message unit; other units are skipped.
    pub fn message(&mut self) -> Vec<u8> {
        loop {
            let unit = self.unit();
            if unit.starts_with(b"MSG ") || unit.starts_with(b"HMSG ") {
                return unit;
            }
            if unit == b"PING\r\n" {
                self.send("PONG\r\n");
            }
        }
    }

    /// Everything up to the server's closing, which must come.
    pub fn until_closed(&mut self) -> String {
        let mut text = String::new();
        loop {
            match self.receive(PATIENCE) {
                Received::Unit(unit) => text.push_str(&String::from_utf8_lossy(&unit)),
                Received::Closed(rest) => return text + &String::from_utf8_lossy(&rest),
                Received::Silence => panic!("the server did not close; it said {text:?}"),
            }
        }
    }

    /// Asks, as a requester subscribed to `inbox`, until somebody listens to `subject` or nobody does.
    pub fn wait_for_listener(&mut self, subject: &str, wanted: bool) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.send(format!("PUB {subject} inbox 0\r\n\r\n"));
            let refused = self.barrier().iter().any(|unit| unit.starts_with(b"HMSG inbox "));
            if refused != wanted {
                return;
            }
        }
        panic!("{subject}: a listener is there is still {}", !wanted);
    }

    pub fn receive(&mut self, patience: Duration) -> Received {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(bytes) = unit::first(&self.buffer[self.consumed..]) {
                let unit = self.buffer[self.consumed..self.consumed + bytes].to_vec();
                self.consumed += bytes;
                return Received::Unit(unit);
            }
            self.buffer.drain(..self.consumed);
            self.consumed = 0;
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Received::Silence;
            }
            self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1)))).expect("read timeout");
            let mut chunk = [0; 64 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Received::Closed(std::mem::take(&mut self.buffer)),
                Ok(bytes) => self.buffer.extend_from_slice(&chunk[..bytes]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A reset is a closing too: the server closed with bytes of ours unread.
                Err(_) => return Received::Closed(std::mem::take(&mut self.buffer)),
            }
        }
    }
}

/// PUB with its payload.
pub fn publication(subject: &str, payload: &str) -> String {
    format!("PUB {subject} {}\r\n{payload}\r\n", payload.len())
}

/// What the messages among `units` carry, as text.
pub fn payloads(units: &[Vec<u8>]) -> Vec<String> {
    let messages = units.iter().filter(|unit| unit.starts_with(b"MSG ") || unit.starts_with(b"HMSG "));
    messages.map(|message| String::from_utf8_lossy(unit::payload(message)).into_owned()).collect()
}
