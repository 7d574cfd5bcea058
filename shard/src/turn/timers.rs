//! What time brings: PINGs, authentication timeouts, stalls that end, writes that take too long.

use std::cmp::Reverse;

use super::core::Core;
use super::desk::{Alarm, Wish};
use super::trace;
use crate::proto::text::{self, Reason};
use crate::session::Pause;
use crate::settings::Limits;
use crate::slot::Slot;

/// The first PING after CONNECT measures the way to the client early. Source: nats-server `client.go`
/// (`firstClientPingInterval`).
const FIRST_PING: u64 = 2_000_000_000;

/// A client is asked even when it is not quiet if it was not for this long. Source: nats-server `const.go`
/// (`DEFAULT_RTT_MEASUREMENT_INTERVAL`).
const MEASURE_AGAIN: u64 = 3_600_000_000_000;

pub fn first_ping_after(limits: &Limits) -> u64 {
    FIRST_PING.min(limits.ping_interval.as_nanos() as u64)
}

/// The moment of the next thing to be done, if there is any.
pub fn next(core: &Core) -> Option<u64> {
    let alarm = core.desk.alarms.peek().map(|Reverse((at, ..))| *at);
    let alarm = alarm.into_iter().chain(core.awaiting.next_end()).min();
    let sweep = (core.desk.flights > 0).then(|| core.swept_at + sweep_interval(core));
    match (alarm, sweep) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Does all that is due.
pub fn run(core: &mut Core) {
    while let Some(Reverse((at, alarm, (index, generation)))) = core.desk.alarms.peek().copied() {
        if at > core.desk.now {
            break;
        }
        core.desk.alarms.pop();
        ring(core, at, alarm, Slot { index, generation });
    }
    super::services::expire(core);
    if core.desk.flights > 0 && core.desk.now >= core.swept_at + sweep_interval(core) {
        core.swept_at = core.desk.now;
        sweep(core);
    }
}

fn ring(core: &mut Core, at: u64, alarm: Alarm, slot: Slot) {
    let Some(connection) = core.desk.connections.get(slot) else { return };
    match alarm {
        Alarm::Authentication if !connection.connected && connection.closing.is_none() => {
            let label = connection.label();
            core.desk.write_error(slot.index, text::AUTHENTICATION_TIMEOUT);
            tracing::debug!("{label} - {}", text::AUTHENTICATION_TIMEOUT);
            core.desk.doom(slot, Reason::AuthenticationTimeout);
        }
        Alarm::Authentication => {}
        Alarm::Ping if connection.ping_due == at => ping(core, slot),
        Alarm::Ping => {}
        Alarm::Stall => core.desk.unpause(slot, Pause::Stall),
        Alarm::Linger => core.desk.wishes.push(Wish::Close(slot)),
    }
}

/// Source: nats-server `client.go:processPingTimer`.
fn ping(core: &mut Core, slot: Slot) {
    let interval = core.settings.limits.ping_interval.as_nanos() as u64;
    let connection = core.desk.connections.at(slot.index);
    if connection.closing.is_some() {
        return;
    }
    tracing::debug!("{} - Client Ping Timer", connection.label());
    let quiet = core.desk.now - connection.last_in;
    let unmeasured = connection.ping_at == 0 || core.desk.now - connection.ping_at > MEASURE_AGAIN;
    if quiet < interval && !unmeasured {
        let seconds = (quiet + 500_000_000) / 1_000_000_000;
        let label = connection.label();
        tracing::debug!("{label} - Delaying PING due to remote client data or ping {seconds}s ago");
    } else {
        if connection.pings_out + 1 > core.settings.limits.ping_max {
            tracing::debug!("{} - Stale Client Connection - Closing", connection.label());
            mark!("stale connection");
            core.desk.stale_connections += 1;
            // Not traced, as by nats-server.
            core.desk.write(slot.index, [b"-ERR '", text::STALE_CONNECTION.as_bytes(), b"'\r\n"]);
            return core.desk.doom(slot, Reason::StaleConnection);
        }
        connection.pings_out += 1;
        connection.ping_at = core.desk.now;
        if core.settings.tracing.trace {
            trace::outbound(connection, "PING", "");
        }
        mark!("server pings");
        core.desk.write(slot.index, [b"PING\r\n"]);
    }
    core.desk.set_ping_alarm(core.desk.now + interval, slot);
}

fn sweep_interval(core: &Core) -> u64 {
    (core.settings.limits.write_deadline.as_nanos() as u64 / 8).clamp(10_000_000, 1_000_000_000)
}

/// Cuts connections whose send has been under way for longer than `write_deadline`.
fn sweep(core: &mut Core) {
    let deadline = core.settings.limits.write_deadline;
    let limit = deadline.as_nanos() as u64;
    let now = core.desk.now;
    let late: Vec<Slot> = core
        .desk
        .connections
        .iter()
        .filter(|connection| {
            connection.closing.is_none() && connection.outbox.is_flying() && now - connection.sent_at > limit
        })
        .map(|connection| connection.slot)
        .collect();
    for slot in late {
        let connection = core.desk.connections.at(slot.index);
        tracing::info!(
            "{} - Slow Consumer Detected: WriteDeadline of {deadline:?} exceeded with {} total bytes.",
            connection.label(),
            connection.outbox.pending()
        );
        mark!("write takes too long");
        core.desk.slow_consumers += 1;
        core.desk.doom(slot, Reason::SlowConsumerWriteDeadline);
    }
}
