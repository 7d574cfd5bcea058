//! Mappings and imports against what nats-server did with the same (`tests/data/subjects`), and against their rules
//! written down plainly.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::imports::{ServiceImport, StreamImport};
use super::mapping::{Choice, Destination, Mappings};
use super::snapshot::{Response, Service};
use crate::subject::{is_valid_literal, pattern};

/// The lines of a recording, in their columns; those that explain it are left out.
fn recorded(name: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/subjects").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.starts_with("# "));
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn renamed(rename: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    rename(&mut out);
    String::from_utf8(out).expect("text stays text")
}

#[test]
fn mappings_are_those_of_nats_server() {
    let cases = recorded("mappings.txt");
    assert!(cases.len() > 500);
    for case in cases {
        let [source, destination, subject, seen @ ..] = case.as_slice() else { panic!("{case:?}") };
        let all = Destination { subject: destination.clone(), weight: 100, cluster: String::new() };
        let mappings = Mappings::new(vec![(source.clone(), vec![all])]).expect("a mapping");
        let mut dice = |below: u32| below - 1;
        let becomes = match mappings.find(subject.as_bytes()) {
            None => subject.clone(),
            Some(index) => match mappings.choose(index, "", &mut dice) {
                Choice::Keep => subject.clone(),
                Choice::To(transform) => {
                    renamed(|out| transform.apply(subject.as_bytes(), &mut |below| below - 1, out))
                }
                Choice::Lost => panic!("{case:?}"),
            },
        };
        match seen {
            [seen] => assert_eq!(becomes, *seen, "{case:?}"),
            // An empty token: no subscription matches that.
            _ => assert!(!is_valid_literal(becomes.as_bytes()), "{case:?}: {becomes}"),
        }
    }
}

/// Where nats-server gives a subscription other messages than those it asks for, or fewer, ours gets what it asks
/// for: nats-server takes a circle of wildcards the wrong way back, and a literal with a star in it for a wildcard.
#[test]
fn stream_imports_bring_what_nats_server_brings() {
    let cases = recorded("streams.txt");
    let long = ["a.a.b.b", "a.b.a.b", "b.b.a.a", "a.b.b.a"].map(str::to_owned);
    let published = [sequences(&["a", "b"], 3), long.to_vec()].concat();
    let mut otherwise = Vec::new();
    for case in &cases {
        let [there, to, subscription, brought] = case.as_slice() else { panic!("{case:?}") };
        let to = to.strip_prefix('@').map_or(to.clone(), |prefix| format!("{prefix}.{there}"));
        let import = StreamImport::new(1, there, &to).expect("an import");
        let mut ours: Vec<String> = Vec::new();
        if let Some(shadow) = import.shadow(subscription.as_bytes()) {
            for subject in published.iter().filter(|subject| pattern::matches(&shadow, subject.as_bytes())) {
                let here = renamed(|out| import.rename(subject.as_bytes(), out));
                assert!(pattern::matches(subscription.as_bytes(), here.as_bytes()), "{case:?} got {here}");
                ours.push(format!("{subject}={here}"));
            }
        }
        ours.sort();
        if ours.join(" ") != *brought {
            otherwise.push([there.as_str(), &to, subscription].join(" "));
        }
    }
    let known = [
        "*.*.* $2.$3.$1 a.*.*",
        "*.*.* $2.$3.$1 *.b.*",
        "*.*.* $2.$3.$1 a.b.b",
        "a b.* b.x",
        "a.* *x.$1 q.a",
    ];
    assert_eq!(otherwise, known, "of {}", cases.len());
}

fn service(subject: &str) -> Arc<Service> {
    let (response, threshold) = (Response::Singleton, Duration::from_secs(2));
    Arc::new(Service { account: 1, subject: subject.to_owned(), response, threshold, latency: None })
}

#[test]
fn service_imports_ask_where_nats_server_asks() {
    let cases = recorded("services.txt");
    assert!(cases.len() > 90);
    for case in cases {
        let [from, to, request, asked] = case.as_slice() else { panic!("{case:?}") };
        let import = ServiceImport::new(service(to), from, to, false).expect("an import");
        assert!(pattern::matches(import.here.as_bytes(), request.as_bytes()), "{case:?}: {}", import.here);
        assert_eq!(renamed(|out| import.rename(request.as_bytes(), out)), *asked, "{case:?}");
    }
}

/// All sequences of those tokens, up to a length.
fn sequences(tokens: &[&str], length_max: usize) -> Vec<String> {
    let mut all: Vec<String> = tokens.iter().map(ToString::to_string).collect();
    let mut longest = all.clone();
    for _ in 1..length_max {
        let longer = longest.iter().flat_map(|start| tokens.iter().map(move |end| format!("{start}.{end}")));
        longest = longer.collect();
        all.extend_from_slice(&longest);
    }
    all
}

fn patterns(length_max: usize) -> Vec<String> {
    let mut all = sequences(&["a", "b", "*"], length_max);
    let open: Vec<String> = sequences(&["a", "b", "*"], length_max - 1);
    all.push(">".to_owned());
    all.extend(open.iter().map(|start| format!("{start}.>")));
    all
}

/// Exactly what is asked for comes, whatever the import and the subscription.
#[test]
fn imports_bring_what_is_asked_for() {
    let subjects = sequences(&["a", "b"], 4);
    let subscriptions = patterns(4);
    let changes =
        ["", "b.$1", "$1.a", "a.$1.$1", "$2.$1", "$2.b.$1", "$1.$1.$2", "$3.$1.$2", "$2.{{wildcard(3)}}.$1"];
    let mut imports = 0;
    for there in patterns(3) {
        let tail = if there.ends_with('>') { ".>" } else { "" };
        for change in changes.iter().map(|change| format!("{change}{tail}")).chain([format!("a.{there}")]) {
            let change = if change == tail { "" } else { &change };
            let Ok(import) = StreamImport::new(1, &there, change) else { continue };
            imports += 1;
            let came: Vec<(&String, String)> = subjects
                .iter()
                .filter(|subject| pattern::matches(there.as_bytes(), subject.as_bytes()))
                .map(|subject| (subject, renamed(|out| import.rename(subject.as_bytes(), out))))
                .collect();
            for subscription in &subscriptions {
                let shadow = import.shadow(subscription.as_bytes());
                if let Some(shadow) = &shadow {
                    assert!(
                        pattern::is_subset_bytes(shadow, there.as_bytes()),
                        "{there} {change} {subscription}"
                    );
                }
                for (subject, here) in &came {
                    let wanted = pattern::matches(subscription.as_bytes(), here.as_bytes());
                    let brought =
                        shadow.as_ref().is_some_and(|shadow| pattern::matches(shadow, subject.as_bytes()));
                    assert_eq!(
                        wanted, brought,
                        "{there} to {change} for {subscription}: {subject} as {here}"
                    );
                }
            }
        }
    }
    assert!(imports > 150, "{imports}");
}

/// Where no pattern says it, nothing is brought rather than too much.
#[test]
fn a_first_token_of_everything_is_not_asked_for() {
    let import = StreamImport::new(1, ">", "x.$0.>").expect("an import");
    assert_eq!(import.shadow(b"x.a.>"), None);
    assert_eq!(import.shadow(b"x.*.a").as_deref(), Some(b"a".as_slice()));
    assert_eq!(renamed(|out| import.rename(b"a.b", out)), "x.a.a.b");
}

#[test]
fn an_import_is_refused_as_nats_server_refuses_it() {
    let error = StreamImport::new(1, "a.*.*", "b.$1").expect_err("a wildcard is not used");
    assert_eq!(error, "invalid mapping destination: not using all of the token wildcard(s) in b.$1");
    assert!(StreamImport::new(1, "a.*", "b.{{partition(3,1)}}").is_err());
    assert!(ServiceImport::new(service("a.*.*"), "b.$1", "a.*.*", false).is_err());
}
