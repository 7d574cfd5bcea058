//! The network that all shards and all clients of one simulation share: connections, the clock, chance.
//! Nothing moves by itself: whoever runs the simulation asks what could happen (`can_move`) and lets it
//! (`move_on`); the drivers' waits hand over what has.

use std::collections::VecDeque;
use std::io::ErrorKind;

use super::wire::{Deed, End, Link, Wire};
use super::{Dice, Faults};
use crate::deliver::Batch;
use crate::slot::Slot;

/// A connection.
pub type WireId = u32;

/// Bytes of one receive buffer.
const BUFFER_BYTES: usize = 4 << 10;

/// What happened, before it is handed to the shard.
#[derive(Debug)]
pub enum Completion {
    Accepted,
    AcceptFailed,
    Received(Slot, Vec<u8>),
    Ended(Slot, Option<ErrorKind>),
    Sent(Slot, Batch, Result<(), ErrorKind>),
    Closed(Slot),
    Detached(Slot),
}

/// One shard's side of the network.
#[derive(Debug, Default)]
pub(super) struct Port {
    pub listening: bool,
    pub buffers_free: usize,
    pub links: Vec<Option<WireId>>,
    pub completions: VecDeque<(WireId, Completion)>,
}

#[derive(Debug)]
pub struct Network {
    /// Nanoseconds.
    pub now: u64,
    pub dice: Dice,
    pub faults: Faults,
    pub(super) wires: Vec<Wire>,
    pub(super) ports: Vec<Port>,
    /// Connections nobody has accepted yet.
    pub(super) backlog: VecDeque<WireId>,
    pub(super) sends: u64,
}

impl Network {
    pub fn new(seed: u64, faults: Faults, shards: usize) -> Network {
        let port = || Port { buffers_free: faults.buffers, ..Port::default() };
        Network {
            now: 1_000_000_000,
            dice: Dice::new(seed),
            ports: (0..shards).map(|_| port()).collect(),
            faults,
            wires: Vec::new(),
            backlog: VecDeque::new(),
            sends: 0,
        }
    }

    pub fn wires(&self) -> impl Iterator<Item = WireId> + use<> {
        0..self.wires.len() as WireId
    }

    pub fn can_move(&self, id: WireId) -> bool {
        let wire = self.wire(id);
        match &wire.link {
            None => self.backlog.front() == Some(&id) && self.ports.iter().any(|port| port.listening),
            Some(link) => wire.deeds(self.now, self.ports[link.shard].buffers_free > 0).next().is_some(),
        }
    }

    /// The next moment at which something held up arrives.
    pub fn next_arrival(&self) -> Option<u64> {
        let held = self.wires.iter().filter(|wire| wire.link.is_some() && wire.up_held_until > self.now);
        held.map(|wire| wire.up_held_until).min()
    }

    /// Lets one thing happen on a wire that `can_move`.
    pub fn move_on(&mut self, id: WireId) {
        let Some(link) = &self.wire(id).link else { return self.accept(id) };
        let (shard, slot) = (link.shard, link.slot);
        let has_buffer = self.ports[shard].buffers_free > 0;
        let deeds: Vec<Deed> = self.wire(id).deeds(self.now, has_buffer).collect();
        let deed = *self.dice.pick(&deeds);
        let completion = match deed {
            Deed::Receive => Some(self.receive(id, shard, slot)),
            Deed::Cancel => {
                self.link(id).receiving = false;
                None
            }
            Deed::Arm => {
                self.link(id).receiving = true;
                None
            }
            Deed::Push => self.push(id, slot),
            Deed::Settle => self.settle(id, slot),
        };
        if let Some(completion) = completion {
            self.ports[shard].completions.push_back((id, completion));
        }
    }

    fn accept(&mut self, id: WireId) {
        let listening = |shard: &usize| self.ports[*shard].listening;
        let shards: Vec<usize> = (0..self.ports.len()).filter(listening).collect();
        let shard = *self.dice.pick(&shards);
        let port = &mut self.ports[shard];
        if self.dice.chance(self.faults.accept_fails) {
            mark!("accept fails");
            port.listening = false;
            port.completions.push_back((id, Completion::AcceptFailed));
        } else {
            self.backlog.pop_front();
            port.completions.push_back((id, Completion::Accepted));
        }
    }

    fn receive(&mut self, id: WireId, shard: usize, slot: Slot) -> Completion {
        let len = self.wire(id).up.len();
        if len == 0 {
            let end = self.wire(id).up_end;
            self.link(id).ended = true;
            self.link(id).receiving = false;
            let error = (end == Some(End::Reset)).then_some(ErrorKind::ConnectionReset);
            return Completion::Ended(slot, error);
        }
        let most = self.portion(len).min(BUFFER_BYTES);
        if self.dice.chance(self.faults.delay) {
            let delay = self.dice.moment_between(0, self.faults.delay_max);
            self.wire_mut(id).up_held_until = self.now + delay;
        }
        self.ports[shard].buffers_free -= 1;
        if self.ports[shard].buffers_free == 0 {
            mark!("receive buffers run out");
        }
        Completion::Received(slot, self.wire_mut(id).take_up(most))
    }

    fn push(&mut self, id: WireId, slot: Slot) -> Option<Completion> {
        let most = self.portion(1 << 20);
        let wire = self.wire_mut(id);
        let before = wire.down.len();
        let done = wire.push(most);
        if done.is_none() && wire.down.len() > before {
            mark!("send in parts");
        }
        // A client that closed answers what it is sent with a reset, sooner or later.
        if wire.deaf && wire.up_end == Some(End::Fin) && self.dice.chance(300) {
            let wire = self.wire_mut(id);
            wire.up_end = Some(End::Reset);
            let kept = wire.up.len() / 2;
            wire.up.truncate(kept);
        }
        done.map(|(batch, result)| Completion::Sent(slot, batch, result))
    }

    fn settle(&mut self, id: WireId, slot: Slot) -> Option<Completion> {
        let link = self.link(id);
        if link.closing
            && let Some(flight) = link.flight.take()
        {
            mark!("close with a send under way");
            return Some(Completion::Sent(slot, flight.batch, Err(ErrorKind::ConnectionAborted)));
        }
        let (shard, closing) = (link.shard, link.closing);
        self.ports[shard].links[slot.index as usize] = None;
        let wire = self.wire_mut(id);
        wire.link = None;
        if !closing {
            if !wire.up.is_empty() {
                mark!("detach with input to come");
            }
            return Some(Completion::Detached(slot));
        }
        self.hang_up(id);
        Some(Completion::Closed(slot))
    }

    /// The server closes its socket: with input unread that destroys what the client has not read yet.
    pub(super) fn hang_up(&mut self, id: WireId) {
        let lost = !self.wire(id).up.is_empty();
        let len = self.wire(id).down.len();
        let kept = if lost { self.dice.below(len + 1) } else { len };
        let wire = self.wire_mut(id);
        wire.down.truncate(kept);
        wire.down_end = Some(if lost { End::Reset } else { End::Fin });
        wire.dropped = true;
    }

    /// Some of so many bytes.
    fn portion(&mut self, most: usize) -> usize {
        if self.dice.chance(self.faults.partial) { self.dice.portion(most) } else { most }
    }

    pub(super) fn wire(&self, id: WireId) -> &Wire {
        &self.wires[id as usize]
    }

    pub(super) fn wire_mut(&mut self, id: WireId) -> &mut Wire {
        &mut self.wires[id as usize]
    }

    fn link(&mut self, id: WireId) -> &mut Link {
        self.wire_mut(id).link.as_mut().expect("an open wire")
    }
}
