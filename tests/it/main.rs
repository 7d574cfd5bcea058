//! The real server, over real sockets, in one test binary; and what our sources must keep to.
//!
//! `COREBUS_TEST_SERVER=/path/to/nats-server` drives that server with the same tests instead.

mod accounts;
mod bounds;
mod config;
mod conformance;
mod life;
mod logs;
mod monitor;
mod promises;
mod reload;
mod support;
mod tidy;
