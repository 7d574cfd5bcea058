//! Whether imports lead back to where they began. Source: nats-server `accounts.go:streamImportFormsCycle`,
//! `serviceImportFormsCycle`.

use std::collections::BTreeSet;

use super::{Account, Taken};
use shard::subject::pattern;

/// Accounts on a way along imports.
const DEPTH_MAX: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Stream,
    Service,
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
    for way in met.meeting(subject).into_iter().map(|number| &all[number]) {
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
