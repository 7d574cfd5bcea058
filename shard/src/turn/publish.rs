//! A message comes in: who gets it, here and on other shards. Hot path.

use super::core::Core;
use super::desk::{Delivery, Desk, cost, payload};
use super::responders::OpenRequest;
use super::services::{self, Crossing};
use super::{imports, mapping, responders, trace};
use crate::account::AccountId;
use crate::interest::{GroupMatch, Matched, Table};
use crate::proto::client;
use crate::proto::text::{self, Reason};
use crate::ring::letter::{self, HOPS_MAX, Letter, QueueNames, Request};
use crate::session::{Connection, Pause};
use crate::shard_set::{ShardId, ShardSet};
use crate::slot::Slot;

/// How long a publisher whose reader is far behind is paused: nanoseconds. Source: nats-server `client.go`
/// (`stallClientMinDuration`, `stallClientMaxDuration`).
pub const STALL: u64 = 2_000_000;

/// A message on its way through this shard.
pub struct Passage<'a> {
    pub account: AccountId,
    /// The publisher, on the shard it lives on.
    pub origin: Slot,
    pub hops: u8,
    pub delivery: Delivery<'a>,
}

/// Serves a PUB or HPUB of a connection of this shard.
#[inline]
pub fn publish(core: &mut Core, index: u32, message: &client::Message<'_>) {
    let connection = core.desk.connections.at(index);
    connection.in_messages += 1;
    connection.in_bytes += message.payload.len() as u64;
    let (slot, account, verbose) = (connection.slot, connection.account, connection.verbose);
    let (wants_echo, pedantic) = (connection.echo, connection.pedantic);
    core.desk.in_messages += 1;
    core.desk.work += cost(message.payload.len());
    core.desk.in_bytes += message.payload.len() as u64;
    let tracing = core.settings.tracing;
    if tracing.trace {
        trace::published(core.desk.connections.at(index), message);
    }
    if pedantic && !crate::subject::is_valid_literal(message.subject) {
        core.desk.write_error(index, text::INVALID_PUBLISH_SUBJECT);
    }
    let mut mapped = None;
    if core.accounts[account as usize].maps {
        mapped = mapping::map(core, account, message.subject);
        if let (Some(mapped), true) = (&mapped, tracing.trace) {
            trace::mapped(core.desk.connections.at(index), message.subject, mapped);
        }
    }
    let subject = mapped.as_deref().unwrap_or(message.subject);
    if tracing.trace {
        trace::carried(core.desk.connections.at(index), message, tracing);
    }
    if is_refused(core, index, subject, message.reply) {
        return;
    }
    if verbose {
        core.desk.write_ok(index);
    }
    // A header block of no bytes is a message without one. Source: nats-server `client.go:msgHeader`.
    let header_len = message.header_len.filter(|len| *len > 0);
    let plain_again = header_len.is_none() && message.header_len.is_some();
    let mut scratch = Vec::new();
    let tail = if message.tail.is_empty() || plain_again {
        let last = message.sizes.rsplit(|byte| *byte <= b' ').next().unwrap_or_default();
        let sizes = if plain_again { last } else { message.sizes };
        scratch = core.take_scratch();
        client::Message { sizes, ..*message }.write_tail(&mut scratch);
        &scratch[..]
    } else {
        message.tail
    };
    let delivery = Delivery {
        subject,
        reply_len: message.reply.len(),
        header_len,
        tail,
        payload_len: message.payload.len(),
        from: core.mesh.me(),
        no_echo: (!wants_echo).then_some(index),
        is_imported: false,
        tracing,
        shared: None,
    };
    let asks = !message.reply.is_empty();
    if !carry(core, Passage { account, origin: slot, hops: 0, delivery }, None, asks) && asks {
        responders::nobody(core, slot, subject, message.reply);
    }
    if !scratch.is_empty() {
        core.put_scratch(scratch);
    }
    if let Some(mapped) = mapped {
        core.put_scratch(mapped);
    }
    if core.desk.slow_reader {
        core.desk.slow_reader = false;
        stall(core, slot);
    }
    if core.mesh.has_spilled() {
        mark!("congestion pause");
        core.desk.pause(index, Pause::Congestion);
        core.desk.congested.push(slot);
    }
}

