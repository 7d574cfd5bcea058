//! Versions, in one place.

/// The product's own.
pub const PRODUCT: &str = env!("CARGO_PKG_VERSION");

/// The NATS level that clients check features against. It names the newest release whose client-visible core
/// behaviour is here while no client takes it to promise JetStream features; it becomes 2.15.2 with JetStream.
pub const NATS_LEVEL: &str = "2.12.0";

/// What it was built from, where the build was told.
pub const GIT_COMMIT: Option<&str> = option_env!("COREBUS_GIT_COMMIT");

/// The one line of `-v`. Test suites of clients look for `nats-server: v2.x.y`.
pub fn line() -> String {
    format!("corebus {PRODUCT}, speaks as nats-server: v{NATS_LEVEL}")
}
