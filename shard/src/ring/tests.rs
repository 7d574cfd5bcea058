//! The ring on one thread against a queue, on two threads for real, and under a model checker.

use std::collections::VecDeque;

use super::spsc::ring;

/// Records of every length come out whole and in order, through many wraps, at the smallest capacities.
#[test]
fn is_a_queue() {
    for capacity in [64usize, 128, 1024] {
        let (mut producer, mut consumer) = ring(capacity);
        let mut model: VecDeque<Vec<u8>> = VecDeque::new();
        let mut state = 1u32;
        for round in 0..20_000u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let len = (state >> 8) as usize % (producer.record_bytes_max() + 1);
            let record: Vec<u8> = (0..len).map(|at| (round as usize + at) as u8).collect();
            if producer.push(len, |room| room.copy_from_slice(&record)) {
                model.push_back(record);
            } else {
                assert!(!model.is_empty(), "an empty ring takes any record");
            }
            if state & 0x10 == 0 {
                producer.publish();
                consumer.observe();
                while let Some(record) = consumer.pop() {
                    assert_eq!(record, model.pop_front().unwrap());
                }
                assert!(model.is_empty());
                consumer.release();
                assert!(producer.is_drained());
            }
        }
    }
}

#[test]
fn nothing_is_seen_before_it_is_published() {
    let (mut producer, mut consumer) = ring(64);
    assert!(producer.push(3, |room| room.copy_from_slice(b"abc")));
    assert!(!consumer.has_more());
    assert!(producer.publish() && !producer.publish());
    assert!(consumer.has_more());
    assert_eq!(consumer.pop(), Some(&b"abc"[..]));
    assert!(!producer.is_drained());
    consumer.release();
    assert!(producer.is_drained());
}

#[test]
fn carries_records_between_threads() {
    const COUNT: u64 = 200_000;
    let (mut producer, mut consumer) = ring(1024);
    let sender = std::thread::spawn(move || {
        for number in 0..COUNT {
            let len = 8 + (number % 40) as usize;
            while !producer.push(len, |room| room[..8].copy_from_slice(&number.to_ne_bytes())) {
                producer.publish();
                std::thread::yield_now();
            }
            if number % 7 == 0 {
                producer.publish();
            }
        }
        producer.publish();
    });
    let mut next = 0;
    while next < COUNT {
        consumer.observe();
        while let Some(record) = consumer.pop() {
            assert_eq!(record.len(), 8 + (next % 40) as usize);
            assert_eq!(record[..8], next.to_ne_bytes());
            next += 1;
        }
        consumer.release();
        std::thread::yield_now();
    }
    sender.join().unwrap();
}

/// The same sources over the model checker's primitives: every interleaving of a small run.
#[allow(clippy::duplicate_mod)]
mod modelled;
