//! The `leafnodes` block. Source: nats-server `opts.go:parseLeafNodes`, `parseLeafAuthorization`,
//! `parseLeafUsers`.

use std::collections::BTreeSet;

use super::super::field::{Field, quoted};
use super::super::options::Options;
use super::super::report::Report;
use super::super::tree::Value;
use super::{Key, checked, leaf_remotes, tls};

#[derive(Default)]
pub struct LeafNodes {
    /// 0 keeps leaf nodes from connecting here.
    port: i64,
    /// Whether a server is to be called.
    pub calls: bool,
}

const KEYS: &[Key<LeafNodes>] = &[
    Key {
        names: &["listen"],
        read: |field, block, report| checked::listen_port(field, &mut block.port, report),
    },
    Key { names: &["port"], read: |field, block, report| checked::port(field, &mut block.port, report) },
    Key { names: &["host", "net"], read: checked::string },
    Key { names: &["authorization"], read: authorization },
    Key { names: &["remotes"], read: leaf_remotes::read },
    Key {
        names: &["reconnect", "reconnect_delay", "reconnect_interval"],
        read: |field, _, report| {
            field.duration("reconnect", report);
        },
    },
    Key {
        names: &["dial_timeout"],
        read: |field, _, report| {
            field.duration("dial_timeout", report);
        },
    },
    Key { names: &["tls"], read: tls::checked },
    Key { names: &["leafnode_advertise", "advertise"], read: checked::string },
    Key { names: &["no_advertise"], read: checked::boolean },
    Key { names: &["min_version", "minimum_version"], read: min_version },
    Key { names: &["compression"], read: checked::compression },
    Key { names: &["isolate_leafnode_interest", "isolate"], read: checked::boolean },
    Key { names: &["write_deadline"], read: checked::write_deadline },
    Key { names: &["write_timeout"], read: checked::write_timeout },
];

pub fn read(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let Some(map) = field.map_or("Expected map to define a leafnode, got ", report) else { return };
    let mut block = LeafNodes::default();
    super::read(map, KEYS, &mut block, report);
    if block.port != 0 || block.calls {
        report.unbuilt(field.at(), field.key, "leaf nodes");
    }
}

/// The version of nats-server that leaf nodes must have at least. Source: nats-server
/// `leafnode.go:checkLeafMinVersionConfig`.
fn min_version(field: &Field<'_>, _: &mut LeafNodes, report: &mut Report) {
    let Some(text) = field.string(report) else { return };
    match version(text) {
        Some(version) if version >= [2, 8, 0] => {}
        Some(_) => report.refuse(field.at(), "the minimum version should be at least 2.8.0"),
        None => report.refuse(field.at(), "invalid leafnode's minimum version: invalid semver"),
    }
}

/// Major, minor and patch number of a version by semver.org.
fn version(text: &str) -> Option<[u64; 3]> {
    let (text, build) = match text.split_once('+') {
        Some((text, build)) => (text, Some(build)),
        None => (text, None),
    };
    let (numbers, before) = match text.split_once('-') {
        Some((numbers, before)) => (numbers, Some(before)),
        None => (text, None),
    };
    let named = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let counted = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let before_fits = before
        .is_none_or(|before| before.split('.').all(|part| named(part) && (!digits(part) || counted(part))));
    if !before_fits || !build.is_none_or(|build| build.split('.').all(named)) {
        return None;
    }
    let mut parts = numbers.split('.');
    let mut number = || parts.next().filter(|part| counted(part))?.parse().ok();
    let version = [number()?, number()?, number()?];
    parts.next().is_none().then_some(version)
}

#[derive(Default)]
struct Authorization {
    user: bool,
    nkey: bool,
    users: Vec<String>,
}

const AUTHORIZATION_KEYS: &[Key<Authorization>] = &[
    Key {
        names: &["user", "username"],
        read: |field, found, report| found.user = field.string(report).is_some_and(|user| !user.is_empty()),
    },
    Key { names: &["pass", "password"], read: checked::string },
    Key { names: &["nkey"], read: nkey },
    Key {
        names: &["timeout"],
        read: |field, _, report| checked::authorization_timeout(field, "leafnode authorization", report),
    },
    Key { names: &["users"], read: users },
    Key { names: &["account"], read: checked::string },
    Key { names: &["proxy_required"], read: checked::boolean },
];

/// Who may connect as a leaf node.
fn authorization(field: &Field<'_>, _: &mut LeafNodes, report: &mut Report) {
    let Some(map) = field.map(report) else { return };
    let mut found = Authorization::default();
    super::read(map, AUTHORIZATION_KEYS, &mut found, report);
    if found.users.is_empty() {
        return;
    }
    if found.user {
        return report.refuse(field.at(), "can not have a single user/pass and a users array");
    }
    if found.nkey {
        return report.refuse(field.at(), "can not have a single nkey and a users array");
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = found.users.iter().find(|user| !seen.insert(user.as_str())) {
        let said = format!("duplicate user {} detected in leafnode authorization", quoted(twice));
        report.refuse(field.at(), said);
    }
}

fn nkey(field: &Field<'_>, found: &mut Authorization, report: &mut Report) {
    let Some(key) = field.string(report) else { return };
    found.nkey = !key.is_empty();
    if !(key.starts_with('U') && nkeys::KeyPair::from_public_key(key).is_ok()) {
        report.refuse(field.at(), "Not a valid public nkey for leafnode authorization");
    }
}

const USER_KEYS: &[Key<String>] = &[
    Key {
        names: &["user", "username"],
        read: |field, user, report| field.string(report).unwrap_or_default().clone_into(user),
    },
    Key { names: &["pass", "password"], read: checked::string },
    Key { names: &["account"], read: checked::string },
    Key { names: &["proxy_required"], read: checked::boolean },
];

fn users(field: &Field<'_>, found: &mut Authorization, report: &mut Report) {
    let Value::Array(nodes) = &field.node.value else {
        let shown = field.node.value.shown();
        return report.refuse(field.at(), format!("Expected users field to be an array, got {shown}"));
    };
    for node in nodes.iter() {
        let Value::Map(map) = &node.value else {
            let shown = node.value.shown();
            report.refuse(&node.at, format!("Expected user entry to be a map/struct, got {shown}"));
            continue;
        };
        let mut user = String::new();
        super::read(map, USER_KEYS, &mut user, report);
        found.users.push(user);
    }
}
