//! The loop of a shard: the only place where rooms meet. One turn, in this order:
//!
//! 1. wait for completions (and start what the last turn asked for);
//! 2. letters of other shards;
//! 3. everything the driver saw: of what clients sent, small pieces;
//! 4. timers; the line of those who sent more; a little of what the control core wants to know;
//! 5. letters to other shards, and their bells;
//! 6. flush every connection that has something to send.

mod admit;
mod awaiting;
mod core;
mod desk;
mod house;
mod imports;
mod inspect;
mod intake;
mod latency;
mod letters;
mod load;
mod mapping;
mod moves;
mod operations;
mod orders;
mod publish;
mod requester;
mod responders;
mod rotation;
mod services;
#[cfg(test)]
mod sim;
mod subscribe;
mod timers;
mod trace;
mod transit;

use std::io;

use crossbeam_channel::Receiver;

pub use core::Core;
use desk::{Desk, Wish};
use intake::Arrivals;

use crate::driver::{Driver, Event, Wait};
use crate::launch::Order;
use crate::proto::text::Reason;
use crate::session::Pause;

/// How often a full ring is looked at again.
const CONGESTED_WAIT: u64 = 50_000;
/// Connections with something to send, and bytes for one of them, up to which the kernel is given it at once.
const PROMPT_CONNECTIONS_MAX: usize = 3;
const PROMPT_BYTES_MAX: usize = 4 << 10;
/// How long accepting rests after it failed, for want of descriptors for example.
const ACCEPT_REST: u64 = 100_000_000;

/// One shard with its kernel.
pub struct Shard<D: Driver> {
    core: Core,
    driver: D,
    orders: Receiver<Order>,
    events: Vec<Event>,
    arrivals: Arrivals,
    /// When accepting goes on after a failure.
    accept_again_at: Option<u64>,
    listening: bool,
}

impl<D: Driver> Shard<D> {
    pub fn new(core: Core, mut driver: D, orders: Receiver<Order>) -> Shard<D> {
        driver.listen(true);
        Shard {
            core,
            driver,
            orders,
            events: Vec::new(),
            arrivals: Vec::new(),
            accept_again_at: None,
            listening: true,
        }
    }

    /// Runs until it is told to stop and all is closed.
    pub fn run(&mut self) -> io::Result<()> {
        while !(self.core.stopping && self.core.desk.connections.is_empty()) {
            let wait = self.patience();
            self.turn(wait)?;
        }
        Ok(())
    }

    /// One turn. With `Wait::Poll` it does not sleep.
    pub fn turn(&mut self, wait: Wait) -> io::Result<()> {
        let wait = self.fall_asleep(wait);
        self.wait_and_serve(wait)
    }

    /// How long this shard may really wait: others ring from now on if it may at all.
    fn fall_asleep(&mut self, wait: Wait) -> Wait {
        match wait {
            Wait::Until(_) if self.core.mesh.fall_asleep() && self.orders.is_empty() => wait,
            _ => Wait::Poll,
        }
    }

