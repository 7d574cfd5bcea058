//! Output buffers waiting to be used again, so that an idle connection holds none.

/// Buffers kept, and the largest that is.
const BUFFERS_MAX: usize = 64;
const BUFFER_BYTES_MAX: usize = 256 << 10;
/// What a new buffer holds before it has to grow.
const BUFFER_BYTES_MIN: usize = 2 << 10;

#[derive(Default)]
pub struct Pool(Vec<Vec<u8>>);

impl Pool {
    /// An empty buffer; the one that was used last, for it is the warmest.
    #[inline]
    pub fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_else(|| Vec::with_capacity(BUFFER_BYTES_MIN))
    }

    #[inline]
    pub fn put(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() >= BUFFER_BYTES_MIN
            && buffer.capacity() <= BUFFER_BYTES_MAX
            && self.0.len() < BUFFERS_MAX
        {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}
