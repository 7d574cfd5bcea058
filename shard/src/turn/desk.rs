//! What every step of a turn writes to: connections with their outboxes, and the lists of what is to be done
//! before the turn ends. Hot path.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bytes::Bytes;

use super::house::House;
use crate::account::AccountId;
use crate::account::shadows::{Shadow, Shadows};
use crate::deliver::{Pool, SHARED_BYTES_MIN};
use crate::interest::{HOUSE, Role, SubId, Table, Target};
use crate::proto::text::Reason;
use crate::session::permissions::Verdicts;
use crate::session::transit::{Held, Transit};
use crate::session::{Connection, Connections, Pause};
use crate::settings::Tracing;
use crate::shard_set::ShardId;
use crate::slot::Slot;

/// A reader with more than this waiting slows its publishers. Far below
/// `max_pending`: what waits in cache is cheap, what waits in memory is not.
const SLOW_READER_BYTES: usize = 2 << 20;

/// Work that an operation or a delivery of so many bytes is.
#[inline]
pub fn cost(bytes: usize) -> u64 {
    1 + (bytes >> 8) as u64
}

/// What the driver is to be asked for, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Pause(Slot),
    Resume(Slot),
    Finish(Slot),
    Close(Slot),
    Detach(Slot),
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    Authentication,
    Ping,
    Stall,
    Linger,
}

/// A message as it is delivered here, wherever it came from.
pub struct Delivery<'a> {
    pub subject: &'a [u8],
    pub reply_len: usize,
    pub header_len: Option<u32>,
    /// See `proto::client::Message::tail`.
    pub tail: &'a [u8],
    /// Bytes of headers and body.
    pub payload_len: usize,
    /// The publisher, where it lives on this shard and wants no echo.
    pub no_echo: Option<u32>,
    /// The shard that chose who gets it.
    pub from: ShardId,
    /// It has crossed from one account to another: imports of streams do not carry it on.
    pub is_imported: bool,
    /// What of it is written to the log.
    pub tracing: Tracing,
    /// The tail, shared by all who get it, once one did.
    pub shared: Option<Bytes>,
}

#[derive(Default)]
pub struct Desk {
    pub connections: Connections,
    pub pool: Pool,
    /// Connections with something to send.
    pub dirty: Vec<u32>,
    pub wishes: Vec<Wish>,
    /// Connections that are to be taken out, with their subscriptions.
    pub doomed: Vec<Slot>,
    /// Subscriptions that have had their last message.
    pub spent: Vec<(AccountId, SubId)>,
    /// Connections whose pauses are over.
    pub resumable: Vec<Slot>,
    /// Connections that wait for room in a ring.
    pub congested: Vec<Slot>,
    pub alarms: BinaryHeap<Reverse<(u64, Alarm, Slot2)>>,
    /// Sends under way.
    pub flights: usize,
    pub max_pending: usize,
    /// A reader of the message under way is far behind.
    pub slow_reader: bool,
    pub now: u64,
    /// Work done so far: what `Rotation` shares out. See `cost`.
    pub work: u64,
    pub in_messages: u64,
    pub in_bytes: u64,
    pub out_messages: u64,
    pub out_bytes: u64,
    pub slow_consumers: u64,
    pub stale_connections: u64,
    pub stalls: u64,
    /// What users may publish and receive, as it was found out before.
    pub verdicts: Verdicts,
    pub shadows: Shadows,
    /// Shadows that are to get the message under way, under the subject their accounts know it by.
    pub shadowed: Vec<u32>,
    /// Guests for whom more is held than may be.
    pub starved: Vec<Slot>,
    pub house: House,
    scratch: Vec<u8>,
}

/// A slot in an order, for the heap of alarms.
pub type Slot2 = (u32, u32);

