//! Readers that do not read, and who writes to them.

use super::{Reloading, figures};
use crate::support::program;
use crate::support::raw::{Raw, publication};
use crate::support::shape::Shape;

const KIBIBYTE: usize = 1024;

fn stalled(reloading: &Reloading) -> Raw {
    let mut reader = reloading.server.raw();
    reader.send("SUB flood 1\r\n");
    reader.barrier();
    reader
}

/// So many messages of 64 KiB.
fn flood(publisher: &mut Raw, messages: usize) {
    let message = publication("flood", &"x".repeat(64 * KIBIBYTE));
    for _ in 0..messages {
        publisher.send(&message);
    }
    publisher.barrier();
}

/// Who has not read for longer than the new deadline is cut. In nats-server the old one holds for connections
/// that were there before.
#[test]
fn write_deadline() {
    let text = |deadline: &str| format!("max_pending: 512MB\nwrite_deadline: \"{deadline}\"\n");
    let reloading = Reloading::start(Shape::TWO, &text("10m"));
    let mut reader = stalled(&reloading);
    let mut publisher = reloading.server.raw();
    if program::is_corebus() {
        flood(&mut publisher, 500);
    }
    assert!(!reloading.server.log.text().contains("Slow Consumer"));
    reloading.change(&text("300ms"), "Reloaded: write_deadline = 300ms");
    if !program::is_corebus() {
        reader = stalled(&reloading);
        flood(&mut publisher, 500);
    }
    reloading.server.log.expect("Slow Consumer Detected: WriteDeadline of 300ms exceeded");
    assert!(reader.until_closed().matches("MSG flood 1 ").count() < 500);
    publisher.barrier();
}

/// Publishers wait for a reader that is far behind, or do not; the figures tell.
#[test]
fn no_fast_producer_stall() {
    let text =
        |none: bool| format!("max_pending: 128MB\nwrite_deadline: \"10m\"\nno_fast_producer_stall: {none}\n");
    let (reloading, varz) = figures::start(&text(true));
    let stalls = || varz()["stalled_clients"].as_u64();
    let _reader = stalled(&reloading);
    let mut publisher = reloading.server.raw();
    // Beyond three quarters of what may wait, whatever the sockets hold.
    flood(&mut publisher, 112 * 16);
    assert_eq!(stalls(), Some(0));
    reloading.change(&text(false), "Reloaded: fast producers will be stalled");
    flood(&mut publisher, 8 * 16);
    assert!(stalls() > Some(0), "{:?}", stalls());
    assert!(!reloading.server.log.text().contains("Slow Consumer"));
}
