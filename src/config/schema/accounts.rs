//! The `accounts` block. Source: nats-server `opts.go:parseAccounts`.

use std::collections::HashSet;
use std::sync::Arc;

use nkeys::KeyPairType;
use shard::account::GLOBAL_ACCOUNT;
use shard::account::snapshot::Limits;
use shard::subject::pattern;

use super::super::field::{Field, parse_integer, quoted};
use super::super::options::{self, Options};
use super::super::problem::Position;
use super::super::report::Report;
use super::super::tree::{Map, Value};
use super::imports::Import;
use super::{Key, account_jetstream, checked, exports, imports, mappings, nkey, permissions, sharing, users};

const KEYS: &[Key<Account>] = &[
    Key { names: &["nkey"], read: public_key },
    Key {
        names: &["imports"],
        read: |field, account, report| account.imports = imports::read(field, report),
    },
    Key {
        names: &["exports"],
        read: |field, account, report| account.found.exports = exports::read(field, report),
    },
    Key { names: &["jetstream"], read: |field, _, report| account_jetstream::check(field, report) },
    Key {
        names: &["users"],
        read: |field, account, report| {
            account.found.users = users::read(field, report).unwrap_or_default();
        },
    },
    Key {
        names: &["default_permissions"],
        read: |field, account, report| {
            account.found.default_permissions =
                permissions::read(field, Some(field.at()), report).map(Arc::new);
        },
    },
    Key {
        names: &["mappings", "maps"],
        read: |field, account, report| account.found.mappings = mappings::read(field, report),
    },
    Key { names: &["limits"], read: limits },
    Key { names: &["msg_trace", "trace_dest"], read: message_trace },
];

const LIMITS: &[Key<Limits>] = &[
    Key {
        names: &["max_connections", "max_conn"],
        read: |field, limits, report| limit(field, &mut limits.max_connections, report),
    },
    Key {
        names: &["max_subscriptions", "max_subs"],
        read: |field, limits, report| limit(field, &mut limits.max_subscriptions, report),
    },
    Key {
        names: &["max_payload", "max_pay"],
        read: |field, limits, report| limit(field, &mut limits.max_payload, report),
    },
    Key {
        names: &["max_leafnodes", "max_leafs"],
        read: |field, limits, report| limit(field, &mut limits.max_leafnodes, report),
    },
];

/// An account while the block is read: imports come last, when all exports are known.
#[derive(Default)]
struct Account {
    found: options::Account,
    imports: Vec<Import>,
}

/// What is given replaces all accounts there were.
pub fn read(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    let accounts = match &field.node.value {
        Value::Array(_) => names(field, report),
        Value::Map(map) => all(field, map, report),
        // nats-server takes any other value, and has no accounts then.
        _ => Vec::new(),
    };
    options.accounts = Arc::new(accounts);
}

/// A list of names: accounts without anything in them.
fn names(field: &Field<'_>, report: &mut Report) -> Vec<options::Account> {
    let (mut seen, mut accounts) = (HashSet::new(), Vec::new());
    for node in field.array(report).unwrap_or_default() {
        let Some(name) = field.element(node).string(report) else { break };
        if name == GLOBAL_ACCOUNT {
            report.refuse(&node.at, format!("{} is a Reserved Account", quoted(name)));
        } else if !seen.insert(name) {
            report.refuse(&node.at, format!("Duplicate Account Entry: {name}"));
        } else {
            accounts.push(options::Account { name: name.to_owned(), ..Default::default() });
        }
    }
    accounts
}

fn all(field: &Field<'_>, map: &Map, report: &mut Report) -> Vec<options::Account> {
    let mut found: Vec<Account> = Vec::with_capacity(map.len());
    let mut users: Vec<(usize, &Position)> = Vec::with_capacity(map.len());
    for (name, node) in map.iter().filter(|(_, node)| !node.used.get()) {
        let Value::Map(inside) = &node.value else {
            report.refuse(&node.at, "Expected map entries for accounts");
            continue;
        };
        if name == GLOBAL_ACCOUNT {
            report.refuse(&node.at, format!("{} is a Reserved Account", quoted(name)));
            continue;
        }
        let mut account = Account::default();
        account.found.name.clone_from(name);
        super::read(inside, KEYS, &mut account, report);
        if let Some((_, node)) = inside.iter().find(|(key, _)| key.eq_ignore_ascii_case("users")) {
            users.push((found.len(), &node.at));
        }
        found.push(account);
    }
    let mut known = HashSet::new();
    for (account, at) in users {
        users::check_unique(&mut known, &found[account].found.users, at, report);
    }
    let (mut accounts, imports): (Vec<_>, Vec<_>) =
        found.into_iter().map(|account| (account.found, account.imports)).unzip();
    // What is shared is only looked at where all else is well.
    if report.problems.is_empty() {
        for error in sharing::settle(&mut accounts, &imports) {
            report.refuse(field.at(), error);
        }
    }
    accounts
}

