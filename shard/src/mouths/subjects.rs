//! Subjects and patterns: what is valid, and what matches what, against the rules as one would write them down.

use crate::account::Snapshot;
use crate::interest::Interest;
use crate::subject::{is_literal, is_valid_literal, is_valid_pattern};

/// A pattern, a line feed, a subject.
pub fn subject(data: &[u8]) {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let (pattern, subject) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    for text in [pattern, subject] {
        assert_eq!(is_valid_pattern(text), is_valid(text), "validity of {text:?}");
        assert_eq!(is_valid_literal(text), is_valid(text) && is_literal(text));
    }
    if !is_valid(pattern) {
        return;
    }
    let (mut interest, snapshot) = (Interest::default(), Snapshot::default());
    let sub = interest.add(0, pattern, None, b"1", &mut |_| {});
    assert_eq!(interest.table.pattern(sub), pattern);
    // The second answer may come from the cache.
    for _ in 0..3 {
        assert_eq!(!interest.lookup(subject, &snapshot).0.plain.is_empty(), matches(pattern, subject));
    }
    interest.remove(sub, &mut |_| {});
    assert!(interest.lookup(subject, &snapshot).0.plain.is_empty());
    assert!(interest.table.is_bare());
}

fn is_valid(text: &[u8]) -> bool {
    let tokens: Vec<&[u8]> = text.split(|byte| *byte == b'.').collect();
    let blank = |byte: &u8| [b' ', b'\t', b'\r', b'\n'].contains(byte);
    let tail_at = tokens.iter().position(|token| *token == b">");
    tokens.iter().all(|token| !token.is_empty())
        && !text.iter().any(blank)
        && tail_at.is_none_or(|at| at == tokens.len() - 1)
}

/// Whether a subject matches a valid pattern.
pub(super) fn matches(pattern: &[u8], subject: &[u8]) -> bool {
    let mut given = subject.split(|byte| *byte == b'.');
    if subject.split(|byte| *byte == b'.').any(<[u8]>::is_empty) {
        return false;
    }
    for token in pattern.split(|byte| *byte == b'.') {
        match (token, given.next()) {
            (_, None) => return false,
            (b">", Some(_)) => return true,
            (b"*", Some(_)) => {}
            (token, Some(given)) if token == given => {}
            _ => return false,
        }
    }
    given.next().is_none()
}
