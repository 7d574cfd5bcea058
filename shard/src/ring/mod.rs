//! Across cores: letters over one lock-free ring of bytes per ordered pair of shards.

mod bell;
pub mod letter;
pub mod mesh;
mod primitives;
mod spsc;

#[cfg(test)]
mod tests;
