//! The users of an account, or of the whole server. Source: nats-server `opts.go:parseUsers`.

use std::collections::HashSet;
use std::sync::Arc;

use nkeys::KeyPairType;
use shard::session::admission::{ConnectionTypes, Secret};
use shard::session::permissions::Rules;

use super::super::field::{Field, quoted};
use super::super::options::User;
use super::super::problem::Position;
use super::super::report::Report;
use super::super::tree::Value;
use super::{nkey, permissions};

/// What one entry says about itself.
struct Entry<'a> {
    name: &'a str,
    password: &'a str,
    key: &'a str,
    permissions: Option<Arc<Rules>>,
    allowed: ConnectionTypes,
}

/// Reads the list; `None` where something is wrong that ends it.
pub fn read(field: &Field<'_>, report: &mut Report) -> Option<Vec<User>> {
    let Value::Array(nodes) = &field.node.value else {
        let found = field.node.value.shown();
        report.refuse(field.at(), format!("Expected users field to be an array, got {found}"));
        return None;
    };
    let mut users = Vec::with_capacity(nodes.len());
    for node in nodes.iter() {
        let entry = field.element(node);
        let Value::Map(map) = &node.value else {
            let found = node.value.shown();
            report.refuse(&node.at, format!("Expected user entry to be a map/struct, got {found}"));
            continue;
        };
        let mut user =
            Entry { name: "", password: "", key: "", permissions: None, allowed: ConnectionTypes::ALL };
        let mut last = entry.at();
        for (name, node) in map.iter() {
            last = &node.at;
            read_key(&Field::new(name, node), &mut user, report)?;
        }
        match user.finish() {
            Ok(user) => users.push(user),
            Err(error) => {
                report.refuse(last, error);
                return None;
            }
        }
    }
    Some(users)
}

/// Reads one key of an entry; `None` after a value of the wrong type, which ends the list.
fn read_key<'a>(field: &Field<'a>, user: &mut Entry<'a>, report: &mut Report) -> Option<()> {
    match field.key.to_lowercase().as_str() {
        "nkey" => user.key = field.string(report)?,
        "user" | "username" => user.name = field.string(report)?,
        "pass" | "password" => user.password = field.string(report)?,
        "permission" | "permissions" | "authorization" => {
            user.permissions = permissions::read(field, Some(field.at()), report).map(Arc::new);
        }
        "allowed_connection_types" | "connection_types" | "clients" => {
            user.allowed = connection_types(field, report);
        }
        "proxy_required" => {
            if field.boolean(report)? {
                report.unbuilt(field.at(), field.key, "proxies");
            }
        }
        _ if field.node.used.get() => {}
        _ => report.unknown(field.at(), field.key),
    }
    Some(())
}

impl Entry<'_> {
    fn finish(self) -> Result<User, &'static str> {
        let Entry { name, password, key, permissions, allowed } = self;
        if key.is_empty() && name.is_empty() {
            return Err("User entry requires a user");
        }
        if key.is_empty() {
            let password = Some(Secret::new(password));
            return Ok(User { name: name.to_owned(), password, permissions, allowed });
        }
        if !nkey::is_public(key, KeyPairType::User) {
            return Err("Not a valid public nkey for a user");
        }
        if !name.is_empty() || !password.is_empty() {
            return Err("Nkey users do not take usernames or passwords");
        }
        Ok(User { name: key.to_owned(), password: None, permissions, allowed })
    }
}

/// None listed are all. Source: nats-server `jwt.go:convertAllowedConnectionTypes`.
fn connection_types(field: &Field<'_>, report: &mut Report) -> ConnectionTypes {
    let given: Vec<&str> = match &field.node.value {
        Value::String(kind) => vec![kind],
        Value::Array(nodes) => {
            let kinds = nodes.iter().filter_map(|node| match &node.value {
                Value::String(kind) => Some(kind.as_str()),
                _ => None,
            });
            kinds.collect()
        }
        _ => Vec::new(),
    };
    super::checked::strings(field, "allowed connection types", report);
    let (mut allowed, mut unknown) = (ConnectionTypes::NONE, Vec::new());
    for kind in &given {
        match ConnectionTypes::named(kind) {
            Some(kind) => allowed = allowed.with(kind),
            None => unknown.push(quoted(&kind.to_uppercase())),
        }
    }
    if !unknown.is_empty() {
        report.refuse(field.at(), format!("invalid connection types [{}]", unknown.join(" ")));
    }
    if given.is_empty() { ConnectionTypes::ALL } else { allowed }
}

/// Refuses users that are there twice, be it as a name and as a key. Keys come first, as in nats-server. Source:
/// nats-server `opts.go:parseAccounts`.
pub fn check_unique<'a>(known: &mut HashSet<&'a str>, new: &'a [User], at: &Position, report: &mut Report) {
    let (keys, names): (Vec<&User>, Vec<&User>) = new.iter().partition(|user| user.password.is_none());
    for (what, users) in [("nkey", keys), ("user", names)] {
        for user in users {
            if !known.insert(&user.name) {
                report.refuse(at, format!("Duplicate {what} {} detected", quoted(&user.name)));
            }
        }
    }
}
