//! A running connection moves to another shard with everything it has, and nobody notices. See "A connection moves" in
//! ARCHITECTURE.md for the conversation of the shards.

use std::sync::Arc;

use super::core::{Core, partners, tell};
use super::desk::{Delivery, Desk, Wish};
use super::publish::{self, Passage};
use super::{admit, operations, subscribe};
use crate::account::AccountId;
use crate::driver::{Driver, Socket};
use crate::interest::{Change, NONE, Role, SubId, Target};
use crate::proto::text::Reason;
use crate::ring::letter::Letter;
use crate::session::connection::Answer;
use crate::session::transit::{Arrival, Guest, Held, Leaving, Luggage, Passed, Transfer, Transit};
use crate::session::{Connection, Pause};
use crate::settings::Placement;
use crate::shard_set::{ShardId, ShardSet};
use crate::slot::Slot;

/// Connections that leave a shard at the same time: each is paused while it does.
const LEAVING_MAX: usize = 32;

/// Messages that a subscription which ends by itself must be good for still.
const REMAINDER_MIN: u64 = 1 << 16;

/// A wish that connections move, as far as it is not fulfilled.
pub struct Relocation {
    pub account: AccountId,
    pub to: ShardId,
    /// How many may still go.
    pub left: usize,
    /// The next place to look at.
    next: u32,
}

impl Relocation {
    pub fn new(account: AccountId, to: ShardId, left: usize) -> Relocation {
        Relocation { account, to, left, next: 0 }
    }
}

/// Lets some connections go that are wished elsewhere.
pub fn step(core: &mut Core) {
    while let Some(slot) = core.desk.starved.pop() {
        starve(core, slot);
    }
    if core.stopping {
        core.relocations.clear();
    }
    if core.relocations.is_empty() {
        return;
    }
    let mut relocations = std::mem::take(&mut core.relocations);
    for relocation in &mut relocations {
        while relocation.left > 0
            && core.leaving < LEAVING_MAX
            && relocation.next < core.desk.connections.places()
        {
            let index = relocation.next;
            relocation.next += 1;
            let Some(connection) = core.desk.connections.lodger(index) else { continue };
            if connection.account == relocation.account && leave(core, index, relocation.to) {
                relocation.left -= 1;
            }
        }
    }
    let places = core.desk.connections.places();
    relocations.retain(|relocation| relocation.left > 0 && relocation.next < places);
    core.relocations = relocations;
}

/// Starts to move a connection, if it can be at the moment: it waits for nothing, and all it caused elsewhere is done.
pub fn leave(core: &mut Core, index: u32, to: ShardId) -> bool {
    // Elsewhere its account's interest is not told to all.
    let is_possible = core.settings.placement != Placement::Home && core.mesh.peers().contains(to);
    let connection = core.desk.connections.at(index);
    let is_settled = connection.registered && !connection.awaits_connect && !connection.ended;
    let is_free = !connection.is_paused() && connection.closing.is_none() && connection.transit.is_none();
    if !is_possible || !is_settled || !is_free {
        return false;
    }
    // One that is nearly spent may be when it comes, and what was held for it would be lost.
    let Core { accounts, desk, .. } = core;
    let connection = desk.connections.at(index);
    let table = &accounts[connection.account as usize].interest.table;
    let is_short = |sub: SubId| {
        let record = table.sub(sub);
        record.max > 0 && u64::from(record.max) < record.delivered + REMAINDER_MIN
    };
    if connection.sids.iter().any(is_short) {
        return false;
    }
    core.leaving += 1;
    operations::barrier(core, index, Answer::Leave(to));
    true
}

/// Nothing it caused is under way: the other shard is to make ready.
pub fn set_out(core: &mut Core, index: u32, to: ShardId) {
    mark!("connection sets out");
    let Core { accounts, desk, mesh, .. } = core;
    desk.pause(index, Pause::Moving);
    let connection = desk.connections.at(index);
    let table = &accounts[connection.account as usize].interest.table;
    let mut subs: Vec<SubId> = connection.sids.iter().collect();
    subs.sort_unstable();
    let pack = |sub: SubId| Luggage {
        pattern: table.pattern(sub),
        queue: table.queue_of(sub).map(<[u8]>::to_vec),
        sid: table.sub(sub).sid.as_bytes().to_vec(),
        filtered: table.sub(sub).filtered,
    };
    let luggage = subs.into_iter().map(pack).collect();
    let (cut, awaited) = (ShardSet::EMPTY, ShardSet::EMPTY);
    let leaving = Leaving { to, guest: None, cut, awaited, socket: None, doomed: None };
    connection.transit = Some(Box::new(Transit::Leaving(leaving)));
    let Connection { slot, cid, peer, account, .. } = *connection;
    let permissions = connection.permissions.clone();
    let prepare = Transfer::Prepare { mover: slot, cid, peer, account, permissions, luggage };
    mesh.send(to, Letter::Transfer(Box::new(prepare)));
    desk.wishes.push(Wish::Detach(slot));
}

