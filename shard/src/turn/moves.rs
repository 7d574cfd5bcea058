//! Connections come, go to the shard they belong on, and end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::core::Core;
use super::desk::{Alarm, Wish};
use super::operations::send_info;
use super::subscribe::remove_subscriptions;
use super::{admit, publish, services, transit};
use crate::account::{AccountId, GLOBAL};
use crate::driver::{Driver, Socket};
use crate::proto::text::{self, Reason};
use crate::ring::letter::Letter;
use crate::session::closed::CLOSED_SUBSCRIPTIONS_MAX;
use crate::session::connection::{Answer, Barrier};
use crate::session::{Connection, Handover, Moved, Pause};
use crate::settings::Placement;
use crate::shard_set::ShardId;
use crate::slot::Slot;

/// How long the end of a peer that was told of ours is awaited: nanoseconds.
const LINGER: u64 = 500_000_000;

/// A connection was accepted here: it stays, or goes to the shard with the fewest.
pub fn accepted(core: &mut Core, driver: &mut impl Driver, socket: Socket, peer: SocketAddr) {
    if core.stopping || core.lame_duck {
        return;
    }
    let me = core.mesh.me();
    let target = match core.settings.placement {
        // Without credentials the account is known already; else CONNECT tells.
        Placement::Home | Placement::Auto if core.needs_credentials() => me,
        Placement::Home | Placement::Auto => home(core, GLOBAL),
        Placement::Spread => least_loaded(core),
    };
    // Counted before it is there, so that a burst spreads.
    core.gauges.clients[target as usize].fetch_add(1, Ordering::Relaxed);
    let handover = Handover { socket, peer, connection: None };
    if target == me {
        adopt(core, driver, handover);
    } else {
        core.mesh.send(target, Letter::Handover(Box::new(handover)));
    }
}

fn home(core: &Core, account: AccountId) -> ShardId {
    let account = &core.accounts[account as usize];
    if core.settings.placement == Placement::Auto {
        let home = account.snapshot.home.get_or_settle(|| least_loaded(core));
        return home.unwrap_or_else(|| least_loaded(core));
    }
    let mut members = account.members;
    members.next().expect("an account lives somewhere")
}

fn least_loaded(core: &Core) -> ShardId {
    let me = core.mesh.me() as usize;
    let load = |shard: usize| core.gauges.clients[shard].load(Ordering::Relaxed);
    let target = (0..core.gauges.clients.len()).min_by_key(|shard| (load(*shard), *shard != me));
    target.unwrap_or(me) as ShardId
}

/// A connection that this shard is to keep.
pub fn adopt(core: &mut Core, driver: &mut impl Driver, handover: Handover) {
    let Handover { socket, peer, connection } = handover;
    let (moved, judged) = match connection {
        Some(Moved { connection, directory, adopted }) => (Some(connection), Some((directory, adopted))),
        None => (None, None),
    };
    let mut connection = moved.unwrap_or_else(|| {
        let cid = core.gauges.last_cid.fetch_add(1, Ordering::Relaxed) + 1;
        let mut connection = Box::new(Connection::new(cid, peer, GLOBAL, core.desk.now));
        connection.awaits_connect = core.needs_credentials();
        connection.max_payload = core.rules.max_payload;
        if core.settings.directory.admission.wants_signatures() {
            connection.nonce = Some(nonce());
        }
        connection
    });
    core.account_mut(connection.account);
    connection.counted = true;
    connection.receive_paused = false;
    connection.unpause(Pause::Moving);
    let slot = core.desk.connections.insert(connection);
    driver.open(slot, socket);
    if let Some((directory, adopted)) = judged {
        mark!("connection moved");
        let first_ping = super::timers::first_ping_after(&core.settings.limits);
        core.desk.set_ping_alarm(core.desk.now + first_ping, slot);
        let connection = core.desk.connections.at(slot.index);
        connection.dirty = true;
        core.desk.dirty.push(slot.index);
        core.desk.resumable.push(slot);
        if adopted < core.adopted {
            mark!("reload while it moved");
            admit::reconsider(core, &directory, vec![slot]);
            admit::refresh_bounds(core, slot.index);
        }
    } else {
        welcome(core, slot);
    }
    if core.stopping {
        mark!("connection comes during shutdown");
        core.desk.doom(slot, Reason::ServerShutdown);
    }
}

