//! The `jetstream` block and `store_dir`. Source: nats-server `opts.go:parseJetStream`,
//! `parseJetStreamLimits`, `parseJetStreamTPM`.
//!
//! What must have a type and has not is told at the block, for nats-server has lost the place by then.

use super::super::field::{Field, parse_duration, quoted};
use super::super::options::Options;
use super::super::problem::{Position, Problem};
use super::super::report::Report;
use super::super::tree::{Map, Node, Value};
use super::{Key, checked};

/// Fewest and most reads and writes at a time. Source: nats-server `dios.go`.
const CONCURRENT_IO: std::ops::RangeInclusive<i64> = 4..=8192;

struct JetStream {
    enabled: bool,
}

const KEYS: &[Key<JetStream>] = &[
    Key { names: &["strict"], read: strict },
    Key { names: &["store", "store_dir", "storedir"], read: checked::string },
    Key { names: &["sync", "sync_interval"], read: sync_interval },
    Key {
        names: &["max_memory_store", "max_mem_store", "max_mem"],
        read: |field, _, report| {
            size(field, "max_mem_store", report);
        },
    },
    Key {
        names: &["max_file_store", "max_file"],
        read: |field, _, report| {
            size(field, "max_file_store", report);
        },
    },
    Key { names: &["domain"], read: checked::string },
    Key {
        names: &["enable", "enabled"],
        read: |field, block, report| block.enabled = field.boolean(report).unwrap_or(true),
    },
    Key { names: &["key", "ek", "encryption_key"], read: checked::string },
    Key { names: &["prev_key", "prev_ek", "prev_encryption_key"], read: checked::string },
    Key { names: &["cipher"], read: cipher },
    Key { names: &["extension_hint"], read: checked::string },
    Key { names: &["limits"], read: limits },
    Key { names: &["tpm"], read: tpm },
    Key { names: &["unique_tag"], read: checked::string },
    Key { names: &["max_outstanding_catchup"], read: named_size },
    Key { names: &["max_buffered_size"], read: named_size },
    Key { names: &["max_buffered_msgs"], read: count },
    Key { names: &["request_queue_limit"], read: count },
    Key { names: &["info_queue_limit"], read: count },
    Key {
        names: &["meta_compact"],
        read: |field, _, report| {
            if !matches!(field.node.value, Value::Integer(0..)) {
                unexpected(field, "an absolute size for", "", report);
            }
        },
    },
    Key {
        names: &["meta_compact_size"],
        read: |field, _, report| {
            if size(field, &field.key.to_lowercase(), report).is_some_and(|size| size < 0) {
                unexpected(field, "an absolute size for", "", report);
            }
        },
    },
    Key { names: &["meta_compact_sync"], read: checked::boolean },
    Key {
        names: &["max_concurrent_io"],
        read: |field, _, report| match field.node.value {
            Value::Integer(number) if CONCURRENT_IO.contains(&number) => {}
            _ => unexpected(field, "an absolute size for", " between 4 and 8192", report),
        },
    },
];

pub fn read(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let mut block = JetStream { enabled: true };
    match &field.node.value {
        Value::Bool(on) => block.enabled = *on,
        Value::String(text) => match text.to_lowercase().as_str() {
            "enabled" | "enable" => {}
            "disabled" | "disable" => block.enabled = false,
            _ => {
                let said = format!("Expected 'enabled' or 'disabled' for string value, got '{text}'");
                report.refuse(field.at(), said);
            }
        },
        Value::Map(map) => super::read_blaming(map, KEYS, &mut block, field.at(), report),
        other => {
            let found = other.type_name();
            let said = format!("Expected map, bool or string to define JetStream, got {found}");
            report.refuse(field.at(), said);
        }
    }
    if block.enabled {
        report.unbuilt(field.at(), field.key, "JetStream");
    }
}

/// There is one place to store at, which the block or a key beside it may give.
pub fn check_store_dirs(server: &Map, report: &mut Report) {
    let mut given: Vec<&Position> = Vec::new();
    for (name, node) in server.iter() {
        match (name.to_lowercase().as_str(), &node.value) {
            ("jetstream", Value::Map(block)) => {
                given.extend(block.iter().filter_map(|(name, node)| store_dir(name, node)));
            }
            ("store", _) => {}
            (_, _) => given.extend(store_dir(name, node)),
        }
    }
    given.sort();
    for at in given.into_iter().skip(1) {
        report.refuse(at, "Duplicate 'store_dir' configuration");
    }
}

fn store_dir<'a>(name: &str, node: &'a Node) -> Option<&'a Position> {
    let filled = matches!(&node.value, Value::String(path) if !path.is_empty());
    (filled && ["store", "store_dir", "storedir"].contains(&name.to_lowercase().as_str())).then_some(&node.at)
}