/// Nothing is under way on its socket any more.
pub fn detached(core: &mut Core, slot: Slot, socket: Socket) {
    if let Some(Transit::Leaving(leaving)) = transit(&mut core.desk, slot) {
        leaving.socket = Some(socket);
        arrive_if_ready(core, slot);
    }
}

fn everybody(core: &Core) -> ShardSet {
    ShardSet::first(core.gauges.clients.len())
}

fn transit(desk: &mut Desk, slot: Slot) -> Option<&mut Transit> {
    desk.connections.get(slot)?.transit.as_deref_mut()
}

/// What another shard says about a connection that moves.
pub fn serve(core: &mut Core, driver: &mut impl Driver, from: ShardId, transfer: Transfer) {
    match transfer {
        Transfer::Prepare { .. } if core.stopping => {}
        Transfer::Prepare { mover, cid, peer, account, permissions, luggage } => {
            core.account_mut(account);
            let mut guest = Box::new(Connection::new(cid, peer, account, core.desk.now));
            guest.permissions = permissions;
            let cut = ShardSet::EMPTY;
            let transit = Guest {
                from,
                mover,
                cut,
                held: Vec::new(),
                held_bytes: 0,
                is_slow: false,
                passed: Arc::new([]),
                arrival: None,
            };
            guest.transit = Some(Box::new(Transit::Guest(transit)));
            let slot = core.desk.connections.insert(guest);
            luggage.iter().for_each(|piece| unpack(core, slot, account, piece));
            let peers = core.mesh.peers();
            core.desk.connections.at(slot.index).touched = peers;
            operations::barrier(core, slot.index, Answer::Prepared);
        }
        Transfer::Prepared { mover, guest } => match transit(&mut core.desk, mover) {
            Some(Transit::Leaving(leaving)) if leaving.to == from => switch(core, mover, guest),
            _ => core.mesh.send(from, Letter::Transfer(Box::new(Transfer::Abandon { guest }))),
        },
        Transfer::Switch { mover, to, guest, changes } => {
            switch_here(core, driver, from, (mover, to, guest), &changes);
        }
        Transfer::Abandon { guest } => dismiss(core, guest),
        Transfer::Arrive(arrival) => arrive(core, driver, arrival),
    }
}

/// Every shard knows of what a guest is here for.
pub fn prepared(core: &mut Core, index: u32) {
    let connection = core.desk.connections.at(index);
    let guest = connection.slot;
    let Some(Transit::Guest(Guest { from, mover, .. })) = connection.transit.as_deref() else { return };
    let prepared = Transfer::Prepared { mover: *mover, guest };
    core.mesh.send(*from, Letter::Transfer(Box::new(prepared)));
}

/// A subscription of one that is to come. Members of queue groups are not told of before it is there.
fn unpack(core: &mut Core, slot: Slot, account_id: AccountId, piece: &Luggage) {
    let Core { accounts, desk, mesh, .. } = core;
    let account = &mut accounts[account_id as usize];
    let partners = partners(account, mesh);
    let (pattern, sid) = (&piece.pattern, &piece.sid);
    let sub = match piece.queue.as_deref() {
        Some(queue) => account.interest.add_uncounted(slot.index, pattern, queue, sid),
        None => account.interest.add(slot.index, pattern, None, sid, &mut |change| {
            tell(mesh, partners, account_id, &change);
        }),
    };
    account.interest.table.sub_mut(sub).filtered = piece.filtered;
    desk.connections.at(slot.index).sids.insert(&account.interest.table, sub);
    if !account.snapshot.stream_imports.is_empty() {
        subscribe::cast_shadows(core, account_id, sub);
    }
}

