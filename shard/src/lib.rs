//! Everything one core owns on the message path.

pub mod launch;
pub mod settings;