impl Desk {
    /// Appends to a connection's output.
    #[inline]
    pub fn write<const N: usize>(&mut self, index: u32, pieces: [&[u8]; N]) {
        let connection = self.connections.at(index);
        if connection.closing.is_some() {
            return;
        }
        connection.outbox.append(&mut self.pool, pieces);
        self.written(index);
    }

    /// Sends an error text, quoted as the protocol wants it.
    pub fn write_error(&mut self, index: u32, text: &str) {
        self.trace_answer(index, "-ERR", text);
        self.write(index, [b"-ERR '", text.as_bytes(), b"'\r\n"]);
    }

    /// Acknowledges what a verbose client sent.
    pub fn write_ok(&mut self, index: u32) {
        self.trace_answer(index, "OK", "");
        self.write(index, [b"+OK\r\n"]);
    }

    fn trace_answer(&mut self, index: u32, verb: &str, args: &str) {
        let connection = self.connections.at(index);
        if connection.closing.is_none() {
            super::trace::outbound(connection, verb, args);
        }
    }

    /// Gives a message to one subscription. Answers whether it was taken.
    #[inline]
    pub fn deliver(
        &mut self,
        account: AccountId,
        table: &mut Table,
        target: Target,
        delivery: &mut Delivery<'_>,
    ) -> bool {
        if target.owner == HOUSE {
            return self.call_house(table, target, delivery);
        }
        let connection = self.connections.at(target.owner);
        if connection.closing.is_some() || delivery.no_echo == Some(target.owner) {
            return false;
        }
        if connection.transit.is_some() && !takes_in_transit(connection, delivery.from) {
            return false;
        }
        let sub = table.sub_mut(target.sub);
        if sub.filtered || sub.role == Role::Shadow {
            let (is_shadow, shadow) = (sub.role == Role::Shadow, sub.shadow);
            let Desk { verdicts, shadows, scratch, .. } = self;
            let queue = table.queue_of(target.sub);
            if is_shadow {
                let takes = !delivery.is_imported
                    && imports_it(verdicts, shadows.get(shadow), connection, queue, (delivery, scratch));
                if takes {
                    self.shadowed.push(shadow);
                }
                return takes;
            }
            if !may_receive(verdicts, connection, queue, delivery.subject) {
                mark!("delivery denied");
                return false;
            }
        }
        if connection.is_guest() {
            let slot = connection.slot;
            if hold(connection, account, target, delivery, self.max_pending) {
                self.starved.push(slot);
            }
            return true;
        }
        let sub = table.sub_mut(target.sub);
        sub.delivered += 1;
        if sub.max > 0 {
            let max = u64::from(sub.max);
            if sub.delivered > max {
                return false;
            }
            if sub.delivered == max {
                self.spent.push((account, target.sub));
                note_last(connection, max, sub.sid.as_bytes());
            }
        }
        let sid = sub.sid.as_bytes();
        let mut bytes = delivery.payload_len as u64;
        match delivery.header_len {
            Some(header_len) if !connection.headers => {
                bytes = bytes.saturating_sub(u64::from(header_len));
                write_stripped(&mut self.scratch, delivery, header_len as usize);
                let pieces = [b"MSG ", delivery.subject, b" ", sid, b" ", &self.scratch[..]];
                connection.outbox.append(&mut self.pool, pieces);
            }
            header_len => {
                let verb: &[u8] = if header_len.is_some() { b"HMSG " } else { b"MSG " };
                let tail = delivery.tail;
                if tail.len() < SHARED_BYTES_MIN {
                    let pieces = [verb, delivery.subject, b" ", sid, b" ", tail];
                    connection.outbox.append(&mut self.pool, pieces);
                } else {
                    let shared = delivery.shared.get_or_insert_with(|| Bytes::copy_from_slice(tail));
                    let shared = shared.clone();
                    connection.outbox.append(&mut self.pool, [verb, delivery.subject, b" ", sid, b" "]);
                    connection.outbox.append_shared(shared);
                }
            }
        }
        if connection.grants.is_some() && delivery.reply_len > 0 {
            grant(&mut self.verdicts, connection, delivery, self.now);
        }
        connection.out_messages += 1;
        connection.out_bytes += bytes;
        self.work += cost(delivery.payload_len);
        self.out_messages += 1;
        // With headers that were left out, as nats-server has it (`client.go:processMsgResults`).
        self.out_bytes += delivery.payload_len as u64;
        if delivery.tracing.trace {
            let stripped = delivery.header_len.is_some() && !connection.headers;
            let tail = if stripped { &self.scratch[..] } else { delivery.tail };
            super::trace::delivered(connection, table.sub(target.sub).sid.as_bytes(), delivery, tail);
        }
        self.slow_reader |= self.written(target.owner);
        true
    }

