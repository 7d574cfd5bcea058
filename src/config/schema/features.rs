//! Single keys that need no file of their own. Those whose feature is not built are checked, and taken where they
//! say no more than what is done anyway. Source: nats-server `opts.go:processConfigFileLine`, `feature_flags.go`.

use std::sync::Arc;

use super::super::field::{Field, quoted};
use super::super::options::Options;
use super::super::report::Report;
use super::super::tree::Value;
use super::mappings;

/// Feature flags and what they are when nobody sets them. Others are ignored, as by nats-server.
const FLAGS: &[(&str, bool)] = &[
    ("js_ack_fc_v2", false),
    ("js_api_reply_v2", false),
    ("js_raft_delete_range", true),
    ("js_snapshot_sources", false),
];

pub fn flags(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let Some(map) = field.map_or("error parsing feature flags: unsupported type ", report) else { return };
    for (name, node) in map.iter() {
        let Value::Bool(on) = node.value else {
            let (flag, found) = (quoted(name), node.value.type_name());
            let said = format!("error parsing feature flag {flag}: expected bool, got {found}");
            return report.refuse(&node.at, said);
        };
        if FLAGS.iter().any(|(flag, default)| flag == name && *default != on) {
            report.unbuilt(&node.at, name, "JetStream");
        }
    }
}

pub fn default_domain(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let wanted = "error default_js_domain config: unsupported type ";
    let Some(map) = field.map_or(wanted, report) else { return };
    for node in map.values() {
        if !matches!(node.value, Value::String(_)) {
            // The place of the value is lost in nats-server.
            let found = node.value.type_name();
            let said = format!("interface conversion: interface {{}} is {found}, not string");
            return report.refuse(field.at(), said);
        }
    }
    if !map.is_empty() {
        report.unbuilt(field.at(), field.key, "JetStream");
    }
}

pub fn subject_mappings(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    options.mappings = Arc::new(mappings::read(field, report));
}

pub fn no_sublist_cache(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    if field.boolean(report) == Some(true) {
        report.unbuilt(field.at(), field.key, "turning the interest cache off");
    }
}

pub fn no_auth_user(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    options.no_auth_user = field.string(report).filter(|user| !user.is_empty()).map(str::to_owned);
}

pub fn system_account(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    match &field.node.value {
        Value::String(name) => options.system_account = (!name.is_empty()).then(|| name.clone()),
        _ => report.refuse(field.at(), "system account name must be a string"),
    }
}

pub fn no_system_account(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    if let Some(none) = field.boolean(report) {
        options.no_system_account = none;
    }
}
