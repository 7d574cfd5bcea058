//! How a sleeping shard is woken: at most once, and only if it sleeps.
//!
//! The sleeper says that it will sleep, then looks once more at its inbound rings; the ringer publishes,
//! then looks whether the other sleeps. With a full fence between each pair, one of the two sees the other.

use super::primitives::{AtomicBool, Ordering, fence};

/// The flag both sides meet at.
pub struct Bell {
    asleep: AtomicBool,
}

impl Default for Bell {
    fn default() -> Bell {
        Bell { asleep: AtomicBool::new(false) }
    }
}

impl Bell {
    /// Says that the owner is about to sleep. It must look at its inbound rings after this.
    pub fn fall_asleep(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Says that the owner is awake again.
    pub fn wake_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Called after publishing: whether the owner sleeps and this caller is the one to wake it.
    pub fn must_ring(&self) -> bool {
        fence(Ordering::SeqCst);
        self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::AcqRel)
    }
}
