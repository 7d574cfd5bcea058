//! A configuration's fingerprint: the SHA-256 of its values as Go's encoder writes them in JSON, so that it
//! equals nats-server's for the same file. Source: nats-server `conf/parse.go:configDigest`.

use sha2::{Digest, Sha256};

use super::tree::{Map, Value};

/// `sha256:` and the digest in hexadecimal.
pub fn digest(map: &Map) -> String {
    let mut json = String::new();
    write_map(&mut json, map);
    json.push('\n');
    let hash = Sha256::digest(json.as_bytes());
    let mut text = String::from("sha256:");
    for byte in hash {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

fn write_map(json: &mut String, map: &Map) {
    json.push('{');
    for (place, (key, node)) in map.iter().enumerate() {
        if place > 0 {
            json.push(',');
        }
        write_string(json, key);
        json.push(':');
        write_value(json, &node.value);
    }
    json.push('}');
}

fn write_value(json: &mut String, value: &Value) {
    match value {
        Value::String(text) => write_string(json, text),
        Value::Bool(yes) => json.push_str(if *yes { "true" } else { "false" }),
        Value::Integer(number) => json.push_str(&number.to_string()),
        Value::Float(number) => write_float(json, *number),
        Value::Date(date) => json.push_str(&format!("\"{}Z\"", date.strftime("%Y-%m-%dT%H:%M:%S"))),
        Value::Map(map) => write_map(json, map),
        Value::Array(nodes) => {
            json.push('[');
            for (place, node) in nodes.iter().enumerate() {
                if place > 0 {
                    json.push(',');
                }
                write_value(json, &node.value);
            }
            json.push(']');
        }
    }
}

/// Go escapes what HTML would take for markup, and two separators JavaScript stumbles over.
fn write_string(json: &mut String, text: &str) {
    json.push('"');
    for letter in text.chars() {
        match letter {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                json.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}

/// The shortest text that reads back the same; with an exponent outside 1e-6..1e21. Source: Go's
/// `encoding/json` (`floatEncoder`).
fn write_float(json: &mut String, number: f64) {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').expect("an exponent was asked for");
        let sign = if exponent.starts_with('-') { "" } else { "+" };
        json.push_str(&format!("{digits}e{sign}{exponent}"));
    } else {
        json.push_str(&number.to_string());
    }
}
