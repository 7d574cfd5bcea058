//! Everything one core owns on the message path.

pub mod settings;
