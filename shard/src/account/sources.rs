//! Which of an account's mappings applies to a subject: found along the tokens, however many mappings there are.

use hashbrown::HashMap;

use super::tree::{Tree, is_open};
use crate::subject::pattern;

/// Sources with their place in the order they are looked at.
#[derive(Debug, Default)]
pub struct Sources {
    literals: HashMap<Box<[u8]>, usize>,
    patterns: Vec<(Box<[u8]>, usize)>,
    /// Of places in `patterns`.
    tree: Tree,
}

impl Sources {
    /// A source that is entered twice keeps its first place.
    pub fn enter(&mut self, source: &[u8], place: usize) {
        if !source.split(|byte| *byte == b'.').any(is_open) {
            self.literals.entry(source.into()).or_insert(place);
            return;
        }
        self.tree.enter(source, u32::try_from(self.patterns.len()).expect("patterns fit into memory"));
        self.patterns.push((source.into(), place));
    }

    /// The place of the very subject, or else the lowest of the patterns that match it.
    pub fn find(&self, subject: &[u8]) -> Option<usize> {
        if let Some(place) = self.literals.get(subject) {
            return Some(*place);
        }
        let mut lowest: Option<usize> = None;
        self.tree.walk(subject, &mut |pattern| {
            let (source, place) = &self.patterns[pattern as usize];
            if lowest.is_none_or(|lowest| *place < lowest) && pattern::is_subset_bytes(subject, source) {
                lowest = Some(*place);
            }
        });
        lowest
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
