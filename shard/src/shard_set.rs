//! A set of shards.

/// Index of a shard.
pub type ShardId = u16;

/// Most shards a server may have: the bits of a `ShardSet`.
pub const SHARDS_MAX: usize = 128;

/// A set of shards, by value.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ShardSet(u128);

impl ShardSet {
    pub const EMPTY: ShardSet = ShardSet(0);

    pub fn first(count: usize) -> ShardSet {
        (0..count).map(|shard| shard as ShardId).collect()
    }

    #[inline]
    pub fn insert(&mut self, shard: ShardId) {
        self.0 |= 1 << shard;
    }

    #[inline]
    pub fn remove(&mut self, shard: ShardId) {
        self.0 &= !(1 << shard);
    }

    #[inline]
    pub fn contains(self, shard: ShardId) -> bool {
        self.0 & (1 << shard) != 0
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    #[inline]
    pub fn union(self, other: ShardSet) -> ShardSet {
        ShardSet(self.0 | other.0)
    }
}

impl FromIterator<ShardId> for ShardSet {
    fn from_iter<I: IntoIterator<Item = ShardId>>(shards: I) -> ShardSet {
        let mut set = ShardSet::EMPTY;
        shards.into_iter().for_each(|shard| set.insert(shard));
        set
    }
}

impl Iterator for ShardSet {
    type Item = ShardId;

    #[inline]
    fn next(&mut self) -> Option<ShardId> {
        if self.0 == 0 {
            return None;
        }
        let shard = self.0.trailing_zeros() as ShardId;
        self.0 &= self.0 - 1;
        Some(shard)
    }
}
