//! The services that an account imports: all that a subject asks are found along its tokens, however many there are.

use std::ops::Deref;

use super::imports::ServiceImport;
use super::tree::Tree;
use crate::subject::pattern;

/// So few are sooner looked at one by one.
const FEW: usize = 4;

/// Service imports in the order of the configuration, in which they are asked.
#[derive(Debug, Default)]
pub struct ServiceImports {
    all: Box<[ServiceImport]>,
    /// Of places in `all`; none where these are few, as in most accounts.
    tree: Option<Box<Tree>>,
}

impl ServiceImports {
    /// Adds the places of all whose pattern matches the subject of a message, in their order.
    pub fn find(&self, subject: &[u8], places: &mut Vec<u32>) {
        let before = places.len();
        let mut look_at = |place: u32| {
            if pattern::matches(self.all[place as usize].here.as_bytes(), subject) {
                places.push(place);
            }
        };
        match &self.tree {
            Some(tree) => tree.walk(subject, &mut look_at),
            None => (0..self.all.len() as u32).for_each(look_at),
        }
        places[before..].sort_unstable();
    }
}

impl FromIterator<ServiceImport> for ServiceImports {
    fn from_iter<I: IntoIterator<Item = ServiceImport>>(all: I) -> ServiceImports {
        let all: Box<[ServiceImport]> = all.into_iter().collect();
        let tree = (all.len() > FEW).then(|| {
            let mut tree = Tree::default();
            (0..).zip(&all).for_each(|(place, import)| tree.enter(import.here.as_bytes(), place));
            Box::new(tree)
        });
        ServiceImports { all, tree }
    }
}

impl Deref for ServiceImports {
    type Target = [ServiceImport];

    fn deref(&self) -> &[ServiceImport] {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::account::snapshot::{Response, Service};

    fn imports(patterns: &[String]) -> ServiceImports {
        let (response, threshold) = (Response::Singleton, Duration::from_secs(2));
        let service = Service { account: 1, subject: ">".to_owned(), response, threshold, latency: None };
        let service = Arc::new(service);
        let import = |here: &String| ServiceImport::new(service.clone(), here, "", false).expect("an import");
        patterns.iter().map(import).collect()
    }

    /// The walk finds what looking at each finds: patterns that are there twice, subjects with wildcards of their
    /// own and subjects that are none included.
    #[test]
    fn all_that_match_are_found_in_their_order() {
        let mut chance = 7_u64;
        let mut below = |bound: usize| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (chance >> 33) as usize % bound
        };
        let mut text = |tokens: &[&str]| {
            let chosen: Vec<&str> = (0..1 + below(4)).map(|_| tokens[below(tokens.len())]).collect();
            chosen.join(".")
        };
        let (mut found, mut several) = (0, 0);
        for round in 0..400 {
            let patterns: Vec<String> = (0..round % 20)
                .map(|_| text(&["a", "b", "*", "*", ">", "*x"]))
                .filter(|text| pattern::is_valid(text))
                .collect();
            let imports = imports(&patterns);
            for _ in 0..40 {
                let subject = text(&["a", "a", "b", "c", "*", "*x", ">", ""]);
                let matches =
                    |place: &u32| pattern::matches(patterns[*place as usize].as_bytes(), subject.as_bytes());
                let expected: Vec<u32> = (0..patterns.len() as u32).filter(matches).collect();
                found += usize::from(!expected.is_empty());
                several += usize::from(expected.len() > 1);
                let mut places = vec![99];
                imports.find(subject.as_bytes(), &mut places);
                assert_eq!(places[1..], expected, "{subject} of {patterns:?}");
                assert_eq!(places[0], 99, "what was there stays");
            }
        }
        assert!(found > 3_000 && several > 1_500, "{found}, {several}");
    }

    /// Ten thousand accounts that import little or nothing are not to hold more for it.
    #[test]
    fn little_is_held_for_little() {
        let import = |count| imports(&vec!["a.*".to_owned(); count]);
        assert!(import(FEW).tree.is_none() && import(FEW + 1).tree.is_some());
        assert_eq!(size_of::<ServiceImports>(), size_of::<Vec<ServiceImport>>());
        let mut places = Vec::new();
        ServiceImports::default().find(b"a", &mut places);
        assert!(places.is_empty());
    }
}
