//! What one connection is still to be sent. Hot path: appending copies and does nothing else.

use std::collections::VecDeque;

use bytes::Bytes;

use super::batch::{Batch, Chunk};
use super::pool::Pool;

/// A chunk is closed at this size: large enough that a send carries much, small enough to stay in cache.
const CHUNK_BYTES: usize = 64 << 10;
/// Bytes and chunks of one send at most, so that `write_deadline` measures progress, not a backlog.
const BATCH_BYTES_MAX: usize = 512 << 10;
const BATCH_CHUNKS_MAX: usize = 64;

/// Payloads from this size on are shared between their readers rather than copied.
pub const SHARED_BYTES_MIN: usize = 16 << 10;

#[derive(Default)]
pub struct Outbox {
    sealed: VecDeque<Chunk>,
    open: Vec<u8>,
    /// Bytes here and in the send under way.
    pending: usize,
    /// Bytes in the send under way.
    flying: usize,
}

impl Outbox {
    /// Bytes not yet taken by the kernel.
    #[inline]
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// Whether a send is under way.
    #[inline]
    pub fn is_flying(&self) -> bool {
        self.flying > 0
    }

    /// Whether there is something to send that no send carries yet.
    #[inline]
    pub fn has_waiting(&self) -> bool {
        self.pending > self.flying
    }

    /// Appends pieces that together are one protocol unit.
    #[inline]
    pub fn append<const N: usize>(&mut self, pool: &mut Pool, pieces: [&[u8]; N]) {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        self.make_room(pool, len);
        for piece in pieces {
            self.open.extend_from_slice(piece);
        }
        self.pending += len;
    }

    /// Appends bytes that are shared with other connections.
    pub fn append_shared(&mut self, shared: Bytes) {
        self.seal();
        self.pending += shared.len();
        self.sealed.push_back(Chunk::Shared(shared));
    }

    /// Takes the next batch for a send; `landed` must follow before the next.
    pub fn take_batch(&mut self) -> Batch {
        debug_assert!(self.flying == 0);
        if self.sealed.is_empty() {
            let first = std::mem::take(&mut self.open);
            self.flying = first.len();
            return Batch { first, rest: VecDeque::new() };
        }
        let mut rest = VecDeque::new();
        let mut len = 0;
        while len < BATCH_BYTES_MAX && rest.len() < BATCH_CHUNKS_MAX {
            let Some(chunk) = self.sealed.pop_front() else { break };
            len += chunk.as_bytes().len();
            rest.push_back(chunk);
        }
        if self.sealed.is_empty() && len < BATCH_BYTES_MAX && !self.open.is_empty() {
            len += self.open.len();
            rest.push_back(Chunk::Owned(std::mem::take(&mut self.open)));
        }
        self.flying = len;
        Batch { first: Vec::new(), rest }
    }

    /// The send under way is over; its buffers go back to the pool.
    pub fn landed(&mut self, pool: &mut Pool, batch: Batch) {
        self.pending -= self.flying;
        self.flying = 0;
        pool.put(batch.first);
        for chunk in batch.rest {
            if let Chunk::Owned(buffer) = chunk {
                pool.put(buffer);
            }
        }
        if self.sealed.is_empty() {
            self.sealed = VecDeque::new();
        }
    }

    /// Forgets all that waits: the connection is beyond flushing.
    pub fn discard(&mut self) {
        self.sealed = VecDeque::new();
        self.open = Vec::new();
        self.pending = self.flying;
    }

    #[inline]
    fn make_room(&mut self, pool: &mut Pool, len: usize) {
        if self.open.len() + len > CHUNK_BYTES {
            self.seal();
        }
        if self.open.capacity() == 0 {
            self.open = pool.take();
        }
        if self.open.capacity() - self.open.len() < len {
            self.open.reserve(len);
        }
    }

    fn seal(&mut self) {
        if !self.open.is_empty() {
            self.sealed.push_back(Chunk::Owned(std::mem::take(&mut self.open)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(outbox: &mut Outbox, pool: &mut Pool) -> Vec<u8> {
        let mut out = Vec::new();
        while outbox.has_waiting() {
            let batch = outbox.take_batch();
            assert!(outbox.is_flying() && batch.len() <= BATCH_BYTES_MAX + (1 << 20));
            batch.pieces().for_each(|piece| out.extend_from_slice(piece));
            outbox.landed(pool, batch);
        }
        assert_eq!(outbox.pending(), 0);
        out
    }

    /// Small, large and shared pieces leave in the order they came.
    #[test]
    fn keeps_order_and_counts() {
        let (mut outbox, mut pool) = (Outbox::default(), Pool::default());
        let mut want = Vec::new();
        for round in 0..5000u32 {
            let text = format!("{round} ");
            if round % 50 == 0 {
                let shared = Bytes::from(text.repeat(4000));
                want.extend_from_slice(&shared);
                outbox.append_shared(shared);
            } else {
                want.extend_from_slice(text.as_bytes());
                want.extend_from_slice(b"\r\n");
                outbox.append(&mut pool, [text.as_bytes(), b"\r\n"]);
            }
            assert_eq!(outbox.pending(), want.len());
        }
        assert_eq!(drain(&mut outbox, &mut pool), want);
    }

    #[test]
    fn what_is_discarded_is_not_sent() {
        let (mut outbox, mut pool) = (Outbox::default(), Pool::default());
        outbox.append(&mut pool, [b"one"]);
        let batch = outbox.take_batch();
        outbox.append(&mut pool, [b"two"]);
        outbox.discard();
        assert_eq!(outbox.pending(), 3);
        outbox.landed(&mut pool, batch);
        assert!(!outbox.has_waiting());
    }
}
