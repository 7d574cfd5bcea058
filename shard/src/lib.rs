//! Everything one core owns on the message path.

#[macro_use]
mod mark;

pub mod account;
pub mod deliver;
pub mod driver;
pub mod inspection;
pub mod interest;
pub mod launch;
#[cfg(any(test, feature = "fuzzing"))]
pub mod mouths;
pub mod proto;
pub mod ring;
pub mod session;
pub mod settings;
pub mod shard_set;
pub mod slot;
pub mod subject;
pub mod turn;
