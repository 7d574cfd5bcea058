//! Operations of clients other than publishing, and what is wrong with the rest.

use std::collections::VecDeque;

use super::core::Core;
use super::desk::{Wish, cost};
use super::{admit, publish, responders, subscribe, trace, transit};
use crate::proto::client::{self, Fault, Op, Rules, Step};
use crate::proto::connect::redacted;
use crate::proto::info::{self, Occasion};
use crate::proto::text::{self, Reason, snippet};
use crate::ring::letter::Letter;
use crate::session::Pause;
use crate::session::connection::{Answer, Barrier};
use crate::shard_set::ShardSet;

/// What CONNECT counts as, for it may take checking a signature.
const CONNECT_WORK: u64 = 256;

/// Serves bytes of a connection until so much work is done, or the connection is paused. Answers how many bytes
/// are left; of a connection that closes, none. The connection is there.
pub fn feed(core: &mut Core, index: u32, mut data: &[u8], until: u64) -> usize {
    while !data.is_empty() {
        let connection = core.desk.connections.at(index);
        if connection.closing.is_some() {
            return 0;
        }
        if connection.is_paused() || (core.desk.work >= until && connection.inbox.is_empty()) {
            return data.len();
        }
        let rules = Rules { headers: connection.headers, max_payload: connection.max_payload, ..core.rules };
        if connection.inbox.is_empty() {
            if connection.awaits_connect && !client::may_be_connect(data) {
                admit::enter_silently(core, index);
                continue;
            }
            match client::parse(data, &rules) {
                Step::Op(op, used) => {
                    execute(core, index, op);
                    data = &data[used..];
                }
                Step::More(wanted) => {
                    connection.inbox.reserve_exact(wanted.max(data.len()));
                    connection.inbox.extend_from_slice(data);
                    connection.wanted = wanted;
                    core.desk.work += cost(data.len());
                    return 0;
                }
                Step::Fault(fault) => {
                    refuse(core, index, fault, data);
                    return 0;
                }
            }
        } else {
            data = resume_operation(core, index, &rules, data);
        }
    }
    0
}

/// Serves input that was kept, as `feed` does.
pub fn feed_backlog(core: &mut Core, index: u32, until: u64) {
    let connection = core.desk.connections.at(index);
    connection.unpause(Pause::Backlog);
    connection.wanted = 0;
    let inbox = std::mem::take(&mut connection.inbox);
    let served = std::mem::take(&mut connection.inbox_served);
    let left = feed(core, index, &inbox[served..], until);
    if left == 0 {
        return core.desk.pool.put(inbox);
    }
    let connection = core.desk.connections.at(index);
    debug_assert!(connection.inbox.is_empty(), "input is left between operations alone");
    connection.inbox_served = inbox.len() - left;
    connection.inbox = inbox;
    connection.pause(Pause::Backlog);
}

/// Adds to the operation begun earlier what it still needs of `data`, serves it if that completes it, and
/// answers the rest.
fn resume_operation<'a>(core: &mut Core, index: u32, rules: &Rules, data: &'a [u8]) -> &'a [u8] {
    let connection = core.desk.connections.at(index);
    let needed = match connection.wanted {
        0 => memchr::memchr(b'\n', data).map_or(data.len(), |end| end + 1),
        wanted => data.len().min(wanted - connection.inbox.len()),
    };
    connection.inbox.extend_from_slice(&data[..needed]);
    core.desk.work += cost(needed);
    let connection = core.desk.connections.at(index);
    if connection.inbox.len() < connection.wanted && !odd_end(connection) {
        return &data[needed..];
    }
    let mut inbox = std::mem::take(&mut connection.inbox);
    match client::parse(&inbox, rules) {
        Step::Op(op, _) => {
            execute(core, index, op);
            let connection = core.desk.connections.at(index);
            connection.wanted = 0;
            inbox.clear();
            if connection.inbox.is_empty() && inbox.capacity() <= 1024 {
                connection.inbox = inbox;
            }
        }
        Step::More(wanted) => {
            let connection = core.desk.connections.at(index);
            inbox.reserve_exact(wanted.saturating_sub(inbox.len()));
            connection.inbox = inbox;
            connection.wanted = wanted;
        }
        Step::Fault(fault) => refuse(core, index, fault, &inbox),
    }
    &data[needed..]
}

/// Whether all but the last byte of a message is there, and the one before it is no line end: it can be
/// refused without waiting for more.
fn odd_end(connection: &crate::session::Connection) -> bool {
    connection.inbox.len() + 1 == connection.wanted && connection.inbox.last() != Some(&b'\r')
}

