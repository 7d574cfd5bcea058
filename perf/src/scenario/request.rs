//! Request and reply in a closed loop: so many in flight on one connection, each answered by one responder.

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use memchr::memrchr;

use crate::failure::{Failure, Outcome, fail};
use crate::figures::Figures;
use crate::frame::{Event, number};
use crate::login::Login;
use crate::measure::{Bench, Latencies};
use crate::wire::Client;

use super::sharing::Between;

const PAYLOAD: &str = "0123456789abcdef";
pub const SERVICE: &str = "perf.service";
pub const INBOX: &str = "_INBOX.perf";

pub fn run(bench: &Bench<'_>, in_flight: usize, between: Between) -> Outcome<Figures> {
    with_responder(bench, between, || {
        let mut requester = Requester::open(bench, in_flight, &between.importer())?;
        requester.run(bench.warmup())?;
        let meter = bench.meter()?;
        let (requests, latencies) = requester.run(bench.duration())?;
        let mut figures = meter.stop(requests as f64)?;
        latencies.write(&mut figures);
        requester.client.barrier()?;
        match requester.client.scanner.messages() == requester.sent {
            true => Ok(figures),
            false => fail!("a request was answered more than once"),
        }
    })
}

/// Runs `load` while a responder on a thread of its own answers what comes to the service.
pub fn with_responder<T>(
    bench: &Bench<'_>,
    between: Between,
    load: impl FnOnce() -> Outcome<T>,
) -> Outcome<T> {
    between.check(bench)?;
    with_responder_as(bench, &between.exporter(), load)
}

/// The same with a responder that is known to the server.
pub fn with_responder_as<T>(
    bench: &Bench<'_>,
    login: &Login,
    load: impl FnOnce() -> Outcome<T>,
) -> Outcome<T> {
    let mut client = bench.open(login)?;
    client.subscribe(SERVICE, None, 1)?;
    client.barrier()?;
    let done = AtomicBool::new(false);
    let hang_up: TcpStream = client.writer()?;
    std::thread::scope(|scope| {
        let responding = scope.spawn(|| respond(client, &done));
        let outcome = load();
        done.store(true, Ordering::SeqCst);
        // It may have been hung up already, which is as good.
        let _ = hang_up.shutdown(Shutdown::Both);
        responding.join().expect("the responder does not panic")?;
        outcome
    })
}

fn respond(mut client: Client, done: &AtomicBool) -> Outcome<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut replies = Vec::with_capacity(64 * 1024);
    let mut strange = 0;
    loop {
        replies.clear();
        let read = client.read(&mut buffer, |event| match event {
            Event::Message(line) => match reply_subject(line) {
                Some(subject) => write_reply(&mut replies, subject),
                None => strange += 1,
            },
            _ => strange += 1,
        });
        let written = read.and_then(|_| client.write(&replies));
        if done.load(Ordering::SeqCst) {
            return Ok(());
        }
        written.map_err(|failure| failure.at("responder"))?;
        if strange > 0 {
            return fail!("the responder received a message that is no request");
        }
    }
}

/// `MSG subject sid reply length` has a reply; without it the line is one word shorter.
fn reply_subject(line: &[u8]) -> Option<&[u8]> {
    let mut words = line.split(|byte| *byte == b' ');
    let reply = words.nth(3)?;
    words.next().map(|_| reply)
}

fn write_reply(output: &mut Vec<u8>, subject: &[u8]) {
    output.extend_from_slice(b"PUB ");
    output.extend_from_slice(subject);
    output.extend_from_slice(b" 16\r\n0123456789abcdef\r\n");
}

/// Appends the request with this number; its reply comes to an inbox that ends in it.
pub fn write_request(output: &mut Vec<u8>, number: u64) {
    let request = format!("PUB {SERVICE} {INBOX}.{number} {}\r\n{PAYLOAD}\r\n", PAYLOAD.len());
    output.extend_from_slice(request.as_bytes());
}

/// The number that ends the subject of this message: of the request that it is the reply to.
pub fn subject_number(line: &[u8]) -> Option<u64> {
    let subject = line.split(|byte| *byte == b' ').nth(1)?;
    number(&subject[memrchr(b'.', subject)? + 1..])
}

