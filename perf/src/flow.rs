//! Messages under way, kept within bounds: publishers on one thread, all subscribers on another.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::failure::{Outcome, fail};
use crate::wire::{Client, PATIENCE};

/// Bytes of one write.
pub const BATCH_BYTES: usize = 64 * 1024;
/// Bytes of deliveries that may be under way: enough to keep a server busy, far below what makes one cut a slow
/// consumer (64 MB each).
pub const WINDOW_BYTES: usize = 8 * 1024 * 1024;
/// The least of it for each subscriber.
const WINDOW_BYTES_EACH: usize = 64 * 1024;
const READ_BYTES: usize = 512 * 1024;
const LOOK_AROUND: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// Publications ready to be written at once.
#[derive(Debug, Clone)]
pub struct Batch {
    pub bytes: Vec<u8>,
    pub messages: u64,
    /// How many messages subscribers get for it, all together.
    pub deliveries: u64,
}

/// How many deliveries of this length may be under way, and how many one batch may cause.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub deliveries: u64,
    pub deliveries_per_batch: u64,
}

impl Window {
    pub fn new(frame_bytes: usize, subscribers: usize) -> Window {
        let bytes = WINDOW_BYTES.max(subscribers * WINDOW_BYTES_EACH);
        let deliveries = (bytes / frame_bytes.max(1)).max(2 * subscribers) as u64;
        Window { deliveries, deliveries_per_batch: (deliveries / 8).max(1) }
    }
}

/// What the subscribers have received, as the publishing thread sees it.
#[derive(Debug)]
pub struct Progress {
    received: AtomicU64,
    /// The publishing thread wants to be woken at this many.
    awaited: AtomicU64,
    finished: AtomicBool,
    failed: AtomicBool,
    publisher: Thread,
}

impl Progress {
    /// To be made on the thread that publishes.
    pub fn new() -> Progress {
        Progress {
            received: AtomicU64::new(0),
            awaited: AtomicU64::new(u64::MAX),
            finished: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            publisher: std::thread::current(),
        }
    }

    /// The subscribers may stop reading.
    pub fn finish(&self) {
        self.finished.store(true, Ordering::SeqCst);
    }

    fn add(&self, messages: u64) {
        let received = self.received.fetch_add(messages, Ordering::SeqCst) + messages;
        if received >= self.awaited.load(Ordering::SeqCst) {
            self.awaited.store(u64::MAX, Ordering::SeqCst);
            self.publisher.unpark();
        }
    }

    /// Waits until so many messages have been received in all.
    fn wait_for(&self, messages: u64) -> Outcome<()> {
        let mut last = self.received.load(Ordering::SeqCst);
        let mut moved = Instant::now();
        while last < messages {
            self.awaited.store(messages, Ordering::SeqCst);
            if self.received.load(Ordering::SeqCst) < messages {
                std::thread::park_timeout(Duration::from_millis(50));
            }
            let now = self.received.load(Ordering::SeqCst);
            if self.failed.load(Ordering::SeqCst) {
                return fail!("the subscribers failed");
            }
            if now == last && moved.elapsed() > PATIENCE {
                return fail!("{} messages are missing: {now} of {messages} arrived", messages - now);
            }
            if now != last {
                (last, moved) = (now, Instant::now());
            }
        }
        Ok(())
    }
}

/// Publishers that take turns, one batch each, and wait while too much is under way.
#[derive(Debug)]
pub struct Publishing<'a> {
    publishers: &'a mut [Client],
    batches: &'a [Batch],
    progress: &'a Progress,
    window: u64,
    turn: usize,
    /// Messages sent by each publisher.
    pub sent: Vec<u64>,
    /// Deliveries they cause in all.
    pub due: u64,
}

