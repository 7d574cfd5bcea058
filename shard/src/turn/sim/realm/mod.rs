//! Accounts, users and borders as plain data: what a run's directories are made of, and what its clients are
//! judged by. Nothing of the server is asked here but the lists of permissions, gone through one by one.

mod draw;
mod sights;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

pub use sights::{Outlook, Sight, mapped, rename};

use crate::account::mapping::{Destination, Mappings};
use crate::account::snapshot::{Latency, Response, Sampling, Service};
use crate::account::{Directory, GLOBAL_ACCOUNT, ServiceImport, Snapshot, StreamImport};
use crate::session::admission::{Admission, ConnectionTypes, Secret, User};
use crate::session::permissions::oracle::Oracle as Judge;
use crate::session::permissions::{Permissions, Rules};

#[derive(Debug, Clone, Default)]
pub struct Realm {
    pub accounts: Vec<Estate>,
    pub services: Vec<Offer>,
    pub users: Vec<Person>,
    /// Who is let in without a word.
    pub default: Option<usize>,
    /// Client connections of each account, over all shards and reloads.
    pub clients: Vec<Arc<AtomicUsize>>,
    /// What clients publish and subscribe to.
    pub subjects: Vec<String>,
    pub patterns: Vec<String>,
}

/// An account.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    pub name: String,
    pub streams: Vec<Line>,
    pub asks: Vec<Ask>,
    pub mappings: Vec<Mapped>,
    pub is_gone: bool,
}

/// A border that messages cross, renamed from the one to the other.
#[derive(Debug, Clone)]
pub struct Line {
    pub exporter: usize,
    pub from: String,
    pub to: String,
}

/// An import of a service, whose place among the realm's is given.
#[derive(Debug, Clone)]
pub struct Ask {
    pub service: usize,
    pub line: Line,
    pub share: bool,
}

/// A service of an account.
#[derive(Debug, Clone)]
pub struct Offer {
    pub account: usize,
    pub subject: String,
    pub is_stream: bool,
    pub threshold: Duration,
    pub is_measured: bool,
}

/// What a subject is mapped to, by weight.
#[derive(Debug, Clone)]
pub struct Mapped {
    pub source: String,
    pub targets: Vec<(String, u8)>,
}

#[derive(Debug, Clone)]
pub struct Person {
    pub name: String,
    pub password: String,
    /// The configuration has a hash of it alone.
    pub is_hashed: bool,
    pub account: usize,
    pub rules: Option<Rules>,
    pub is_gone: bool,
}

impl Person {
    fn secret(&self) -> Secret {
        match self.is_hashed {
            true => Secret::new(&hash_of(&self.password)),
            false => Secret::new(&self.password),
        }
    }

    fn judge(&self) -> Option<Judge> {
        self.rules.as_ref().map(Judge::new)
    }

    pub fn may_publish(&self, subject: &str) -> bool {
        self.judge().is_none_or(|judge| judge.may_publish(subject))
    }

    pub fn may_subscribe(&self, pattern: &str, queue: Option<&str>) -> bool {
        self.judge().is_none_or(|judge| judge.may_subscribe(pattern, queue))
    }

    pub fn may_receive(&self, subject: &str, queue: Option<&str>) -> bool {
        self.judge().is_none_or(|judge| judge.may_receive(subject, queue))
    }

    pub fn denies(&self) -> bool {
        self.rules.as_ref().is_some_and(|rules| !rules.subscribe.deny.is_empty())
    }
}

/// What stands for a hash here: who checks it in a simulation looks it up.
pub fn hash_of(password: &str) -> String {
    format!("$2a$04$of.{password}")
}

impl Realm {
    /// One account, open to all.
    pub fn open() -> Realm {
        let estate = Estate { name: GLOBAL_ACCOUNT.to_owned(), ..Estate::default() };
        Realm { accounts: vec![estate], clients: vec![Arc::default()], ..Realm::default() }
    }

    /// Clients must show who they are.
    pub fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    /// The directory that a server is configured with for this.
    pub fn directory(&self) -> Directory {
        let offers = self.services.iter().map(|offer| {
            Arc::new(Service {
                account: offer.account as u32,
                subject: offer.subject.clone(),
                response: if offer.is_stream { Response::Stream } else { Response::Singleton },
                threshold: offer.threshold,
                latency: offer.is_measured.then(|| Latency {
                    subject: metrics_subject(offer.account),
                    sampling: Sampling::Percent(100),
                }),
            })
        });
        let offers: Vec<Arc<Service>> = offers.collect();
        let accounts = self.accounts.iter().enumerate();
        let accounts = accounts.map(|(id, estate)| Arc::new(self.snapshot(id, estate, &offers))).collect();
        let users = self.users.iter().filter(|person| !person.is_gone).map(|person| {
            let permissions = person.rules.clone().map(|rules| Arc::new(Permissions::new(rules)));
            let user = User {
                name: person.name.clone(),
                password: Some(person.secret()),
                account: person.account as u32,
                permissions,
                allowed: ConnectionTypes::ALL,
            };
            (person.name.clone(), Arc::new(user))
        });
        let no_auth_user = self.default.map(|user| self.users[user].name.clone());
        let has_list = self.has_users();
        let admission = Admission { users: users.collect(), no_auth_user, has_list, ..Admission::default() };
        Directory { accounts, admission, system: None }
    }

    fn snapshot(&self, id: usize, estate: &Estate, offers: &[Arc<Service>]) -> Snapshot {
        let stream_imports = estate.streams.iter().map(|line| {
            StreamImport::new(line.exporter as u32, &line.from, &line.to).expect("a stream is imported")
        });
        let service_imports = estate.asks.iter().map(|ask| {
            let service = Arc::clone(&offers[ask.service]);
            ServiceImport::new(service, &ask.line.from, &ask.line.to, ask.share)
                .expect("a service is imported")
        });
        let mappings = estate.mappings.iter().map(|mapped| {
            let targets = mapped.targets.iter().map(|(subject, weight)| Destination {
                subject: subject.clone(),
                weight: *weight,
                cluster: String::new(),
            });
            (mapped.source.clone(), targets.collect())
        });
        let mut neighbours: Vec<u32> = self.exporters(id).map(|other| other as u32).collect();
        for other in 0..self.accounts.len() {
            if self.exporters(other).any(|exporter| exporter == id) {
                neighbours.push(other as u32);
            }
        }
        neighbours.sort_unstable();
        neighbours.dedup();
        Snapshot {
            name: estate.name.clone(),
            is_gone: estate.is_gone,
            mappings: Mappings::new(mappings.collect()).expect("mappings are well formed"),
            stream_imports: stream_imports.collect(),
            service_imports: service_imports.collect(),
            neighbours,
            clients: Arc::clone(&self.clients[id]),
            ..Snapshot::default()
        }
    }

    fn exporters(&self, id: usize) -> impl Iterator<Item = usize> + '_ {
        let estate = &self.accounts[id];
        let asked = estate.asks.iter().map(|ask| ask.line.exporter);
        estate.streams.iter().map(|line| line.exporter).chain(asked)
    }

    /// Whether a subscription of the account stands in others too, or competes with those of others.
    pub fn has_shadows(&self, account: usize) -> bool {
        let own = !self.accounts[account].streams.is_empty();
        own || self.accounts.iter().any(|other| other.streams.iter().any(|line| line.exporter == account))
    }
}

/// Where figures of an account's services go.
pub fn metrics_subject(account: usize) -> String {
    format!("metrics.{account}")
}
