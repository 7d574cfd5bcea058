//! Messages flow on while the configuration changes.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Reloading;
use crate::support::raw::{Raw, payloads, publication};
use crate::support::shape::{Shape, in_every_shape};

const PUBLISHERS: usize = 3;
const RELOADS: usize = 20;
/// Messages between two PINGs, so that no publisher runs away from the reader.
const BATCH: usize = 20;

in_every_shape! {
    /// Over changes and mistakes in turn every message arrives once, in its publisher's order.
    nothing_is_lost;
}

/// Publishes numbers until told to end, then how many there were.
fn publish(mut client: Raw, name: usize, over: &AtomicBool) -> usize {
    let mut count = 0;
    while !over.load(Ordering::Relaxed) {
        for _ in 0..BATCH {
            client.send(publication("flow", &format!("{name} {count}")));
            count += 1;
        }
        client.barrier();
    }
    client.send(publication("flow", &format!("{name} end")));
    client.barrier();
    count
}

/// Reads until every publisher has ended; how many messages came of each.
fn read(mut client: Raw) -> [usize; PUBLISHERS] {
    let mut counts = [0; PUBLISHERS];
    let mut ended = 0;
    while ended < PUBLISHERS {
        let text = payloads(&[client.message()]).remove(0);
        if text.is_empty() {
            // Somebody asked whether this reader is there.
            continue;
        }
        let (name, said) = text.split_once(' ').expect("a name and a number");
        let count: &mut usize = &mut counts[name.parse::<usize>().expect("a name")];
        if said == "end" {
            ended += 1;
        } else {
            assert_eq!(said, count.to_string(), "of publisher {name}");
            *count += 1;
        }
    }
    counts
}

fn nothing_is_lost(shape: Shape) {
    let reloading = Reloading::start(shape, "max_payload: 1000\n");
    let mut reader = reloading.server.raw();
    reader.send("SUB flow 1\r\n");
    reader.barrier();
    let mut publishers: Vec<_> = (0..PUBLISHERS).map(|_| reloading.server.raw()).collect();
    for publisher in &mut publishers {
        // A subscription of another shard is known everywhere a moment later.
        publisher.send("SUB inbox 1\r\n");
        publisher.wait_for_listener("flow", true);
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| read(reader));
        let publishing: Vec<_> = publishers
            .into_iter()
            .enumerate()
            .map(|(name, client)| {
                scope.spawn({
                    let over = &over;
                    move || publish(client, name, over)
                })
            })
            .collect();
        for round in 1..=RELOADS {
            if round % 2 == 0 {
                reloading.ask("max_payload: 1000\nauthorization {\n");
                reloading.server.log.expect_times("Failed to reload server configuration", round / 2);
            } else {
                let max = 1000 + round;
                reloading.change(
                    &format!("max_payload: {max}\nmax_control_line: {max}\nping_max: {round}\n"),
                    &format!("Reloaded: max_payload = {max}"),
                );
            }
        }
        over.store(true, Ordering::Relaxed);
        let sent: Vec<usize> = publishing.into_iter().map(|thread| thread.join().expect("it ends")).collect();
        assert_eq!(reading.join().expect("it ends").as_slice(), sent);
        assert!(sent.iter().all(|count| *count > 0));
    });
}
