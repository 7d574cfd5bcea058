//! The `mqtt` block. Source: nats-server `opts.go:parseMQTT`.

use super::super::field::Field;
use super::super::options::Options;
use super::super::report::Report;
use super::{Key, checked, tls};

#[derive(Default)]
struct Mqtt {
    /// 0 leaves MQTT off, whatever else is given.
    port: i64,
}

const KEYS: &[Key<Mqtt>] = &[
    Key {
        names: &["listen"],
        read: |field, block, report| checked::listen_port(field, &mut block.port, report),
    },
    Key { names: &["port"], read: |field, block, report| checked::port(field, &mut block.port, report) },
    Key { names: &["host", "net"], read: checked::string },
    Key { names: &["tls"], read: tls::checked },
    Key { names: &["authorization", "authentication"], read: checked::simple_authorization },
    Key { names: &["no_auth_user"], read: checked::string },
    Key {
        names: &["ack_wait", "ackwait"],
        read: |field, _, report| {
            field.duration("ack_wait", report);
        },
    },
    Key {
        names: &["js_api_timeout", "api_timeout"],
        read: |field, _, report| {
            field.duration("js_api_timeout", report);
        },
    },
    Key { names: &["max_ack_pending", "max_pending", "max_inflight"], read: max_ack_pending },
    Key { names: &["js_domain"], read: checked::string },
    Key { names: &["stream_replicas"], read: checked::integer },
    Key {
        names: &["consumer_replicas"],
        read: |field, _, report| {
            let why = "consumer replicas setting ignored in this server version";
            report.warn(field.at(), field.key, why);
        },
    },
    Key { names: &["consumer_memory_storage"], read: checked::boolean },
    Key {
        names: &["consumer_inactive_threshold", "consumer_auto_cleanup"],
        read: |field, _, report| {
            field.duration("consumer_inactive_threshold", report);
        },
    },
    Key { names: &["reject_qos2_publish"], read: checked::boolean },
    Key { names: &["downgrade_qos2_subscribe"], read: checked::boolean },
];

pub fn read(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let Some(map) = field.map_or("Expected mqtt to be a map, got ", report) else { return };
    let mut block = Mqtt::default();
    super::read(map, KEYS, &mut block, report);
    if block.port != 0 {
        report.unbuilt(field.at(), field.key, "MQTT");
    }
}

fn max_ack_pending(field: &Field<'_>, _: &mut Mqtt, report: &mut Report) {
    let Some(number) = field.integer(report) else { return };
    if u16::try_from(number).is_err() {
        report.refuse(field.at(), format!("invalid value {number}, should in [0..65535] range"));
    }
}
