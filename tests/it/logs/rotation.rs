//! The log file and its size.

use std::path::Path;
use std::process::Stdio;

use crate::support::patiently;
use crate::support::process::{Process, Signal};
use crate::support::raw::Raw;
use crate::support::scratch::Scratch;
use crate::support::server::Launch;
use crate::support::shape::Shape;

/// Rotated files of `log` in the order they were made, then the one in use.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with("s.log.2"));
    names.sort();
    names.push("s.log".to_owned());
    names
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_default()
}

fn start(launch: Launch, folder: &Path) -> (Process, Raw) {
    let log = folder.join("s.log");
    let launch = launch.flag("-V").flag("-l").flag(log.display().to_string());
    let child = launch.command(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let process = Process::new(child.expect("it starts"));
    let written = || files(folder).iter().map(|name| read(folder, name)).collect::<String>();
    patiently("a server that is ready", || written().contains("Server is ready"));
    let text = written();
    let line = text.lines().find(|line| line.contains("Listening for client connections on "));
    let address = line.and_then(|line| line.rsplit(' ').next()).expect("an address");
    let mut client = Raw::connect(address.trim().parse().expect("an address"));
    client.introduce();
    (process, client)
}

/// Has a server log 200 publications with the numbers 0.. in their subjects, from its start to its end.
fn log_numbers(launch: Launch, folder: &Path) {
    let (mut process, mut client) = start(launch, folder);
    for number in 0..200 {
        client.send(format!("PUB numbered.{number} 0\r\n\r\n"));
    }
    client.barrier();
    process.signal(Signal::TERM);
    process.wait();
}

/// Each file ends with the line that brought it over the limit, says which one was before it, and no line
/// is lost on the way.
#[test]
fn loses_nothing() {
    let scratch = Scratch::new();
    let launch = Launch::new(Shape::TWO).flag("--log_size_limit=2000");
    log_numbers(launch, scratch.path());
    let files = files(scratch.path());
    assert!(files.len() > 5, "{files:?}");
    let mut numbers = Vec::new();
    for (index, name) in files.iter().enumerate() {
        let text = read(scratch.path(), name);
        if index > 0 {
            let before = scratch.file(&files[index - 1]).display().to_string();
            let said = format!("[INF] Rotated log, backup saved as {before:?}\r\n");
            let first = text.split_inclusive('\n').next().unwrap_or_default();
            assert!(first.ends_with(&said), "{text}");
        }
        if index + 1 < files.len() {
            let last = text.lines().last().expect("a line").len() + 1;
            assert!(text.len() > 2000 && text.len() - last <= 2000, "{} bytes in {name}", text.len());
        }
        let shown = text.lines().filter_map(|line| line.split_once("PUB numbered."));
        numbers.extend(shown.filter_map(|(_, rest)| rest.split(' ').next()?.parse::<u32>().ok()));
    }
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
}

/// No more files are kept than asked for, and none is touched that is not a rotated log.
#[test]
fn keeps_so_many() {
    let scratch = Scratch::new();
    for name in ["s.log.2020.01.01.00.00.00.1", "s.log.mine", "other.log"] {
        std::fs::write(scratch.file(name), "").expect("a file");
    }
    let launch = Launch::new(Shape::TWO).flag("--log_size_limit=2000").set("log_max_num", 3);
    log_numbers(launch, scratch.path());
    let files = files(scratch.path());
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(read(scratch.path(), &files[2]).contains("[INF] Purged log file \"s.log.2"));
    assert!(!scratch.file("s.log.2020.01.01.00.00.00.1").exists());
    assert!(scratch.file("s.log.mine").exists() && scratch.file("other.log").exists());
}

/// A log file that cannot be opened is told, and nothing is started.
#[test]
fn a_file_that_cannot_be_opened_is_fatal() {
    let scratch = Scratch::new();
    let launch = Launch::new(Shape::TWO).flag("-l").flag("no/such/folder/s.log");
    let output = launch.command(scratch.path()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = "error opening file: open no/such/folder/s.log: no such file or directory";
    assert!(text.contains(said), "{text}");
}
