//! The log and the files that tell others.

use super::Reloading;
use crate::support::shape::Shape;
use crate::support::{patiently, program};

/// What clients say is logged from the moment the file asks for it, and no longer than that.
#[test]
fn debug_and_trace() {
    let reloading = Reloading::start(Shape::TWO, "debug: false\n");
    let mut client = reloading.server.raw();
    client.send("SUB quiet.before 1\r\n");
    client.barrier();
    reloading.change("debug: true\ntrace: true\n", "Reloaded: trace = true");
    client.send("SUB loud 2\r\n");
    client.barrier();
    reloading.server.log.expect("<<- [SUB loud 2]");
    reloading.change("debug: false\ntrace: false\n", "Reloaded: trace = false");
    client.send("SUB quiet.after 3\r\n");
    client.barrier();
    reloading.change("debug: false\nmax_payload: 1000\n", "Reloaded: max_payload = 1000");
    assert!(!reloading.server.log.text().contains("quiet"), "{}", reloading.server.log.text());
}

/// The log goes on in another file.
#[test]
fn log_file() {
    let reloading = Reloading::start(Shape::TWO, "debug: false\n");
    let log = reloading.scratch.file("new.log");
    let text = format!("debug: false\nlog_file: \"{}\"\n", log.display());
    std::fs::write(reloading.scratch.file("reloaded.conf"), text).expect("a configuration file");
    reloading.server.process.signal(crate::support::process::Signal::HUP);
    let written = || std::fs::read_to_string(&log).unwrap_or_default();
    patiently("a line in the new file", || written().contains("Reloaded server configuration"));
    // nats-server says so in the log that it leaves.
    assert!(written().contains("Reloaded: log_file = ") || !program::is_corebus());
}

/// While a client talks the log moves from file to file: each line is in one of them.
#[test]
fn no_line_is_lost_between_files() {
    let scratch = crate::support::scratch::Scratch::new();
    let paths: Vec<_> = (0..4).map(|number| scratch.file(&format!("{number}.log"))).collect();
    let text = |path: &std::path::Path| format!("trace: true\nlog_file: \"{}\"\n", path.display());
    let reloading = Reloading::start(Shape::TWO, "trace: true\n");
    let mut client = reloading.server.raw();
    let mut number = 0;
    let mut talk = |client: &mut crate::support::raw::Raw| {
        for _ in 0..50 {
            client.send(format!("PUB numbered.{number} 0\r\n\r\n"));
            number += 1;
        }
    };
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap_or_default();
    talk(&mut client);
    for path in &paths {
        std::fs::write(&reloading.file, text(path)).expect("a configuration file");
        reloading.server.process.signal(crate::support::process::Signal::HUP);
        talk(&mut client);
        patiently("a log in the next file", || read(path).contains("Reloaded server configuration"));
        talk(&mut client);
    }
    client.barrier();
    let last = format!("PUB numbered.{} ", number - 1);
    patiently("the last line", || read(&paths[3]).contains(&last));
    let whole: String =
        paths.iter().fold(reloading.server.log.text(), |text, path| text + "\n" + &read(path));
    let shown = whole.lines().filter_map(|line| line.split_once("PUB numbered."));
    let numbers: Vec<u32> = shown.filter_map(|(_, rest)| rest.split(' ').next()?.parse().ok()).collect();
    assert_eq!(numbers, (0..number).collect::<Vec<_>>());
}

/// A log that cannot be opened leaves everything as it was. nats-server ends.
#[test]
fn a_log_that_cannot_be_opened_changes_nothing() {
    if !program::is_corebus() {
        return;
    }
    let reloading = Reloading::start(Shape::TWO, "max_payload: 2000\n");
    let said = "Failed to reload server configuration: error opening file: open /no/such/s.log: no such file";
    reloading.change("max_payload: 1000\nlog_file: \"/no/such/s.log\"\n", said);
    assert_eq!(reloading.server.accept().info["max_payload"], serde_json::json!(2000));
}

/// The pid and the ports are written where the file now says, and no longer where it said.
#[test]
fn pid_and_ports() {
    let scratch = crate::support::scratch::Scratch::new();
    let at = |name: &str| scratch.file(name);
    std::fs::create_dir(at("one")).expect("a folder");
    std::fs::create_dir(at("two")).expect("a folder");
    let text = |pid: &str, dir: &str| {
        format!("pid_file: \"{}\"\nports_file_dir: \"{}\"\n", at(pid).display(), at(dir).display())
    };
    let reloading = Reloading::start(Shape::TWO, &text("a.pid", "one"));
    patiently("a pid file", || at("a.pid").exists());
    reloading.change(&text("b.pid", "two"), "Reloaded server configuration");
    let pid = std::fs::read_to_string(at("b.pid")).expect("the new pid file");
    assert_eq!(pid, reloading.server.process.pid().to_string());
    let count = |dir: &str| std::fs::read_dir(at(dir)).expect("a folder").count();
    patiently("the ports in the other folder", || (count("one"), count("two")) == (0, 1));
}
