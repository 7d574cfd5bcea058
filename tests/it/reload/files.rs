//! The log and the files that tell others.

use super::Reloading;
use crate::support::patiently;
use crate::support::shape::Shape;

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
    assert!(written().contains("Reloaded: log_file = "));
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
    assert_eq!((count("one"), count("two")), (0, 1));
}
