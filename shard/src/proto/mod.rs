//! Bytes ↔ operations. Pure: what goes on the wire is decided here alone.

pub mod client;
pub mod connect;
pub mod headers;
pub mod info;
pub mod text;
