//! Whether what accounts import is exported to them, and no import leads back to where it began. Source:
//! nats-server `opts.go:parseAccounts`, `accounts.go`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::field::quoted;
use super::exports::Export;
use super::imports::Import;
use shard::subject::{pattern, transform};

/// Accounts on a way along imports.
const DEPTH_MAX: usize = 1024;
const INVALID: &str = "sublist: invalid subject";

/// What an account offers and takes, as far as it has been written.
#[derive(Default)]
pub struct Shared {
    pub exports: Vec<Export>,
    pub imports: Vec<Import>,
}

/// What one account may be asked for, and what it has taken so far.
#[derive(Default)]
struct Account<'a> {
    streams: BTreeMap<&'a str, &'a Export>,
    services: BTreeMap<&'a str, &'a Export>,
    taken_streams: Vec<Taken<'a>>,
    taken_services: Vec<Taken<'a>>,
}

/// An import in force: the account it comes from, its subject there and here.
struct Taken<'a> {
    account: &'a str,
    there: String,
    here: String,
}

type Accounts<'a> = BTreeMap<&'a str, Account<'a>>;

/// Says all that is wrong, in nats-server's words.
pub fn check(all: &BTreeMap<String, Shared>) -> Vec<String> {
    let mut errors = Vec::new();
    let mut accounts: Accounts<'_> = all.keys().map(|name| (name.as_str(), Account::default())).collect();
    for services in [false, true] {
        for (name, shared) in all {
            for export in shared.exports.iter().filter(|export| export.is_service == services) {
                errors.extend(check_export(all, export));
                let account = accounts.get_mut(name.as_str()).expect("it has just been put there");
                let exports = if services { &mut account.services } else { &mut account.streams };
                exports.insert(&export.subject, export);
            }
        }
    }
    for (name, shared) in all {
        for export in shared.exports.iter().filter(|export| export.is_service) {
            errors.extend(check_latency(&accounts[name.as_str()], export));
        }
    }
    for services in [false, true] {
        for (name, shared) in all {
            for import in shared.imports.iter().filter(|import| import.is_service == services) {
                errors.extend(take(&mut accounts, name, import).err());
            }
        }
    }
    errors
}

fn kind(is_service: bool) -> &'static str {
    if is_service { "service" } else { "stream" }
}

fn check_export(all: &BTreeMap<String, Shared>, export: &Export) -> Vec<String> {
    let kind = kind(export.is_service);
    let named = export.accounts.iter().flatten();
    let unknown = named.filter(|account| !all.contains_key(*account));
    let mut errors: Vec<String> =
        unknown.map(|account| format!("{} account not defined for {kind} export", quoted(account))).collect();
    let position = export.account_token;
    let stands_at = |position: i64| {
        usize::try_from(position - 1).is_ok_and(|at| export.subject.split('.').nth(at) == Some("*"))
    };
    if position != 0 && !stands_at(position) {
        errors.push(format!("Error adding {kind} export {}: {INVALID}", quoted(&export.subject)));
    }
    errors
}

fn check_latency(account: &Account<'_>, export: &Export) -> Option<String> {
    let subject = export.latency.as_ref()?;
    let loops =
        account.services.keys().any(|service| subject == service || pattern::is_subset(subject, service));
    let why = if !pattern::is_publishable(subject) || loops {
        "invalid publish subject"
    } else if !export.is_single_response {
        "bad service response type"
    } else {
        return None;
    };
    let service = quoted(&export.subject);
    Some(format!("Error adding service latency sampling for {service} on subject {}: {why}", quoted(subject)))
}

/// Puts an import in force, or says why it cannot be.
fn take<'a>(accounts: &mut Accounts<'a>, importer: &'a str, import: &'a Import) -> Result<(), String> {
    let kind = kind(import.is_service);
    let Some(exporter) = accounts.get(import.account.as_str()) else {
        return Err(format!("{} account not defined for {kind} import", quoted(&import.account)));
    };
    let taken = match import.is_service {
        true => service(accounts, exporter, importer, import),
        false => stream(accounts, exporter, importer, import),
    };
    let adding = |error| format!("Error adding {kind} import {}: {error}", quoted(&import.subject));
    let taken = taken.map_err(adding)?;
    let is_found = !import.is_service || taken.there == import.subject;
    let account = accounts.get_mut(importer).expect("whoever imports is an account");
    match import.is_service {
        true => account.taken_services.push(taken),
        false => account.taken_streams.push(taken),
    }
    if !is_found {
        let subject = quoted(&import.subject);
        return Err(format!("Error setting service import sharing {subject}: service import not found"));
    }
    Ok(())
}

