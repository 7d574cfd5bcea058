//! The users of an account, or of the whole server. Source: nats-server `opts.go:parseUsers`.

use nkeys::KeyPairType;

use super::super::field::{Field, quoted};
use super::super::problem::Position;
use super::super::report::Report;
use super::super::tree::Value;
use super::{nkey, permissions};

/// Who is known: names first, then keys, each in the order of the file.
#[derive(Default)]
pub struct Users {
    pub names: Vec<String>,
    pub keys: Vec<String>,
}

impl Users {
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.keys.is_empty()
    }

    pub fn add(&mut self, others: Users) {
        self.names.extend(others.names);
        self.keys.extend(others.keys);
    }
}

/// What one entry says about itself.
#[derive(Default)]
struct User<'a> {
    name: &'a str,
    password: &'a str,
    key: &'a str,
}

/// Checks the list; `None` where something is wrong that ends it.
pub fn check(field: &Field<'_>, report: &mut Report) -> Option<Users> {
    let Value::Array(nodes) = &field.node.value else {
        let found = field.node.value.shown();
        report.refuse(field.at(), format!("Expected users field to be an array, got {found}"));
        return None;
    };
    let mut users = Users::default();
    for node in nodes.iter() {
        let entry = field.element(node);
        let Value::Map(map) = &node.value else {
            let found = node.value.shown();
            report.refuse(&node.at, format!("Expected user entry to be a map/struct, got {found}"));
            continue;
        };
        let mut user = User::default();
        let mut last = entry.at();
        for (name, node) in map.iter() {
            last = &node.at;
            read(&Field::new(name, node), &mut user, report)?;
        }
        if let Err(error) = take(&user, &mut users) {
            report.refuse(last, error);
            return None;
        }
    }
    Some(users)
}

/// Reads one key of an entry; `None` after a value of the wrong type, which ends the list.
fn read<'a>(field: &Field<'a>, user: &mut User<'a>, report: &mut Report) -> Option<()> {
    match field.key.to_lowercase().as_str() {
        "nkey" => user.key = field.string(report)?,
        "user" | "username" => user.name = field.string(report)?,
        "pass" | "password" => user.password = field.string(report)?,
        "permission" | "permissions" | "authorization" => {
            permissions::read(field, Some(field.at()), report);
        }
        "allowed_connection_types" | "connection_types" | "clients" => connection_types(field, report),
        "proxy_required" => drop(field.boolean(report)?),
        _ if field.node.used.get() => {}
        _ => report.unknown(field.at(), field.key),
    }
    Some(())
}

fn take(user: &User<'_>, users: &mut Users) -> Result<(), &'static str> {
    if user.key.is_empty() && user.name.is_empty() {
        return Err("User entry requires a user");
    }
    if user.key.is_empty() {
        users.names.push(user.name.to_owned());
        return Ok(());
    }
    if !nkey::is_public(user.key, KeyPairType::User) {
        return Err("Not a valid public nkey for a user");
    }
    if !user.name.is_empty() || !user.password.is_empty() {
        return Err("Nkey users do not take usernames or passwords");
    }
    users.keys.push(user.key.to_owned());
    Ok(())
}

/// Source: nats-server `jwt.go:convertAllowedConnectionTypes`.
fn connection_types(field: &Field<'_>, report: &mut Report) {
    const KNOWN: &[&str] =
        &["STANDARD", "WEBSOCKET", "LEAFNODE", "LEAFNODE_WS", "MQTT", "MQTT_WS", "IN_PROCESS"];
    let given: Vec<String> = match &field.node.value {
        Value::String(kind) => vec![kind.to_uppercase()],
        Value::Array(nodes) => {
            let kinds = nodes.iter().filter_map(|node| match &node.value {
                Value::String(kind) => Some(kind.to_uppercase()),
                _ => None,
            });
            kinds.collect()
        }
        _ => Vec::new(),
    };
    super::checked::strings(field, "allowed connection types", report);
    let unknown: Vec<String> =
        given.iter().filter(|kind| !KNOWN.contains(&kind.as_str())).map(|kind| quoted(kind)).collect();
    if !unknown.is_empty() {
        report.refuse(field.at(), format!("invalid connection types [{}]", unknown.join(" ")));
    }
}

/// Refuses users that are in both lists or twice in one. Source: nats-server `opts.go:parseAccounts`.
pub fn check_unique(known: &mut Users, new: &Users, at: &Position, report: &mut Report) {
    for key in &new.keys {
        match known.keys.contains(key) || known.names.contains(key) {
            true => report.refuse(at, format!("Duplicate nkey {} detected", quoted(key))),
            false => known.keys.push(key.clone()),
        }
    }
    for name in &new.names {
        match known.names.contains(name) || known.keys.contains(name) {
            true => report.refuse(at, format!("Duplicate user {} detected", quoted(name))),
            false => known.names.push(name.clone()),
        }
    }
}
