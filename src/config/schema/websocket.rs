//! The `websocket` block. Source: nats-server `opts.go:parseWebsocket`.

use super::super::field::{Field, parse_duration};
use super::super::options::Options;
use super::super::report::Report;
use super::super::tree::Value;
use super::{Key, checked, tls};

#[derive(Default)]
struct WebSocket {
    /// 0 leaves WebSocket off, whatever else is given.
    port: i64,
}

const KEYS: &[Key<WebSocket>] = &[
    Key {
        names: &["listen"],
        read: |field, block, report| checked::listen_port(field, &mut block.port, report),
    },
    Key { names: &["port"], read: |field, block, report| checked::port(field, &mut block.port, report) },
    Key { names: &["host", "net"], read: checked::string },
    Key { names: &["advertise"], read: checked::string },
    Key { names: &["no_tls"], read: checked::boolean },
    Key { names: &["tls"], read: tls::checked },
    Key { names: &["same_origin"], read: checked::boolean },
    Key {
        names: &["allowed_origins", "allowed_origin", "allow_origins", "allow_origin", "origins", "origin"],
        read: |field, _, report| checked::strings(field, "allowed origins", report),
    },
    Key { names: &["handshake_timeout"], read: handshake_timeout },
    Key { names: &["compress", "compression"], read: checked::boolean },
    Key { names: &["authorization", "authentication"], read: checked::simple_authorization },
    Key { names: &["jwt_cookie"], read: checked::string },
    Key { names: &["user_cookie"], read: checked::string },
    Key { names: &["pass_cookie"], read: checked::string },
    Key { names: &["token_cookie"], read: checked::string },
    Key { names: &["no_auth_user"], read: checked::string },
    Key { names: &["headers"], read: headers },
    Key {
        names: &["ping_interval"],
        read: |field, _, report| {
            field.duration("ping_interval", report);
        },
    },
];

pub fn read(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let Some(map) = field.map_or("Expected websocket to be a map, got ", report) else { return };
    let mut block = WebSocket::default();
    super::read(map, KEYS, &mut block, report);
    if block.port != 0 {
        report.unbuilt(field.at(), field.key, "WebSocket");
    }
}

fn handshake_timeout(field: &Field<'_>, _: &mut WebSocket, report: &mut Report) {
    match &field.node.value {
        Value::Integer(_) => {}
        Value::String(text) => {
            if let Err(error) = parse_duration(text) {
                report.refuse(field.at(), error);
            }
        }
        other => {
            let found = other.type_name();
            report.refuse(field.at(), format!("error parsing handshake timeout: unsupported type {found}"));
        }
    }
}

fn headers(field: &Field<'_>, _: &mut WebSocket, report: &mut Report) {
    let Some(map) = field.map_or("error parsing headers: unsupported type ", report) else { return };
    for (name, node) in map.iter().filter(|(_, node)| !matches!(node.value, Value::String(_))) {
        let found = node.value.type_name();
        report.refuse(&node.at, format!("error parsing header key {name}: unsupported type {found}"));
    }
}
