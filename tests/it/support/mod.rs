//! What every test stands on: a real server process, a raw client, and the shapes a server can have.

pub mod clients;
pub mod http;
pub mod log;
pub mod process;
pub mod program;
pub mod raw;
pub mod scratch;
pub mod server;
pub mod shape;
pub mod unit;

use std::time::Duration;

/// How long anything may take before a test gives up. Never a thing to assert on: it only turns a hang into
/// a failure, on machines far slower than this suite needs.
pub const PATIENCE: Duration = Duration::from_secs(20);
