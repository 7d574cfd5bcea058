//! Flags as nats-server takes them: one dash or two, `=` or a blank.

use std::net::TcpListener;
use std::process::{Command, Output};

use crate::support::program;
use crate::support::server::Launch;
use crate::support::shape::Shape;

fn run(arguments: &[&str]) -> Output {
    Command::new(program::path()).args(arguments).output().expect("it runs")
}

/// `-v` prints one line with a NATS level that tools can read, and ends with 0.
#[test]
fn version() {
    for flag in ["-v", "--v", "-version", "--version"] {
        let output = run(&[flag]);
        assert!(output.status.success(), "{flag}");
        let text = String::from_utf8(output.stdout).expect("text");
        assert_eq!(text.lines().count(), 1, "{text}");
        let level = text.split_whitespace().find_map(|word| word.strip_prefix("v2.")).expect("v2.x.y");
        assert_eq!(level.trim_end_matches(',').split('.').count(), 2, "{text}");
    }
}

/// `-h` prints the usage, and ends with 0.
#[test]
fn help() {
    for flag in ["-h", "--help"] {
        let output = run(&[flag]);
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).expect("text");
        for named in ["-p", "--port", "-a", "--addr", "-l", "--log", "--signal", "--user", "-DV"] {
            assert!(text.contains(named), "{flag} does not name {named}");
        }
    }
}

/// An unknown flag is named on standard error, and nothing is started.
#[test]
fn unknown_flag() {
    let output = run(&["--no-such-flag"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-flag"));
}

/// A value that is none is named too.
#[test]
fn unreadable_value() {
    let output = run(&["-p", "many"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("many"), "{text}");
}

/// A word that is no flag is refused.
#[test]
fn unexpected_word() {
    let output = run(&["surprise"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("surprise"));
}

/// A port that is taken is fatal, named in the log, and ends with 1.
#[test]
fn port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = run(&["-a", "127.0.0.1", "-p", &port]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.lines().any(|line| line.contains("[FTL]") && line.contains(&port)), "{text}");
}

/// The forms of one flag.
#[test]
fn dashes_and_signs() {
    for flags in [["-n", "me"].as_slice(), &["-n=me"], &["--name", "me"], &["--server_name=me"]] {
        let launch = flags.iter().fold(Launch::new(Shape::TWO), |launch, flag| launch.flag(*flag));
        let server = launch.start();
        assert_eq!(server.accept().info["server_name"], serde_json::json!("me"), "{flags:?}");
    }
}

/// `-DV` logs what clients say and are told; `-D` and `-V` each their half.
#[test]
fn traces() {
    for (flag, traced, debugged) in [("-DV", true, true), ("-V", true, false), ("-D", false, true)] {
        let server = Launch::new(Shape::TWO).flag(flag).start();
        let mut raw = server.raw();
        raw.send("SUB traced 1\r\nPUB traced 5\r\nhello\r\n");
        raw.barrier();
        drop(raw);
        if traced {
            for needle in ["[TRC]", "<<- [SUB traced 1]", "<<- [PUB traced 5]", "->> [MSG traced 1 5]"] {
                server.log.expect(needle);
            }
            server.log.expect("<<- MSG_PAYLOAD: [\"hello\"]");
        }
        if debugged {
            server.log.expect("Client connection created");
            server.log.expect("Client connection closed: Client Closed");
        }
        let text = server.log.text();
        assert_eq!(text.contains("[TRC]"), traced, "{flag}");
        assert_eq!(text.contains("[DBG]"), debugged, "{flag}");
    }
}
