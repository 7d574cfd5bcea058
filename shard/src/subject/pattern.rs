//! Relations between patterns. Source: nats-server `sublist.go`.

use std::cmp::Ordering;

use crate::subject;

pub fn is_valid(text: &str) -> bool {
    // nats-server takes a form feed for a blank too.
    subject::is_valid_pattern(text.as_bytes()) && !text.contains('\x0c')
}

pub fn has_wildcard(text: &str) -> bool {
    !subject::is_literal(text.as_bytes())
}

/// Whether a message may have the subject.
pub fn is_publishable(text: &str) -> bool {
    is_valid(text) && !has_wildcard(text)
}

/// Whether a pattern matches the subject of a message, in which wildcards stand for themselves. Without an empty
/// token on either side; nothing is allocated. Source: nats-server `sublist.go:matchLiteral`.
pub fn matches(pattern: &[u8], subject: &[u8]) -> bool {
    let mut pattern = tokens(pattern).peekable();
    let mut subject = tokens(subject);
    while let Some(wanted) = pattern.next() {
        let Some(token) = subject.next() else { return false };
        if token.is_empty() {
            return false;
        }
        match wanted {
            b">" if pattern.peek().is_none() => return !subject.any(<[u8]>::is_empty),
            b"*" => {}
            wanted if wanted == token => {}
            _ => return false,
        }
    }
    subject.next().is_none()
}

/// Whether all that one subject matches is matched by the other; a token that begins with a star is taken for one
/// in `of`, as nats-server takes it. Nothing is allocated. Source: nats-server `sublist.go:isSubsetMatchTokenized`.
pub fn is_subset_bytes(text: &[u8], of: &[u8]) -> bool {
    let mut tokens_left = tokens(text);
    for wide in tokens(of) {
        match tokens_left.next() {
            None | Some(b"") => return false,
            Some(_) if wide.is_empty() => return false,
            Some(_) if wide == b">" => return true,
            Some(b">") => return false,
            Some(b"*") if wide != b"*" => return false,
            Some(token) if !wide.starts_with(b"*") && token != wide => return false,
            Some(_) => {}
        }
    }
    tokens_left.next().is_none()
}

/// The same of text.
pub fn is_subset(text: &str, of: &str) -> bool {
    is_subset_bytes(text.as_bytes(), of.as_bytes())
}

/// The pattern of exactly those subjects that both patterns match, where there are any: two patterns have never
/// more than one pattern in common.
pub fn overlap(one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let mut common: Vec<&[u8]> = Vec::new();
    let mut ones = tokens(one).peekable();
    let mut others = tokens(other).peekable();
    loop {
        let (token, opposite) = match (ones.next(), others.next()) {
            (None, None) => return Some(common.join(&b'.')),
            (Some(token), Some(opposite)) => (token, opposite),
            _ => return None,
        };
        let rest = match (token, opposite) {
            (b">", opposite) if ones.peek().is_none() => Some((opposite, &mut others)),
            (token, b">") if others.peek().is_none() => Some((token, &mut ones)),
            _ => None,
        };
        if let Some((token, rest)) = rest {
            common.push(token);
            common.extend(rest);
            return Some(common.join(&b'.'));
        }
        common.push(match (token, opposite) {
            (token, b"*") | (b"*", token) => token,
            (token, opposite) if token == opposite => token,
            _ => return None,
        });
    }
}

fn tokens(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'.')
}

/// An order in which no pattern comes behind one that holds it: what is literal, then `*`, then `>`, from the
/// first token on; those of one shape by their text.
pub fn narrower_first(one: &str, other: &str) -> Ordering {
    let width = |token: &str| match token {
        ">" => 2,
        "*" => 1,
        _ => 0,
    };
    one.split('.').map(width).cmp(other.split('.').map(width)).then_with(|| one.cmp(other))
}

/// Whether some subject is matched by both.
pub fn collide(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    match (has_wildcard(one), has_wildcard(other)) {
        (false, false) => false,
        (false, true) => is_subset(one, other),
        (true, false) => is_subset(other, one),
        (true, true) => wildcards_collide(one, other),
    }
}

fn wildcards_collide(one: &str, other: &str) -> bool {
    let one: Vec<&str> = one.split('.').collect();
    let other: Vec<&str> = other.split('.').collect();
    let is_open = |tokens: &[&str]| tokens.contains(&">");
    let lengths_fit = match one.len().cmp(&other.len()) {
        std::cmp::Ordering::Equal => true,
        std::cmp::Ordering::Less => is_open(&one),
        std::cmp::Ordering::Greater => is_open(&other),
    };
    lengths_fit && one.iter().zip(&other).all(|(one, other)| may_match(one, other))
}

