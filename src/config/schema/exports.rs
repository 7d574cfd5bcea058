//! What an account offers to others. Source: nats-server `opts.go:parseAccountExports`,
//! `parseExportStreamOrService`, `parseServiceLatency`.

use std::time::Duration;

use shard::account::snapshot::{Latency, Response, Sampling};

use super::super::field::{Field, parse_duration, parse_integer};
use super::super::options::Export;
use super::super::report::Report;
use super::super::tree::Value;

/// What stands in one entry, before it is known what it is.
#[derive(Default)]
struct Entry<'a> {
    stream: Option<&'a str>,
    service: Option<&'a str>,
    accounts: Vec<String>,
    account_token: i64,
    response: Option<Response>,
    threshold: Option<Option<Duration>>,
    latency: Option<Latency>,
    /// What only a service may have, in nats-server's words, and where it stands.
    of_services: Vec<(&'static str, Field<'a>)>,
}

/// Reads the list; answers the exports that are well formed.
pub fn read(field: &Field<'_>, report: &mut Report) -> Vec<Export> {
    let Value::Array(nodes) = &field.node.value else {
        let found = field.node.value.type_name();
        report.refuse(field.at(), format!("Exports should be an array, got {found}"));
        return Vec::new();
    };
    nodes.iter().filter_map(|node| export(&field.element(node), report)).collect()
}

fn export(field: &Field<'_>, report: &mut Report) -> Option<Export> {
    let map = field.map_or("Export Items should be a map with type entry, got ", report)?;
    let mut entry = Entry::default();
    for (name, node) in map.iter() {
        read_key(&Field::new(name, node), &mut entry, report)?;
    }
    let Entry { stream, service, accounts, account_token, response, threshold, latency, of_services } = entry;
    if stream.is_some() && service.is_none() {
        for (what, key) in &of_services {
            report.refuse(key.at(), format!("Detected {what} directive on non-service"));
        }
    }
    let subject = service.or(stream)?.to_owned();
    let is_service = service.is_some();
    let response = response.unwrap_or_default();
    let threshold = threshold.flatten();
    Some(Export { subject, is_service, accounts, account_token, response, threshold, latency })
}

/// Reads one key; `None` after a value of the wrong type, which ends the entry.
fn read_key<'a>(field: &Field<'a>, entry: &mut Entry<'a>, report: &mut Report) -> Option<()> {
    match field.key.to_lowercase().as_str() {
        "stream" if entry.service.is_some() => both("stream", "service", field, report),
        "service" if entry.stream.is_some() => both("service", "stream", field, report),
        "stream" => entry.stream = name("stream", field, report),
        "service" => entry.service = name("service", field, report),
        "response" | "response_type" if entry.response.is_some() => {
            report.refuse(field.at(), "Duplicate response type definition");
        }
        "response" | "response_type" => response(field, entry, report),
        "threshold" | "response_threshold" | "response_max_time" | "response_time"
            if entry.threshold.is_some() =>
        {
            report.refuse(field.at(), "Duplicate response threshold detected");
        }
        "threshold" | "response_threshold" | "response_max_time" | "response_time" => {
            entry.threshold = Some(threshold(field, report));
            entry.of_services.push(("response", *field));
        }
        "accounts" => {
            let nodes = field.array(report)?;
            let names = nodes.iter().map(|node| field.element(node).string(report).map(str::to_owned));
            entry.accounts = names.collect::<Option<Vec<_>>>()?;
        }
        "latency" => {
            entry.latency = latency(field, report);
            entry.of_services.push(("latency", *field));
        }
        "account_token_position" => entry.account_token = field.integer(report)?,
        "allow_trace" => {
            if field.boolean(report)? {
                report.unbuilt(field.at(), field.key, "message traces");
            }
            entry.of_services.push(("allow_trace", *field));
        }
        _ if field.node.used.get() => {}
        _ => report.unknown(field.at(), field.key),
    }
    Some(())
}

