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

/// Whether all that one subject matches is matched by the other.
pub fn is_subset(text: &str, of: &str) -> bool {
    let tokens: Vec<&str> = text.split('.').collect();
    let wider: Vec<&str> = of.split('.').collect();
    for (number, wide) in wider.iter().enumerate() {
        match tokens.get(number) {
            None | Some(&"") => return false,
            Some(_) if wide.is_empty() => return false,
            Some(_) if *wide == ">" => return true,
            Some(&">") => return false,
            Some(&"*") if *wide != "*" => return false,
            Some(token) if !wide.starts_with('*') && token != wide => return false,
            Some(_) => {}
        }
    }
    tokens.len() == wider.len()
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
        let mut patterns = [">", "*.>", "a.>", "a.*", "*.b", "a.b", "*", "a.b.>", "*.*", "a", "a.*.>", "a.b.c"];
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
}