impl<'a> Publishing<'a> {
    /// Batch after batch goes out; publisher n sends every batch whose number is n modulo the publishers.
    pub fn new(
        publishers: &'a mut [Client],
        batches: &'a [Batch],
        progress: &'a Progress,
        window: Window,
    ) -> Publishing<'a> {
        let sent = vec![0; publishers.len()];
        Publishing { publishers, batches, progress, window: window.deliveries, turn: 0, sent, due: 0 }
    }

    /// Publishes for so long, at least one batch of each publisher, and waits until all of it has arrived.
    pub fn run(&mut self, length: Duration) -> Outcome<()> {
        let end = Instant::now() + length;
        self.run_until(|_| Instant::now() >= end)
    }

    /// The same until it is over: that is asked after each batch, and told how many messages were sent by then.
    pub fn run_until(&mut self, mut is_over: impl FnMut(u64) -> bool) -> Outcome<()> {
        let least = self.turn + self.publishers.len().max(self.batches.len().min(8));
        while !is_over(self.sent.iter().sum()) || self.turn < least {
            self.publish()?;
        }
        self.progress.wait_for(self.due)
    }

    fn publish(&mut self) -> Outcome<()> {
        let batch = &self.batches[self.turn % self.batches.len()];
        let publisher = self.turn % self.publishers.len();
        let under_way = self.due - self.progress.received.load(Ordering::SeqCst);
        if under_way + batch.deliveries > self.window {
            self.progress.wait_for(self.due.saturating_sub(self.window / 2))?;
        }
        self.publishers[publisher].write(&batch.bytes)?;
        self.sent[publisher] += batch.messages;
        self.due += batch.deliveries;
        self.turn += 1;
        Ok(())
    }
}

/// Reads what subscribers get, on this one thread, until `progress` is finished. Answers PINGs.
pub fn receive(subscribers: &mut [Client], progress: &Progress) -> Outcome<()> {
    let outcome = receive_all(subscribers, progress);
    if outcome.is_err() {
        progress.failed.store(true, Ordering::SeqCst);
        progress.publisher.unpark();
    }
    outcome
}

fn receive_all(subscribers: &mut [Client], progress: &Progress) -> Outcome<()> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (index, subscriber) in subscribers.iter().enumerate() {
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&poll, subscriber, data, epoll::EventFlags::IN)?;
    }
    let mut events = Vec::with_capacity(1024);
    let mut buffer = vec![0; READ_BYTES];
    while !progress.finished.load(Ordering::SeqCst) {
        events.clear();
        match epoll::wait(&poll, spare_capacity(&mut events), Some(&LOOK_AROUND)) {
            Err(rustix::io::Errno::INTR) => continue,
            waited => waited?,
        };
        for event in &events {
            let subscriber = &mut subscribers[event.data.u64() as usize];
            let before = subscriber.scanner.messages();
            subscriber.read(&mut buffer, |_| {})?;
            let messages = subscriber.scanner.messages() - before;
            if messages > 0 {
                progress.add(messages);
            }
        }
    }
    Ok(())
}

/// Runs the subscribers on a thread of their own while `publish` runs on this one. What the subscribers met is
/// told before what the publisher met, since it is mostly the cause.
pub fn beside<T>(subscribers: &mut [Client], publish: impl FnOnce(&Progress) -> Outcome<T>) -> Outcome<T> {
    let progress = Progress::new();
    std::thread::scope(|scope| {
        let receiving = scope.spawn(|| receive(subscribers, &progress));
        let published = publish(&progress);
        progress.finish();
        receiving.join().expect("the receiving thread does not panic")?;
        published
    })
}

/// Subscribers must have exactly so many messages, now that a last PING has fetched whatever was left.
pub fn check_received(subscribers: &mut [Client], expected: impl Fn(usize) -> u64) -> Outcome<()> {
    for (index, subscriber) in subscribers.iter_mut().enumerate() {
        subscriber.barrier()?;
        let (received, expected) = (subscriber.scanner.messages(), expected(index));
        if received != expected {
            return fail!("subscriber {index} received {received} messages instead of {expected}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_room_for_every_subscriber_and_several_batches() {
        for (frame, subscribers) in [(145, 1), (145, 1000), (65_580, 1), (65_580, 1000), (1, 1)] {
            let window = Window::new(frame, subscribers);
            assert!(window.deliveries >= 2 * subscribers as u64, "{frame} {subscribers}");
            assert!(window.deliveries_per_batch * 2 <= window.deliveries, "{frame} {subscribers}");
        }
    }

    #[test]
    fn the_publisher_is_woken_when_enough_has_arrived() {
        let progress = Progress::new();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..100).for_each(|_| progress.add(10)));
            progress.wait_for(1000).expect("all of them");
        });
        assert_eq!(progress.received.load(Ordering::SeqCst), 1000);
    }
}
