//! Plays one transcript against one server, and says what it answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::case::{Case, Step};
use super::escape;
use crate::support::PATIENCE;
use crate::support::raw::{Raw, Received};

/// How the bytes of a transcript are cut into writes.
#[derive(Debug, Clone, Copy)]
pub enum Cut {
    Whole,
    EveryByte,
    /// Two pieces, the second beginning at this byte of all that the case sends.
    At(usize),
}

/// How long a recording waits for more; only recordings rest on time.
const SILENCE: Duration = Duration::from_millis(150);
/// Given to the server to read the first piece by itself. A shorter or longer one changes no answer.
const PIECE_GAP: Duration = Duration::from_micros(300);

/// Written in a transcript where a number of each playing's own stands, so that what an earlier playing left
/// behind (a subscription not yet gone) cannot answer.
const PLAYING: &str = "@@@@";

/// The case with the answers that were really given.
pub fn record(case: &Case, address: SocketAddr) -> Case {
    let mut recorded = case.clone();
    let mut playing = Playing::new(case, address, Cut::Whole);
    for step in &mut recorded.steps {
        playing.perform(step);
        if let Step::Expects(who, lines) = step {
            *lines = playing.everything(*who);
        }
    }
    recorded
}

/// What differs from the expected answers, if anything.
pub fn verify(case: &Case, address: SocketAddr, cut: Cut) -> Result<(), String> {
    let mut playing = Playing::new(case, address, cut);
    for step in &case.steps {
        playing.perform(step);
        if let Step::Expects(who, expected) = step {
            let mut answered = playing.as_many(*who, expected.len());
            let mut expected = expected.clone();
            if case.unordered {
                expected.sort();
                answered.sort();
            }
            if answered != expected {
                return Err(difference(case, cut, &expected, &answered));
            }
        }
    }
    Ok(())
}

fn difference(case: &Case, cut: Cut, expected: &[String], answered: &[String]) -> String {
    let indent = |lines: &[String]| lines.iter().map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "{} ({cut:?}): {}\n  expected\n{}  answered\n{}  transcript\n{}",
        case.name,
        case.comment(),
        indent(expected),
        indent(answered),
        indent(&case.render().lines().map(str::to_owned).collect::<Vec<_>>())
    )
}

struct Playing<'a> {
    case: &'a Case,
    address: SocketAddr,
    cut: Cut,
    /// Bytes sent so far, over all connections.
    sent: usize,
    number: String,
    /// The transcript has a place for the number.
    numbered: bool,
    connections: BTreeMap<char, Raw>,
}

impl<'a> Playing<'a> {
    fn new(case: &'a Case, address: SocketAddr, cut: Cut) -> Playing<'a> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = format!("{:04}", COUNT.fetch_add(1, Ordering::Relaxed) % 10_000);
        let numbered = case.render().contains(PLAYING);
        Playing { case, address, cut, sent: 0, number, numbered, connections: BTreeMap::new() }
    }

    fn connection(&mut self, who: char) -> &mut Raw {
        let address = self.address;
        self.connections.entry(who).or_insert_with(|| Raw::connect(address))
    }

    fn perform(&mut self, step: &Step) {
        match step {
            Step::Connects(who) => self.connection(*who).introduce(),
            Step::Sends(who, bytes, _) => self.send(*who, bytes),
            Step::Expects(who, _) => drop(self.connection(*who)),
            Step::Note(_) => {}
        }
    }

    fn send(&mut self, who: char, bytes: &[u8]) {
        let bytes = replace(bytes, PLAYING.as_bytes(), self.number.as_bytes());
        let (start, cut) = (self.sent, self.cut);
        self.sent += bytes.len();
        let connection = self.connection(who);
        // The server may have closed already: what it answered is what counts.
        match cut {
            Cut::At(at) if start < at && at < start + bytes.len() => {
                let (first, second) = bytes.split_at(at - start);
                if connection.try_send(first) {
                    std::thread::sleep(PIECE_GAP);
                    connection.try_send(second);
                }
            }
            Cut::EveryByte => {
                let _ = bytes.iter().all(|byte| connection.try_send([*byte]));
            }
            _ => drop(connection.try_send(bytes)),
        }
    }

    /// The next answers, up to the number expected.
    fn as_many(&mut self, who: char, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.len() < count && self.read(who, PATIENCE, &mut lines) {}
        lines
    }

    /// Everything that comes until the server closes or falls silent.
    fn everything(&mut self, who: char) -> Vec<String> {
        let mut lines = Vec::new();
        while self.read(who, SILENCE, &mut lines) {}
        lines
    }

    /// Reads one answer; false when no other can follow.
    fn read(&mut self, who: char, patience: Duration, lines: &mut Vec<String>) -> bool {
        match self.connection(who).receive(patience) {
            // A server's keep-alive belongs to no transcript.
            Received::Unit(unit) if unit == b"PING\r\n" => true,
            Received::Unit(unit) => {
                lines.push(self.render(who, &unit));
                true
            }
            Received::Closed(rest) => {
                if !rest.is_empty() {
                    lines.push(self.render(who, &rest));
                }
                lines.push(format!("{who}< <closed>"));
                false
            }
            Received::Silence => false,
        }
    }

    fn render(&self, who: char, unit: &[u8]) -> String {
        let mut unit = match self.numbered {
            true => replace(unit, self.number.as_bytes(), PLAYING.as_bytes()),
            false => unit.to_vec(),
        };
        if unit.starts_with(b"INFO {") && unit.trim_ascii_end().ends_with(b"}") {
            unit = b"INFO {}\r\n".to_vec();
        }
        let line = match unit.strip_suffix(b"\r\n") {
            Some(inside) => format!("{who}< {}", escape::encode(inside)),
            None => format!("{who}<< {}", escape::encode(&unit)),
        };
        if self.case.any_sid { without_sid(&line) } else { line }
    }
}

/// `A< MSG subject sid …` with `?` for the sid.
fn without_sid(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    if words.len() > 3 && matches!(words[1], "MSG" | "HMSG") {
        words[3] = "?";
    }
    words.join(" ")
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = bytes.to_vec();
    let mut at = 0;
    while at + from.len() <= replaced.len() {
        if replaced[at..].starts_with(from) {
            replaced.splice(at..at + from.len(), to.iter().copied());
            at += to.len();
        } else {
            at += 1;
        }
    }
    replaced
}
