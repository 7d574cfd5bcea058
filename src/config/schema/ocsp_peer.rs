//! The `ocsp_peer` key of a `tls` block: whether certificates of peers are still good. Source: nats-server
//! `ocsp_peer.go:parseOCSPPeer`.

use super::super::field::{Field, parse_duration, quoted};
use super::super::report::Report;
use super::super::tree::Value;
use super::Key;

const KEYS: &[Key<()>] = &[
    Key { names: &["verify"], read: switch },
    Key { names: &["allowed_clockskew"], read: seconds },
    Key { names: &["ca_timeout"], read: seconds },
    Key { names: &["cache_ttl_when_next_update_unset"], read: seconds },
    Key { names: &["warn_only"], read: switch },
    Key { names: &["unknown_is_good"], read: switch },
    Key { names: &["allow_when_ca_unreachable"], read: switch },
];

/// On or off, or a map. What is wrong inside has two places in nats-server's message: the block's and its own.
pub fn read<T>(field: &Field<'_>, _: &mut T, report: &mut Report) {
    match &field.node.value {
        Value::Bool(_) => {}
        Value::Map(map) => {
            let mut inside = Report::default();
            super::read_else(map, KEYS, &mut (), &mut inside, unknown);
            if let Some(problem) = inside.problems.first() {
                report.refuse(field.at(), problem.to_string());
            }
        }
        // The type that is named is that of the whole block.
        _ => {
            let said = "error parsing ocsp peer config: unsupported type map[string]interface {}";
            report.refuse(field.at(), said);
        }
    }
}

fn unknown(field: &Field<'_>, report: &mut Report) {
    let said = format!("error parsing tls peer config, unknown field [{}]", quoted(field.key));
    report.refuse(field.at(), said);
}

fn switch(field: &Field<'_>, _: &mut (), report: &mut Report) {
    if !matches!(field.node.value, Value::Bool(_)) {
        unknown(field, report);
    }
}

fn seconds(field: &Field<'_>, _: &mut (), report: &mut Report) {
    let why = match &field.node.value {
        Value::Integer(_) | Value::Float(_) => return,
        Value::String(text) => match parse_duration(text) {
            Ok(_) => return,
            Err(_) if field.key.eq_ignore_ascii_case("allowed_clockskew") => "unexpected type".to_owned(),
            Err(error) => error,
        },
        _ => "unexpected type".to_owned(),
    };
    report.refuse(field.at(), format!("error parsing tls peer config, conversion error: {why}"));
}