fn public_key(field: &Field<'_>, _: &mut Account, report: &mut Report) {
    let is_key =
        matches!(&field.node.value, Value::String(text) if nkey::is_public(text, KeyPairType::Account));
    if !is_key {
        let shown = field.node.value.quoted();
        report.refuse(field.at(), format!("Not a valid public nkey for an account: {shown}"));
    }
}

fn limits(field: &Field<'_>, account: &mut Account, report: &mut Report) {
    let Value::Map(map) = &field.node.value else {
        let found = field.node.value.shown();
        return report.refuse(field.at(), format!("Expected account limits to be a map/struct, got {found}"));
    };
    super::read_else(map, LIMITS, &mut account.found.limits, report, |field, report| {
        if !field.node.used.get() {
            let said = format!("Unknown field {} parsing account limits", quoted(field.key));
            report.refuse(field.at(), said);
        }
    });
}

/// -1 is no limit; what is below it lets nothing pass, as 0 does. Source: nats-server `client.go:subsAtLimit`,
/// `accounts.go:MaxTotalConnectionsReached`.
fn limit(field: &Field<'_>, into: &mut Option<usize>, report: &mut Report) {
    *into = match field.integer(report) {
        None | Some(-1) => None,
        Some(max) => Some(usize::try_from(max).unwrap_or_default()),
    };
}

/// Source: nats-server `opts.go:parseAccountMsgTrace`.
fn message_trace(field: &Field<'_>, _: &mut Account, report: &mut Report) {
    let map = match &field.node.value {
        Value::String(_) => {
            trace_destination(field, report);
            return;
        }
        Value::Map(map) => map,
        other => {
            let (key, found) = (quoted(field.key), other.type_name());
            let said =
                format!("Expected account message trace {key} to be a string or a map/struct, got {found}");
            return report.refuse(field.at(), said);
        }
    };
    let (mut has_destination, mut has_sampling) = (false, false);
    for (name, node) in map.iter() {
        let key = Field::new(name, node);
        let read = match name.to_lowercase().as_str() {
            "dest" => trace_destination(&key, report).map(|()| has_destination = true),
            "sampling" => trace_sampling(&key, report).map(|()| has_sampling = true),
            _ if node.used.get() => Some(()),
            _ => {
                let (name, block) = (quoted(name), quoted(field.key));
                let said = format!("Unknown field {name} parsing account message trace map/struct {block}");
                report.refuse(key.at(), said);
                None
            }
        };
        if read.is_none() {
            return;
        }
    }
    if has_sampling && !has_destination {
        let said = "Trace destination sampling ignored since no destination was set";
        checked::warn_plainly(field, said, report);
    }
}

fn trace_destination(field: &Field<'_>, report: &mut Report) -> Option<()> {
    let said = match &field.node.value {
        Value::String(subject) if pattern::is_publishable(subject) => {
            report.unbuilt(field.at(), field.key, "message traces");
            return Some(());
        }
        Value::String(subject) => format!("Trace destination {} is not valid", quoted(subject)),
        other => format!("Field {} should be a string, got {}", quoted(field.key), other.type_name()),
    };
    report.refuse(field.at(), said);
    None
}

fn trace_sampling(field: &Field<'_>, report: &mut Report) -> Option<()> {
    let percent = match &field.node.value {
        Value::Integer(percent) => Ok(*percent),
        Value::String(text) => parse_integer(text.strip_suffix('%').unwrap_or(text))
            .map_err(|_| format!("Invalid trace destination sampling value {}", quoted(text))),
        other => {
            let (key, found) = (quoted(field.key), other.type_name());
            Err(format!(
                "Trace destination sampling field {key} should be an integer or a percentage, got {found}"
            ))
        }
    };
    let said = match percent {
        Ok(1..=100) => return Some(()),
        // The misspelling is nats-server's.
        Ok(percent) => {
            format!("Ttrace destination sampling value {percent} is invalid, needs to be [1..100]")
        }
        Err(said) => said,
    };
    report.refuse(field.at(), said);
    None
}
