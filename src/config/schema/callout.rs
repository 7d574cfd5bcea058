//! Authentication that is asked of a service. Source: nats-server `opts.go:parseAuthCallout`.

use nkeys::KeyPairType;

use super::super::field::{Field, quoted};
use super::super::report::Report;
use super::super::tree::Value;
use super::nkey;

/// Checks the block; answers the accounts it is restricted to.
pub fn check(field: &Field<'_>, report: &mut Report) -> Vec<String> {
    let Value::Map(map) = &field.node.value else {
        let found = field.node.value.shown();
        let said = format!("Expected authorization callout to be a map/struct, got {found}");
        report.refuse(field.at(), said);
        return Vec::new();
    };
    let (mut issuer, mut users, mut accounts) = ("", 0, Vec::new());
    let mut last = field.at();
    for (name, node) in map.iter() {
        let key = Field::new(name, node);
        last = key.at();
        let read = match name.to_lowercase().as_str() {
            "issuer" => {
                key_of(&key, KeyPairType::Account, "callout user to be a valid public account nkey", report)
                    .map(|text| issuer = text)
            }
            "xkey" | "key" => {
                key_of(&key, KeyPairType::Curve, "callout xkey to be a valid public xkey", report).map(|_| ())
            }
            "account" | "acc" => key.string(report).map(|_| ()),
            "auth_users" | "users" => names(&key, "auth_users", report).map(|names| users = names.len()),
            "allowed_accounts" => names(&key, "allowed accounts", report).map(|names| accounts = names),
            _ => {
                if !node.used.get() {
                    let said = format!("Unknown field {} parsing authorization callout", quoted(name));
                    report.refuse(key.at(), said);
                }
                Some(())
            }
        };
        // A wrong value ends the block.
        if read.is_none() {
            return Vec::new();
        }
    }
    if issuer.is_empty() {
        report.refuse(last, "Authorization callouts require an issuer to be specified");
    } else if users == 0 {
        report.refuse(last, "Authorization callouts require authorized users to be specified");
    }
    accounts
}

fn key_of<'a>(field: &Field<'a>, kind: KeyPairType, wanted: &str, report: &mut Report) -> Option<&'a str> {
    let text = field.string(report)?;
    if nkey::is_public(text, kind) {
        return Some(text);
    }
    report.refuse(field.at(), format!("Expected {wanted}, got {}", quoted(text)));
    None
}

fn names(field: &Field<'_>, list: &str, report: &mut Report) -> Option<Vec<String>> {
    let Value::Array(nodes) = &field.node.value else {
        report.refuse(field.at(), format!("Expected {list} field to be an array, got *conf.token"));
        return None;
    };
    nodes.iter().map(|node| field.element(node).string(report).map(str::to_owned)).collect()
}