    /// Gives a message to the server itself. It is always taken.
    #[cold]
    fn call_house(&mut self, table: &Table, target: Target, delivery: &Delivery<'_>) -> bool {
        let sub = table.sub(target.sub);
        if sub.role == Role::Shadow {
            if !delivery.is_imported {
                self.shadowed.push(sub.shadow);
            }
            return !delivery.is_imported;
        }
        self.work += cost(delivery.payload_len);
        self.house.call(sub.max, delivery);
        true
    }

    /// Something was appended: it is to be flushed, unless it is too much. Answers whether the reader is far
    /// behind.
    #[inline]
    fn written(&mut self, index: u32) -> bool {
        let connection = self.connections.at(index);
        if !connection.dirty {
            connection.dirty = true;
            self.dirty.push(index);
        }
        let pending = connection.outbox.pending();
        if pending <= SLOW_READER_BYTES.min(self.max_pending / 4) {
            return false;
        }
        if pending > self.max_pending {
            let (slot, label) = (connection.slot, connection.label());
            tracing::info!("{label} - Slow Consumer Detected: MaxPending of {} Exceeded", self.max_pending);
            mark!("slow consumer");
            self.slow_consumers += 1;
            self.doom(slot, Reason::SlowConsumerPendingBytes);
        }
        true
    }

    /// Closes a connection for a reason: from now on it is given nothing, and what it sends is not read.
    pub fn doom(&mut self, slot: Slot, reason: Reason) {
        let Some(connection) = self.connections.get(slot) else { return };
        if connection.closing.is_some() {
            return;
        }
        match connection.transit.as_deref_mut() {
            // It is closed where it goes.
            Some(Transit::Leaving(leaving)) => {
                leaving.doomed.get_or_insert(reason);
                return;
            }
            Some(Transit::Guest(_)) => return,
            None => {}
        }
        connection.closing = Some(reason);
        if !reason.flushes() {
            connection.outbox.discard();
        }
        self.doomed.push(slot);
    }

    /// Pauses the input of a connection.
    pub fn pause(&mut self, index: u32, pause: Pause) {
        let connection = self.connections.at(index);
        connection.pause(pause);
        if pause != Pause::Barrier && !connection.receive_paused {
            connection.receive_paused = true;
            self.wishes.push(Wish::Pause(connection.slot));
        }
    }

    /// Ends one pause of a connection, if it is still there.
    pub fn unpause(&mut self, slot: Slot, pause: Pause) {
        let Some(connection) = self.connections.get(slot) else { return };
        if connection.is_paused_by(pause) && connection.unpause(pause) {
            self.resumable.push(slot);
        }
    }

    /// The next PING is thought about at this moment, and at no other.
    pub fn set_ping_alarm(&mut self, at: u64, slot: Slot) {
        if let Some(connection) = self.connections.get(slot) {
            connection.ping_due = at;
            self.set_alarm(at, Alarm::Ping, slot);
        }
    }

    pub fn set_alarm(&mut self, at: u64, alarm: Alarm, slot: Slot) {
        self.alarms.push(Reverse((at, alarm, (slot.index, slot.generation))));
    }
}