fn strict(field: &Field<'_>, _: &mut JetStream, report: &mut Report) {
    let shown = match &field.node.value {
        Value::Bool(_) => return,
        Value::String(text) => text.clone(),
        other => format!("%!s({}={})", other.type_name(), other.shown()),
    };
    report.refuse(field.at(), format!("Expected 'true' or 'false' for bool value, got '{shown}'"));
}

fn sync_interval(field: &Field<'_>, _: &mut JetStream, report: &mut Report) {
    match &field.node.value {
        Value::String(text) if text.eq_ignore_ascii_case("always") => {}
        _ => {
            field.duration(field.key, report);
        }
    }
}

/// A size: a number, or text that ends in its unit. `name` is what messages call the key. Source: nats-server
/// `opts.go:getStorageSize`.
fn size(field: &Field<'_>, name: &str, report: &mut Report) -> Option<i64> {
    let said = match &field.node.value {
        Value::Integer(size) => return Some(*size),
        Value::String(text) => match parse_size(text) {
            Ok(size) => return Some(size),
            Err(error) => error,
        },
        _ => "must be int64 or string".to_owned(),
    };
    report.refuse(field.at(), format!("{name} {said}"));
    None
}

fn parse_size(text: &str) -> Result<i64, String> {
    let Some(unit) = text.chars().next_back() else { return Ok(0) };
    let digits = &text[..text.len() - unit.len_utf8()];
    let number: i64 = digits.parse().map_err(|error: std::num::ParseIntError| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let why = match error.kind() {
            PosOverflow | NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.ParseInt: parsing {}: {why}", quoted(digits))
    })?;
    let shift = match unit {
        'K' => 10,
        'M' => 20,
        'G' => 30,
        'T' => 40,
        _ => return Err("sizes defined as strings must end in K, M, G, T".to_owned()),
    };
    Ok(number.wrapping_mul(1 << shift))
}

fn named_size(field: &Field<'_>, _: &mut JetStream, report: &mut Report) {
    size(field, &field.key.to_lowercase(), report);
}

fn count(field: &Field<'_>, _: &mut JetStream, report: &mut Report) {
    if !matches!(field.node.value, Value::Integer(_)) {
        unexpected(field, "a parseable size for", "", report);
    }
}

fn unexpected(field: &Field<'_>, wanted: &str, range: &str, report: &mut Report) {
    let (key, shown) = (quoted(field.key), field.node.value.shown());
    report.refuse(field.at(), format!("Expected {wanted} {key}{range}, got {shown}"));
}

fn cipher<T>(field: &Field<'_>, _: &mut T, report: &mut Report) {
    let Some(name) = field.string(report) else { return };
    if !["chacha", "chachapoly", "aes"].contains(&name.to_lowercase().as_str()) {
        report.refuse(field.at(), format!("Unknown cipher type: {}", quoted(name)));
    }
}

const LIMIT_KEYS: &[Key<()>] = &[
    Key { names: &["max_ack_pending"], read: checked::integer },
    Key { names: &["max_ha_assets"], read: checked::integer },
    Key { names: &["max_request_batch"], read: checked::integer },
    Key { names: &["default_max_consumers"], read: checked::integer },
    Key { names: &["duplicate_window"], read: duration_without_place },
    Key { names: &["batch"], read: |field, _, report| inner(field, "batch limits", BATCH_KEYS, report) },
];

const BATCH_KEYS: &[Key<()>] = &[
    Key { names: &["max_inflight_per_stream"], read: checked::integer },
    Key { names: &["max_inflight_total"], read: checked::integer },
    Key { names: &["max_msgs"], read: checked::integer },
    Key { names: &["timeout"], read: duration_without_place },
];

const TPM_KEYS: &[Key<()>] = &[
    Key { names: &["keys_file"], read: checked::string },
    Key { names: &["encryption_password"], read: checked::string },
    Key { names: &["srk_password"], read: checked::string },
    Key { names: &["pcr"], read: checked::integer },
    Key { names: &["cipher"], read: cipher },
];

fn limits(field: &Field<'_>, _: &mut JetStream, report: &mut Report) {
    inner(field, "JetStreamLimits", LIMIT_KEYS, report);
}

/// Keys sealed by the machine's security chip.
fn tpm(field: &Field<'_>, _: &mut JetStream, report: &mut Report) {
    inner(field, "JetStreamLimits", TPM_KEYS, report);
}

fn inner(field: &Field<'_>, name: &str, keys: &[Key<()>], report: &mut Report) {
    let said = format!("Expected a map to define {name}, got ");
    if let Some(map) = field.map_or(&said, report) {
        super::read_blaming(map, keys, &mut (), field.blamed.unwrap_or(field.at()), report);
    }
}

/// nats-server tells what is wrong without a place.
fn duration_without_place(field: &Field<'_>, _: &mut (), report: &mut Report) {
    let Some(text) = field.string(report) else { return };
    if let Err(error) = parse_duration(text) {
        report.problems.push(Problem::whole(error));
    }
}
