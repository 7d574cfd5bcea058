//! The `cluster` block. Source: nats-server `opts.go:parseCluster`.

use shard::session::permissions::Rules;

use super::super::field::Field;
use super::super::options::Options;
use super::super::report::Report;
use super::super::tree::Value;
use super::{Key, checked, permissions, tls};

/// What routes ping at most, in nanoseconds. Source: nats-server `route.go:defaultRouteMaxPingInterval`.
const PING_INTERVAL_MAX: i64 = 30_000_000_000;

#[derive(Default)]
struct Cluster {
    /// 0 leaves the cluster off; a name is shown to clients all the same.
    port: i64,
    named: bool,
}

const KEYS: &[Key<Cluster>] = &[
    Key {
        names: &["name"],
        read: |field, block, report| {
            let name = name(field, "cluster name cannot contain spaces", report);
            block.named = name.is_some_and(|name| !name.is_empty());
        },
    },
    Key {
        names: &["listen"],
        read: |field, block, report| checked::listen_port(field, &mut block.port, report),
    },
    Key { names: &["port"], read: |field, block, report| checked::port(field, &mut block.port, report) },
    Key { names: &["host", "net"], read: checked::string },
    Key { names: &["authorization"], read: cluster_authorization },
    Key {
        names: &["routes"],
        read: |field, _, report| {
            checked::urls(field, "route", report);
        },
    },
    Key { names: &["tls"], read: tls::checked_between_servers },
    Key { names: &["cluster_advertise", "advertise"], read: checked::string },
    Key { names: &["no_advertise"], read: checked::boolean },
    Key { names: &["connect_retries"], read: checked::integer },
    Key { names: &["connect_backoff"], read: checked::boolean },
    Key { names: &["permissions"], read: permissions },
    Key { names: &["pool_size"], read: checked::integer },
    Key { names: &["accounts"], read: |field, _, report| checked::strings(field, "accounts", report) },
    Key { names: &["compression"], read: checked::compression },
    Key { names: &["ping_interval"], read: ping_interval },
    Key { names: &["ping_max"], read: checked::integer },
    Key { names: &["write_deadline"], read: checked::write_deadline },
    Key { names: &["write_timeout"], read: checked::write_timeout },
];

pub fn read(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let Some(map) = field.map_or("Expected map to define cluster, got ", report) else { return };
    let mut block = Cluster::default();
    super::read(map, KEYS, &mut block, report);
    if block.port != 0 || block.named {
        report.unbuilt(field.at(), field.key, "clusters");
    }
}

/// The name of a cluster; gateways have the same rules.
pub fn name<'a>(field: &Field<'a>, spaces: &str, report: &mut Report) -> Option<&'a str> {
    let name = field.string(report)?;
    if name.contains(' ') {
        report.refuse(field.at(), spaces);
    } else if name == "_" {
        report.refuse(field.at(), "cluster name is reserved");
    }
    Some(name)
}

/// Who may connect as a server: one user. Source: nats-server `opts.go:parseAuthorization`.
#[derive(Default)]
pub struct Authorization {
    users: bool,
    token: bool,
    callout: bool,
    permissions: Option<Rules>,
}

const AUTHORIZATION_KEYS: &[Key<Authorization>] = &[
    Key { names: &["user", "username"], read: checked::string },
    Key { names: &["pass", "password"], read: checked::string },
    Key {
        names: &["token"],
        read: |field, found, report| {
            found.token = field.string(report).is_some_and(|token| !token.is_empty())
        },
    },
    Key {
        names: &["timeout"],
        read: |field, _, report| checked::authorization_timeout(field, "authorization", report),
    },
    Key {
        names: &["users"],
        read: |field, found, report| {
            found.users = matches!(field.node.value, Value::Array(_));
            if !found.users {
                let shown = field.node.value.shown();
                report.refuse(field.at(), format!("Expected users field to be an array, got {shown}"));
            }
        },
    },
    Key {
        names: &["default_permission", "default_permissions", "permissions"],
        read: |field, found, report| {
            found.permissions = permissions::read(field, Some(field.at()), report);
        },
    },
    Key {
        names: &["auth_callout", "auth_hook"],
        read: |field, found, report| found.callout = field.map(report).is_some(),
    },
    Key { names: &["proxy_required"], read: checked::boolean },
];

/// Reads an authorization block of servers; `block` is what messages call it. `None` where it is refused.
pub fn authorization(field: &Field<'_>, block: &str, report: &mut Report) -> Option<Authorization> {
    let map = field.map(report)?;
    let mut found = Authorization::default();
    super::read(map, AUTHORIZATION_KEYS, &mut found, report);
    let why = if found.users {
        "does not allow multiple users"
    } else if found.token {
        "does not support tokens"
    } else if found.callout {
        "does not support callouts"
    } else {
        return Some(found);
    };
    report.refuse(field.at(), format!("{block} authorization {why}"));
    None
}

fn cluster_authorization(field: &Field<'_>, _: &mut Cluster, report: &mut Report) {
    let found = authorization(field, "Cluster", report);
    let Some(permissions) = found.and_then(|found| found.permissions) else { return };
    match permissions::check_cluster(&permissions) {
        Ok(()) => {
            let why = "setting \"permissions\" within cluster authorization block is deprecated";
            report.warn(field.at(), field.key, why);
        }
        Err(error) => report.refuse(field.at(), error),
    }
}

fn permissions(field: &Field<'_>, _: &mut Cluster, report: &mut Report) {
    let Some(permissions) = permissions::read(field, None, report) else { return };
    if permissions.responses.is_some() {
        report.refuse(field.at(), "Cluster permissions do not support dynamic responses");
    } else if let Err(error) = permissions::check_cluster(&permissions) {
        report.refuse(field.at(), error);
    }
}

fn ping_interval(field: &Field<'_>, _: &mut Cluster, report: &mut Report) {
    if field.duration("ping_interval", report).is_some_and(|interval| interval > PING_INTERVAL_MAX) {
        let said = "Cluster 'ping_interval' will reset to 30s which is the max for routes";
        checked::warn_plainly(field, said, report);
    }
}
