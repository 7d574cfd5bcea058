//! The `accounts` block: known and checked, not built. Source: nats-server `opts.go:parseAccounts`.

use std::collections::BTreeMap;

use nkeys::KeyPairType;
use shard::subject::pattern;

use super::super::field::{Field, parse_integer, quoted};
use super::super::options::Options;
use super::super::report::Report;
use super::super::tree::{Map, Value};
use super::sharing::{self, Shared};
use super::users::{self, Users};
use super::{Key, account_jetstream, checked, exports, imports, mappings, nkey, permissions};

/// The account of those that belong to no other.
const GLOBAL: &str = "$G";

const KEYS: &[Key<Account>] = &[
    Key { names: &["nkey"], read: public_key },
    Key {
        names: &["imports"],
        read: |field, account, report| account.shared.imports = imports::check(field, report),
    },
    Key {
        names: &["exports"],
        read: |field, account, report| account.shared.exports = exports::check(field, report),
    },
    Key { names: &["jetstream"], read: |field, _, report| account_jetstream::check(field, report) },
    Key {
        names: &["users"],
        read: |field, account, report| account.users = users::check(field, report).unwrap_or_default(),
    },
    Key {
        names: &["default_permissions"],
        read: |field, _, report| drop(permissions::read(field, Some(field.at()), report)),
    },
    Key {
        names: &["mappings", "maps"],
        read: |field, _, report| {
            mappings::check(field, report);
        },
    },
    Key { names: &["limits"], read: limits },
    Key { names: &["msg_trace", "trace_dest"], read: message_trace },
];

const LIMITS: &[Key<()>] = &[
    Key { names: &["max_connections", "max_conn"], read: checked::integer },
    Key { names: &["max_subscriptions", "max_subs"], read: checked::integer },
    Key { names: &["max_payload", "max_pay"], read: checked::integer },
    Key { names: &["max_leafnodes", "max_leafs"], read: checked::integer },
];

#[derive(Default)]
struct Account {
    shared: Shared,
    users: Users,
}

pub fn read(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let is_empty = match &field.node.value {
        Value::Array(nodes) => {
            check_names(field, report);
            nodes.is_empty()
        }
        Value::Map(map) => {
            check_all(field, map, report);
            map.is_empty()
        }
        // nats-server takes any other value, and has no accounts then.
        _ => true,
    };
    if !is_empty {
        report.unbuilt(field.at(), field.key, "accounts");
    }
}

/// A list of names: accounts without anything in them.
fn check_names(field: &Field<'_>, report: &mut Report) {
    let mut seen = Vec::new();
    for node in field.array(report).unwrap_or_default() {
        let Some(name) = field.element(node).string(report) else { return };
        if name == GLOBAL {
            report.refuse(&node.at, format!("{} is a Reserved Account", quoted(name)));
        } else if seen.contains(&name) {
            report.refuse(&node.at, format!("Duplicate Account Entry: {name}"));
        } else {
            seen.push(name);
        }
    }
}

fn check_all(field: &Field<'_>, map: &Map, report: &mut Report) {
    let mut all = BTreeMap::new();
    let mut known = Users::default();
    for (name, node) in map.iter().filter(|(_, node)| !node.used.get()) {
        let Value::Map(inside) = &node.value else {
            report.refuse(&node.at, "Expected map entries for accounts");
            continue;
        };
        if name == GLOBAL {
            report.refuse(&node.at, format!("{} is a Reserved Account", quoted(name)));
            continue;
        }
        let mut account = Account::default();
        super::read(inside, KEYS, &mut account, report);
        if let Some(node) = inside.iter().find(|(key, _)| key.eq_ignore_ascii_case("users")) {
            users::check_unique(&mut known, &account.users, &node.1.at, report);
        }
        all.insert(name.clone(), account.shared);
    }
    // What is shared is only looked at where all else is well.
    if report.problems.is_empty() {
        for error in sharing::check(&all) {
            report.refuse(field.at(), error);
        }
    }
}

fn public_key(field: &Field<'_>, _: &mut Account, report: &mut Report) {
    let is_key =
        matches!(&field.node.value, Value::String(text) if nkey::is_public(text, KeyPairType::Account));
    if !is_key {
        let shown = field.node.value.quoted();
        report.refuse(field.at(), format!("Not a valid public nkey for an account: {shown}"));
    }
}

fn limits(field: &Field<'_>, _: &mut Account, report: &mut Report) {
    let Value::Map(map) = &field.node.value else {
        let found = field.node.value.shown();
        return report.refuse(field.at(), format!("Expected account limits to be a map/struct, got {found}"));
    };
    super::read_else(map, LIMITS, &mut (), report, |field, report| {
        if !field.node.used.get() {
            let said = format!("Unknown field {} parsing account limits", quoted(field.key));
            report.refuse(field.at(), said);
        }
    });
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
        Value::String(subject) if pattern::is_publishable(subject) => return Some(()),
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