/// Does something for a subscription and for all its shadows.
fn for_all(
    core: &mut Core,
    account: AccountId,
    sub: SubId,
    mut act: impl FnMut(&mut Core, AccountId, SubId),
) {
    act(core, account, sub);
    let record = core.accounts[account as usize].interest.table.sub(sub);
    let mut at = if record.role == Role::Master { record.shadow } else { NONE };
    while at != NONE {
        let shadow = core.desk.shadows.get(at);
        let (exporter, sub, next) = (shadow.exporter, shadow.sub, shadow.next);
        act(core, exporter, sub);
        at = next;
    }
}

/// From now on this shard tells of a subscription.
fn count(core: &mut Core, account_id: AccountId, sub: SubId) {
    let Core { accounts, mesh, .. } = core;
    let account = &mut accounts[account_id as usize];
    let partners = partners(account, mesh);
    account.interest.set_counted(sub, true, &mut |change| tell(mesh, partners, account_id, &change));
}

/// All is ready where it goes: every shard is to send there what it has for it, and to say when it does.
fn switch(core: &mut Core, slot: Slot, guest: Slot) {
    let (me, peers) = (core.mesh.me(), core.mesh.peers());
    let Some(Transit::Leaving(leaving)) = transit(&mut core.desk, slot) else { return };
    leaving.guest = Some(guest);
    leaving.cut.insert(me);
    leaving.awaited = peers;
    let to = leaving.to;
    let connection = core.desk.connections.at(slot.index);
    let (account, mut subs) = (connection.account, connection.sids.iter().collect::<Vec<_>>());
    subs.sort_unstable();
    let mut changes = Vec::new();
    for sub in subs {
        for_all(core, account, sub, |core, account, sub| pass(core, account, sub, to, &mut changes));
    }
    let changes: Arc<[Passed]> = changes.into();
    for peer in peers {
        let switch = Transfer::Switch { mover: slot, to, guest, changes: Arc::clone(&changes) };
        core.mesh.send(peer, Letter::Transfer(Box::new(switch)));
    }
    core.mesh.send(to, Letter::Switched { slot: guest });
}

/// A subscription counts here no more; others are to be told.
fn pass(core: &mut Core, account_id: AccountId, sub: SubId, to: ShardId, changes: &mut Vec<Passed>) {
    let interest = &mut core.accounts[account_id as usize].interest;
    let mut told = None;
    interest.set_counted(sub, false, &mut |change| told = Some(change.count));
    let queue = interest.table.queue_of(sub).map(<[u8]>::to_vec);
    let subject = interest.table.pattern(sub);
    if let Some(queue) = &queue {
        interest.add_extra(to, &subject, queue, true);
    }
    if let Some(count) = told {
        changes.push(Passed { account: account_id, subject, queue, count });
    }
}

/// Another shard lets a connection go: what comes from here goes to its new place from now on.
fn switch_here(
    core: &mut Core,
    driver: &mut impl Driver,
    from: ShardId,
    (mover, to, guest): (Slot, ShardId, Slot),
    changes: &Arc<[Passed]>,
) {
    let me = core.mesh.me();
    for Passed { account, subject, queue, count } in changes.iter() {
        let interest = &mut core.account_mut(*account).interest;
        let queue = queue.as_deref();
        if let Some(queue) = queue.filter(|_| to != me) {
            interest.add_extra(to, subject, queue, true);
        }
        interest.set_remote(from, &Change { subject, queue, count: *count });
    }
    if to == me {
        if let Some(Transit::Guest(guest)) = transit(&mut core.desk, guest) {
            guest.passed = Arc::clone(changes);
        }
        switched(core, driver, me, guest);
    } else {
        core.mesh.send(to, Letter::Switched { slot: guest });
    }
    core.mesh.send(from, Letter::Switched { slot: mover });
}

/// What comes from that shard behind this is for the new place of a connection.
pub fn switched(core: &mut Core, driver: &mut impl Driver, shard: ShardId, slot: Slot) {
    match transit(&mut core.desk, slot) {
        Some(Transit::Guest(guest)) => {
            guest.cut.insert(shard);
            if guest.is_slow {
                core.desk.starved.push(slot);
            }
            let Some(Transit::Guest(guest)) = transit(&mut core.desk, slot) else { return };
            if let Some(arrival) = guest.arrival.take() {
                arrive(core, driver, arrival);
            }
        }
        Some(Transit::Leaving(leaving)) => {
            leaving.cut.insert(shard);
            leaving.awaited.remove(shard);
            arrive_if_ready(core, slot);
        }
        None => {}
    }
}