/// Whether a connection that moves gets messages of that shard here.
#[cold]
fn takes_in_transit(connection: &Connection, from: ShardId) -> bool {
    match connection.transit.as_deref() {
        Some(Transit::Leaving(leaving)) => !leaving.cut.contains(from) && leaving.doomed.is_none(),
        Some(Transit::Guest(guest)) => guest.cut.contains(from) && !guest.is_slow,
        None => true,
    }
}

/// Keeps a message for one that is to come. Answers whether that was too much.
#[cold]
fn hold(
    connection: &mut Connection,
    account: AccountId,
    target: Target,
    delivery: &mut Delivery<'_>,
    max_pending: usize,
) -> bool {
    let Some(Transit::Guest(guest)) = connection.transit.as_deref_mut() else { return false };
    let tail = delivery.shared.get_or_insert_with(|| Bytes::copy_from_slice(delivery.tail)).clone();
    guest.held_bytes += tail.len() + delivery.subject.len();
    guest.is_slow = guest.held_bytes > max_pending;
    guest.held.push(Held {
        account,
        sub: target.sub,
        from: delivery.from,
        subject: delivery.subject.into(),
        reply_len: delivery.reply_len,
        header_len: delivery.header_len,
        tail,
        is_imported: delivery.is_imported,
    });
    guest.is_slow
}

#[cold]
fn may_receive(
    verdicts: &mut Verdicts,
    connection: &Connection,
    queue: Option<&[u8]>,
    subject: &[u8],
) -> bool {
    let permissions = connection.permissions.as_ref();
    permissions.is_none_or(|permissions| verdicts.may_receive(permissions, subject, queue))
}

/// Whether what a shadow stands for may receive the message, under the subject it will see. It gets it later.
#[cold]
fn imports_it(
    verdicts: &mut Verdicts,
    shadow: &Shadow,
    connection: &Connection,
    queue: Option<&[u8]>,
    (delivery, scratch): (&Delivery<'_>, &mut Vec<u8>),
) -> bool {
    if !shadow.filtered {
        return true;
    }
    scratch.clear();
    shadow.snapshot.stream_imports[shadow.import as usize].rename(delivery.subject, scratch);
    may_receive(verdicts, connection, queue, scratch)
}

/// Whoever gets a request may answer it, if its permissions say so and it could not anyway.
#[cold]
fn grant(verdicts: &mut Verdicts, connection: &mut Connection, delivery: &Delivery<'_>, now: u64) {
    let Connection { permissions, grants, .. } = connection;
    let (Some(permissions), Some(grants)) = (permissions, grants) else { return };
    let reply = &delivery.tail[..delivery.reply_len];
    if let Some(responses) = permissions.responses()
        && !verdicts.may_publish(permissions, reply)
    {
        grants.grant(reply, now, responses);
    }
}

#[cold]
fn note_last(connection: &Connection, max: u64, sid: &[u8]) {
    let sid = String::from_utf8_lossy(sid);
    tracing::debug!("{} - Auto-unsubscribe limit of {max} reached for sid '{sid}'", connection.label());
}

/// The tail for a reader that knows no headers: reply, the body's size, the body.
fn write_stripped(out: &mut Vec<u8>, delivery: &Delivery<'_>, header_len: usize) {
    let payload = payload(delivery.tail);
    let body = &payload[header_len.min(payload.len())..];
    out.clear();
    if delivery.reply_len > 0 {
        out.extend_from_slice(&delivery.tail[..delivery.reply_len + 1]);
    }
    out.extend_from_slice(body.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out.extend_from_slice(b"\r\n");
}

/// Headers and body of a message, in a tail of it.
pub fn payload(tail: &[u8]) -> &[u8] {
    let line_end = memchr::memchr(b'\n', tail).expect("a tail has a line") + 1;
    &tail[line_end..tail.len() - 2]
}
