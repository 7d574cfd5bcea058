//! Mappings, imports and patterns: what a configuration may hold, and what then happens to a subject.

use super::subjects::matches;
use crate::account::StreamImport;
use crate::account::mapping::{Choice, Destination, Mappings};
use crate::subject::transform::{Transform, check, check_mapping};
use crate::subject::{is_valid_literal, is_valid_pattern, pattern};

/// Lines: a source, a destination, a subject, a pattern, weights (a byte for each destination).
pub fn mapping(data: &[u8]) {
    let mut lines = data.splitn(5, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (source, destination, subject, pattern) = (line(), line(), line(), line());
    let (source, destination) = (String::from_utf8_lossy(source), String::from_utf8_lossy(destination));
    transforms(&source, &destination, subject);
    mappings(&source, &destination, subject, line());
    relations(source.as_bytes(), pattern, subject);
    if is_valid_pattern(source.as_bytes()) && is_valid_pattern(pattern) && is_valid_literal(subject) {
        import(&source, &destination, subject, pattern);
    }
}

fn transforms(source: &str, destination: &str, subject: &[u8]) {
    for reversible in [false, true] {
        let made = if reversible { Transform::reversible } else { Transform::new };
        match made(source, destination) {
            Ok(transform) => {
                assert_eq!(check(source, destination, reversible), Ok(()));
                run(&transform, subject);
                if let Some(back) = transform.reverse() {
                    run(&back, subject);
                }
                let fits = pattern::is_subset_bytes(subject, transform.source().as_bytes());
                assert!(!transform.is_identity() || !fits || run(&transform, subject) == subject);
            }
            Err(error) => {
                assert!(!error.is_empty());
                assert_eq!(check(source, destination, reversible).is_ok(), destination.is_empty());
            }
        }
    }
}

fn run(transform: &Transform, subject: &[u8]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    let mut dice = |below: u32| {
        assert!(below > 0, "a number below nothing");
        below - 1
    };
    transform.apply(subject, &mut dice, &mut out);
    out.strip_prefix(b"before").expect("what was there stays").to_vec()
}

fn mappings(source: &str, destination: &str, subject: &[u8], weights: &[u8]) {
    let subjects = [destination, "elsewhere", source, ""];
    let given = weights.iter().zip(subjects).map(|(weight, subject)| Destination {
        subject: subject.to_owned(),
        weight: *weight,
        cluster: if weight % 3 == 0 { "east".to_owned() } else { String::new() },
    });
    let Ok(mappings) = Mappings::new(vec![(source.to_owned(), given.collect())]) else { return };
    assert!(weights.is_empty() || check_mapping(source, destination).is_ok());
    let found = mappings.find(subject);
    assert_eq!(found.is_some(), pattern::is_subset_bytes(subject, source.as_bytes()));
    for cluster in ["", "east"] {
        for drawn in [0, 50, 99] {
            if let Choice::To(transform) = mappings.choose(0, cluster, &mut |_| drawn) {
                run(transform, subject);
            }
        }
    }
}

/// What two patterns have in common follows from what each matches.
fn relations(one: &[u8], other: &[u8], subject: &[u8]) {
    let common = pattern::overlap(one, other);
    let is_subset = pattern::is_subset_bytes(one, other);
    if !is_valid_pattern(one) || !is_valid_pattern(other) {
        return;
    }
    let both = matches(one, subject) && matches(other, subject);
    assert_eq!(pattern::matches(one, subject), matches(one, subject));
    assert_eq!(common.is_some_and(|common| matches(&common, subject)), both);
    // A star at the beginning of a token counts for one in nats-server's relation.
    let has_stars = other.split(|byte| *byte == b'.').any(|token| token.len() > 1 && token[0] == b'*');
    assert!(has_stars || !is_subset || !matches(one, subject) || both);
}

/// A subscription gets exactly those messages of an import that it asks for.
fn import(there: &str, to: &str, subject: &[u8], subscription: &[u8]) {
    let Ok(import) = StreamImport::new(1, there, to) else { return };
    let shadow = import.shadow(subscription);
    let brought = shadow.is_some_and(|shadow| matches(&shadow, subject));
    assert!(!brought || matches(there.as_bytes(), subject), "more than is imported");
    if matches(there.as_bytes(), subject) {
        let mut here = Vec::new();
        import.rename(subject, &mut here);
        let wanted = matches(subscription, &here);
        assert!(!brought || wanted, "more than is asked for");
        // The first token of everything cannot be asked for.
        assert!(brought || !wanted || there == ">", "less than is asked for");
    }
}
