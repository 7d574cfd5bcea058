//! What an account exports, to be asked who may have a subject. Source: nats-server
//! `accounts.go:setExportAuth`, `checkStreamExportApproved`, `checkServiceExportApproved`.

use std::collections::{HashMap, HashSet};

use super::super::super::options::Export;
use super::prefixes::Prefixes;
use shard::account::snapshot::Response;
use shard::subject::pattern;

/// The exports of one kind.
#[derive(Default)]
pub struct Offers<'a> {
    all: HashMap<&'a str, Offer<'a>>,
    /// Those that may hold other subjects, the narrower first: nats-server asks them in no order.
    wide: Vec<&'a str>,
    places: Prefixes,
}

struct Offer<'a> {
    /// Who may import it; nobody named is everybody.
    accounts: HashSet<&'a str>,
    account_token: i64,
}

/// Entries of the same kind and subject as one, as nats-server adds one to the other.
pub fn merged(exports: Vec<Export>) -> Vec<Export> {
    let mut places: HashMap<(bool, String), usize> = HashMap::with_capacity(exports.len());
    let mut merged: Vec<Export> = Vec::with_capacity(exports.len());
    for export in exports {
        let place = (export.is_service, export.subject.clone());
        let Some(found) = places.get(&place) else {
            places.insert(place, merged.len());
            merged.push(export);
            continue;
        };
        let known = &mut merged[*found];
        if !export.accounts.is_empty() || export.account_token > 0 {
            known.account_token = export.account_token;
            known.accounts.extend(export.accounts);
        }
        if export.response != Response::Singleton {
            known.response = export.response;
        }
        known.threshold = export.threshold;
        known.latency = export.latency.or(known.latency.take());
    }
    merged
}

impl<'a> Offers<'a> {
    pub fn new(exports: impl Iterator<Item = &'a Export>) -> Offers<'a> {
        let mut offers = Offers::default();
        for export in exports {
            let accounts = export.accounts.iter().map(String::as_str).collect();
            let offer = Offer { accounts, account_token: export.account_token };
            offers.all.insert(&export.subject, offer);
            if export.subject.contains(['*', '>']) {
                offers.wide.push(&export.subject);
            }
        }
        offers.wide.sort_by(|one, other| pattern::narrower_first(one, other));
        offers.wide.dedup();
        offers.wide.iter().for_each(|exported| offers.places.push(exported));
        offers
    }

    /// The export that has the subject for that account: one of the same name, else one that holds it.
    pub fn open_to(&self, account: &str, subject: &str) -> Option<&'a str> {
        if let Some((exported, offer)) = self.all.get_key_value(subject) {
            return offer.is_open(account, None).then_some(*exported);
        }
        let exported = self.holding(subject)?;
        self.all[exported].is_open(account, Some(subject)).then_some(exported)
    }

    /// Whether one of them holds the subject, whoever may have it.
    pub fn hold(&self, subject: &str) -> bool {
        self.all.contains_key(subject) || self.holding(subject).is_some()
    }

    fn holding(&self, subject: &str) -> Option<&'a str> {
        let mut wide = self.places.holding(subject).into_iter().map(|place| self.wide[place]);
        wide.find(|exported| pattern::is_subset(subject, exported))
    }
}

impl Offer<'_> {
    /// `within` is the subject, where the export's own is another: only then there is a token to look at.
    fn is_open(&self, account: &str, within: Option<&str>) -> bool {
        if self.account_token > 0 {
            let at = usize::try_from(self.account_token - 1).unwrap_or(usize::MAX);
            return within.is_some_and(|subject| subject.split('.').nth(at) == Some(account));
        }
        self.accounts.is_empty() || self.accounts.contains(account)
    }
}
