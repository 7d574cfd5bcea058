//! What the ring is made of. The model checker compiles the ring a second time over its own body of this.

pub use std::sync::Arc;
pub use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

use std::cell::UnsafeCell;

/// A fixed block of bytes, eight-aligned, that two threads reach without the compiler's protection.
pub struct Memory(UnsafeCell<Box<[u64]>>);

// SAFETY: the ring hands every byte to one side at a time; see `spsc`.
unsafe impl Sync for Memory {}
// SAFETY: plain bytes.
unsafe impl Send for Memory {}

impl Memory {
    /// `len` must be a multiple of eight.
    pub fn new(len: usize) -> Memory {
        Memory(UnsafeCell::new(vec![0; len / 8].into_boxed_slice()))
    }

    /// # Safety
    /// Nobody may write the range while the answer lives.
    #[inline]
    pub unsafe fn read(&self, start: usize, len: usize) -> &[u8] {
        // SAFETY: in bounds by the ring's arithmetic, not written meanwhile by the caller's promise.
        unsafe { std::slice::from_raw_parts((*self.0.get()).as_ptr().cast::<u8>().add(start), len) }
    }

    /// # Safety
    /// Nobody else may read or write the range while the answer lives.
    #[inline]
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn write(&self, start: usize, len: usize) -> &mut [u8] {
        // SAFETY: in bounds by the ring's arithmetic, not shared meanwhile by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut((*self.0.get()).as_mut_ptr().cast::<u8>().add(start), len) }
    }
}
