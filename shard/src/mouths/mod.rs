//! Everything that eats bytes from outside, as functions from bytes to a verdict: they return when all is well and
//! panic when a promise is broken. The fuzz targets of `fuzz/` and the tests below call the same functions;
//! the seeds of both lie in `tests/data/corpus/<mouth>`. Letters between shards are not here: they come from
//! this process alone, and are trusted.

mod documents;
mod interest;
mod mapping;
mod permissions;
mod protocol;
mod subjects;

#[cfg(test)]
mod mutation;
#[cfg(test)]
mod tests;

pub use documents::{connect, info};
pub use interest::interest;
pub use mapping::mapping;
pub use permissions::{examine as examine_permissions, permissions};
pub use protocol::protocol;
pub use subjects::subject;

/// A mouth that dislikes one word: it proves that a broken promise is found and reported.
pub fn canary(data: &[u8]) {
    assert!(!data.windows(4).any(|word| word == b"CONK"), "the canary is dead");
}

/// Numbers drawn from bytes, for mouths that read their input as a list of choices. Exhausted, it answers 0.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*byte) % bound
    }

    fn is_exhausted(&self) -> bool {
        self.0.is_empty()
    }
}