/// Eleven bytes that nobody can foresee, in base64. Source: nats-server `nkey.go:generateNonce`.
fn nonce() -> Box<str> {
    let mut bytes = [0u8; 11];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    assert!(filled == Ok(bytes.len()), "the kernel has random bytes");
    data_encoding::BASE64URL_NOPAD.encode(&bytes).into()
}

/// Source: nats-server `server.go:createClientEx`.
fn welcome(core: &mut Core, slot: Slot) {
    tracing::debug!("{} - Client connection created", core.desk.connections.at(slot.index).label());
    send_info(core, slot.index, None);
    if core.gauges.clients_total() > core.settings.limits.max_connections {
        let label = core.desk.connections.at(slot.index).label();
        tracing::error!("{label} - {}", text::MAXIMUM_CONNECTIONS_EXCEEDED);
        core.desk.write_error(slot.index, text::MAXIMUM_CONNECTIONS_EXCEEDED);
        return core.desk.doom(slot, Reason::MaximumConnectionsExceeded);
    }
    let limits = &core.settings.limits;
    let ping = core.desk.now + limits.ping_interval.as_nanos() as u64;
    let authentication = core.desk.now + limits.auth_timeout.as_nanos() as u64;
    core.desk.set_ping_alarm(ping, slot);
    if core.needs_credentials() {
        core.desk.set_alarm(authentication, Alarm::Authentication, slot);
    }
}

/// After CONNECT the account is known: unless it is to be spread, the connection goes where its account lives.
pub fn settle(core: &mut Core, index: u32) {
    let connection = core.desk.connections.at(index);
    let (account, slot) = (connection.account, connection.slot);
    if core.settings.placement == Placement::Spread || home(core, account) == core.mesh.me() {
        return;
    }
    core.desk.pause(index, Pause::Moving);
    core.desk.wishes.push(Wish::Detach(slot));
}

/// Nothing is under way on the connection any more: it goes, with all it is, to where its account lives.
pub fn detached(core: &mut Core, driver: &mut impl Driver, slot: Slot, socket: Socket) {
    let Some(connection) = core.desk.connections.get(slot) else { return };
    if connection.is_leaving() {
        return transit::detached(core, slot, socket);
    }
    if connection.closing.is_some() {
        mark!("closed while it moved");
        return stay_to_close(core, driver, slot, socket);
    }
    let Some(mut connection) = core.desk.connections.remove(slot) else { return };
    connection.in_line = false;
    let home = home(core, connection.account);
    if connection.counted {
        core.discount();
        core.gauges.clients[home as usize].fetch_add(1, Ordering::Relaxed);
    }
    let peer = connection.peer;
    let (directory, adopted) = (Arc::clone(&core.settings.directory), core.adopted);
    let connection = Some(Moved { connection, directory, adopted });
    core.mesh.send(home, Letter::Handover(Box::new(Handover { socket, peer, connection })));
}

/// A connection that was doomed while it was being detached ends here.
fn stay_to_close(core: &mut Core, driver: &mut impl Driver, slot: Slot, socket: Socket) {
    let connection = core.desk.connections.at(slot.index);
    if connection.closed {
        // To drop the socket closes it.
        core.desk.connections.remove(slot);
        return;
    }
    connection.unpause(Pause::Moving);
    driver.open(slot, socket);
    if !connection.dirty {
        connection.dirty = true;
        core.desk.dirty.push(slot.index);
    }
}

