//! From start to end: flags, files, signals, exit codes.

mod control_core;
mod files;
mod flags;
mod lame_duck;
mod samples;
mod secrets;
mod signals;
