//! A reader that does not read is cut, in bounded memory, and costs nobody else a message. A reader that is
//! slow but reads gets everything: who publishes too fast is slowed down.

use std::time::Duration;

use crate::support::raw::{Raw, payloads, publication};
use crate::support::server::{Launch, Server};
use crate::support::shape::{Shape, in_every_shape};

const MEBIBYTE: u64 = 1024 * 1024;
const PAYLOAD_BYTES: usize = 8 * 1024;
/// Far beyond what the sockets of a stalled reader hold.
const MESSAGES: usize = 4000;

in_every_shape! {
    /// Beyond max_pending the stalled reader is closed, the log says so, another reader misses nothing.
    stalled_reader_is_cut_at_max_pending;
    /// Beyond write_deadline too, however much may wait.
    stalled_reader_is_cut_at_write_deadline;
    /// A reader that naps loses nothing; the publishers wait for it.
    slow_reader_gets_everything;
}

fn publish(server: &Server, messages: usize) {
    let mut publisher = server.raw();
    let filler = "x".repeat(PAYLOAD_BYTES);
    for number in 0..messages {
        publisher.send(publication("flood", &format!("{number} {filler}")));
    }
    publisher.barrier();
}

/// Reads on a thread of its own until `messages` are there, napping after each `nap_every`.
fn read_all(mut raw: Raw, messages: usize, nap_every: usize) {
    for number in 0..messages {
        let unit = raw.message();
        let payload = payloads(&[unit]).remove(0);
        assert!(payload.starts_with(&format!("{number} ")), "message {number} is missing");
        if number % nap_every == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn subscriber(server: &Server) -> Raw {
    let mut raw = server.raw();
    raw.send("SUB flood 1\r\n");
    raw.barrier();
    raw
}

fn cut_the_stalled(server: &Server) {
    let mut stalled = subscriber(server);
    let reading = subscriber(server);
    std::thread::scope(|scope| {
        scope.spawn(|| read_all(reading, MESSAGES, usize::MAX));
        publish(server, MESSAGES);
    });
    server.log.expect("Slow Consumer Detected");
    let resident = server.process.resident_bytes();
    assert!(resident < 300 * MEBIBYTE, "{resident} bytes resident");
    let received = stalled.until_closed();
    assert!(received.matches("MSG flood 1 ").count() < MESSAGES, "cut, not served to the end");
    server.raw().barrier();
}

fn stalled_reader_is_cut_at_max_pending(shape: Shape) {
    // Enough that a reader which reads, but waits for its turn on a busy machine, is not cut.
    cut_the_stalled(&Launch::new(shape).set("max_pending", 12 * MEBIBYTE).start());
}

fn stalled_reader_is_cut_at_write_deadline(shape: Shape) {
    let launch = Launch::new(shape).set("max_pending", 512 * MEBIBYTE);
    cut_the_stalled(&launch.set("write_deadline", "300ms").start());
}

fn slow_reader_gets_everything(shape: Shape) {
    let server = Launch::new(shape).set("max_pending", 16 * MEBIBYTE).start();
    let reading = subscriber(&server);
    std::thread::scope(|scope| {
        scope.spawn(|| read_all(reading, MESSAGES, 64));
        publish(&server, MESSAGES);
    });
    assert!(!server.log.text().contains("Slow Consumer Detected"));
}
