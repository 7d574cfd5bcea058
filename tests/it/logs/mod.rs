//! What is written to the log, and where.

mod conversation;
mod rotation;
mod syslog;
