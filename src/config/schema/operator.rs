//! Operator mode: who may vouch for accounts. Known and checked, not built. Source: nats-server
//! `opts.go:processConfigFileLine`, `jwt.go:readOperatorJWT`.

use nkeys::KeyPairType;

use super::super::field::{Field, quoted};
use super::super::options::Options;
use super::super::parser;
use super::super::report::Report;
use super::super::tree::Value;
use super::claims::{self, Kind};
use super::nkey;

const FEATURE: &str = "operator mode";
/// How every token begins.
const TOKEN_START: &str = "eyJ";

pub fn operators(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let mut names: Vec<&str> = Vec::new();
    match &field.node.value {
        Value::String(name) => names.push(name),
        Value::Array(nodes) => {
            for node in nodes.iter() {
                let Value::String(name) = &node.value else {
                    let said =
                        "error parsing operators: unsupported type *conf.token where string is expected";
                    report.refuse(field.at(), said);
                    break;
                };
                names.push(name);
            }
        }
        other => {
            let found = other.type_name();
            report.refuse(field.at(), format!("error parsing operators: unsupported type {found}"));
        }
    }
    for name in &names {
        if let Err(error) = check_operator(name) {
            report.refuse(field.at(), format!("error parsing operator JWT: {error}"));
        }
    }
    if !names.is_empty() {
        report.unbuilt(field.at(), field.key, FEATURE);
    }
}

/// A file with the operator's token, or the token itself.
fn check_operator(name: &str) -> Result<(), String> {
    let text = match std::fs::read_to_string(name) {
        Ok(text) => text,
        Err(_) if name.starts_with(TOKEN_START) => name.to_owned(),
        Err(error) => return Err(format!("open {name}: {}", parser::reason(&error))),
    };
    claims::check(claims::undecorated(&text), Kind::Operator)
}

pub fn trusted_keys(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let mut keys: Vec<&str> = Vec::new();
    let mut last = field.at();
    match &field.node.value {
        Value::String(key) => keys.push(key),
        Value::Array(nodes) => {
            for node in nodes.iter() {
                last = &node.at;
                match &node.value {
                    Value::String(key) => keys.push(key),
                    other => {
                        let found = other.type_name();
                        let said = format!("error parsing trusted: unsupported type in array {found}");
                        report.refuse(&node.at, said);
                    }
                }
            }
        }
        other => {
            let found = other.type_name();
            report.refuse(field.at(), format!("error parsing trusted: unsupported type {found}"));
        }
    }
    for key in keys.iter().filter(|key| !nkey::is_public(key, KeyPairType::Operator)) {
        let said = format!("trust key {} required to be a valid public operator nkey", quoted(key));
        report.refuse(last, said);
    }
    if !keys.is_empty() {
        report.unbuilt(field.at(), field.key, FEATURE);
    }
}

pub fn preload(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let Value::Map(map) = &field.node.value else {
        return report.refuse(field.at(), "preload should be a map of account_public_key:account_jwt");
    };
    for node in map.values() {
        match &node.value {
            Value::String(token) if claims::check(token, Kind::Account).is_ok() => {}
            Value::String(_) => report.refuse(&node.at, "invalid account JWT"),
            _ => report.refuse(&node.at, "preload map value should be a string JWT"),
        }
    }
    if !map.is_empty() {
        report.unbuilt(field.at(), field.key, FEATURE);
    }
}

pub fn pinned_accounts(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    super::checked::strings(field, "resolver_pinned_accounts", report);
    report.unbuilt(field.at(), field.key, FEATURE);
}

pub fn default_sentinel(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    if field.string(report).is_some_and(|token| !token.is_empty()) {
        report.unbuilt(field.at(), field.key, FEATURE);
    }
}
