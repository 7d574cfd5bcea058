//! Imports find the exports they are part of, and none leads back to where it began. Source: nats-server
//! `opts.go:parseAccounts`, `accounts.go`.

mod cycles;
mod offers;
mod prefixes;

use std::collections::{BTreeSet, HashMap};

use super::super::field::quoted;
use super::super::options::{self, Export};
use super::imports::Import;
use cycles::Kind;
use offers::Offers;
use prefixes::Prefixes;
use shard::account::snapshot::Response;
use shard::subject::{pattern, transform};

const INVALID: &str = "sublist: invalid subject";

/// What one account may be asked for, and what it has taken so far.
struct Account<'a> {
    name: &'a str,
    streams: Offers<'a>,
    services: Offers<'a>,
    taken_streams: Taken,
    taken_services: Taken,
}

/// Imports in force, in their order.
#[derive(Default)]
struct Taken {
    all: Vec<Way>,
    /// By exporter and what tells two imports from it apart: the subject there of a stream, here of a service.
    known: HashMap<(usize, String), usize>,
    /// The subjects under which cycles meet them.
    met: Prefixes,
}

/// From whom, and the subjects there and here, wildcards in their places.
struct Way {
    account: usize,
    there: String,
    here: String,
}

/// All accounts, and where they are by name.
struct Accounts<'a> {
    all: Vec<Account<'a>>,
    places: HashMap<&'a str, usize>,
}

type Settled = Result<(Way, options::Import), String>;

/// Puts all imports in force: `imports` has a list for each account. Exports of one subject are made one. Answers
/// all that is wrong, in nats-server's words.
pub fn settle(accounts: &mut [options::Account], imports: &[Vec<Import>]) -> Vec<String> {
    let mut errors = check_exports(accounts);
    for account in accounts.iter_mut() {
        account.exports = offers::merged(std::mem::take(&mut account.exports));
    }
    let mut table = Accounts::new(accounts);
    for (place, account) in accounts.iter().enumerate() {
        errors.extend(account.exports.iter().filter_map(|export| check_latency(&table.all[place], export)));
    }
    let mut settled: Vec<Vec<options::Import>> =
        imports.iter().map(|imports| Vec::with_capacity(imports.len())).collect();
    for services in [false, true] {
        for (importer, imports) in imports.iter().enumerate() {
            for import in imports.iter().filter(|import| import.is_service == services) {
                match table.take(importer, import) {
                    Ok(import) => settled[importer].push(import),
                    Err(error) => errors.push(error),
                }
            }
        }
    }
    drop(table);
    for (account, imports) in accounts.iter_mut().zip(settled) {
        account.imports = imports;
    }
    errors
}

fn kind(is_service: bool) -> &'static str {
    if is_service { "service" } else { "stream" }
}

/// Whether they name accounts that there are, and tokens that are wildcards.
fn check_exports(accounts: &[options::Account]) -> Vec<String> {
    let names: BTreeSet<&str> = accounts.iter().map(|account| account.name.as_str()).collect();
    let mut errors = Vec::new();
    for export in accounts.iter().flat_map(|account| &account.exports) {
        let kind = kind(export.is_service);
        let unknown = export.accounts.iter().filter(|account| !names.contains(account.as_str()));
        errors.extend(
            unknown.map(|account| format!("{} account not defined for {kind} export", quoted(account))),
        );
        let position = export.account_token;
        let stands_at = |position: i64| {
            usize::try_from(position - 1).is_ok_and(|at| export.subject.split('.').nth(at) == Some("*"))
        };
        if position != 0 && !stands_at(position) {
            errors.push(format!("Error adding {kind} export {}: {INVALID}", quoted(&export.subject)));
        }
    }
    errors
}

fn check_latency(account: &Account<'_>, export: &Export) -> Option<String> {
    let latency = export.latency.as_ref().filter(|_| export.is_service)?;
    let subject = latency.subject.as_str();
    let why = if !pattern::is_publishable(subject) || account.services.hold(subject) {
        "invalid publish subject"
    } else if export.response != Response::Singleton {
        "bad service response type"
    } else {
        return None;
    };
    let service = quoted(&export.subject);
    Some(format!("Error adding service latency sampling for {service} on subject {}: {why}", quoted(subject)))
}

impl<'a> Accounts<'a> {
    fn new(accounts: &'a [options::Account]) -> Accounts<'a> {
        let offers = |account: &'a options::Account, services: bool| {
            Offers::new(account.exports.iter().filter(move |export| export.is_service == services))
        };
        let all = accounts.iter().map(|account| Account {
            name: &account.name,
            streams: offers(account, false),
            services: offers(account, true),
            taken_streams: Taken::default(),
            taken_services: Taken::default(),
        });
        let places = accounts.iter().enumerate().map(|(place, account)| (account.name.as_str(), place));
        Accounts { all: all.collect(), places: places.collect() }
    }