/// Whether a client may not publish this; it is told so.
#[inline]
fn is_refused(core: &mut Core, index: u32, subject: &[u8], reply: &[u8]) -> bool {
    let Desk { connections, verdicts, now, .. } = &mut core.desk;
    let Connection { permissions, grants, account, .. } = connections.at(index);
    let mut is_denied = false;
    if let Some(permissions) = permissions {
        let account = &mut core.accounts[*account as usize];
        is_denied = !account.may_publish(permissions, verdicts, subject)
            && !permissions
                .responses()
                .zip(grants.as_mut())
                .is_some_and(|(responses, grants)| grants.use_up(subject, *now, responses));
    }
    let is_special = matches!(subject.first(), Some(b'$' | b'_') | None);
    if is_denied || (is_special && text::is_reserved_subject(subject)) {
        let said = format!("Publish Violation - Subject {}", text::quoted(subject));
        refuse(core, index, &text::publish_violation(subject), &said);
        return true;
    }
    if !reply.is_empty() && text::is_reserved_reply(reply) {
        let said = format!("Publish Violation - Reply {}", text::quoted(reply));
        refuse(core, index, &text::reply_violation(reply), &said);
        return true;
    }
    false
}

/// Slows a publisher down for a moment.
pub fn stall(core: &mut Core, slot: Slot) {
    if !core.settings.stall_fast_producers {
        return;
    }
    let Some(connection) = core.desk.connections.get(slot) else { return };
    if !connection.is_paused_by(Pause::Stall) && connection.closing.is_none() {
        mark!("publisher stalled");
        connection.stalls += 1;
        core.desk.stalls += 1;
        core.desk.pause(slot.index, Pause::Stall);
        let until = core.desk.now + STALL;
        core.desk.set_alarm(until, super::desk::Alarm::Stall, slot);
    }
}

/// Tells the client of its violation, and the log of what is `said` there.
fn refuse(core: &mut Core, index: u32, violation: &str, said: &str) {
    core.desk.write_error(index, violation);
    tracing::error!("{} - {said}", core.desk.connections.at(index).label());
}

/// Brings a message of this shard's own to everyone who wants it: subscriptions of its account, those that
/// import it, services of other accounts, whoever awaits it as a response. Answers whether there was anybody.
/// With `tell_nobody` its publisher is told if it turns out later that nobody was there after all.
pub fn carry(
    core: &mut Core,
    mut passage: Passage<'_>,
    crossing: Option<&Crossing<'_>>,
    tell_nobody: bool,
) -> bool {
    // Whether a response is awaited is found out below, whoever else listens.
    let is_response = services::is_reply(passage.delivery.subject);
    let (mut delivered, sent) = spread(core, &mut passage, tell_nobody && !is_response);
    if !core.desk.shadowed.is_empty() {
        delivered |= imports::deliver(core, &mut passage);
    }
    if tell_nobody
        && delivered
        && let Some(open) = &mut core.open_request
    {
        open.is_met = true;
    }
    let tell_nobody = tell_nobody && !delivered;
    delivered |= sent;
    if !core.services_met.is_empty() {
        let places = std::mem::take(&mut core.services_met);
        let begins = tell_nobody && crossing.is_none();
        if begins {
            responders::open(core, passage.origin);
        }
        delivered |= services::ask_all(core, &passage, &places, crossing, tell_nobody);
        if begins {
            let Delivery { subject, reply_len, tail, .. } = passage.delivery;
            responders::close(core, passage.origin, subject, &tail[..reply_len]);
        }
        core.services_met = places;
        core.services_met.clear();
    }
    if is_response {
        delivered |= services::respond(core, &passage);
    }
    delivered
}

/// Delivers a message to the subscriptions of its account, here and on other shards. Answers whether anybody here
/// got it, and whether it went to others.
#[inline]
fn spread(core: &mut Core, passage: &mut Passage<'_>, tell_nobody: bool) -> (bool, bool) {
    let Core { accounts, desk, mesh, chance, queue_names, queue_picks, services_met, open_request, .. } =
        core;
    let account = &mut accounts[passage.account as usize];
    account.work += 1;
    let (matched, table) = account.lookup(passage.delivery.subject);
    let mut delivered = false;
    for target in &matched.plain {
        delivered |= desk.deliver(passage.account, table, *target, &mut passage.delivery);
    }
    let mut shards = matched.shards;
    queue_picks.clear();
    if !matched.groups.is_empty() {
        for group in &matched.groups {
            match pick(matched, group, chance, desk, table, passage) {
                Pick::Here => delivered = true,
                Pick::There(shard) => queue_picks.push((shard, group.queue)),
                Pick::Nobody => {}
            }
        }
        queue_picks.iter().for_each(|(shard, _)| shards.insert(*shard));
    }
    if !matched.services.is_empty() {
        services_met.extend_from_slice(&matched.services);
    }
    if shards.is_empty() {
        return (delivered, false);
    }
    let mut request = None;
    if let Some(connection) = desk.connections.get(passage.origin) {
        if tell_nobody && connection.no_responders && !delivered {
            request = Some(match open_request {
                Some(open) => open.send(shards),
                None if services_met.is_empty() => responders::number(connection, shards),
                None => open_request.insert(OpenRequest::new(connection)).send(shards),
            });
            connection.answering = connection.answering.union(shards);
        }
        connection.touched = connection.touched.union(shards);
        queue_picks.iter().for_each(|(shard, _)| connection.answering.insert(*shard));
    }
    for shard in shards {
        queue_names.clear();
        for (_, queue) in queue_picks.iter().filter(|(to, _)| *to == shard) {
            queue_names.push(table.queue_name(*queue));
        }
        let plain = matched.shards.contains(shard);
        desk.work += cost(passage.delivery.payload_len);
        mesh.send(shard, Letter::Message(letter_of(passage, plain, request, queue_names.as_bytes())));
    }
    (delivered, true)
}

