//! What an account may store. Source: nats-server `opts.go:parseJetStreamForAccount`.

use super::super::field::{Field, quoted};
use super::super::report::Report;
use super::super::tree::Value;

/// Checks the value: on, off, or limits. A wrong limit ends the block.
pub fn check(field: &Field<'_>, report: &mut Report) {
    let map = match &field.node.value {
        Value::Bool(false) => return,
        Value::Bool(true) => return report.unbuilt(field.at(), field.key, "JetStream"),
        Value::String(word) => match word.to_lowercase().as_str() {
            "disabled" | "disable" => return,
            "enabled" | "enable" => return report.unbuilt(field.at(), field.key, "JetStream"),
            _ => {
                let said = format!("Expected 'enabled' or 'disabled' for string value, got '{word}'");
                return report.refuse(field.at(), said);
            }
        },
        Value::Map(map) => map,
        other => {
            let found = other.type_name();
            let said = format!("Expected map, bool or string to define JetStream, got {found}");
            return report.refuse(field.at(), said);
        }
    };
    for (name, node) in map.iter() {
        let key = Field::new(name, node);
        if let Err(error) = limit(&key, report) {
            return report.refuse(key.at(), error);
        }
    }
    report.unbuilt(field.at(), field.key, "JetStream");
}

fn limit(field: &Field<'_>, report: &mut Report) -> Result<(), String> {
    let (key, value) = (quoted(field.key), &field.node.value);
    let shown = value.shown();
    match field.key.to_lowercase().as_str() {
        "max_memory"
        | "max_mem"
        | "mem"
        | "memory"
        | "max_store"
        | "max_file"
        | "max_disk"
        | "store"
        | "disk"
        | "max_streams"
        | "streams"
        | "max_consumers"
        | "consumers"
        | "mem_max_stream_bytes"
        | "memory_max_stream_bytes"
        | "disk_max_stream_bytes"
        | "store_max_stream_bytes"
        | "max_ack_pending" => match value {
            Value::Integer(_) => Ok(()),
            _ => Err(format!("Expected a parseable size for {key}, got {shown}")),
        },
        "max_bytes_required" | "max_stream_bytes" | "max_bytes" => match value {
            Value::Bool(_) => Ok(()),
            _ => Err(format!("Expected a parseable bool for {key}, got {shown}")),
        },
        "cluster_traffic" => match value {
            Value::String(who) if ["system", "owner", ""].contains(&who.as_str()) => Ok(()),
            Value::String(_) => {
                Err(format!("Expected 'system' or 'owner' string value for {key}, got {shown}"))
            }
            _ => Err(format!("Expected either 'system' or 'owner' string value for {key}, got {shown}")),
        },
        _ => {
            if !field.node.used.get() {
                report.unknown(field.at(), field.key);
            }
            Ok(())
        }
    }
}