/// Keeps input of a connection until it is its turn.
pub fn stash(core: &mut Core, index: u32, data: &[u8]) {
    let connection = core.desk.connections.at(index);
    if connection.inbox.capacity() == 0 {
        connection.inbox = core.desk.pool.take();
    } else if connection.inbox_served > connection.inbox.len() / 2 {
        connection.inbox.drain(..connection.inbox_served);
        connection.inbox_served = 0;
    }
    connection.inbox.extend_from_slice(data);
    connection.wanted = 0;
    connection.pause(Pause::Backlog);
    if connection.inbox.len() - connection.inbox_served > core.rotation.inbox_bytes_max() {
        mark!("inbox full");
        hold_back(core, index);
    }
}

/// Nothing more is received from a connection until what it has sent is served.
pub fn hold_back(core: &mut Core, index: u32) {
    let connection = core.desk.connections.at(index);
    if !connection.receive_paused {
        connection.receive_paused = true;
        core.desk.wishes.push(Wish::Pause(connection.slot));
    }
}

#[inline]
fn execute(core: &mut Core, index: u32, op: Op<'_>) {
    match op {
        Op::Publish(message) => {
            publish::publish(core, index, &message);
            if !core.desk.spent.is_empty() {
                publish::retire_spent(core);
            }
        }
        other => execute_rare(core, index, other),
    }
}

fn execute_rare(core: &mut Core, index: u32, op: Op<'_>) {
    if core.settings.tracing.trace {
        trace_op(core, index, &op);
    }
    core.desk.work += match op {
        Op::Connect(_) => CONNECT_WORK,
        _ => 1,
    };
    match op {
        Op::Publish(_) => unreachable!("served by the caller"),
        Op::Ping => ping(core, index),
        Op::Pong => pong(core, index),
        Op::Subscribe { subject, queue, sid } => subscribe::subscribe(core, index, subject, queue, sid),
        Op::Unsubscribe { sid, max } => subscribe::unsubscribe(core, index, sid, max),
        Op::Connect(json) => admit::connect(core, index, json),
        Op::Info(json) => {
            if let Err(error) = info::check(json) {
                close_with_log(core, index, &error, Reason::ProtocolViolation);
            }
        }
        Op::Ok => {}
        Op::Err(said) => {
            let said = format!("Client Error {}", String::from_utf8_lossy(said));
            close_with_log(core, index, &said, Reason::ParseError);
        }
    }
}

fn trace_op(core: &mut Core, index: u32, op: &Op<'_>) {
    let text = |words: &[&[u8]]| {
        let words = words.iter().filter(|word| !word.is_empty()).map(|word| String::from_utf8_lossy(word));
        words.collect::<Vec<_>>().join(" ")
    };
    let (verb, args) = match op {
        Op::Ping => ("PING", String::new()),
        Op::Pong => ("PONG", String::new()),
        Op::Connect(json) => ("CONNECT", redacted(json)),
        Op::Subscribe { subject, queue, sid } => ("SUB", text(&[subject, queue.unwrap_or_default(), sid])),
        Op::Unsubscribe { sid, max: None } => ("UNSUB", text(&[sid])),
        Op::Unsubscribe { sid, max: Some(max) } => ("UNSUB", text(&[sid, max.to_string().as_bytes()])),
        Op::Publish(_) | Op::Info(_) | Op::Ok | Op::Err(_) => return,
    };
    trace::inbound(core.desk.connections.at(index), verb, &args);
}

/// PING: a PONG once every shard has done what this connection caused there.
fn ping(core: &mut Core, index: u32) {
    core.desk.connections.at(index).last_in = core.desk.now;
    barrier(core, index, Answer::Pong);
}

fn pong(core: &mut Core, index: u32) {
    let connection = core.desk.connections.at(index);
    connection.pings_out = 0;
    if connection.ping_at > 0 {
        connection.rtt = (core.desk.now - connection.ping_at).max(1);
    }
}

/// Answers at once if nothing is outstanding, else when it no longer is; until then the connection's input
/// waits, so that answers keep their order.
pub fn barrier(core: &mut Core, index: u32, answer: Answer) {
    let Core { desk, mesh, .. } = core;
    let connection = desk.connections.at(index);
    let touched = std::mem::take(&mut connection.touched);
    let queued = std::mem::take(&mut connection.answering);
    // A shard that has done all it was sent is not asked, unless its answer may still be on its way.
    let outstanding = |shard: &u16| queued.contains(*shard) || !mesh.is_drained(*shard);
    let awaited: ShardSet = touched.into_iter().filter(outstanding).collect();
    if awaited.is_empty() {
        connection.unanswered = VecDeque::new();
        return answer_barrier(core, index, answer);
    }
    mark!("barrier waits");
    connection.barrier = Some(Barrier { awaited, answer });
    let slot = connection.slot;
    for shard in awaited {
        mesh.send(shard, Letter::Barrier { slot });
    }
    desk.pause(index, Pause::Barrier);
}

