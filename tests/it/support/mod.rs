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

/// Looks again until `holds`, and fails the test when that does not come.
pub fn patiently(what: &str, holds: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "{what}: waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}
