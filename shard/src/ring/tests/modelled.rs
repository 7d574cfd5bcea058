mod primitives {
    pub use loom::sync::Arc;
    pub use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

    use std::cell::UnsafeCell;

    /// Bytes, and beside each word a cell in which the checker sees who touches it.
    pub struct Memory {
        bytes: UnsafeCell<Box<[u8]>>,
        words: Vec<loom::cell::UnsafeCell<()>>,
    }

    // SAFETY: the checker reports every unordered access.
    unsafe impl Sync for Memory {}
    // SAFETY: plain bytes.
    unsafe impl Send for Memory {}

    impl Memory {
        pub fn new(len: usize) -> Memory {
            let words = (0..len / 8).map(|_| loom::cell::UnsafeCell::new(())).collect();
            Memory { bytes: UnsafeCell::new(vec![0; len].into_boxed_slice()), words }
        }

        pub unsafe fn read(&self, start: usize, len: usize) -> &[u8] {
            for word in start / 8..(start + len).div_ceil(8) {
                self.words[word].with(|_| ());
            }
            // SAFETY: in bounds; races are the checker's to find.
            unsafe { &(&*self.bytes.get())[start..start + len] }
        }

        #[allow(clippy::mut_from_ref)]
        pub unsafe fn write(&self, start: usize, len: usize) -> &mut [u8] {
            for word in start / 8..(start + len).div_ceil(8) {
                self.words[word].with_mut(|_| ());
            }
            // SAFETY: in bounds; races are the checker's to find.
            unsafe { &mut (&mut *self.bytes.get())[start..start + len] }
        }
    }
}

#[path = "../bell.rs"]
#[allow(dead_code)]
mod bell;
#[path = "../spsc.rs"]
#[allow(dead_code)]
mod spsc;

use loom::thread;
use primitives::Arc;

/// Four records through a ring that holds fewer: no byte is read while it is written, none is lost.
#[test]
fn no_race_and_no_loss() {
    loom::model(|| {
        let (mut producer, mut consumer) = spsc::ring(64);
        let sender = thread::spawn(move || {
            for number in 0..4u8 {
                while !producer.push(16, |room| room.fill(number)) {
                    thread::yield_now();
                }
                producer.publish();
            }
        });
        let mut next = 0;
        while next < 4 {
            consumer.observe();
            while let Some(record) = consumer.pop() {
                assert_eq!(record, [next; 16]);
                next += 1;
            }
            consumer.release();
            thread::yield_now();
        }
        sender.join().unwrap();
    });
}

/// Either the sleeper sees the record before it sleeps, or the sender sees it asleep and rings.
#[test]
fn no_wake_up_is_lost() {
    loom::model(|| {
        let bell = Arc::new(bell::Bell::default());
        let (mut producer, mut consumer) = spsc::ring(64);
        let sleeper = {
            let bell = bell.clone();
            thread::spawn(move || {
                bell.fall_asleep();
                consumer.has_more()
            })
        };
        producer.push(1, |room| room[0] = 1);
        producer.publish();
        let rang = bell.must_ring();
        let seen = sleeper.join().unwrap();
        assert!(rang || seen, "the record is there, the sleeper sleeps, nobody rang");
    });
}