/// If all it was to get here has come, and its socket is free, it goes.
fn arrive_if_ready(core: &mut Core, slot: Slot) {
    let Some(Transit::Leaving(leaving)) = transit(&mut core.desk, slot) else { return };
    let (Some(guest), true) = (leaving.guest, leaving.awaited.is_empty()) else { return };
    let Some(socket) = leaving.socket.take() else { return };
    let (to, doomed) = (leaving.to, leaving.doomed);
    mark!("connection goes");
    let Core { accounts, desk, .. } = core;
    let connection = desk.connections.at(slot.index);
    connection.transit = None;
    // Responses it awaits are brought to it from here, wherever it is.
    connection.awaited = NONE;
    connection.in_line = false;
    let account = connection.account;
    let table = &accounts[account as usize].interest.table;
    let tally = |sub: SubId| {
        let record = table.sub(sub);
        (record.sid.as_bytes().to_vec(), record.delivered, record.max)
    };
    let counts = connection.sids.iter().map(tally).collect();
    for sub in connection.sids.take() {
        subscribe::take_away(core, account, sub);
    }
    let Some(connection) = core.desk.connections.remove(slot) else { return };
    core.leaving -= 1;
    core.discount();
    core.gauges.clients[to as usize].fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let arrival = Arrival { guest, socket, connection, counts, doomed };
    core.mesh.send(to, Letter::Transfer(Box::new(Transfer::Arrive(Box::new(arrival)))));
}

/// Here it is: it takes the place of its guest, and gets what was held for it.
fn arrive(core: &mut Core, driver: &mut impl Driver, arrival: Box<Arrival>) {
    let everybody = everybody(core);
    if let Some(Transit::Guest(guest)) = transit(&mut core.desk, arrival.guest)
        && guest.cut != everybody
    {
        // Some shard's messages may still come that it has had already.
        mark!("arrival waits for a cut");
        guest.arrival = Some(arrival);
        return;
    }
    let Arrival { guest: slot, socket, mut connection, counts, doomed } = *arrival;
    let account = connection.account;
    let Some(guest) = core.desk.connections.get(slot).filter(|guest| guest.is_guest()) else {
        return turn_away(core, Arrival { guest: slot, socket, connection, counts, doomed });
    };
    mark!("connection arrives");
    connection.sids = std::mem::take(&mut guest.sids);
    let Some(Transit::Guest(guest)) = guest.transit.take().map(|transit| *transit) else { return };
    connection.receive_paused = false;
    for pause in [Pause::Moving, Pause::Stall, Pause::Congestion] {
        connection.unpause(pause);
    }
    connection.touched = core.mesh.peers();
    let ping_due = connection.ping_due.max(core.desk.now + 1);
    connection.dirty = false;
    core.desk.connections.replace(slot, connection);
    driver.open(slot, socket);
    settle_subscriptions(core, slot, account, &counts, &guest.passed);
    admit::look_again(core, slot);
    for held in guest.held {
        give(core, slot, &held);
    }
    if !core.desk.spent.is_empty() {
        publish::retire_spent(core);
    }
    let slow = guest.is_slow.then_some(Reason::SlowConsumerPendingBytes);
    let shutdown = core.stopping.then_some(Reason::ServerShutdown);
    if let Some(reason) = doomed.or(slow).or(shutdown) {
        core.desk.doom(slot, reason);
    }
    core.desk.set_ping_alarm(ping_due, slot);
    // Whether it was to be flushed where it came from means nothing here.
    core.desk.connections.at(slot.index).dirty = true;
    core.desk.dirty.push(slot.index);
    core.desk.resumable.push(slot);
}

/// This shard shuts down: one that comes is closed. To drop the socket does so.
fn turn_away(core: &mut Core, arrival: Arrival) {
    core.discount();
    if arrival.connection.registered {
        core.account_mut(arrival.connection.account).leave();
    }
}

