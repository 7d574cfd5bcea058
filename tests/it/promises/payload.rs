//! Payloads of any size up to max_payload arrive as they were sent.

use crate::support::raw::Raw;
use crate::support::server::{Launch, Server};
use crate::support::shape::{Shape, in_every_shape};
use crate::support::unit;

in_every_shape! {
    /// Sizes around every buffer's edge, to subscribers on every shard.
    any_size_arrives_whole;
    /// Exactly max_payload passes, headers included; one more byte closes.
    max_payload_is_exact;
}

/// Bytes in which a shift or a swap would show.
fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at.wrapping_mul(31) ^ (at >> 8)) as u8).collect()
}

fn publish(raw: &mut Raw, payload: &[u8]) {
    raw.send([format!("PUB big {}\r\n", payload.len()).as_bytes(), payload, b"\r\n"].concat());
}

fn any_size_arrives_whole(shape: Shape) {
    let server = Server::start(shape);
    let mut subscribers: Vec<Raw> = (0..4).map(|_| server.raw()).collect();
    for subscriber in &mut subscribers {
        subscriber.send("SUB big 1\r\n");
        subscriber.barrier();
    }
    let mut publisher = server.raw();
    let powers = [256, 512, 1024, 4096, 16 * 1024, 32 * 1024, 64 * 1024, 128 * 1024, 512 * 1024];
    let edges = powers.iter().flat_map(|power| [power - 1, *power, power + 1]);
    for bytes in edges.chain([0, 1, 2, 3, 1024 * 1024]) {
        let payload = pattern(bytes);
        publish(&mut publisher, &payload);
        for subscriber in &mut subscribers {
            let message = subscriber.message();
            assert!(unit::payload(&message) == payload, "{bytes} bytes arrive changed");
        }
    }
}

fn max_payload_is_exact(shape: Shape) {
    let server = Launch::new(shape).set("max_payload", 100_000).start();
    let mut subscriber = server.raw();
    subscriber.send("SUB big 1\r\n");
    subscriber.barrier();
    let mut publisher = server.raw();
    publish(&mut publisher, &pattern(100_000));
    publisher.barrier();
    assert_eq!(unit::payload(&subscriber.message()), pattern(100_000));
    publisher.send("HPUB big 12 100000\r\nNATS/1.0\r\n\r\n");
    publisher.send([&pattern(99_988)[..], b"\r\n"].concat());
    publisher.barrier();
    subscriber.message();
    publisher.try_send("PUB big 100001\r\n");
    assert!(publisher.until_closed().contains("-ERR 'Maximum Payload Violation'"));
    assert!(subscriber.barrier().is_empty());
}
