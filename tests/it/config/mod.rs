//! Configuration texts and what nats-server's `-t` answers to each. The answers in `tests/data/config` are
//! nats-server's own, recorded; corebus must give the same verdict and the same lines, except where a text
//! says that it deviates and why. Needs no nats-server.
//!
//! `COREBUS_RECORD=/path/to/nats-server cargo test config::recording` records them again, and what corebus
//! says where it deviates, and the list of what is not built. With `COREBUS_TEST_SERVER` naming a nats-server
//! the recorded answers are held against it.
//!
//! A file of texts:
//!
//! ```text
//! == what the text shows
//! -- env NAME=value            a variable of the environment; it has no others
//! -- deviates because …        corebus is meant to answer otherwise: see `-- corebus`
//! -- file include.conf         another file beside the text
//! port = 7
//! -- text                      the text itself; `-- bare text` ends without a newline
//! include include.conf
//! -- answer 0                  nats-server's exit code, then its lines, sorted, without its name
//! configuration file server.conf is valid (sha256:…)
//! -- corebus 1                 only where it deviates
//! ```
//!
//! Every text is read in a directory of its own, in which `files` is `tests/data/config/files`. Lines that hold
//! an address of Go's memory have `0x?` for it, NUL bytes are written `\0`, those with the directory's path `DIR`;
//! lines that only tell of a panic in Go are left out.

mod answer;
mod corpus;
mod recording;
mod text;
mod unbuilt;
