//! One producer, one consumer, a ring of bytes between them. Hot path.
//!
//! Records lie back to back, eight-aligned, each behind a word that says its length:
//!
//! ```text
//!        head (consumer's)                tail (producer's)      capacity
//!   free  |  len record  len record ...    |  free   ... ^PAD     |
//! ```
//!
//! A record never wraps: where it does not fit before the end, the rest is marked as padding. Both
//! positions grow for ever and are masked on use. The producer writes between `tail` and `head + capacity`,
//! the consumer reads between `head` and `tail`; each side stores its position with `Release` after it is
//! done with the bytes, and loads the other's with `Acquire` before it touches them.
//!
//! Nothing is visible to the consumer before `publish`, nothing is given back to the producer before
//! `release`: both are called once per turn, not per record.

use super::primitives::{Arc, AtomicUsize, Memory, Ordering};

/// Bytes in front of each record.
const LENGTH_BYTES: usize = 8;
/// A length that marks padding up to the end of the memory.
const PADDING: u64 = u64::MAX;

/// Keeps the two positions on cache lines of their own.
#[repr(align(128))]
struct Padded<T>(T);

struct Shared {
    head: Padded<AtomicUsize>,
    tail: Padded<AtomicUsize>,
    memory: Memory,
    capacity: usize,
}

/// The writing end.
pub struct Producer {
    shared: Arc<Shared>,
    /// Written so far, published or not.
    tail: usize,
    published: usize,
    /// The consumer's position as last seen.
    head: usize,
}

/// The reading end.
pub struct Consumer {
    shared: Arc<Shared>,
    /// Read so far, released or not.
    head: usize,
    released: usize,
    /// The producer's position as last seen.
    tail: usize,
}

/// A ring of `capacity` bytes, a power of two.
pub fn ring(capacity: usize) -> (Producer, Consumer) {
    assert!(capacity.is_power_of_two() && capacity >= 64, "a ring holds a power of two of bytes");
    let shared = Arc::new(Shared {
        head: Padded(AtomicUsize::new(0)),
        tail: Padded(AtomicUsize::new(0)),
        memory: Memory::new(capacity),
        capacity,
    });
    let producer = Producer { shared: shared.clone(), tail: 0, published: 0, head: 0 };
    (producer, Consumer { shared, head: 0, released: 0, tail: 0 })
}

impl Producer {
    /// The longest record the ring takes for certain once it is empty, wherever its end lies.
    pub fn record_bytes_max(&self) -> usize {
        self.shared.capacity / 2 - LENGTH_BYTES
    }

    /// Reserves a record and lets `fill` write it; answers whether there was room.
    #[inline]
    pub fn push(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> bool {
        debug_assert!(len <= self.record_bytes_max());
        let need = LENGTH_BYTES + len.next_multiple_of(8);
        let to_end = self.shared.capacity - (self.tail & (self.shared.capacity - 1));
        let padding = if need > to_end { to_end } else { 0 };
        if !self.has_room(padding + need) {
            return false;
        }
        if padding > 0 {
            self.write(self.tail, LENGTH_BYTES).copy_from_slice(&PADDING.to_ne_bytes());
            self.tail += padding;
        }
        self.write(self.tail, LENGTH_BYTES).copy_from_slice(&(len as u64).to_ne_bytes());
        fill(self.write(self.tail + LENGTH_BYTES, len));
        self.tail += need;
        true
    }

    /// Shows the consumer all that was pushed. Answers whether that was anything.
    #[inline]
    pub fn publish(&mut self) -> bool {
        if self.published == self.tail {
            return false;
        }
        self.shared.tail.0.store(self.tail, Ordering::Release);
        self.published = self.tail;
        true
    }

    /// Bytes pushed and not shown yet.
    #[inline]
    pub fn unpublished(&self) -> usize {
        self.tail - self.published
    }

    /// Whether the consumer has released all that was ever pushed.
    pub fn is_drained(&mut self) -> bool {
        self.head = self.shared.head.0.load(Ordering::Acquire);
        self.head == self.tail
    }

    #[inline]
    fn has_room(&mut self, need: usize) -> bool {
        if self.tail + need - self.head <= self.shared.capacity {
            return true;
        }
        self.head = self.shared.head.0.load(Ordering::Acquire);
        self.tail + need - self.head <= self.shared.capacity
    }

    #[inline]
    fn write(&mut self, position: usize, len: usize) -> &mut [u8] {
        let start = position & (self.shared.capacity - 1);
        // SAFETY: the range lies between the tail shown to the consumer and its head plus the capacity, so
        // the consumer does not look at it; this side is one, by `&mut self`.
        unsafe { self.shared.memory.write(start, len) }
    }
}

impl Consumer {
    /// Looks once at how far the producer has come; `pop` then answers records up to there.
    #[inline]
    pub fn observe(&mut self) {
        self.tail = self.shared.tail.0.load(Ordering::Acquire);
    }

    /// Whether the producer has shown anything not yet read, looking now.
    #[inline]
    pub fn has_more(&mut self) -> bool {
        self.observe();
        self.head != self.tail
    }

    /// The next record among those observed. It stays as it is until `release`.
    #[inline]
    pub fn pop(&mut self) -> Option<&[u8]> {
        loop {
            if self.head == self.tail {
                return None;
            }
            let start = self.head & (self.shared.capacity - 1);
            let word: [u8; LENGTH_BYTES] =
                self.read(start, LENGTH_BYTES).try_into().expect("a length word is eight bytes");
            let len = u64::from_ne_bytes(word);
            if len == PADDING {
                self.head += self.shared.capacity - start;
                continue;
            }
            let len = len as usize;
            self.head += LENGTH_BYTES + len.next_multiple_of(8);
            return Some(self.read(start + LENGTH_BYTES, len));
        }
    }

    /// Gives the producer back the room of all records read.
    #[inline]
    pub fn release(&mut self) {
        if self.released != self.head {
            self.released = self.head;
            self.shared.head.0.store(self.head, Ordering::Release);
        }
    }

    #[inline]
    fn read(&self, start: usize, len: usize) -> &[u8] {
        // SAFETY: the range was shown by the producer and is not released, so the producer keeps off it.
        unsafe { self.shared.memory.read(start, len) }
    }
}
