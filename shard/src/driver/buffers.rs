//! Receive buffers shared with the kernel: it picks one when bytes arrive, so an idle connection has none.

use std::io;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

use super::Piece;

/// A kind of buffers: a group on the ring.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub group: u16,
    /// The number of its first buffer.
    pub first: u16,
    /// Buffers there are: a power of two. What is never used takes no memory.
    pub count: usize,
    pub bytes: usize,
}

/// What everyone receives into. Few at a time, so that they stay in cache: with 32 of
/// 64 KiB a fan-out costs half as much again as with 16 of 16 KiB. When many connections are active at once
/// the kernel runs out; then it gets more, and they are taken back when it no longer needs them.
pub const SMALL: Kind = Kind { group: 0, first: 0, count: 256, bytes: 16 << 10 };
/// What those receive into who flood: one a turn.
pub const LARGE: Kind = Kind { group: 1, first: 256, count: 16, bytes: 256 << 10 };
/// The fewest small ones that the kernel has at hand.
const LENT_MIN: usize = 16;
/// Turns without need after which the number lent is halved.
const CALM_TURNS: u32 = 4096;

pub struct Buffers {
    kind: Kind,
    ring: *mut BufRingEntry,
    layout: std::alloc::Layout,
    memory: Box<[u8]>,
    tail: u16,
    /// Buffers the kernel has, and how many it should.
    lent: usize,
    target: usize,
    spare: Vec<u16>,
    /// The fewest the kernel had left since the last look, and for how many turns that was plenty.
    calm: u32,
}

impl Buffers {
    pub fn register(submitter: &Submitter<'_>, kind: Kind) -> io::Result<Buffers> {
        let Kind { group, first, count, bytes } = kind;
        let layout = std::alloc::Layout::from_size_align(count * size_of::<BufRingEntry>(), 4096)
            .expect("a page-aligned layout");
        // SAFETY: the layout has a size; the result is checked.
        let ring = unsafe { std::alloc::alloc_zeroed(layout) }.cast::<BufRingEntry>();
        if ring.is_null() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let buffers = Buffers {
            ring,
            layout,
            kind,
            memory: vec![0; count * bytes].into_boxed_slice(),
            tail: 0,
            lent: 0,
            target: 0,
            spare: (first..first + count as u16).rev().collect(),
            calm: 0,
        };
        // SAFETY: the ring lives until `Buffers` is dropped, which is after the io_uring (see `uring`).
        unsafe { submitter.register_buf_ring_with_flags(ring as u64, count as u16, group, 0) }?;
        Ok(buffers)
    }

    #[inline]
    pub fn bytes(&self, piece: &Piece) -> &[u8] {
        let start = (piece.buffer - self.kind.first) as usize * self.kind.bytes;
        &self.memory[start..start + piece.len as usize]
    }

    /// The kernel has filled one.
    #[inline]
    pub fn taken(&mut self) {
        self.lent -= 1;
    }

    #[inline]
    pub fn release(&mut self, piece: Piece) {
        self.spare.push(piece.buffer);
    }

    /// The kernel had none for so many who do not flood: it gets enough for them, and as many again.
    pub fn ran_out(&mut self, wanting: usize) {
        self.target = self.target.max(wanting * 2);
        self.calm = 0;
    }

    /// Once per turn: gives the kernel what was released, as many as it has lately needed.
    #[inline]
    pub fn lend_as_needed(&mut self) {
        if self.lent < self.target / 2 {
            self.calm = 0;
        }
        self.calm += 1;
        if self.calm >= CALM_TURNS {
            self.calm = 0;
            self.target /= 2;
        }
        self.lend(self.target.max(LENT_MIN));
    }

    /// Once per turn: gives the kernel what was released, until it has so many.
    #[inline]
    pub fn lend(&mut self, target: usize) {
        self.target = target.min(self.kind.count);
        if self.lent < self.target && !self.spare.is_empty() {
            while self.lent < self.target {
                let Some(buffer) = self.spare.pop() else { break };
                self.add(buffer);
            }
            // SAFETY: the ring is ours until dropped; its tail lies in the first entry, and the kernel reads
            // it with acquire.
            let tail = unsafe { &*BufRingEntry::tail(self.ring).cast::<AtomicU16>() };
            tail.store(self.tail, Ordering::Release);
        }
    }

    fn add(&mut self, buffer: u16) {
        let Kind { first, count, bytes, .. } = self.kind;
        let index = self.tail as usize & (count - 1);
        let address = self.memory[(buffer - first) as usize * bytes..].as_mut_ptr();
        // SAFETY: within the ring, and the kernel does not look at entries from the tail on.
        let entry = unsafe { &mut *self.ring.add(index) };
        entry.set_addr(address as u64);
        entry.set_len(bytes as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
        self.lent += 1;
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout in `register`; the io_uring that knew it is gone.
        unsafe { std::alloc::dealloc(self.ring.cast(), self.layout) };
    }
}
