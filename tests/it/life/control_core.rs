//! The control core comes up on io_uring or, where that fails, on epoll, and serves the same.

use std::process::{Command, Stdio};

use crate::support::log::Log;
use crate::support::process::{Process, Signal};
use crate::support::program;
use crate::support::raw::Raw;
use crate::support::scratch::Scratch;
use crate::support::server::{Launch, Server, listening};
use crate::support::shape::Shape;

const FALLBACK: &str = "The control core runs on epoll: ";

/// With less lockable memory than the executor on io_uring asks for: one line says so, and all goes on.
#[test]
fn falls_back_to_epoll() {
    if !program::is_corebus() {
        return;
    }
    let scratch = Scratch::new();
    let server = Launch::new(Shape::TWO).command(scratch.path());
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -l 64 && exec \"$0\" \"$@\""]).arg(server.get_program());
    command.args(server.get_args()).current_dir(scratch.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let log = Log::follow(child.stderr.take().expect("its standard error"));
    let mut process = Process::new(child);
    let mut raw = Raw::connect(listening(&log));
    raw.introduce();
    assert_eq!(log.text().matches(FALLBACK).count(), 1, "{}", log.text());
    process.signal(Signal::USR1);
    log.expect("File log re-open ignored");
    process.signal(Signal::TERM);
    raw.until_closed();
    assert_eq!(process.wait().code(), Some(0));
}

/// On either driver it starts at the first try, and no signal that comes is lost or ends a wait for good.
#[test]
fn hears_signals_time_and_again() {
    for shape in [Shape::TWO, Shape::TWO_EPOLL] {
        let mut server = Server::start(shape);
        assert!(!server.log.text().contains(FALLBACK), "{}", server.log.text());
        if program::is_corebus() {
            for times in 1..=20 {
                server.process.signal(Signal::HUP);
                server.log.expect_times("Failed to reload server configuration", times);
            }
        }
        assert_eq!(server.stop(Signal::TERM), Some(0));
    }
}
