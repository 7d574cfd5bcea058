//! Values that are only checked, for keys whose feature is not built: they must have the right type and range,
//! and go nowhere.

use super::super::field::{Field, listen, parse_duration, quoted};
use super::super::problem::Problem;
use super::super::report::Report;
use super::super::tree::Value;
use super::super::url::{self, Url};
use super::Key;

pub fn string<T>(field: &Field<'_>, _: &mut T, report: &mut Report) {
    field.string(report);
}

pub fn boolean<T>(field: &Field<'_>, _: &mut T, report: &mut Report) {
    field.boolean(report);
}

pub fn integer<T>(field: &Field<'_>, _: &mut T, report: &mut Report) {
    field.integer(report);
}

pub fn write_deadline<T>(field: &Field<'_>, _: &mut T, report: &mut Report) {
    field.duration("write_deadline", report);
}

/// What happens to a connection that cannot be written to. Source: nats-server
/// `opts.go:parseWriteDeadlinePolicy`.
pub fn write_timeout<T>(field: &Field<'_>, _: &mut T, report: &mut Report) {
    match field.string(report) {
        Some("default" | "close" | "retry") | None => {}
        Some(_) => report.refuse(field.at(), "write_timeout must be 'default', 'close' or 'retry'"),
    }
}

/// The port of `listen`, where it is well formed.
pub fn listen_port(field: &Field<'_>, into: &mut i64, report: &mut Report) {
    if let Some((_, port)) = listen(field, report) {
        *into = port;
    }
}

pub fn port(field: &Field<'_>, into: &mut i64, report: &mut Report) {
    if let Some(port) = field.integer(report) {
        *into = port;
    }
}

/// A string or a list of strings; `name` is what messages call it. Source: nats-server
/// `opts.go:parseStringArray`.
pub fn strings(field: &Field<'_>, name: &str, report: &mut Report) {
    match &field.node.value {
        Value::String(_) => {}
        Value::Array(nodes) => {
            for node in nodes.iter().filter(|node| !matches!(node.value, Value::String(_))) {
                let found = node.value.type_name();
                report.refuse(&node.at, format!("error parsing {name}: unsupported type in array {found}"));
            }
        }
        other => {
            let found = other.type_name();
            report.refuse(field.at(), format!("error parsing {name}: unsupported type {found}"));
        }
    }
}

/// A list of URLs, of which double ones are warned of. `kind` is what messages call them. Source: nats-server
/// `opts.go:parseURLs`.
pub fn urls(field: &Field<'_>, kind: &str, report: &mut Report) -> Vec<Url> {
    let mut urls = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for node in field.array(report).unwrap_or_default() {
        let element = field.element(node);
        let Some(text) = element.string(report) else { break };
        if seen.insert(text) {
            urls.extend(url(&element, kind, report));
        } else {
            report.warn(element.at(), text, &format!("Duplicate {kind} entry detected"));
        }
    }
    urls
}

/// Source: nats-server `opts.go:parseURL`.
pub fn url(field: &Field<'_>, kind: &str, report: &mut Report) -> Option<Url> {
    let text = field.string(report)?.trim();
    let url = url::parse(text).ok();
    if url.is_none() {
        let shown = quoted(text);
        report.refuse(field.at(), format!("error parsing {kind} url [{shown}]"));
    }
    url
}

/// `off`, `s2_fast` and the like, on or off, or a map with thresholds. Which modes there are is not looked at.
/// Source: nats-server `opts.go:parseCompression`.
pub fn compression<T>(field: &Field<'_>, _: &mut T, report: &mut Report) {
    const KEYS: &[Key<()>] = &[
        Key { names: &["mode"], read: string },
        Key { names: &["rtt_thresholds", "thresholds", "rtts", "rtt"], read: thresholds },
    ];
    match &field.node.value {
        Value::String(_) | Value::Bool(_) => {}
        Value::Map(map) => super::read(map, KEYS, &mut (), report),
        other => {
            let (key, found) = (quoted(field.key), other.type_name());
            let said = format!("field {key} should be a boolean or a structure, got {found}");
            report.refuse(field.at(), said);
        }
    }
}

fn thresholds(field: &Field<'_>, _: &mut (), report: &mut Report) {
    for node in field.array(report).unwrap_or_default() {
        let Some(text) = field.element(node).string(report) else { return };
        if let Err(error) = parse_duration(text) {
            return report.refuse(field.at(), error);
        }
    }
}

/// Name and password, or a token, of clients of one kind. Source: nats-server `opts.go:parseSimpleAuth`.
pub fn simple_authorization<T>(field: &Field<'_>, _: &mut T, report: &mut Report) {
    const KEYS: &[Key<()>] = &[
        Key { names: &["user", "username"], read: string },
        Key { names: &["pass", "password"], read: string },
        Key { names: &["token"], read: string },
        // What is no number is let pass.
        Key { names: &["timeout"], read: |_, _, _| {} },
    ];
    if let Some(map) = field.map(report) {
        super::read(map, KEYS, &mut (), report);
    }
}

/// A warning in its own words.
pub fn warn_plainly(field: &Field<'_>, said: &str, report: &mut Report) {
    report.warnings.push(Problem::new(field.at(), said));
}

/// Seconds, or text with units; more than a minute is warned of. `block` is what messages call the block.
pub fn authorization_timeout(field: &Field<'_>, block: &str, report: &mut Report) {
    let seconds = match &field.node.value {
        Value::Integer(seconds) => *seconds as f64,
        Value::Float(seconds) => *seconds,
        Value::String(text) => match parse_duration(text) {
            Ok(nanoseconds) => nanoseconds as f64 / 1e9,
            Err(error) => {
                return report.refuse(field.at(), format!("error parsing {block} config, 'timeout' {error}"));
            }
        },
        _ => return report.refuse(field.at(), format!("error parsing {block} config, 'timeout' wrong type")),
    };
    if seconds > 60.0 {
        let shown = field.node.value.shown();
        let why = format!(
            "timeout of {shown} ({seconds:.6} seconds) is high, consider keeping it under 60 seconds. possibly \
             caused by unquoted duration; use '1m' instead of 1m, for example"
        );
        report.warn(field.at(), field.key, &why);
    }
}