pub fn letter_of<'a>(
    passage: &Passage<'a>,
    plain: bool,
    request: Option<Request>,
    queues: &'a [u8],
) -> letter::Message<'a> {
    letter::Message {
        returned: false,
        imported: passage.delivery.is_imported,
        response: false,
        account: passage.account,
        origin: passage.origin,
        plain,
        request,
        hops: passage.hops,
        queues,
        subject: passage.delivery.subject,
        reply_len: passage.delivery.reply_len as u32,
        header_len: passage.delivery.header_len,
        tail: passage.delivery.tail,
    }
}

enum Pick {
    Here,
    There(ShardId),
    Nobody,
}

/// Chooses the one member of a queue group that gets the message: each member over all shards is as likely
/// as any other. A member here that cannot take it is passed over.
fn pick(
    matched: &Matched,
    group: &GroupMatch,
    chance: &mut super::core::Chance,
    desk: &mut Desk,
    table: &mut Table,
    passage: &mut Passage<'_>,
) -> Pick {
    let members = matched.members(group);
    let weight = members.len() as u32 + group.remote_weight;
    if weight == 0 {
        return Pick::Nobody;
    }
    let dice = if weight == 1 { 0 } else { chance.below(weight) };
    if let Some(dice) = dice.checked_sub(members.len() as u32) {
        return Pick::There(remote_at(matched, group, dice));
    }
    if deliver_to_one(desk, table, members, dice as usize, passage) {
        return Pick::Here;
    }
    match group.remote_weight {
        0 => Pick::Nobody,
        weight => Pick::There(remote_at(matched, group, chance.below(weight))),
    }
}

fn remote_at(matched: &Matched, group: &GroupMatch, mut dice: u32) -> ShardId {
    for (shard, count) in matched.remotes(group) {
        if dice < *count {
            return *shard;
        }
        dice -= count;
    }
    unreachable!("the dice is below the weight")
}

/// Tries the members in turn from `first` on until one takes the message.
fn deliver_to_one(
    desk: &mut Desk,
    table: &mut Table,
    members: &[crate::interest::Target],
    first: usize,
    passage: &mut Passage<'_>,
) -> bool {
    (0..members.len()).any(|step| {
        let target = members[(first + step) % members.len()];
        desk.deliver(passage.account, table, target, &mut passage.delivery)
    })
}

/// A message that came back: the member it was for had left. Another one is chosen, as at first. Its publisher
/// is marked again, so that a barrier that waits for it goes on waiting.
fn choose_again(core: &mut Core, message: &letter::Message<'_>, mut passage: Passage<'_>) {
    mark!("queue member chosen again");
    passage.delivery.from = core.mesh.me();
    let Core { accounts, desk, mesh, chance, queue_names, queue_picks, .. } = core;
    let publisher = desk.connections.get(passage.origin);
    passage.delivery.no_echo = publisher.filter(|publisher| !publisher.echo).map(|_| message.origin.index);
    let (matched, table) = accounts[passage.account as usize].lookup(passage.delivery.subject);
    let mut delivered = false;
    queue_picks.clear();
    for name in letter::queue_names(message.queues) {
        let Some(group) = table.queue(name).and_then(|queue| matched.group(queue)) else { continue };
        match pick(matched, group, chance, desk, table, &mut passage) {
            Pick::Here => delivered = true,
            Pick::There(shard) => queue_picks.push((shard, group.queue)),
            Pick::Nobody => {}
        }
    }
    let request = message.request.filter(|_| !delivered);
    let reply = &message.tail[..message.reply_len as usize];
    let shards: ShardSet = queue_picks.iter().map(|(shard, _)| *shard).collect();
    if let Some(connection) = desk.connections.get(passage.origin) {
        connection.touched = connection.touched.union(shards);
        connection.answering = connection.answering.union(shards);
    }
    for shard in shards {
        queue_names.clear();
        for (_, queue) in queue_picks.iter().filter(|(to, _)| *to == shard) {
            queue_names.push(table.queue_name(*queue));
        }
        mesh.send(shard, Letter::Message(letter_of(&passage, false, request, queue_names.as_bytes())));
    }
    if !core.desk.shadowed.is_empty() {
        imports::deliver(core, &mut passage);
    }
    if let Some(request) = request {
        responders::goes_on(core, message.origin, request, shards.len(), message.subject, reply);
    }
}

