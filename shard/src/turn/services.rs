//! Services of other accounts: requests cross over, responses come back.
//! Source: nats-server `client.go:processServiceImport`.

use std::sync::Arc;

use super::awaiting::{Awaiting, Name, PREFIX};
use super::core::Core;
use super::desk::{Delivery, payload};
use super::publish::{Passage, carry};
use super::{latency, requester};
use crate::account::AccountId;
use crate::account::mapping::Choice;
use crate::account::snapshot::{Response, Service, Snapshot};
use crate::interest::NONE;
use crate::proto::headers;
use crate::ring::letter::{self, Letter};
use crate::slot::Slot;

/// Borders that one request may cross.
const CROSSINGS_MAX: usize = 16;

/// Acknowledgements of JetStream keep their reply. Source: nats-server `client.go` (`jsAckPre`).
const ACK: &[u8] = b"$JS.ACK.";

/// The borders a request has crossed so far, the last first.
pub struct Crossing<'a> {
    service: &'a Arc<Service>,
    before: Option<&'a Crossing<'a>>,
    /// What the exporter is told of who asks.
    info: &'a requester::Info,
}

/// Asks the services of other accounts that `places` name among the account's imports. Answers whether anybody
/// was asked.
pub fn ask_all(
    core: &mut Core,
    passage: &Passage<'_>,
    places: &[u32],
    before: Option<&Crossing<'_>>,
    tell_nobody: bool,
) -> bool {
    let snapshot = Arc::clone(&core.accounts[passage.account as usize].snapshot);
    let mut delivered = false;
    for place in places {
        // A reload in between is not possible: the answers of lookups are of this snapshot.
        delivered |= ask(core, passage, &snapshot, *place as usize, before, tell_nobody);
    }
    delivered
}

fn ask(
    core: &mut Core,
    passage: &Passage<'_>,
    snapshot: &Snapshot,
    place: usize,
    before: Option<&Crossing<'_>>,
    tell_nobody: bool,
) -> bool {
    let import = &snapshot.service_imports[place];
    let service = &import.service;
    let crossed = std::iter::successors(before, |crossing| crossing.before);
    if crossed.clone().any(|crossing| Arc::ptr_eq(crossing.service, service))
        || crossed.count() >= CROSSINGS_MAX
    {
        mark!("service asked in a circle");
        return false;
    }
    let exporter = import.exporter;
    let Some(there) = core.accounts.get(exporter as usize).map(|account| Arc::clone(&account.snapshot))
    else {
        return false;
    };
    let Delivery { subject, reply_len, header_len, tail, .. } = passage.delivery;
    let reply = &tail[..reply_len];
    let body = payload(tail);
    let sampled = latency::sample(core, service, &body[..header_len.unwrap_or(0) as usize]);
    let mut awaited = NONE;
    let mut new_reply = core.take_scratch();
    if reply.starts_with(ACK) {
        new_reply.extend_from_slice(reply);
    } else if !reply.is_empty() {
        let tracked = sampled.and_then(|sample| sample.tracked(import.share));
        awaited =
            expect(core, (exporter, passage.account), (subject, reply), passage.origin, service, tracked);
        core.awaiting.write_name(core.mesh.me(), awaited, &mut new_reply);
    } else if let Some(sample) = sampled {
        latency::bad_request(core, service, passage.origin, sample, import.share);
    }
    let mut target = core.take_scratch();
    import.rename(subject, &mut target);
    let is_lost = !there.mappings.is_empty() && map(core, &there, &mut target);
    let is_system = core.settings.directory.system == Some(exporter);
    let info = requester::Info::at_border(
        core,
        passage.origin,
        passage.account,
        import.share,
        is_system,
        before.map(|crossing| crossing.info),
    );
    let mut new_tail = core.take_scratch();
    let header_len = headers::write_tail_with(
        &new_reply,
        header_len.map(|len| len as usize),
        body,
        (requester::HEADER, info.json().as_bytes()),
        &mut new_tail,
    );
    let delivery = Delivery {
        subject: &target,
        reply_len: new_reply.len(),
        header_len: Some(header_len as u32),
        payload_len: payload(&new_tail).len(),
        tail: &new_tail,
        no_echo: None,
        is_imported: true,
        tracing: passage.delivery.tracing,
        shared: None,
    };
    let onward = Passage { account: exporter, origin: passage.origin, hops: 0, delivery };
    let crossing = Crossing { service, before, info: &info };
    let delivered = !is_lost && carry(core, onward, Some(&crossing), tell_nobody);
    if !delivered && awaited != NONE {
        let entry = forget(core, awaited);
        latency::undelivered(core, &entry);
    }
    core.put_scratch(new_reply);
    core.put_scratch(target);
    core.put_scratch(new_tail);
    delivered
}