    /// Puts an import in force, or says why it cannot be.
    fn take(&mut self, importer: usize, import: &Import) -> Result<options::Import, String> {
        let kind = kind(import.is_service);
        let Some(&exporter) = self.places.get(import.account.as_str()) else {
            return Err(format!("{} account not defined for {kind} import", quoted(&import.account)));
        };
        let settled = match import.is_service {
            true => self.service(exporter, importer, import),
            false => self.stream(exporter, importer, import),
        };
        let (way, settled) = settled
            .map_err(|error| format!("Error adding {kind} import {}: {error}", quoted(&import.subject)))?;
        let is_found = !import.is_service || way.there == import.subject;
        let account = &mut self.all[importer];
        match import.is_service {
            true => account.taken_services.push(way, |way| (&way.here, &way.there)),
            false => account.taken_streams.push(way, |way| (&way.there, &way.here)),
        }
        if !is_found {
            let subject = quoted(&import.subject);
            return Err(format!("Error setting service import sharing {subject}: service import not found"));
        }
        Ok(settled)
    }

    /// Source: nats-server `accounts.go:addStreamImportWithClaim`, `addMappedStreamImportWithClaim`.
    fn stream(&self, exporter: usize, importer: usize, import: &Import) -> Settled {
        let from = import.subject.as_str();
        let exports = &self.all[exporter].streams;
        let open = |from| exports.open_to(self.all[importer].name, from);
        let export = pattern::is_valid(from).then(|| open(from)).flatten();
        let export = export.ok_or_else(|| "stream import not authorized".to_owned())?;
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
            cycles::check(Kind::Stream, &self.all, exporter, subject, &mut visited)?;
        }
        let mut here = to.clone();
        if pattern::has_wildcard(from) && to != from {
            transform::check(from, &transform::numbered(&to), true).map_err(|error| {
                let what = "failed to create mapping transform for stream import subject from";
                format!("{what} {} to {}: {error}", quoted(from), quoted(&to))
            })?;
            here = transform::unnumbered(&to);
        }
        if self.all[importer].taken_streams.known.contains_key(&(exporter, from.to_owned())) {
            return Err("stream import already exists".to_owned());
        }
        Ok((Way { account: exporter, there: from.to_owned(), here }, settled(import, to, export)))
    }

    /// Source: nats-server `accounts.go:addServiceImportWithClaim`, `addServiceImport`.
    fn service(&self, exporter: usize, importer: usize, import: &Import) -> Settled {
        let (here, there) = (import.called(), import.subject.as_str());
        if !pattern::is_valid(here) || !pattern::is_valid(there) {
            return Err(INVALID.to_owned());
        }
        let export = self.all[exporter].services.open_to(self.all[importer].name, there);
        let export = export.ok_or_else(|| "service import not authorized".to_owned())?;
        let wild = pattern::has_wildcard(there);
        let plain = if wild { transform::unnumbered(here) } else { here.to_owned() };
        let mut visited = BTreeSet::from([importer]);
        cycles::check(Kind::Service, &self.all, exporter, &plain, &mut visited)?;
        let taken = &self.all[importer].taken_services;
        if let Some(twin) = taken.known.get(&(exporter, here.to_owned())).map(|place| &taken.all[*place]) {
            let (subject, account, used) = (quoted(here), quoted(&import.account), quoted(&twin.there));
            let used = format!("previously used in import for account {account}, subject {used}");
            return Err(format!("duplicate service import subject {subject}, {used}"));
        }
        let mut way = Way { account: exporter, there: there.to_owned(), here: here.to_owned() };
        if wild && here != there {
            let target = transform::unnumbered(there);
            transform::check(&target, &transform::numbered(here), true).map_err(|error| {
                let what = "failed to create mapping transform for service import subject from";
                format!("{what} {} to {}: {error}", quoted(here), quoted(&target))
            })?;
            (way.there, way.here) = (target, plain);
        }
        Ok((way, settled(import, here.to_owned(), export)))
    }
}

impl Taken {
    /// `tell` answers by what two imports from one account are told apart, and by what cycles meet it.
    fn push(&mut self, way: Way, tell: fn(&Way) -> (&String, &String)) {
        let (apart, met) = tell(&way);
        self.met.push(met);
        self.known.entry((way.account, apart.clone())).or_insert(self.all.len());
        self.all.push(way);
    }
}

fn settled(import: &Import, to: String, export: &str) -> options::Import {
    options::Import {
        is_service: import.is_service,
        account: import.account.clone(),
        subject: import.subject.clone(),
        to,
        export: export.to_owned(),
        share: import.share,
    }
}
