//! Everything every client read and when, as one number: two runs of a seed must give the same.

use crate::driver::sim::WireId;

/// FNV-1a.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    pub hash: u64,
    pub bytes: u64,
    /// What is read is shown too.
    pub aloud: bool,
}

impl Trace {
    pub fn new(aloud: bool) -> Trace {
        Trace { hash: 0xcbf2_9ce4_8422_2325, bytes: 0, aloud }
    }

    pub fn note(&mut self, now: u64, wire: WireId, bytes: &[u8]) {
        self.say(now, wire, "<-", bytes);
        self.mix(&now.to_le_bytes());
        self.mix(&wire.to_le_bytes());
        self.mix(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Shows bytes to whoever replays a seed.
    pub fn say(&self, now: u64, wire: WireId, direction: &str, bytes: &[u8]) {
        if self.aloud {
            eprintln!("{now:>12} {wire:>3} {direction} {}", String::from_utf8_lossy(bytes).escape_debug());
        }
    }

    /// Shows what happens otherwise.
    pub fn tell(&self, now: u64, what: &str) {
        if self.aloud {
            eprintln!("{now:>12}     -- {what}");
        }
    }

    fn mix(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
