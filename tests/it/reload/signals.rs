//! `--signal reload`, and files that cannot be read.

use std::process::{Command, Stdio};

use super::Reloading;
use crate::support::process::Signal;
use crate::support::program;
use crate::support::scratch::Scratch;
use crate::support::shape::Shape;

fn tell(target: &str) {
    let mut sender = Command::new(program::path());
    sender.args(["--signal", &format!("reload={target}")]).stdin(Stdio::null());
    let output = sender.output().expect("it runs");
    assert!(output.status.success(), "{target}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_process_is_told_by_its_id_or_pid_file() {
    let scratch = Scratch::new();
    let pid_file = scratch.file("s.pid");
    let text = |max: usize| format!("max_payload: {max}\npid_file: \"{}\"\n", pid_file.display());
    let reloading = Reloading::start(Shape::TWO, &text(1000));
    let pid = reloading.server.process.pid().to_string();
    for (max, target) in [(1001, pid.as_str()), (1002, pid_file.to_str().expect("a path"))] {
        std::fs::write(&reloading.file, text(max)).expect("a configuration file");
        tell(target);
        reloading.server.log.expect(&format!("Reloaded: max_payload = {max}"));
        assert_eq!(reloading.server.accept().info["max_payload"], serde_json::json!(max));
    }
}

/// A file that is gone, or is no file, changes nothing; the next one that can be read does.
#[test]
fn files_that_cannot_be_read() {
    let reloading = Reloading::start(Shape::TWO, "max_payload: 1000\n");
    let mut client = reloading.server.raw();
    let failed = |why: &str| {
        reloading.server.process.signal(Signal::HUP);
        let line = reloading.server.log.expect(why);
        assert!(line.contains("Failed to reload server configuration: "), "{line}");
        assert_eq!(reloading.server.accept().info["max_payload"], serde_json::json!(1000));
    };
    std::fs::remove_file(&reloading.file).expect("the file is there");
    failed("no such file or directory");
    std::fs::create_dir(&reloading.file).expect("a folder in its place");
    failed("is a directory");
    std::fs::remove_dir(&reloading.file).expect("the folder is there");
    std::os::unix::fs::symlink(&reloading.file, &reloading.file).expect("a link to itself");
    failed("too many levels of symbolic links");
    std::fs::remove_file(&reloading.file).expect("the link is there");
    client.barrier();
    reloading.change("max_payload: 2000\n", "Reloaded: max_payload = 2000");
}
