//! What clients sent: small pieces are served at once, the rest in a fair rotation, and what is over the quota of
//! a turn in the next ones.

use super::rotation::Share;
use super::{Shard, moves, operations};
use crate::driver::{Driver, Piece, SMALL_BYTES_MAX};
use crate::interest::NONE;
use crate::proto::text::Reason;
use crate::session::{Connection, Pause};
use crate::slot::Slot;
use crate::turn::core::Core;
use crate::turn::desk::Wish;

/// Pieces received in this turn that are in line, those of one connection chained in the order they came.
pub type Arrivals = Vec<Arrival>;

pub struct Arrival {
    slot: Slot,
    piece: Option<Piece>,
    /// Bytes of it that have been served.
    served: usize,
    /// The next one of the same connection.
    next: u32,
}

/// The driver received something.
pub fn receive<D: Driver>(shard: &mut Shard<D>, slot: Slot, piece: Piece) {
    let Shard { core, driver, arrivals, .. } = shard;
    let connection = core.desk.connections.get(slot).filter(|connection| connection.closing.is_none());
    let Some(connection) = connection else { return driver.release(piece) };
    connection.last_in = core.desk.now;
    if connection.is_paused() {
        operations::stash(core, slot.index, driver.bytes(&piece));
        return driver.release(piece);
    }
    if piece.len <= SMALL_BYTES_MAX && !connection.in_line {
        let account = connection.account;
        let quota = core.rotation.prompt_quota(account, core.turns);
        if quota > 0 {
            let before = core.desk.work;
            serve_promptly(core, slot, driver.bytes(&piece), before + quota);
            let work = core.desk.work - before;
            core.rotation.served_promptly(account, core.turns, work);
            return driver.release(piece);
        }
        mark!("small pieces over the quota");
    }
    let place = arrivals.len() as u32;
    match connection.arrivals {
        (NONE, _) => connection.arrivals = (place, place),
        (_, last) => {
            arrivals[last as usize].next = place;
            connection.arrivals.1 = place;
        }
    }
    arrivals.push(Arrival { slot, piece: Some(piece), served: 0, next: NONE });
    join(core, slot);
}

fn serve_promptly(core: &mut Core, slot: Slot, data: &[u8], until: u64) {
    let before = core.desk.connections.at(slot.index).in_messages;
    let left = operations::feed(core, slot.index, data, until);
    let connection = core.desk.connections.at(slot.index);
    if connection.in_messages > before {
        connection.active_at = core.desk.now;
    }
    if left > 0 {
        operations::stash(core, slot.index, &data[data.len() - left..]);
        resume(core, slot);
    }
}

/// Lets a connection go on, if nothing but what has come before holds its input.
pub fn resume(core: &mut Core, slot: Slot) {
    let Some(connection) = core.desk.connections.get(slot) else { return };
    if !connection.may_resume() || connection.closing.is_some() || connection.in_line {
        return;
    }
    if connection.is_paused_by(Pause::Backlog) {
        join(core, slot);
    } else {
        finish(core, slot);
    }
}

fn join(core: &mut Core, slot: Slot) {
    let connection = core.desk.connections.at(slot.index);
    if !connection.in_line {
        connection.in_line = true;
        core.rotation.join(connection.account, slot);
    }
}

/// Serves those in line as far as the quota of the turn goes; what is left waits for the next.
pub fn serve_line<D: Driver>(shard: &mut Shard<D>) {
    let until = shard.core.desk.work + shard.core.rotation.turn_quota(shard.core.turns);
    while shard.core.desk.work < until
        && let Some(share) = shard.core.rotation.next()
    {
        serve_share(shard, share);
    }
    put_off(shard);
}

fn serve_share<D: Driver>(shard: &mut Shard<D>, share: Share) {
    let before = shard.core.desk.work;
    let goes_on = serve_one(shard, share.slot, before + share.quota);
    let core = &mut shard.core;
    let work = core.desk.work - before;
    // With CONNECT another account begins to pay.
    let connection = core.desk.connections.get(share.slot);
    let new_account = connection.filter(|_| goes_on).map(|connection| connection.account);
    let new_account = new_account.filter(|account| *account != share.account);
    core.rotation.served(share, work, goes_on && new_account.is_none());
    if let Some(account) = new_account {
        mark!("account changes in line");
        core.rotation.join(account, share.slot);
    }
    moves::bury(core);
}

/// Serves a connection until so much work is done; answers whether it is to go on.
fn serve_one<D: Driver>(shard: &mut Shard<D>, slot: Slot, until: u64) -> bool {
    let Shard { core, driver, arrivals, .. } = shard;
    let Some(connection) = core.desk.connections.get(slot) else { return false };
    let before = connection.in_messages;
    let goes_on = loop {
        let connection = core.desk.connections.at(slot.index);
        if connection.closing.is_some() || !connection.may_resume() {
            break false;
        }
        let is_behind = connection.is_paused_by(Pause::Backlog);
        let first = connection.arrivals.0;
        if !is_behind && first == NONE {
            break false;
        } else if core.desk.work >= until {
            break true;
        } else if is_behind {
            operations::feed_backlog(core, slot.index, until);
            continue;
        }
        let arrival = &mut arrivals[first as usize];
        let piece = arrival.piece.take().expect("served once");
        let data = driver.bytes(&piece);
        let left = operations::feed(core, slot.index, &data[arrival.served..], until);
        if left > 0 {
            arrival.served = data.len() - left;
            arrival.piece = Some(piece);
        } else {
            core.desk.connections.at(slot.index).arrivals.0 = arrival.next;
            driver.release(piece);
        }
    };
    let connection = core.desk.connections.at(slot.index);
    connection.in_line = goes_on;
    if connection.in_messages > before {
        connection.active_at = core.desk.now;
    }
    if !goes_on && connection.closing.is_none() && !connection.is_paused() {
        finish(core, slot);
    }
    goes_on
}

/// All a connection sent has been served.
fn finish(core: &mut Core, slot: Slot) {
    let connection: &mut Connection = core.desk.connections.at(slot.index);
    if connection.ended {
        let reason = if connection.ended_badly { Reason::ReadError } else { Reason::ClientClosed };
        core.desk.doom(slot, reason);
    } else if std::mem::take(&mut connection.receive_paused) {
        core.desk.wishes.push(Wish::Resume(slot));
    }
}

/// Keeps what was received and not served, and gives the driver its buffers back.
fn put_off<D: Driver>(shard: &mut Shard<D>) {
    let Shard { core, driver, arrivals, .. } = shard;
    for Arrival { slot, piece, served, .. } in arrivals.drain(..) {
        let connection = core.desk.connections.get(slot);
        if let Some(connection) = connection {
            connection.arrivals = (NONE, NONE);
            if let (Some(piece), None) = (&piece, connection.closing) {
                mark!("input put off");
                operations::stash(core, slot.index, &driver.bytes(piece)[served..]);
                operations::hold_back(core, slot.index);
            }
        }
        if let Some(piece) = piece {
            driver.release(piece);
        }
    }
}
