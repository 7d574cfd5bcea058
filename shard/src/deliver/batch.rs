//! Bytes on their way out, in chunks that are copied once or shared.

use std::collections::VecDeque;

use bytes::Bytes;

/// One contiguous piece of output.
#[derive(Debug)]
pub enum Chunk {
    Owned(Vec<u8>),
    /// A large payload that several connections send.
    Shared(Bytes),
}

impl Chunk {
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Chunk::Owned(bytes) => bytes,
            Chunk::Shared(bytes) => bytes,
        }
    }
}

/// What one send carries. The driver owns it until the send is done and then gives it back, so that its
/// buffers can be used again. Most batches are one chunk and allocate nothing.
#[derive(Debug, Default)]
pub struct Batch {
    pub first: Vec<u8>,
    pub rest: VecDeque<Chunk>,
}

impl Batch {
    pub fn len(&self) -> usize {
        self.first.len() + self.rest.iter().map(|chunk| chunk.as_bytes().len()).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces that hold bytes, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.first[..])
            .chain(self.rest.iter().map(Chunk::as_bytes))
            .filter(|piece| !piece.is_empty())
    }
}
