//! The handle of a connection: a place in its shard's table and which of the place's lodgers is meant.

/// A stale handle never reaches the next lodger of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Slot {
    pub index: u32,
    pub generation: u32,
}

impl Slot {
    /// No connection: places are given out from the first generation on.
    pub const NOBODY: Slot = Slot { index: 0, generation: 0 };
}
