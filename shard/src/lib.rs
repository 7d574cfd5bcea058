//! Everything one core owns on the message path.

pub mod interest;
pub mod launch;
pub mod proto;
pub mod settings;
pub mod shard_set;
pub mod subject;