fn may_match(one: &str, other: &str) -> bool {
    let is_wild = |token: &str| token.starts_with(['*', '>']);
    !one.is_empty() && !other.is_empty() && (is_wild(one) || is_wild(other) || one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets() {
        for (text, of) in [("a", "a"), ("a.b", "a.*"), ("a.b", ">"), ("a.*", "a.>"), ("a.*", "*.*")] {
            assert!(is_subset(text, of), "{text} of {of}");
        }
        for (text, of) in [("a", "a.>"), ("a.*", "a.b"), ("a.>", "a.*"), ("a.b.c", "a.*"), ("a", "b")] {
            assert!(!is_subset(text, of), "{text} of {of}");
        }
    }

    #[test]
    fn what_is_held_comes_before_what_holds_it() {
        let mut patterns =
            [">", "*.>", "a.>", "a.*", "*.b", "a.b", "*", "a.b.>", "*.*", "a", "a.*.>", "a.b.c"];
        patterns.sort_by(|one, other| narrower_first(one, other));
        for (number, later) in patterns.iter().enumerate() {
            assert!(patterns[..number].iter().all(|earlier| !is_subset(later, earlier)), "{later}");
        }
        let order = ["a", "a.b", "a.b.c", "a.b.>", "a.*", "a.*.>", "a.>", "*", "*.b", "*.*", "*.>", ">"];
        assert_eq!(patterns, order);
    }

    #[test]
    fn collisions() {
        for (one, other) in [("a.*", "*.b"), ("a.>", "*.*.c"), ("a", "a"), ("a.b", "a.*"), (">", "x")] {
            assert!(collide(one, other) && collide(other, one), "{one} {other}");
        }
        for (one, other) in [("a.*", "b.*"), ("a.*", "a.*.c"), ("a", "b"), ("a.>", "a")] {
            assert!(!collide(one, other) && !collide(other, one), "{one} {other}");
        }
    }

    fn all(tokens: &[&str], length_max: usize) -> Vec<String> {
        let mut all: Vec<String> = vec![String::new()];
        let mut done = 0;
        for _ in 0..length_max {
            let end = all.len();
            for at in done..end {
                for token in tokens {
                    let dot = if all[at].is_empty() { "" } else { "." };
                    all.push(format!("{}{dot}{token}", all[at]));
                }
            }
            done = end;
        }
        all.split_off(1)
    }

    /// The relations between patterns follow from what each matches.
    #[test]
    fn relations_are_those_of_the_subjects_matched() {
        let mut patterns = all(&["a", "b", "*", ">"], 3);
        patterns.retain(|text| is_valid(text));
        let subjects = all(&["a", "b", "c"], 4);
        let set = |pattern: &str| {
            let matched = |subject: &String| matches(pattern.as_bytes(), subject.as_bytes());
            subjects.iter().map(matched).collect::<Vec<bool>>()
        };
        let sets: Vec<Vec<bool>> = patterns.iter().map(|pattern| set(pattern)).collect();
        for (one, ones) in patterns.iter().zip(&sets) {
            for (other, others) in patterns.iter().zip(&sets) {
                let both: Vec<bool> = ones.iter().zip(others).map(|(one, other)| *one && *other).collect();
                let common = overlap(one.as_bytes(), other.as_bytes());
                let common = common.map(|common| String::from_utf8(common).unwrap());
                assert_eq!(common.is_some(), both.contains(&true), "{one} {other}");
                assert_eq!(common.is_some(), collide(one, other), "{one} {other}");
                assert_eq!(is_subset(one, other), both == *ones, "{one} {other}");
                if let Some(common) = common {
                    assert_eq!(set(&common), both, "{one} {other}: {common}");
                }
            }
        }
    }

    #[test]
    fn matching() {
        for (pattern, subject) in [
            ("a", "a"),
            ("a.*", "a.b"),
            ("*", "*"),
            ("a.>", "a.b.c"),
            (">", "a"),
            ("*x", "*x"),
            (">.a", ">.a"),
        ] {
            assert!(matches(pattern.as_bytes(), subject.as_bytes()), "{pattern} {subject}");
        }
        for (pattern, subject) in [
            ("a", "b"),
            ("a", "a.b"),
            ("a.b", "a"),
            ("a.>", "a"),
            ("a.>", "a."),
            ("a.>", "a.b..c"),
            ("*", ""),
            ("", ""),
            ("*x", "yx"),
            (">.a", "b.a"),
        ] {
            assert!(!matches(pattern.as_bytes(), subject.as_bytes()), "{pattern} {subject}");
        }
    }
}
