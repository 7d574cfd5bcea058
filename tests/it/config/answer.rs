//! What a server says to a text.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::text::{Answer, Text, directory};
use crate::support::scratch::Scratch;

/// Servers at work at a time.
const WORKERS: usize = 4;
const FILE: &str = "server.conf";
const INCLUDE: &str = "error parsing include file ";
/// Complaints about the language; corebus says where, nats-server does not always.
const LANGUAGE: &[&str] = &[
    "Parse error on line ",
    "variable reference ",
    INCLUDE,
    "expected integer, but got ",
    "expected float, but got ",
    "integer '",
    "float '",
];

/// What nats-server adds where it went on without a value that it had just complained about.
const PANIC: &str = "runtime error: invalid memory address or nil pointer dereference";

/// What the program at `path` says to each text, in their order.
pub fn to_all(path: &Path, texts: &[Text]) -> Vec<Answer> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(vec![None; texts.len()]);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(text) = texts.get(number)
                {
                    let answer = to(path, text);
                    answers.lock().expect("answers")[number] = Some(answer);
                }
            });
        }
    });
    answers.into_inner().expect("answers").into_iter().map(|answer| answer.expect("each is asked")).collect()
}

fn to(path: &Path, text: &Text) -> Answer {
    let scratch = Scratch::new();
    std::os::unix::fs::symlink(directory().join("files"), scratch.file("files")).expect("files");
    std::fs::write(scratch.file(FILE), &text.text).expect("the text");
    for (name, content) in &text.files {
        let file = scratch.file(name);
        std::fs::create_dir_all(file.parent().expect("it stands in the directory")).expect("its directory");
        std::fs::write(file, content).expect("a file beside it");
    }
    let mut command = Command::new(path);
    command.args(["-t", "-c", FILE]).current_dir(scratch.path()).stdin(Stdio::null());
    command.env_clear().env("HOME", scratch.path()).envs(text.environment.iter().cloned());
    let output = command.output().expect("the server runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).replace(&scratch.path().display().to_string(), "DIR");
    let mut lines: Vec<String> = said.lines().map(plain).filter(|line| !line.is_empty()).collect();
    lines.sort();
    lines.dedup();
    Answer { code: output.status.code().unwrap_or(-1), lines }
}

/// A line without the server's name, the places of complaints about the language, Go's addresses and bytes that
/// are no text.
fn plain(line: &str) -> String {
    let line = line.strip_prefix("nats-server: ").or_else(|| line.strip_prefix("corebus: ")).unwrap_or(line);
    let line = &without_places(line);
    if line.ends_with(PANIC) {
        return String::new();
    }
    let line = line.replace('\0', r"\0");
    let mut parts = line.split("0x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("0x?");
        out.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()));
    }
    out
}

/// A complaint about the language, of included files too, without its places.
fn without_places(line: &str) -> String {
    let line = match line.split_once(": ") {
        Some((at, said)) if is_place(at) && LANGUAGE.iter().any(|start| said.starts_with(start)) => said,
        _ => line,
    };
    match line.split_once("', ") {
        Some((include, inside)) if include.starts_with(INCLUDE) => {
            format!("{include}', {}", without_places(inside))
        }
        _ => line.to_owned(),
    }
}

/// `FILE:LINE:COLUMN`.
fn is_place(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = text.rsplitn(3, ':');
    parts.next().is_some_and(is_number) && parts.next().is_some_and(is_number) && parts.next().is_some()
}
