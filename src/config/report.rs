//! Everything that is wrong with a configuration, gathered so that one run tells it all.

use std::fmt;

use super::problem::{Position, Problem};

#[derive(Debug, Default)]
pub struct Report {
    /// What refuses the configuration.
    pub problems: Vec<Problem>,
    /// What is said and let pass, except under `-t`.
    pub warnings: Vec<Problem>,
    /// Valid, but its feature is not built: it refuses the configuration too.
    pub unbuilt: Vec<Problem>,
}

impl Report {
    pub fn refuse(&mut self, at: &Position, said: impl Into<String>) {
        self.problems.push(Problem::new(at, said));
    }

    /// A key that means nothing here. Source: nats-server `errors.go:unknownConfigFieldErr`.
    pub fn unknown(&mut self, at: &Position, key: &str) {
        self.refuse(at, format!("unknown field {}", super::field::quoted(key)));
    }

    /// Source: nats-server `errors.go:configWarningErr`.
    pub fn warn(&mut self, at: &Position, key: &str, why: &str) {
        let said = format!("invalid use of field {}: {why}", super::field::quoted(key));
        self.warnings.push(Problem::new(at, said));
    }

    /// A valid key whose feature is not here.
    pub fn unbuilt(&mut self, at: &Position, key: &str, feature: &str) {
        self.unbuilt.push(Problem::new(at, format!("{key} is not supported yet: {feature}")));
    }

    pub fn is_clean(&self) -> bool {
        self.problems.is_empty() && self.warnings.is_empty() && self.unbuilt.is_empty()
    }

    /// Whether a server may start with it, warnings apart.
    pub fn is_usable(&self) -> bool {
        self.problems.is_empty() && self.unbuilt.is_empty()
    }
}

/// Warnings first, then what refuses it, each in the order of the files; what is not built is only named
/// where nothing is wrong.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refusals = if self.problems.is_empty() { &self.unbuilt } else { &self.problems };
        for list in [&self.warnings, refusals] {
            let mut list: Vec<&Problem> = list.iter().collect();
            list.sort();
            list.dedup();
            for problem in list {
                writeln!(out, "{problem}")?;
            }
        }
        Ok(())
    }
}