/// Puts in place of a subject what the account maps it to; answers whether it is lost.
fn map(core: &mut Core, snapshot: &Snapshot, subject: &mut Vec<u8>) -> bool {
    let Some(place) = snapshot.mappings.find(subject) else { return false };
    let chance = &mut core.chance;
    match snapshot.mappings.choose(place, "", &mut |bound| chance.below(bound)) {
        Choice::Keep => false,
        Choice::Lost => true,
        Choice::To(transform) => {
            let mut mapped = core.scratches.pop().unwrap_or_default();
            let chance = &mut core.chance;
            transform.apply(subject, &mut |bound| chance.below(bound), &mut mapped);
            std::mem::swap(subject, &mut mapped);
            core.put_scratch(mapped);
            false
        }
    }
}

/// Awaits a response of the first account to what the second one asked.
fn expect(
    core: &mut Core,
    (responder, asker): (AccountId, AccountId),
    (subject, reply): (&[u8], &[u8]),
    origin: Slot,
    service: &Arc<Service>,
    tracked: Option<Box<latency::Tracked>>,
) -> u32 {
    let head = core.desk.connections.get(origin).map_or(NONE, |connection| connection.awaited);
    let service = Arc::clone(service);
    let parties = (responder, asker);
    let mut entry = Awaiting::new_entry(parties, (subject, reply), origin, service, core.desk.now, tracked);
    entry.request = core.open_request.as_ref().map_or(0, |open| open.number);
    let place = core.awaiting.insert(entry, head);
    if let Some(connection) = core.desk.connections.get(origin) {
        connection.awaited = place;
    }
    if let Some(overdue) = core.awaiting.overdue(0) {
        mark!("too many responses awaited");
        let entry = forget(core, overdue);
        latency::timed_out(core, &entry);
    }
    place
}

/// Awaits a response no more.
pub fn forget(core: &mut Core, place: u32) -> super::awaiting::Awaited {
    let (entry, head) = core.awaiting.remove(place);
    if let (Some(head), Some(connection)) = (head, core.desk.connections.get(entry.origin)) {
        connection.awaited = head;
    }
    entry
}

/// A message on a subject that names an awaited response: it goes to who asked. Answers whether it was taken.
pub fn respond(core: &mut Core, passage: &Passage<'_>) -> bool {
    let Some(name) = Name::read(passage.delivery.subject) else { return false };
    if name.shard == core.mesh.me() {
        return bring_back(core, passage, &name, b"");
    }
    if !core.mesh.peers().contains(name.shard) {
        return false;
    }
    mark!("response to another shard");
    let info = match name.is_tracked {
        true => requester::Info::of_responder(core, passage.origin, passage.account).json().into_bytes(),
        false => Vec::new(),
    };
    let letter = letter::Message {
        response: true,
        queues: &info,
        ..super::publish::letter_of(passage, false, None, b"")
    };
    core.mesh.send(name.shard, Letter::Message(letter));
    if let Some(connection) = core.desk.connections.get(passage.origin) {
        connection.touched.insert(name.shard);
    }
    true
}

