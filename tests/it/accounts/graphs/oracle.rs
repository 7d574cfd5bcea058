//! Who hears what, said without any of the server's own means.

use std::collections::BTreeMap;

use super::Published;
use super::draw::{Graph, Import, Local};

/// How often: (account, sid, subject, payload).
pub type Heard = BTreeMap<(usize, String, String, String), usize>;

pub fn heard(graph: &Graph, published: &[Published]) -> Heard {
    let mut heard = Heard::new();
    for (number, message) in published.iter().enumerate() {
        deliver(graph, message.account, &message.subject, number, &mut heard);
    }
    heard
}

fn deliver(graph: &Graph, account: usize, subject: &str, number: usize, heard: &mut Heard) {
    let mut hears = |listener: usize, subject: &str| {
        for (sid, pattern) in graph.accounts[listener].subscriptions.iter().enumerate() {
            if matches(pattern, subject) {
                let what = (listener, sid.to_string(), subject.to_owned(), number.to_string());
                *heard.entry(what).or_default() += 1;
            }
        }
    };
    hears(account, subject);
    for (listener, other) in graph.accounts.iter().enumerate() {
        for import in &other.imports {
            if !import.is_service && import.from == account && matches(&import.theirs, subject) {
                hears(listener, &imported(import, subject));
            }
        }
    }
    for import in &graph.accounts[account].imports {
        if import.is_service && matches(&import.local_pattern(), subject) {
            deliver(graph, import.from, &asked(import, subject), number, heard);
        }
    }
}

/// A stream's subject as its importer hears it.
fn imported(import: &Import, subject: &str) -> String {
    match &import.local {
        Local::Same => subject.to_owned(),
        Local::Prefix(prefix) => format!("{prefix}.{subject}"),
        Local::To(to) => filled(to, &taken(&import.theirs, subject)),
    }
}

/// A request's subject as it is asked where the service is.
fn asked(import: &Import, subject: &str) -> String {
    let Local::To(to) = &import.local else { return subject.to_owned() };
    let taken = taken(&import.local_pattern(), subject);
    if !to.contains("$2") {
        return filled(&import.theirs, &taken);
    }
    // The order of two: what stands first here stands second there.
    filled(&import.theirs, &[taken[1].clone(), taken[0].clone()])
}

/// What stands for the wildcards of a pattern.
fn taken(pattern: &str, subject: &str) -> Vec<String> {
    let mut taken = Vec::new();
    let tokens: Vec<&str> = subject.split('.').collect();
    for (at, token) in pattern.split('.').enumerate() {
        match token {
            "*" => taken.push(tokens[at].to_owned()),
            ">" => taken.push(tokens[at..].join(".")),
            _ => {}
        }
    }
    taken
}

fn filled(pattern: &str, taken: &[String]) -> String {
    let mut next = taken.iter();
    let tokens = pattern.split('.').map(|token| match token {
        "*" | ">" => next.next().expect("one for each wildcard").clone(),
        "$1" => taken[0].clone(),
        "$2" => taken[1].clone(),
        other => other.to_owned(),
    });
    tokens.collect::<Vec<_>>().join(".")
}

pub fn matches(pattern: &str, subject: &str) -> bool {
    let (mut patterns, mut tokens) = (pattern.split('.'), subject.split('.'));
    loop {
        match (patterns.next(), tokens.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(pattern), Some(token)) if pattern == token => {}
            _ => return false,
        }
    }
}

#[test]
fn patterns_and_subjects() {
    for (pattern, subject, does) in [
        ("a.b", "a.b", true),
        ("a.b", "a", false),
        ("a", "a.b", false),
        ("a.*", "a.b", true),
        ("a.*", "a.b.c", false),
        ("a.>", "a", false),
        ("a.>", "a.b.c", true),
        (">", "a", true),
        ("*.b", "a.b", true),
    ] {
        assert_eq!(matches(pattern, subject), does, "{pattern} {subject}");
    }
    assert_eq!(filled("x.*.>", &taken("a.*.>", "a.b.c.d")), "x.b.c.d");
}
