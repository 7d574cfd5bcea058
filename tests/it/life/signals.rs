//! Signals end the server as they end nats-server.

use crate::support::process::Signal;
use crate::support::program;
use crate::support::server::Server;
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// SIGINT and SIGTERM close every client and end with 0.
    ends_in_order;
}

fn ends_in_order(shape: Shape) {
    for signal in [Signal::INT, Signal::TERM] {
        let mut server = Server::start(shape);
        let mut clients: Vec<_> = (0..8).map(|_| server.raw()).collect();
        assert_eq!(server.stop(signal), Some(0), "{signal:?}");
        for client in &mut clients {
            client.until_closed();
        }
    }
}

/// Messages that were barriered before the end still reach their reader.
#[test]
fn ends_after_what_was_promised() {
    let mut server = Server::start(Shape::TWO);
    let mut subscriber = server.raw();
    subscriber.send("SUB last 1\r\n");
    subscriber.barrier();
    let mut publisher = server.raw();
    publisher.send("PUB last 4\r\nword\r\n");
    publisher.barrier();
    assert_eq!(server.stop(Signal::TERM), Some(0));
    assert_eq!(subscriber.until_closed(), "MSG last 1 4\r\nword\r\n");
}

/// SIGQUIT ends with 2, as a Go program does.
#[test]
fn quit_ends_with_two() {
    let mut server = Server::start(Shape::TWO);
    assert_eq!(server.stop(Signal::QUIT), Some(2));
}

/// A signal for the log file without a log file changes nothing.
#[test]
fn reopen_without_a_log_file_is_harmless() {
    let server = Server::start(Shape::TWO);
    let mut client = server.raw();
    server.process.signal(Signal::USR1);
    client.barrier();
    server.raw().barrier();
}

/// `--signal` sends them by process id, and says so when there is no such process.
#[test]
fn are_sent_by_the_program_itself() {
    let mut server = Server::start(Shape::TWO);
    let mut sender = std::process::Command::new(program::path());
    let status = sender.arg(format!("--signal=quit={}", server.process.pid())).status().expect("it runs");
    assert!(status.success());
    assert_eq!(server.process.wait().code(), Some(0));

    let mut sender = std::process::Command::new(program::path());
    let output = sender.args(["--signal", "term=999999999"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
}

/// `--signal` takes a pid file in place of a process id.
#[test]
fn are_sent_to_a_pid_file() {
    let scratch = crate::support::scratch::Scratch::new();
    let file = scratch.file("server.pid");
    let launch = crate::support::server::Launch::new(Shape::TWO);
    let mut server = launch.flag("-P").flag(file.display().to_string()).start();
    let mut sender = std::process::Command::new(program::path());
    let status = sender.arg(format!("-sl=term={}", file.display())).status().expect("it runs");
    assert!(status.success());
    assert_eq!(server.process.wait().code(), Some(0));
}
