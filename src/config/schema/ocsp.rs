//! The `ocsp` and `ocsp_cache` keys: the state of certificates, asked of who issued them. Source: nats-server
//! `opts.go:processConfigFileLine` and `ocsp_responsecache.go:parseOCSPResponseCache`.

use super::super::field::{Field, parse_duration, quoted};
use super::super::options::Options;
use super::super::report::Report;
use super::super::tree::Value;
use super::Key;

/// On or off, or a map whose keys are told apart by case.
pub fn staple(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let on = match &field.node.value {
        Value::Bool(on) => *on,
        Value::Map(map) => {
            let mut never = false;
            for (name, node) in map.iter() {
                let inner = Field { key: name, node, blamed: Some(field.at()) };
                match name.as_str() {
                    "mode" => never = mode(&inner, report) == Some(false),
                    "url" => {
                        inner.string(report);
                    }
                    // nats-server wants a type here that no configuration can give.
                    "urls" => {
                        inner.wrong::<()>("[]string", report);
                    }
                    _ => {
                        let said = "error parsing ocsp config: unsupported field string";
                        return report.refuse(inner.at(), said);
                    }
                }
            }
            !never
        }
        other => {
            let said = format!("error parsing ocsp config: unsupported type {}", other.type_name());
            return report.refuse(field.at(), said);
        }
    };
    if on {
        report.unbuilt(field.at(), field.key, "TLS");
    }
}

/// Whether certificates are looked at.
fn mode(field: &Field<'_>, report: &mut Report) -> Option<bool> {
    match field.string(report)?.to_lowercase().as_str() {
        "always" | "must" | "auto" => Some(true),
        "never" => Some(false),
        _ => {
            report.refuse(field.at(), "error parsing ocsp config: unsupported ocsp mode string");
            None
        }
    }
}

#[derive(Default)]
struct Cache {
    off: bool,
}

const CACHE_KEYS: &[Key<Cache>] = &[
    Key { names: &["type"], read: cache_type },
    Key {
        names: &["local_store"],
        read: |field, _, report| {
            if !matches!(field.node.value, Value::String(_)) {
                unknown_in_cache(field, report);
            }
        },
    },
    Key {
        names: &["preserve_revoked"],
        read: |field, _, report| {
            if !matches!(field.node.value, Value::Bool(_)) {
                unknown_in_cache(field, report);
            }
        },
    },
    Key { names: &["save_interval"], read: save_interval },
];

pub fn cache(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let mut cache = Cache::default();
    match &field.node.value {
        Value::Bool(on) => cache.off = !on,
        Value::Map(map) => super::read_else(map, CACHE_KEYS, &mut cache, report, unknown_in_cache),
        other => {
            let said = format!("error parsing tags: unsupported type {}", other.type_name());
            report.refuse(field.at(), said);
        }
    }
    if !cache.off {
        report.unbuilt(field.at(), field.key, "TLS");
    }
}

/// What is said of an unknown key, and of a value of the wrong type.
fn unknown_in_cache(field: &Field<'_>, report: &mut Report) {
    let said = format!("error parsing OCSP peer cache config, unknown field [{}]", quoted(field.key));
    report.refuse(field.at(), said);
}

fn cache_type(field: &Field<'_>, cache: &mut Cache, report: &mut Report) {
    let Value::String(name) = &field.node.value else { return unknown_in_cache(field, report) };
    match name.to_lowercase().as_str() {
        "none" => cache.off = true,
        "local" => {}
        _ => {
            let said = format!("error parsing OCSP peer cache config, unknown type [{name}]");
            report.refuse(field.at(), said);
        }
    }
}

fn save_interval(field: &Field<'_>, _: &mut Cache, report: &mut Report) {
    let said = match &field.node.value {
        Value::Integer(_) | Value::Float(_) => return,
        Value::String(text) => match parse_duration(text) {
            Ok(_) => return,
            Err(error) => format!("error parsing tls peer config, conversion error: {error}"),
        },
        _ => "error parsing OCSP peer cache config, conversion error: unexpected type".to_owned(),
    };
    report.refuse(field.at(), said);
}
