//! Protocol lines for the log (`-V`), as nats-server writes them. Off the hot path: called only when asked
//! for, or where little happens. Source: nats-server `client.go:traceOp`, `traceMsgInternal`.

use super::desk::{Delivery, payload};
use crate::proto::client::Message;
use crate::proto::text::quoted;
use crate::session::Connection;
use crate::settings::Tracing;

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

/// The first line of bytes that were refused, if it is one of a message or a subscription.
pub fn refused(connection: &Connection, bytes: &[u8]) {
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let line = String::from_utf8_lossy(bytes[..end].trim_ascii());
    let (verb, args) = line.split_once([' ', '\t']).unwrap_or((&line, ""));
    let verb = verb.to_ascii_uppercase();
    if ["PUB", "HPUB", "SUB", "UNSUB"].contains(&verb.as_str()) {
        inbound(connection, &verb, args.trim_start());
    }
}

pub fn removed(connection: &Connection, sid: &[u8]) {
    tracing::trace!("{} - <-> [DELSUB {}]", connection.label(), String::from_utf8_lossy(sid));
}

/// The line of a message that came in; its payload follows with `carried`.
pub fn published(connection: &Connection, message: &Message<'_>) {
    let verb = if message.header_len.is_some() { "HPUB" } else { "PUB" };
    let words = [message.subject, message.reply, message.sizes];
    let words = words.into_iter().filter(|word| !word.is_empty()).map(String::from_utf8_lossy);
    inbound(connection, verb, &words.collect::<Vec<_>>().join(" "));
}

/// That a message goes to another subject than the client said.
pub fn mapped(connection: &Connection, subject: &[u8], mapped: &[u8]) {
    let (from, to) = (String::from_utf8_lossy(subject), String::from_utf8_lossy(mapped));
    inbound(connection, "MAPPING", &format!("{from} -> {to}"));
}

pub fn carried(connection: &Connection, message: &Message<'_>, tracing: Tracing) {
    body(connection, "<<-", message.payload, message.header_len, tracing);
}

/// A message as its reader gets it: `tail` is without headers where the reader knows none.
pub fn delivered(connection: &Connection, sid: &[u8], delivery: &Delivery<'_>, tail: &[u8]) {
    let header_len = delivery.header_len.filter(|_| connection.headers);
    let verb = if header_len.is_some() { "HMSG" } else { "MSG" };
    let line_end = memchr::memchr(b'\r', tail).unwrap_or_default();
    let words = [delivery.subject, sid, &tail[..line_end]].map(String::from_utf8_lossy);
    outbound(connection, verb, &words.join(" "));
    body(connection, "->>", payload(tail), header_len, delivery.tracing);
}

fn body(connection: &Connection, direction: &str, payload: &[u8], header_len: Option<u32>, tracing: Tracing) {
    let shown = match header_len {
        _ if !tracing.headers_only => payload,
        // Without the two line ends behind the last header.
        Some(len) => payload.get(..(len as usize).saturating_sub(4)).unwrap_or_default(),
        None => return,
    };
    let max = tracing.max_traced_msg_len;
    if shown.is_empty() {
        return;
    }
    if max > 0 && shown.len() > max {
        let text = quoted(&shown[..max]);
        let cut = &text[..text.len() - 1];
        tracing::trace!("{} - {direction} MSG_PAYLOAD: [{cut}...\"]", connection.label());
    } else {
        tracing::trace!("{} - {direction} MSG_PAYLOAD: [{}]", connection.label(), quoted(shown));
    }
}