fn stream<'a>(
    accounts: &Accounts<'a>,
    exporter: &Account<'a>,
    importer: &str,
    import: &'a Import,
) -> Result<Taken<'a>, String> {
    let from = import.subject.as_str();
    if !pattern::is_valid(from) || !is_open_to(&exporter.streams, importer, from) {
        return Err("stream import not authorized".to_owned());
    }
    let to = match (import.prefix.as_str(), import.to.as_str()) {
        ("", "") => from.to_owned(),
        ("", to) => to.to_owned(),
        (prefix, _) if pattern::has_wildcard(prefix) => {
            return Err("stream import prefix can not contain wildcard tokens".to_owned());
        }
        (prefix, _) => format!("{}.{from}", prefix.strip_suffix('.').unwrap_or(prefix)),
    };
    for subject in [to.as_str(), from] {
        let mut visited = BTreeSet::from([importer]);
        check_for_cycle(Kind::Stream, accounts, &import.account, subject, &mut visited)?;
    }
    let mut here = to.clone();
    if pattern::has_wildcard(from) && to != from {
        transform::check(from, &transform::numbered(&to), true).map_err(|error| {
            let what = "failed to create mapping transform for stream import subject from";
            format!("{what} {} to {}: {error}", quoted(from), quoted(&to))
        })?;
        here = transform::unnumbered(&to);
    }
    let taken = accounts.get(importer).into_iter().flat_map(|account| &account.taken_streams);
    if taken.into_iter().any(|taken| taken.account == import.account && taken.there == from) {
        return Err("stream import already exists".to_owned());
    }
    Ok(Taken { account: &import.account, there: from.to_owned(), here })
}

fn service<'a>(
    accounts: &Accounts<'a>,
    exporter: &Account<'a>,
    importer: &str,
    import: &'a Import,
) -> Result<Taken<'a>, String> {
    let (here, there) = (import.called(), import.subject.as_str());
    if !pattern::is_valid(here) || !pattern::is_valid(there) {
        return Err(INVALID.to_owned());
    }
    if !is_open_to(&exporter.services, importer, there) {
        return Err("service import not authorized".to_owned());
    }
    let wild = pattern::has_wildcard(there);
    let plain = if wild { transform::unnumbered(here) } else { here.to_owned() };
    check_for_cycle(Kind::Service, accounts, &import.account, &plain, &mut BTreeSet::from([importer]))?;
    let taken = accounts.get(importer).into_iter().flat_map(|account| &account.taken_services);
    if let Some(twin) = taken.into_iter().find(|taken| taken.account == import.account && taken.here == here)
    {
        let (subject, account, used) = (quoted(here), quoted(twin.account), quoted(&twin.there));
        let used = format!("previously used in import for account {account}, subject {used}");
        return Err(format!("duplicate service import subject {subject}, {used}"));
    }
    if !wild || here == there {
        return Ok(Taken { account: &import.account, there: there.to_owned(), here: here.to_owned() });
    }
    let target = transform::unnumbered(there);
    transform::check(&target, &transform::numbered(here), true).map_err(|error| {
        let what = "failed to create mapping transform for service import subject from";
        format!("{what} {} to {}: {error}", quoted(here), quoted(&target))
    })?;
    Ok(Taken { account: &import.account, there: target, here: plain })
}

/// Whether the exports have the subject for that account: one of the same name, else one that holds it.
fn is_open_to(exports: &BTreeMap<&str, &Export>, account: &str, subject: &str) -> bool {
    let is_open = |export: &Export, token_counts: bool| {
        if export.account_token > 0 {
            let at = usize::try_from(export.account_token - 1).unwrap_or(usize::MAX);
            return token_counts && subject.split('.').nth(at) == Some(account);
        }
        export.accounts.as_ref().is_none_or(|accounts| accounts.iter().any(|name| name == account))
    };
    if let Some(export) = exports.get(subject) {
        return is_open(export, false);
    }
    exports
        .iter()
        .find(|(exported, _)| pattern::is_subset(subject, exported))
        .is_some_and(|(_, export)| is_open(export, true))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Stream,
    Service,
}

/// Follows imports from account to account until one comes back to an account met before.
fn check_for_cycle<'a>(
    kind: Kind,
    accounts: &'a Accounts<'_>,
    name: &'a str,
    subject: &str,
    visited: &mut BTreeSet<&'a str>,
) -> Result<(), String> {
    if visited.len() >= DEPTH_MAX {
        return Err("search cycle depth exhausted".to_owned());
    }
    let Some(account) = accounts.get(name) else { return Ok(()) };
    let is_exported = || account.streams.keys().any(|exported| pattern::is_subset(subject, exported));
    let taken = match kind {
        Kind::Stream if !is_exported() => return Ok(()),
        Kind::Stream => &account.taken_streams,
        Kind::Service => &account.taken_services,
    };
    for taken in taken {
        let met = if kind == Kind::Stream { &taken.here } else { &taken.there };
        if !pattern::collide(subject, met) {
            continue;
        }
        if visited.contains(taken.account) {
            return Err("import forms a cycle".to_owned());
        }
        visited.insert(name);
        let narrower = if pattern::is_subset(&taken.here, subject) { &taken.here } else { subject };
        check_for_cycle(kind, accounts, taken.account, narrower, visited)?;
    }
    Ok(())
}