/// What its subscriptions have had where it was counts here too; those that went there go here; and from now on this
/// shard tells of those in queue groups itself.
fn settle_subscriptions(
    core: &mut Core,
    slot: Slot,
    account: AccountId,
    counts: &[(Vec<u8>, u64, u32)],
    passed: &[Passed],
) {
    let mut left: Vec<SubId> = core.desk.connections.at(slot.index).sids.iter().collect();
    left.sort_unstable();
    for (sid, delivered, max) in counts {
        let Core { accounts, desk, .. } = core;
        let table = &mut accounts[account as usize].interest.table;
        let Some(sub) = desk.connections.at(slot.index).sids.find(table, sid) else { continue };
        let record = table.sub_mut(sub);
        (record.delivered, record.max) = (*delivered, *max);
        left.retain(|other| *other != sub);
        if table.queue_of(sub).is_some() {
            for_all(core, account, sub, count);
        }
    }
    for sub in left {
        subscribe::remove_subscription(core, account, slot.index, sub);
    }
    take_back_extras(core, passed);
}

/// This shard tells itself of members of queue groups that others were told of when they passed to it.
fn take_back_extras(core: &mut Core, passed: &[Passed]) {
    for Passed { account, subject, queue, .. } in passed {
        let Some(queue) = queue else { continue };
        core.account_mut(*account);
        let partners = partners(&core.accounts[*account as usize], &core.mesh);
        let (account, shard) = (*account, core.mesh.me());
        for partner in partners {
            core.mesh.send(partner, Letter::Extra { account, shard, subject, queue, add: false });
        }
    }
}

/// More is held for one that is to come than it may have waiting: it gets no more, and is cut when it comes.
fn starve(core: &mut Core, slot: Slot) {
    let everybody = everybody(core);
    let Some(Transit::Guest(guest)) = transit(&mut core.desk, slot) else { return };
    mark!("guest starved");
    // Whoever has not switched yet has not been told of what is to be taken back.
    let is_told = guest.cut == everybody;
    let passed = if is_told { std::mem::replace(&mut guest.passed, Arc::new([])) } else { Arc::new([]) };
    subscribe::remove_subscriptions(core, slot.index);
    take_back_extras(core, &passed);
}

/// Gives a connection that has come a message that was held for it. A queue group's is for another member if this one
/// cannot take it.
fn give(core: &mut Core, slot: Slot, held: &Held) {
    let tracing = core.settings.tracing;
    let Core { accounts, desk, .. } = core;
    let table = &mut accounts[held.account as usize].interest.table;
    let queue = match table.get(held.sub) {
        Some(record) if record.owner == slot.index => table.queue_of(held.sub).map(<[u8]>::to_vec),
        _ => return,
    };
    let mut delivery = Delivery {
        subject: &held.subject,
        reply_len: held.reply_len,
        header_len: held.header_len,
        tail: &held.tail,
        payload_len: super::desk::payload(&held.tail).len(),
        from: held.from,
        no_echo: None,
        is_imported: held.is_imported,
        tracing,
        shared: None,
    };
    let target = Target { sub: held.sub, owner: slot.index };
    let is_taken = desk.deliver(held.account, table, target, &mut delivery);
    if let (Some(queue), false) = (queue, is_taken) {
        mark!("held for a member that is spent");
        let passage = Passage { account: held.account, origin: Slot::NOBODY, hops: 0, delivery };
        publish::give_to_another(core, passage, &queue);
    }
}

/// What stood for a connection that does not come goes.
fn dismiss(core: &mut Core, slot: Slot) {
    if core.desk.connections.get(slot).is_some_and(|connection| connection.is_guest()) {
        mark!("guest dismissed");
        subscribe::remove_subscriptions(core, slot.index);
        core.desk.connections.remove(slot);
    }
}

/// The shard shuts down: who leaves stays, to be closed here; who was to come does not.
pub fn stop(core: &mut Core, driver: &mut impl Driver) {
    let slots: Vec<Slot> = core.desk.connections.iter().map(|connection| connection.slot).collect();
    for slot in slots {
        if let Some(Transit::Guest(guest)) = transit(&mut core.desk, slot)
            && let Some(arrival) = guest.arrival.take()
        {
            turn_away(core, *arrival);
        }
        dismiss(core, slot);
        let Some(connection) = core.desk.connections.get(slot) else { continue };
        let Some(Transit::Leaving(leaving)) = connection.transit.take().map(|transit| *transit) else {
            continue;
        };
        core.leaving -= 1;
        if let Some(socket) = leaving.socket {
            core.desk.unpause(slot, Pause::Moving);
            driver.open(slot, socket);
        }
    }
}
