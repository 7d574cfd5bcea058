//! Protocol lines for the log (`-V`), as nats-server writes them. Off the hot path: called only when asked
//! for. Source: nats-server `client.go:traceOp`, `traceMsgInternal`.

use super::desk::{Delivery, payload};
use crate::proto::client::Message;
use crate::proto::text::quoted;
use crate::session::Connection;
use crate::settings::Settings;

/// A line of a client.
pub fn inbound(connection: &Connection, verb: &str, args: &str) {
    let space = if args.is_empty() { "" } else { " " };
    tracing::trace!("{} - <<- [{verb}{space}{args}]", connection.label());
}

/// A line to a client.
pub fn outbound(connection: &Connection, verb: &str, args: &str) {
    let space = if args.is_empty() { "" } else { " " };
    tracing::trace!("{} - ->> [{verb}{space}{args}]", connection.label());
}

pub fn removed(connection: &Connection, sid: &[u8]) {
    tracing::trace!("{} - <-> [DELSUB {}]", connection.label(), String::from_utf8_lossy(sid));
}

pub fn published(connection: &Connection, message: &Message<'_>, settings: &Settings) {
    let verb = if message.header_len.is_some() { "HPUB" } else { "PUB" };
    let words = [message.subject, message.reply, message.sizes];
    let words = words.into_iter().filter(|word| !word.is_empty()).map(String::from_utf8_lossy);
    inbound(connection, verb, &words.collect::<Vec<_>>().join(" "));
    body(connection, "<<-", message.payload, settings.tracing.max_traced_msg_len);
}

pub fn delivered(connection: &Connection, sid: &[u8], delivery: &Delivery<'_>) {
    let verb = if delivery.header_len.is_some() && connection.headers { "HMSG" } else { "MSG" };
    let line_end = memchr::memchr(b'\r', delivery.tail).unwrap_or_default();
    let words = [delivery.subject, sid, &delivery.tail[..line_end]].map(String::from_utf8_lossy);
    outbound(connection, verb, &words.join(" "));
    body(connection, "->>", payload(delivery), 0);
}

fn body(connection: &Connection, direction: &str, payload: &[u8], max: usize) {
    if payload.is_empty() {
        return;
    }
    if max > 0 && payload.len() > max {
        let text = quoted(&payload[..max]);
        let cut = &text[..text.len() - 1];
        tracing::trace!("{} - {direction} MSG_PAYLOAD: [{cut}...\"]", connection.label());
    } else {
        tracing::trace!("{} - {direction} MSG_PAYLOAD: [{}]", connection.label(), quoted(payload));
    }
}
