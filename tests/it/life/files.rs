//! The files a server writes about itself: pid, ports, log.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use crate::support::PATIENCE;
use crate::support::process::{Process, Signal};
use crate::support::program;
use crate::support::scratch::Scratch;
use crate::support::server::Launch;
use crate::support::shape::Shape;

/// Waits until `path` holds `needle`.
fn expect_in(path: &Path, needle: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.contains(needle) {
            return text;
        }
        assert!(Instant::now() < deadline, "no {needle:?} in {}: {text}", path.display());
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// The pid file holds the digits and nothing else.
#[test]
fn pid_file_holds_the_pid() {
    let scratch = Scratch::new();
    let path = scratch.file("server.pid");
    let mut server = Launch::new(Shape::TWO).flag("--pid").flag(path.display().to_string()).start();
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), server.process.pid().to_string());
    assert_eq!(server.stop(Signal::TERM), Some(0));
}

/// The ports file is named after the program and its pid, lists the URLs, and goes with the server.
#[test]
fn ports_file_lists_urls_and_goes() {
    let directory = Scratch::new();
    let flag = format!("--ports_file_dir={}", directory.path().display());
    let mut server = Launch::new(Shape::TWO).flag(flag).start();
    let program = program::path();
    let name = program.file_name().expect("a name").to_string_lossy().into_owned();
    let path = directory.file(&format!("{name}_{}.ports", server.process.pid()));
    let text = expect_in(&path, "}");
    let ports: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(ports["nats"], serde_json::json!([server.url()]));
    assert_eq!(server.stop(Signal::TERM), Some(0));
    assert!(!path.exists(), "it goes with the server");
}

/// The log file takes what standard error would, in nats-server's format, and is opened anew on SIGUSR1 so
/// that it can be moved away.
#[test]
fn log_file_is_reopened() {
    let scratch = Scratch::new();
    let (path, moved) = (scratch.file("server.log"), scratch.file("moved.log"));
    let launch = Launch::new(Shape::TWO).flag("-l").flag(path.display().to_string());
    let mut command = launch.command(scratch.path());
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut process = Process::new(child);
    let text = expect_in(&path, "Server is ready");
    assert!(text.contains("Listening for client connections on 127.0.0.1:"));
    for line in text.lines() {
        assert!(line.starts_with(&format!("[{}] ", process.pid())), "{line}");
        let words: Vec<_> = line.split(' ').collect();
        assert_eq!(words[1].split('/').count(), 3, "a date in {line}");
        assert_eq!(words[2].split([':', '.']).count(), 4, "a time in {line}");
        assert!(["[INF]", "[WRN]", "[ERR]", "[DBG]"].contains(&words[3]), "a level in {line}");
    }
    std::fs::rename(&path, &moved).expect("moved away");
    process.signal(Signal::USR1);
    expect_in(&path, "File log re-opened");
    process.signal(Signal::TERM);
    assert_eq!(process.wait().code(), Some(0));
    assert!(expect_in(&path, "Server Exiting").contains("Server Exiting"));
    assert!(!std::fs::read_to_string(&moved).expect("the old file").contains("Server Exiting"));
}

/// `-T=false` leaves date and time out.
#[test]
fn log_without_time() {
    let server = Launch::new(Shape::TWO).flag("-T=false").start();
    let line = server.log.expect("Server is ready");
    assert_eq!(line, format!("[{}] [INF] Server is ready", server.process.pid()));
}
