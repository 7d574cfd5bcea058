//! The `authorization` block. Source: nats-server `opts.go:parseAuthorization`.

use std::sync::Arc;
use std::time::Duration;

use super::super::field::{Field, parse_duration};
use super::super::options::Options;
use super::super::report::Report;
use super::super::tree::Value;
use super::{Key, callout, permissions, users};

const KEYS: &[Key<Options>] = &[
    Key {
        names: &["user", "username"],
        read: |field, options, report| options.authorization.user = given(field, report),
    },
    Key {
        names: &["pass", "password"],
        read: |field, options, report| options.authorization.password = given(field, report),
    },
    Key {
        names: &["token"],
        read: |field, options, report| options.authorization.token = given(field, report),
    },
    Key { names: &["timeout"], read: timeout },
    Key { names: &["users"], read: several_users },
    Key { names: &["default_permissions", "default_permission", "permissions"], read: default_permissions },
    Key {
        names: &["auth_callout", "auth_hook"],
        read: |field, _, report| {
            callout::check(field, report);
            report.unbuilt(field.at(), field.key, "authentication by a service");
        },
    },
    Key {
        names: &["proxy_required"],
        read: |field, _, report| {
            if field.boolean(report) == Some(true) {
                report.unbuilt(field.at(), field.key, "proxies");
            }
        },
    },
];

pub fn read(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    let Some(map) = field.map(report) else { return };
    options.authorization.is_given = true;
    super::read(map, KEYS, options, report);
    let given = &options.authorization;
    if (given.user.is_some() || given.password.is_some()) && given.token.is_some() {
        report.refuse(field.at(), "Cannot have a user/pass and token");
    }
}

fn several_users(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    options.authorization.users = users::read(field, report).map(Arc::new);
}

/// nats-server gives them to the users of a list alone, and says nothing where there is none.
fn default_permissions(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    options.authorization.default_permissions =
        permissions::read(field, Some(field.at()), report).map(Arc::new);
}

fn given(field: &Field<'_>, report: &mut Report) -> Option<String> {
    field.string(report).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Seconds, or text with units.
fn timeout(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    let (seconds, shown) = match &field.node.value {
        Value::Integer(seconds) => (*seconds as f64, seconds.to_string()),
        Value::Float(seconds) => (*seconds, seconds.to_string()),
        Value::String(text) => match parse_duration(text) {
            Ok(nanoseconds) => (nanoseconds as f64 / 1e9, text.clone()),
            Err(error) => {
                let said = format!("error parsing authorization config, 'timeout' {error}");
                return report.refuse(field.at(), said);
            }
        },
        _ => return report.refuse(field.at(), "error parsing authorization config, 'timeout' wrong type"),
    };
    if seconds > 60.0 {
        let why = format!(
            "timeout of {shown} ({seconds:.6} seconds) is high, consider keeping it under 60 seconds. possibly \
             caused by unquoted duration; use '1m' instead of 1m, for example"
        );
        report.warn(field.at(), field.key, &why);
    }
    options.limits.auth_timeout = match seconds {
        0.0 => Duration::from_secs(2),
        seconds => Duration::try_from_secs_f64(seconds).unwrap_or_default(),
    };
}