/// A message for one member of a queue group, whose chosen one could not take it after all.
pub fn give_to_another(core: &mut Core, passage: Passage<'_>, queue: &[u8]) {
    let mut names = QueueNames::default();
    names.push(queue);
    let message = letter_of(&passage, false, None, names.as_bytes());
    choose_again(core, &message, passage);
}

/// A message of another shard's publisher: delivered to those here whom it is for. A queue group whose last
/// member here has left meanwhile is given back, for another member to be chosen.
pub fn receive(core: &mut Core, from: ShardId, message: &letter::Message<'_>) {
    let delivery = Delivery {
        subject: message.subject,
        reply_len: message.reply_len as usize,
        header_len: message.header_len,
        tail: message.tail,
        payload_len: payload(message.tail).len(),
        from,
        no_echo: None,
        is_imported: message.imported,
        tracing: core.settings.tracing,
        shared: None,
    };
    let mut passage =
        Passage { account: message.account, origin: message.origin, hops: message.hops, delivery };
    if message.returned {
        return choose_again(core, message, passage);
    }
    if message.response {
        passage.origin = Slot::NOBODY;
        return services::respond_from_afar(core, &passage, message.queues);
    }
    core.account_mut(passage.account);
    let Core { accounts, desk, mesh, chance, queue_names, .. } = core;
    let (matched, table) = accounts[passage.account as usize].lookup(passage.delivery.subject);
    let mut delivered = false;
    if message.plain {
        for target in &matched.plain {
            delivered |= desk.deliver(passage.account, table, *target, &mut passage.delivery);
        }
    }
    queue_names.clear();
    for name in letter::queue_names(message.queues) {
        let group = table.queue(name).and_then(|queue| matched.group(queue));
        let members = group.map_or(&[][..], |group| matched.members(group));
        let first = if members.len() > 1 { chance.below(members.len() as u32) as usize } else { 0 };
        if deliver_to_one(desk, table, members, first, &mut passage) {
            delivered = true;
        } else if passage.hops < HOPS_MAX {
            queue_names.push(name);
        }
    }
    let request = message.request.filter(|_| !delivered);
    let queues = queue_names.as_bytes();
    if !queues.is_empty() {
        // Its shard chooses again; that the members here have left goes there before it.
        let hops = passage.hops + 1;
        let returned = letter::Message { plain: false, request, returned: true, hops, queues, ..*message };
        mesh.send(from, Letter::Message(returned));
    } else if let Some(request) = request {
        mark!("nobody responds elsewhere");
        let reply = &message.tail[..message.reply_len as usize];
        let slot = message.origin;
        mesh.send(from, Letter::NoResponder { slot, request, subject: message.subject, reply });
    }
    if !core.desk.shadowed.is_empty() {
        imports::deliver(core, &mut passage);
    }
    if core.desk.slow_reader {
        core.desk.slow_reader = false;
        if message.hops == 0 {
            mark!("stall letter");
            core.mesh.send(from, Letter::Stall { slot: message.origin });
        }
    }
}

/// Takes out subscriptions that have had their last message. One that has gone by itself meanwhile may have left
/// its place to another.
pub fn retire_spent(core: &mut Core) {
    while let Some((account, sub)) = core.desk.spent.pop() {
        let Some(record) = core.accounts[account as usize].interest.table.get(sub) else { continue };
        if record.max == 0 || record.delivered < u64::from(record.max) {
            continue;
        }
        mark!("subscription spent");
        let owner = record.owner;
        super::subscribe::remove_subscription(core, account, owner, sub);
    }
}

/// A message larger than allowed.
pub fn too_large(core: &mut Core, index: u32, size: usize) {
    let connection = core.desk.connections.at(index);
    let (slot, label, max) = (connection.slot, connection.label(), connection.max_payload);
    tracing::error!("{label} - maximum payload exceeded: {size} vs {max}");
    core.desk.write_error(index, text::MAXIMUM_PAYLOAD_VIOLATION);
    core.desk.doom(slot, Reason::MaximumPayloadExceeded);
}