/// A connection that gets the replies to its requests.
pub fn open_requester(bench: &Bench<'_>, login: &Login) -> Outcome<Client> {
    let mut client = bench.open(login)?;
    client.subscribe(&format!("{INBOX}.*"), None, 1)?;
    client.barrier()?;
    Ok(client)
}

struct Requester {
    client: Client,
    /// The bytes of each slot's request; a slot has one request in flight or none.
    requests: Vec<Vec<u8>>,
    sent: u64,
}

impl Requester {
    fn open(bench: &Bench<'_>, in_flight: usize, login: &Login) -> Outcome<Requester> {
        let mut requests = vec![Vec::new(); in_flight];
        (0..).zip(&mut requests).for_each(|(slot, request)| write_request(request, slot));
        Ok(Requester { client: open_requester(bench, login)?, requests, sent: 0 })
    }

    /// Sends a new request for each reply, for so long; then waits for the last replies.
    fn run(&mut self, length: Duration) -> Outcome<(u64, Latencies)> {
        let slots = self.requests.len();
        let end = Instant::now() + length;
        let mut flight = Flight { began: vec![None; slots], open: 0, sent: 0, latencies: Latencies::new() };
        let mut buffer = vec![0; 64 * 1024];
        let mut output = Vec::new();
        let mut free: Vec<usize> = (0..slots).collect();
        loop {
            output.clear();
            let now = Instant::now();
            if flight.sent == 0 || now < end {
                free.iter().for_each(|slot| output.extend_from_slice(&self.requests[*slot]));
                free.iter().for_each(|slot| flight.begin(*slot, now));
            }
            if flight.open == 0 {
                self.sent += flight.sent;
                return Ok((flight.sent, flight.latencies));
            }
            self.client.write(&output)?;
            self.replies(&mut buffer, &mut free)?;
            let now = Instant::now();
            free.iter().try_for_each(|slot| flight.end(*slot, now))?;
        }
    }

    /// Waits for replies and names their slots.
    fn replies(&mut self, buffer: &mut [u8], slots: &mut Vec<usize>) -> Outcome<()> {
        slots.clear();
        let mut strange = 0;
        self.client.read(buffer, |event| match event {
            Event::Message(line) => match subject_number(line) {
                Some(slot) => slots.push(slot as usize),
                None => strange += 1,
            },
            _ => strange += 1,
        })?;
        if strange > 0 { fail!("the requester received a message that is no reply") } else { Ok(()) }
    }
}

/// The requests that wait for their reply.
struct Flight {
    began: Vec<Option<Instant>>,
    open: usize,
    sent: u64,
    latencies: Latencies,
}

impl Flight {
    fn begin(&mut self, slot: usize, now: Instant) {
        self.began[slot] = Some(now);
        self.open += 1;
        self.sent += 1;
    }

    fn end(&mut self, slot: usize, now: Instant) -> Outcome<()> {
        let began = self.began.get_mut(slot).and_then(Option::take);
        let began = began.ok_or_else(|| Failure::new("a reply came to a request that was not open"))?;
        self.latencies.record(now - began);
        self.open -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_finds_its_request() {
        let mut request = Vec::new();
        write_request(&mut request, 42);
        assert_eq!(request, b"PUB perf.service _INBOX.perf.42 16\r\n0123456789abcdef\r\n");
        assert_eq!(reply_subject(b"MSG perf.service 1 _INBOX.perf.42 16"), Some(&b"_INBOX.perf.42"[..]));
        assert_eq!(reply_subject(b"MSG perf.service 1 16"), None);
        assert_eq!(subject_number(b"MSG _INBOX.perf.42 1 16"), Some(42));
        assert_eq!(subject_number(b"MSG _INBOX.perf.x 1 16"), None);
    }

    #[test]
    fn a_second_reply_to_one_request_is_a_failure() {
        let mut flight = Flight { began: vec![None; 2], open: 0, sent: 0, latencies: Latencies::new() };
        let now = Instant::now();
        flight.begin(1, now);
        assert!(flight.end(1, now).is_ok());
        assert!(flight.end(1, now).is_err());
        assert!(flight.end(7, now).is_err());
    }
}
