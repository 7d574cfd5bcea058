//! The `gateway` block. Source: nats-server `opts.go:parseGateway` and `parseGateways`.

use super::super::field::Field;
use super::super::options::Options;
use super::super::problem::Problem;
use super::super::report::Report;
use super::super::tree::Value;
use super::{Key, checked, cluster, tls};

#[derive(Default)]
struct Gateway {
    /// Gateways are off where neither port nor name is given.
    port: i64,
    named: bool,
}

const KEYS: &[Key<Gateway>] = &[
    Key {
        names: &["name"],
        read: |field, block, report| {
            let name = cluster::name(field, "gateway name cannot contain spaces", report);
            block.named = name.is_some_and(|name| !name.is_empty());
        },
    },
    Key {
        names: &["listen"],
        read: |field, block, report| checked::listen_port(field, &mut block.port, report),
    },
    Key { names: &["port"], read: |field, block, report| checked::port(field, &mut block.port, report) },
    Key { names: &["host", "net"], read: checked::string },
    Key {
        names: &["authorization"],
        read: |field, _, report| {
            cluster::authorization(field, "Gateway", report);
        },
    },
    Key { names: &["tls"], read: tls::checked_between_servers },
    Key { names: &["advertise"], read: checked::string },
    Key { names: &["connect_retries"], read: checked::integer },
    Key { names: &["connect_backoff"], read: checked::boolean },
    Key { names: &["gateways"], read: gateways },
    Key { names: &["reject_unknown", "reject_unknown_cluster"], read: checked::boolean },
    Key { names: &["write_deadline"], read: checked::write_deadline },
    Key { names: &["write_timeout"], read: checked::write_timeout },
];

const REMOTE_KEYS: &[Key<()>] = &[
    Key { names: &["name"], read: checked::string },
    Key { names: &["tls"], read: tls::checked_between_servers },
    Key {
        names: &["url"],
        read: |field, _, report| {
            checked::url(field, "gateway", report);
        },
    },
    Key {
        names: &["urls"],
        read: |field, _, report| {
            checked::urls(field, "gateway", report);
        },
    },
];

pub fn read(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let Some(map) = field.map_or("Expected gateway to be a map, got ", report) else { return };
    let mut block = Gateway::default();
    super::read(map, KEYS, &mut block, report);
    if block.port != 0 || block.named {
        report.unbuilt(field.at(), field.key, "gateways");
    }
}

fn gateways(field: &Field<'_>, _: &mut Gateway, report: &mut Report) {
    let Value::Array(nodes) = &field.node.value else {
        let found = field.node.value.type_name();
        // nats-server has lost the place by then.
        return report
            .problems
            .push(Problem::whole(format!("Expected gateways field to be an array, got {found}")));
    };
    for node in nodes.iter() {
        match &node.value {
            Value::Map(map) => super::read(map, REMOTE_KEYS, &mut (), report),
            other => report.refuse(
                &node.at,
                format!("Expected gateway entry to be a map/struct, got {}", other.shown()),
            ),
        }
    }
}
