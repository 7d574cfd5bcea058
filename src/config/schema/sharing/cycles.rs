//! Whether imports lead back to where they began. Source: nats-server `accounts.go:streamImportFormsCycle`,
//! `serviceImportFormsCycle`.

use std::collections::{BTreeSet, HashMap};

use super::{Account, Taken};
use shard::subject::pattern;

/// Accounts on a way along imports.
const DEPTH_MAX: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Stream,
    Service,
}

/// The subjects of imports under which they may be met, so that few are looked at.
#[derive(Default)]
pub struct Met {
    literals: HashMap<String, Vec<usize>>,
    wild: Vec<usize>,
    count: usize,
}

impl Met {
    /// Adds the subject of the next import.
    pub fn push(&mut self, subject: &str) {
        match pattern::has_wildcard(subject) {
            true => self.wild.push(self.count),
            false => self.literals.entry(subject.to_owned()).or_default().push(self.count),
        }
        self.count += 1;
    }

    /// Imports that may collide with the subject, in their order.
    fn candidates(&self, subject: &str) -> Vec<usize> {
        if pattern::has_wildcard(subject) {
            return (0..self.count).collect();
        }
        let mut found = self.wild.clone();
        found.extend(self.literals.get(subject).into_iter().flatten());
        found.sort_unstable();
        found
    }
}

/// Follows imports of the subject, from account to account until one comes back to an account met before.
pub fn check(
    kind: Kind,
    accounts: &[Account<'_>],
    place: usize,
    subject: &str,
    visited: &mut BTreeSet<usize>,
) -> Result<(), String> {
    if visited.len() >= DEPTH_MAX {
        return Err("search cycle depth exhausted".to_owned());
    }
    let account = &accounts[place];
    let Taken { all, met, .. } = match kind {
        Kind::Stream if !account.streams.hold(subject) => return Ok(()),
        Kind::Stream => &account.taken_streams,
        Kind::Service => &account.taken_services,
    };
    for way in met.candidates(subject).into_iter().map(|number| &all[number]) {
        let met = if kind == Kind::Stream { &way.here } else { &way.there };
        if !pattern::collide(subject, met) {
            continue;
        }
        if visited.contains(&way.account) {
            return Err("import forms a cycle".to_owned());
        }
        visited.insert(place);
        let narrower = if pattern::is_subset(&way.here, subject) { &way.here } else { subject };
        check(kind, accounts, way.account, narrower, visited)?;
    }
    Ok(())
}
