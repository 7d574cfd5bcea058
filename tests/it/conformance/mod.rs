//! Transcripts: what a client sends, byte for byte, and what a NATS server answers. The answers in
//! `tests/data/conformance` are nats-server's own, recorded, except those in `deviations.txt`.
//!
//! `UPDATE_TRANSCRIPTS=1 COREBUS_TEST_SERVER=/path/to/nats-server cargo test conformance::recording` records
//! them again. A file's head says how a transcript is written.

mod case;
pub mod escape;
mod info;
mod library;
mod play;
mod recording;
mod replay;