fn both(what: &str, seen: &str, field: &Field<'_>, report: &mut Report) {
    let shown = field.node.value.quoted();
    report.refuse(field.at(), format!("Detected {what} {shown} but already saw a {seen}"));
}

fn name<'a>(what: &str, field: &Field<'a>, report: &mut Report) -> Option<&'a str> {
    match &field.node.value {
        Value::String(subject) => Some(subject),
        other => {
            let found = other.type_name();
            report.refuse(field.at(), format!("Expected {what} name to be string, got {found}"));
            None
        }
    }
}

fn response<'a>(field: &Field<'a>, entry: &mut Entry<'a>, report: &mut Report) {
    let read = match &field.node.value {
        Value::String(kind) => match kind.to_lowercase().as_str() {
            "single" | "singleton" => Ok(Response::Singleton),
            "stream" => Ok(Response::Stream),
            "chunk" | "chunked" => Ok(Response::Chunked),
            _ => Err(format!("Unknown response type: {}", field.node.value.quoted())),
        },
        other => Err(format!("Expected response type to be string, got {}", other.type_name())),
    };
    entry.response = Some(*read.as_ref().unwrap_or(&Response::default()));
    match read {
        Ok(_) => entry.of_services.push(("response", *field)),
        Err(said) => report.refuse(field.at(), said),
    }
}

/// 0 means the default; below it a response is too late at once.
fn threshold(field: &Field<'_>, report: &mut Report) -> Option<Duration> {
    let found = match &field.node.value {
        Value::String(text) => match parse_duration(text) {
            Ok(0) => return None,
            Ok(nanoseconds) => {
                return Some(Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or_default()));
            }
            Err(_) => field.node.value.quoted(),
        },
        other => other.type_name().to_owned(),
    };
    let said = format!("Expected response threshold to be a parseable time duration, got {found}");
    report.refuse(field.at(), said);
    None
}

/// Where latencies go, and of how many requests: of all, where nothing is said.
fn latency(field: &Field<'_>, report: &mut Report) -> Option<Latency> {
    let all = Sampling::Percent(100);
    let map = match &field.node.value {
        Value::String(subject) => return Some(Latency { subject: subject.clone(), sampling: all }),
        Value::Map(map) => map,
        other => {
            let found = other.type_name();
            let said = format!("Expected latency entry to be a map/struct or string, got {found}");
            report.refuse(field.at(), said);
            return None;
        }
    };
    let sampling = match map.get("sampling").map(|node| (node, sampling(&node.value))) {
        None => all,
        Some((_, Ok(sampling))) => sampling,
        Some((node, Err(error))) => {
            report.refuse(&node.at, error);
            return None;
        }
    };
    let Some(node) = map.get("subject") else {
        report.refuse(field.at(), "Latency subject required, but missing");
        return None;
    };
    match &node.value {
        Value::String(subject) => Some(Latency { subject: subject.clone(), sampling }),
        _ => {
            report.refuse(&node.at, "Expected latency subject to be a string, got string");
            None
        }
    }
}

/// Percent, as a number or text, or `headers`.
fn sampling(value: &Value) -> Result<Sampling, String> {
    let percent = match value {
        Value::Integer(percent) => *percent,
        Value::String(text) if text.trim().eq_ignore_ascii_case("headers") => {
            return Ok(Sampling::Headers);
        }
        Value::String(text) => parse_integer(text.strip_suffix('%').unwrap_or(text))
            .map_err(|error| format!("Failed to parse latency sample: {error}"))?,
        other => {
            let found = other.type_name();
            return Err(format!("Expected latency sample to be a string or map/struct, got {found}"));
        }
    };
    match percent {
        1..=100 => Ok(Sampling::Percent(percent as u8)),
        _ => Err("bad sampling percentage, should be 1-100".to_owned()),
    }
}
