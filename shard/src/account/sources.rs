//! Which of an account's mappings applies to a subject: found along the tokens, however many mappings there are.

use hashbrown::HashMap;

use crate::subject::pattern;

/// Sources with their place in the order they are looked at.
#[derive(Debug, Default)]
pub struct Sources {
    literals: HashMap<Box<[u8]>, usize>,
    patterns: Vec<(Box<[u8]>, usize)>,
    /// The first is the root.
    nodes: Vec<Node>,
}

/// Where the tokens read so far have led. All lists are of places in `patterns`.
#[derive(Debug, Default)]
struct Node {
    next: HashMap<Box<[u8]>, usize>,
    /// After any token at all.
    open: Option<usize>,
    /// Patterns that end here, and those whose `>` stands here.
    ending: Vec<usize>,
    tails: Vec<usize>,
}

impl Sources {
    /// A source that is entered twice keeps its first place.
    pub fn enter(&mut self, source: &[u8], place: usize) {
        // nats-server takes a token that begins with a star for one, in its relation of subsets.
        let is_open = |token: &[u8]| token.starts_with(b"*") || token == b">";
        if !source.split(|byte| *byte == b'.').any(is_open) {
            self.literals.entry(source.into()).or_insert(place);
            return;
        }
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let (pattern, mut at) = (self.patterns.len(), 0);
        self.patterns.push((source.into(), place));
        for token in source.split(|byte| *byte == b'.') {
            if token == b">" {
                return self.nodes[at].tails.push(pattern);
            }
            let new = self.nodes.len();
            let node = &mut self.nodes[at];
            at = match is_open(token) {
                true => *node.open.get_or_insert(new),
                false => *node.next.entry(token.into()).or_insert(new),
            };
            if at == new {
                self.nodes.push(Node::default());
            }
        }
        self.nodes[at].ending.push(pattern);
    }

    /// The place of the very subject, or else the lowest of the patterns that match it.
    pub fn find(&self, subject: &[u8]) -> Option<usize> {
        if let Some(place) = self.literals.get(subject) {
            return Some(*place);
        }
        let mut lowest = None;
        if let Some(root) = self.nodes.first() {
            self.walk(root, subject, Some(subject), &mut lowest);
        }
        lowest
    }

    fn walk(&self, node: &Node, subject: &[u8], rest: Option<&[u8]>, lowest: &mut Option<usize>) {
        let Some(rest) = rest else { return self.consider(&node.ending, subject, lowest) };
        self.consider(&node.tails, subject, lowest);
        let (token, rest) = match memchr::memchr(b'.', rest) {
            Some(dot) => (&rest[..dot], Some(&rest[dot + 1..])),
            None => (rest, None),
        };
        for next in [node.next.get(token), node.open.as_ref()].into_iter().flatten() {
            self.walk(&self.nodes[*next], subject, rest, lowest);
        }
    }

    /// The tokens have led here; whether the subject is one of the pattern's is for nats-server's relation to say.
    fn consider(&self, patterns: &[usize], subject: &[u8], lowest: &mut Option<usize>) {
        for (source, place) in patterns.iter().map(|pattern| &self.patterns[*pattern]) {
            if lowest.is_none_or(|lowest| *place < lowest) && pattern::is_subset_bytes(subject, source) {
                *lowest = Some(*place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The walk finds what looking at each finds.
    #[test]
    fn the_first_that_matches_is_found() {
        let tokens = ["a", "b", "*", "*", ">", "*x"];
        let mut chance = 7_u64;
        let mut below = |bound: usize| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (chance >> 33) as usize % bound
        };
        let mut text = |tokens: &[&str]| {
            let chosen: Vec<&str> = (0..1 + below(4)).map(|_| tokens[below(tokens.len())]).collect();
            chosen.join(".")
        };
        let mut found = 0;
        for _ in 0..300 {
            let mut all: Vec<String> =
                (0..12).map(|_| text(&tokens)).filter(|text| pattern::is_valid(text)).collect();
            all.sort_by_key(|source| source.len() % 3);
            let mut sources = Sources::default();
            for (place, source) in all.iter().enumerate() {
                sources.enter(source.as_bytes(), place);
            }
            for _ in 0..40 {
                let subject = text(&["a", "b", "c", "*", ">", ""]);
                let is_open =
                    |source: &String| source.split('.').any(|token| token.starts_with('*') || token == ">");
                let very = all.iter().position(|source| *source == subject && !is_open(source));
                let first = || all.iter().position(|source| pattern::is_subset(&subject, source));
                let expected = very.or_else(first);
                found += usize::from(expected.is_some());
                assert_eq!(sources.find(subject.as_bytes()), expected, "{subject} of {all:?}");
            }
        }
        assert!(found > 3_000, "{found}");
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert_eq!(Sources::default().find(b"a"), None);
    }
}
