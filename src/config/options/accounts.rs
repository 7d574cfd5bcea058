//! Accounts, users and what accounts share, as they are written: checked, and plain data still. What they mean
//! for connections and messages is compiled by `accounts`.

use std::sync::Arc;
use std::time::Duration;

use shard::account::mapping::Destination;
use shard::account::snapshot::{Latency, Limits, Response};
use shard::session::admission::{ConnectionTypes, Secret};
use shard::session::permissions::Rules;

/// One account of the `accounts` block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    pub name: String,
    pub users: Vec<User>,
    /// Those of its users that have none of their own.
    pub default_permissions: Option<Arc<Rules>>,
    pub limits: Limits,
    pub exports: Vec<Export>,
    pub imports: Vec<Import>,
    /// In the order they are looked at.
    pub mappings: Vec<Mapping>,
}

/// Somebody who may come in.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// A name, or a public key.
    pub name: String,
    /// `None` for a key.
    pub password: Option<Secret>,
    pub permissions: Option<Arc<Rules>>,
    pub allowed: ConnectionTypes,
}

/// What an account offers, under one subject; entries of the same subject are one.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    pub subject: String,
    pub is_service: bool,
    /// Who may import it; nobody listed is everybody.
    pub accounts: Vec<String>,
    /// The token, from 1, that must be the importer's name; 0 for none.
    pub account_token: i64,
    pub response: Response,
    /// How long a response is waited for; `None` is the default.
    pub threshold: Option<Duration>,
    pub latency: Option<Latency>,
}

/// What an account takes from another, found to be exported to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub is_service: bool,
    /// The account it comes from.
    pub account: String,
    /// Its subject there.
    pub subject: String,
    /// And here, prefix included; with numbers, where wildcards change their places.
    pub to: String,
    /// The subject of the export that it was found to be part of.
    pub export: String,
    /// The exporter is told who asks.
    pub share: bool,
}

/// A subject and what it is mapped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub source: String,
    pub destinations: Vec<Destination>,
}
