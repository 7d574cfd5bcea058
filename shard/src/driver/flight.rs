//! A send under way: the batch, where it stands, and the headers the kernel reads while it lasts.

use std::ptr;

use io_uring::opcode;
use io_uring::squeue::Entry;
use io_uring::types::Fd;

use crate::deliver::Batch;

const FLAGS: i32 = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;

/// Boxed, so that what the kernel points into stays where it is.
pub struct Flight {
    batch: Batch,
    vectors: Vec<libc::iovec>,
    header: libc::msghdr,
    /// Bytes of the batch sent so far, and in all.
    sent: usize,
    len: usize,
}

impl Flight {
    /// A batch of which so many bytes are sent already.
    pub fn new(batch: Batch, sent: usize) -> Box<Flight> {
        let len = batch.len();
        // SAFETY: a zeroed msghdr is a valid, empty one.
        let header = unsafe { std::mem::zeroed() };
        Box::new(Flight { batch, vectors: Vec::new(), header, sent, len })
    }

    /// The submission for what is left.
    pub fn entry(&mut self, fd: Fd) -> Entry {
        if self.batch.rest.is_empty() {
            let rest = &self.batch.first[self.sent..];
            return opcode::Send::new(fd, rest.as_ptr(), rest.len() as u32).flags(FLAGS).build();
        }
        self.vectors.clear();
        let mut skip = self.sent;
        for piece in self.batch.pieces() {
            let skipped = skip.min(piece.len());
            skip -= skipped;
            if skipped < piece.len() {
                let rest = &piece[skipped..];
                let base = ptr::from_ref(&rest[0]).cast_mut().cast();
                self.vectors.push(libc::iovec { iov_base: base, iov_len: rest.len() });
            }
        }
        self.header.msg_iov = self.vectors.as_mut_ptr();
        self.header.msg_iovlen = self.vectors.len() as _;
        opcode::SendMsg::new(fd, &raw const self.header).flags(FLAGS as u32).build()
    }

    /// Notes bytes sent; answers whether that was all.
    pub fn advance(&mut self, bytes: usize) -> bool {
        self.sent += bytes;
        self.sent >= self.len
    }

    pub fn into_batch(self) -> Batch {
        self.batch
    }
}