    fn wait_and_serve(&mut self, wait: Wait) -> io::Result<()> {
        let result = self.driver.wait(wait, &mut self.events);
        self.core.mesh.wake_up();
        result?;
        self.core.desk.now = self.driver.now();
        letters::drain(&mut self.core, &mut self.driver);
        self.take_orders();
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            self.serve(event);
        }
        self.events = events;
        timers::run(&mut self.core);
        self.resume();
        intake::serve_line(self);
        house::step(&mut self.core);
        moves::bury(&mut self.core);
        load::look(&mut self.core);
        transit::step(&mut self.core);
        inspect::step(&mut self.core);
        self.core.turns += 1;
        self.core.mesh.publish();
        self.grant_wishes();
        self.flush();
        Ok(())
    }

    /// How long the next turn may wait.
    fn patience(&self) -> Wait {
        let now = self.core.desk.now;
        let mut until = timers::next(&self.core);
        let mut sooner = |at: u64| until = Some(until.map_or(at, |until| until.min(at)));
        let desk = &self.core.desk;
        let mut rest = !desk.doomed.is_empty() || !desk.resumable.is_empty();
        rest |= !self.core.rotation.is_empty();
        rest |= !self.core.inspections.is_empty();
        rest |= !self.core.relocations.is_empty() && self.core.leaving == 0;
        rest |= !desk.starved.is_empty();
        if self.core.mesh.has_spilled() {
            sooner(now + CONGESTED_WAIT);
        } else {
            rest |= !desk.congested.is_empty();
        }
        if let Some(at) = self.accept_again_at {
            sooner(at);
        }
        if rest {
            return Wait::Poll;
        }
        Wait::Until(until)
    }

    fn serve(&mut self, event: Event) {
        let Shard { core, driver, .. } = self;
        match event {
            Event::Received { slot, piece } => intake::receive(self, slot, piece),
            Event::Sent { slot, batch, result } => {
                core.desk.flights -= 1;
                let Some(connection) = core.desk.connections.get(slot) else { return };
                connection.outbox.landed(&mut core.desk.pool, batch);
                if let Err(error) = result {
                    tracing::debug!("{} - Error flushing: {error}", connection.label());
                    if connection.closing.is_none() {
                        core.desk.doom(slot, Reason::WriteError);
                    } else {
                        connection.outbox.discard();
                        core.desk.wishes.push(Wish::Close(slot));
                    }
                } else if connection.outbox.has_waiting() {
                    if !connection.dirty {
                        connection.dirty = true;
                        core.desk.dirty.push(slot.index);
                    }
                } else if connection.closing.is_some() {
                    moves::end_output(core, slot);
                }
            }
            Event::Accepted { socket, peer } => moves::accepted(core, driver, socket, peer),
            Event::AcceptFailed(_) if !self.listening || core.stopping => {}
            Event::AcceptFailed(error) => {
                tracing::error!("Client Accept Error: {error}, sleeping");
                self.accept_again_at = Some(core.desk.now + ACCEPT_REST);
            }
            Event::Ended { slot, error } => moves::ended(core, slot, error),
            Event::Closed { slot } => moves::closed(core, slot),
            Event::Detached { slot, socket } => moves::detached(core, driver, slot, socket),
        }
        moves::bury(&mut self.core);
    }

    /// Lets those go on whose pause is over.
    fn resume(&mut self) {
        let core = &mut self.core;
        if !core.desk.congested.is_empty() && !core.mesh.has_spilled() {
            for slot in std::mem::take(&mut core.desk.congested) {
                core.desk.unpause(slot, Pause::Congestion);
            }
        }
        if let Some(at) = self.accept_again_at
            && at <= core.desk.now
        {
            self.accept_again_at = None;
            self.driver.listen(self.listening);
        }
        while let Some(slot) = core.desk.resumable.pop() {
            intake::resume(core, slot);
        }
    }

    fn grant_wishes(&mut self) {
        let mut wishes = std::mem::take(&mut self.core.desk.wishes);
        for wish in wishes.drain(..) {
            let (Wish::Pause(slot)
            | Wish::Resume(slot)
            | Wish::Finish(slot)
            | Wish::Close(slot)
            | Wish::Detach(slot)) = wish;
            let Some(connection) = self.core.desk.connections.get(slot) else { continue };
            if connection.closed {
                continue;
            }
            connection.closed = matches!(wish, Wish::Close(_));
            match wish {
                Wish::Pause(slot) => self.driver.pause(slot),
                Wish::Resume(slot) => self.driver.resume(slot),
                Wish::Finish(slot) => self.driver.finish(slot),
                Wish::Close(slot) => self.driver.close(slot),
                Wish::Detach(slot) => self.driver.detach(slot),
            }
        }
        self.core.desk.wishes = wishes;
    }

    /// What is small goes first: it does not wait until the kernel has copied what is large.
    fn flush(&mut self) {
        let Shard { core, driver, .. } = self;
        let desk = &mut core.desk;
        let few = desk.dirty.len() <= PROMPT_CONNECTIONS_MAX;
        let mut dirty = std::mem::take(&mut desk.dirty);
        dirty.retain(|index| {
            let connection = desk.connections.lodger(*index);
            let is_large =
                connection.is_some_and(|connection| connection.outbox.pending() > PROMPT_BYTES_MAX);
            if !is_large {
                send(desk, driver, *index, few);
            }
            is_large
        });
        for index in dirty.drain(..) {
            send(desk, driver, index, false);
        }
        desk.dirty = dirty;
    }
}

/// Sends what a connection has to send, unless a send is under way. What is small, of few, goes at once: to hear
/// of it later would cost a turn of its own. What is large had better gather while the send before it is under way.
fn send(desk: &mut Desk, driver: &mut impl Driver, index: u32, at_once: bool) {
    let Some(connection) = desk.connections.lodger(index) else { return };
    connection.dirty = false;
    let held = connection.closed || connection.is_paused_by(Pause::Moving);
    if connection.outbox.is_flying() || !connection.outbox.has_waiting() || held {
        return;
    }
    connection.sent_at = desk.now;
    if connection.out_messages > connection.flushed_messages {
        connection.flushed_messages = connection.out_messages;
        connection.active_at = desk.now;
    }
    let prompt = at_once && connection.closing.is_none();
    match driver.send(connection.slot, connection.outbox.take_batch(), prompt) {
        Some(batch) => connection.outbox.landed(&mut desk.pool, batch),
        None => desk.flights += 1,
    }
}