/// One shard has done all it was sent before the barrier.
pub fn barrier_done(core: &mut Core, slot: crate::slot::Slot, shard: crate::shard_set::ShardId) {
    let Some(connection) = core.desk.connections.get(slot) else { return };
    let Some(waiting) = &mut connection.barrier else { return };
    waiting.awaited.remove(shard);
    if waiting.awaited.is_empty() {
        let Some(Barrier { answer, .. }) = connection.barrier.take() else { return };
        // Messages that came back meanwhile have touched other shards: then it waits for those too.
        if !connection.touched.is_empty() {
            mark!("barrier goes on");
        }
        core.desk.unpause(slot, Pause::Barrier);
        barrier(core, slot.index, answer);
    }
}

fn answer_barrier(core: &mut Core, index: u32, answer: Answer) {
    match answer {
        Answer::Pong => {}
        Answer::Ok => return core.desk.write_ok(index),
        Answer::Leave(to) => return transit::set_out(core, index, to),
        Answer::Prepared => return transit::prepared(core, index),
        Answer::NoResponder(request) => {
            return responders::answer(core, index, &request.0, &request.1);
        }
    }
    if core.settings.tracing.trace {
        trace::outbound(core.desk.connections.at(index), "PONG", "");
    }
    core.desk.write(index, [b"PONG\r\n"]);
    let connection = core.desk.connections.at(index);
    if connection.connected && !connection.first_pong_sent {
        connection.first_pong_sent = true;
        if connection.connect.protocol >= 1 {
            let account = core.accounts[connection.account as usize].name().to_owned();
            send_info(core, index, Some(&account));
        }
    }
}

/// Sends INFO: at the start, after the first PING, and when something changed.
pub fn send_info(core: &mut Core, index: u32, account: Option<&str>) {
    let connection = core.desk.connections.at(index);
    let client_ip = connection.peer.ip().to_string();
    let occasion = Occasion {
        cid: connection.cid,
        client_ip: &client_ip,
        max_payload: connection.max_payload,
        lame_duck: core.lame_duck,
        nonce: connection.nonce.as_deref(),
        account,
    };
    let line = info::line(&core.settings, &occasion);
    core.desk.write(index, [&line[..]]);
}

pub fn active(core: &mut Core, index: u32) {
    let connection = core.desk.connections.at(index);
    connection.last_in = core.desk.now;
    connection.active_at = core.desk.now;
}

pub fn close_with_log(core: &mut Core, index: u32, error: &str, reason: Reason) {
    let connection = core.desk.connections.at(index);
    tracing::error!("{} - {error}", connection.label());
    let slot = connection.slot;
    core.desk.doom(slot, reason);
}

/// Bytes that are no operation. Source: nats-server `parser.go`, `client.go:readLoop`.
fn refuse(core: &mut Core, index: u32, fault: Fault, bytes: &[u8]) {
    let line_is_whole = match fault {
        Fault::Unknown { at } => memchr::memchr(b'\n', bytes).is_some_and(|end| end < at),
        Fault::ControlLine { .. } => false,
        _ => true,
    };
    if core.settings.tracing.trace && line_is_whole {
        trace::refused(core.desk.connections.at(index), bytes);
    }
    match fault {
        Fault::Payload { size } => publish::too_large(core, index, size),
        Fault::Unknown { at } => {
            core.desk.write_error(index, text::UNKNOWN_PROTOCOL_OPERATION);
            let error = format!("Client parser ERROR, i={at}: proto='{}...'", snippet(bytes, at));
            close_with_log(core, index, &error, Reason::ProtocolViolation);
        }
        Fault::ControlLine { .. } => {
            core.desk.write_error(index, text::MAXIMUM_CONTROL_LINE_EXCEEDED);
            let said = text::MAXIMUM_CONTROL_LINE_EXCEEDED;
            close_with_log(core, index, said, Reason::MaximumControlLineExceeded);
        }
        Fault::HeadersOff => {
            close_with_log(core, index, "message headers not supported", Reason::ProtocolViolation);
        }
        Fault::Malformed(error) => close_with_log(core, index, &error, Reason::ProtocolViolation),
    }
}