/// The peer sends no more.
pub fn ended(core: &mut Core, slot: Slot, error: Option<std::io::Error>) {
    let Some(connection) = core.desk.connections.get(slot) else { return };
    connection.ended = true;
    if connection.closing.is_some() {
        if connection.lingering {
            core.desk.wishes.push(Wish::Close(slot));
        }
        return;
    }
    if connection.in_line || (error.is_none() && connection.is_paused()) {
        // What it sent before is served first; see `intake::finish`.
        mark!("end during a pause");
        connection.ended_badly = error.is_some();
        return;
    }
    core.desk.doom(slot, if error.is_some() { Reason::ReadError } else { Reason::ClientClosed });
}

/// Takes doomed connections out: their subscriptions go, what may still be flushed is.
pub fn bury(core: &mut Core) {
    while let Some(slot) = core.desk.doomed.pop() {
        let Some(connection) = core.desk.connections.get(slot) else { continue };
        let reason = connection.closing.expect("a doomed connection has a reason");
        tracing::debug!("{} - Client connection closed: {}", connection.label(), reason.text());
        connection.inbox = Vec::new();
        if let Some(Barrier { answer: Answer::Leave(_), .. }) = connection.barrier.take() {
            core.leaving -= 1;
        }
        connection.inbox_served = 0;
        connection.waiting = None;
        if std::mem::take(&mut connection.counted) {
            core.discount();
        }
        admit::unregister(core, slot.index);
        services::give_up(core, slot.index);
        if !core.stopping {
            remember(core, slot, reason);
        }
        // A peer that ended its side may still read: what answers its last words is flushed.
        let connection = core.desk.connections.at(slot.index);
        let outbox = &connection.outbox;
        if !reason.flushes() || (!outbox.has_waiting() && !outbox.is_flying()) {
            end_output(core, slot);
        } else {
            if !connection.dirty {
                connection.dirty = true;
                core.desk.dirty.push(slot.index);
            }
            core.desk.set_alarm(core.desk.now + LINGER, Alarm::Linger, slot);
        }
        remove_subscriptions(core, slot.index);
    }
    // Figures of services are published in the midst of other things.
    if !core.desk.spent.is_empty() {
        publish::retire_spent(core);
    }
}

/// Keeps what monitoring may ask of a connection that has ended, its subscriptions as they were.
fn remember(core: &mut Core, slot: Slot, reason: Reason) {
    let Core { accounts, desk, closed, .. } = core;
    let connection = desk.connections.at(slot.index);
    let account = &accounts[connection.account as usize];
    let mut figures = connection.figures(account.name());
    figures.reason = Some(reason);
    figures.measures.closed_at = Some(desk.now);
    let subs = connection.sids.iter().take(CLOSED_SUBSCRIPTIONS_MAX);
    figures.listed = subs.map(|sub| account.subscription(sub, figures.measures.cid)).collect();
    closed.push(figures);
}

/// All that was to be flushed is: the peer is told, and may read in peace before the socket is closed. To
/// close a socket with unread input would destroy what the peer has not read yet.
pub fn end_output(core: &mut Core, slot: Slot) {
    let connection = core.desk.connections.at(slot.index);
    let reason = connection.closing.expect("a closing connection has a reason");
    if connection.ended || !reason.flushes() || core.stopping {
        core.desk.wishes.push(Wish::Close(slot));
    } else if !connection.lingering {
        mark!("lingers");
        connection.lingering = true;
        core.desk.wishes.push(Wish::Finish(slot));
        core.desk.set_alarm(core.desk.now + LINGER, Alarm::Linger, slot);
    }
}

/// The driver has let go of a connection.
pub fn closed(core: &mut Core, slot: Slot) {
    if let Some(connection) = core.desk.connections.get(slot)
        && connection.closing.is_none()
    {
        // Cannot be unless the driver broke its promise; its subscriptions must not outlive it.
        core.desk.doom(slot, Reason::ReadError);
        bury(core);
    }
    core.desk.connections.remove(slot);
}