/// The same from another shard.
pub fn respond_from_afar(core: &mut Core, passage: &Passage<'_>, info: &[u8]) {
    if let Some(name) = Name::read(passage.delivery.subject) {
        bring_back(core, passage, &name, info);
    }
}

fn bring_back(core: &mut Core, passage: &Passage<'_>, name: &Name, info: &[u8]) -> bool {
    let Some(place) = core.awaiting.find(name, passage.account) else { return false };
    latency::measure(core, place, passage, info);
    let entry = core.awaiting.at(place);
    let (asker, service) = (entry.asker, Arc::clone(&entry.service));
    let mut target = core.scratches.pop().unwrap_or_default();
    target.extend_from_slice(&entry.reply);
    let Delivery { subject, reply_len, header_len, tail, payload_len, .. } = passage.delivery;
    let reply = &tail[..reply_len];
    // A response that wants to be answered itself: the way back is awaited like any other.
    let mut new_tail = core.take_scratch();
    let mut back = NONE;
    let mut back_len = 0;
    let tail = if reply.is_empty() {
        tail
    } else {
        if reply.starts_with(ACK) {
            new_tail.extend_from_slice(reply);
        } else {
            back = expect(core, (asker, passage.account), (subject, reply), passage.origin, &service, None);
            core.awaiting.write_name(core.mesh.me(), back, &mut new_tail);
        }
        back_len = new_tail.len();
        new_tail.extend_from_slice(&tail[reply_len..]);
        &new_tail[..]
    };
    let delivery = Delivery {
        subject: &target,
        reply_len: back_len,
        header_len,
        payload_len,
        tail,
        no_echo: None,
        is_imported: true,
        tracing: passage.delivery.tracing,
        shared: None,
    };
    let onward = Passage { account: asker, origin: passage.origin, hops: 0, delivery };
    let delivered = carry(core, onward, None, false);
    core.put_scratch(target);
    core.put_scratch(new_tail);
    if back != NONE && !delivered {
        forget(core, back);
    }
    let is_last = service.response == Response::Singleton || payload_len == 0;
    // What was carried may have ended the waiting itself.
    if core.awaiting.find(name, passage.account) == Some(place) {
        if is_last || !delivered {
            drop(forget(core, place));
        } else {
            let now = core.desk.now;
            core.awaiting.renew(place, now);
        }
    }
    delivered
}

/// Nobody got a request that crossed borders: what it awaits does not come.
pub fn give_up_request(core: &mut Core, slot: Slot, request: u32) {
    let mut place = core.desk.connections.get(slot).map_or(NONE, |connection| connection.awaited);
    while place != NONE {
        let elder = core.awaiting.elder(place);
        if core.awaiting.at(place).request == request {
            let entry = forget(core, place);
            latency::undelivered(core, &entry);
        }
        place = elder;
    }
}

/// A connection ends, or leaves its account: nobody waits for what it asked.
pub fn give_up(core: &mut Core, index: u32) {
    loop {
        let connection = core.desk.connections.at(index);
        if connection.awaited == NONE {
            return;
        }
        let place = connection.awaited;
        let entry = forget(core, place);
        latency::interest_lost(core, &entry);
    }
}

/// A connection no longer listens to a subject: a response awaited there is awaited no more.
pub fn give_up_reply(core: &mut Core, index: u32, reply: &[u8]) {
    let mut place = core.desk.connections.at(index).awaited;
    while place != NONE {
        let elder = core.awaiting.elder(place);
        if core.awaiting.at(place).reply == reply {
            let entry = forget(core, place);
            latency::interest_lost(core, &entry);
        }
        place = elder;
    }
}

/// Gives up those that have been awaited long enough.
pub fn expire(core: &mut Core) {
    while let Some(place) = core.awaiting.overdue(core.desk.now) {
        mark!("response does not come");
        let entry = forget(core, place);
        latency::timed_out(core, &entry);
    }
}

/// Whether a subject is one at which responses are awaited.
#[inline]
pub fn is_reply(subject: &[u8]) -> bool {
    subject.starts_with(PREFIX)
}
