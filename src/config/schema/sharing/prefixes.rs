//! Patterns found by the literal tokens they begin with, so that of thousands few are compared.

use std::collections::BTreeMap;

/// Numbers of patterns; in what order they were added is kept.
#[derive(Default)]
pub struct Prefixes {
    /// By their literal tokens up to the first wildcard, a point behind each.
    numbers: BTreeMap<String, Vec<usize>>,
    count: usize,
}

impl Prefixes {
    /// Adds the next pattern.
    pub fn push(&mut self, pattern: &str) {
        self.numbers.entry(literal(pattern)).or_default().push(self.count);
        self.count += 1;
    }

    /// All that may hold the subject, in their order.
    pub fn holding(&self, subject: &str) -> Vec<usize> {
        let mut found = Vec::new();
        self.add_holding(&literal(subject), &mut found);
        found.sort_unstable();
        found
    }

    /// All that may have a subject in common with this one, in their order.
    pub fn meeting(&self, subject: &str) -> Vec<usize> {
        let literal = literal(subject);
        let mut found = Vec::new();
        self.add_holding(&literal, &mut found);
        let longer = self.numbers.range(literal.clone()..).skip_while(|(prefix, _)| **prefix == literal);
        for (_, numbers) in longer.take_while(|(prefix, _)| prefix.starts_with(&literal)) {
            found.extend(numbers);
        }
        found.sort_unstable();
        found
    }

    fn add_holding(&self, literal: &str, found: &mut Vec<usize>) {
        let ends = literal.match_indices('.').map(|(at, _)| at + 1);
        for end in std::iter::once(0).chain(ends) {
            found.extend(self.numbers.get(&literal[..end]).into_iter().flatten());
        }
    }
}

/// What begins with a wildcard's sign is taken for one in some places.
fn literal(pattern: &str) -> String {
    let tokens = pattern.split('.').take_while(|token| !token.starts_with(['*', '>']));
    let mut literal = String::with_capacity(pattern.len() + 1);
    for token in tokens {
        literal.push_str(token);
        literal.push('.');
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;
    use shard::subject::pattern;

    /// Nothing that holds or meets a subject is overlooked.
    #[test]
    fn find_all_there_is() {
        let tokens = ["a", "b", "*", ">"];
        let mut patterns: Vec<String> = Vec::new();
        for first in tokens {
            patterns.push(first.to_owned());
            for second in tokens.iter().filter(|_| first != ">") {
                patterns.push(format!("{first}.{second}"));
                let thirds = tokens.iter().filter(|_| *second != ">");
                patterns.extend(thirds.map(|third| format!("{first}.{second}.{third}")));
            }
        }
        let mut prefixes = Prefixes::default();
        patterns.iter().for_each(|pattern| prefixes.push(pattern));
        let mut spared = 0;
        for subject in &patterns {
            let (holding, meeting) = (prefixes.holding(subject), prefixes.meeting(subject));
            for (number, pattern) in patterns.iter().enumerate() {
                let (holds, meets) = (holding.contains(&number), meeting.contains(&number));
                assert!(holds || !pattern::is_subset(subject, pattern), "{pattern} holds {subject}");
                assert!(meets || !pattern::collide(subject, pattern), "{pattern} meets {subject}");
                spared += usize::from(!meets);
            }
            assert!(holding.is_sorted() && meeting.is_sorted());
        }
        assert!(spared > patterns.len() * patterns.len() / 4, "{spared}");
    }
}
