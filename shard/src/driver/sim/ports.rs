//! The network as the drivers see it.

use std::collections::VecDeque;

use super::Network;
use super::network::{Completion, WireId};
use super::wire::{End, Flight, Link};
use crate::deliver::Batch;
use crate::slot::Slot;

impl Network {
    pub(super) fn listen(&mut self, shard: usize, on: bool) {
        self.ports[shard].listening = on;
    }

    pub(super) fn open(&mut self, shard: usize, slot: Slot, id: WireId) {
        let links = &mut self.ports[shard].links;
        if links.len() <= slot.index as usize {
            links.resize(slot.index as usize + 1, None);
        }
        assert!(links[slot.index as usize].replace(id).is_none(), "{slot:?} is used before it was closed");
        let link = Link {
            shard,
            slot,
            receiving: false,
            wanted: true,
            ended: false,
            closing: false,
            detaching: false,
            finishing: false,
            flight: None,
        };
        self.wire_mut(id).link = Some(link);
    }

    /// The link of a slot, unless it is gone.
    pub(super) fn find(&mut self, shard: usize, slot: Slot) -> Option<&mut Link> {
        let id = (*self.ports[shard].links.get(slot.index as usize)?)?;
        self.wire_mut(id).link.as_mut().filter(|link| link.slot == slot)
    }

    pub(super) fn send(&mut self, shard: usize, slot: Slot, batch: Batch, prompt: bool) -> Option<Batch> {
        let lost = self.faults.lost_send == Some(self.sends);
        self.sends += 1;
        let bytes: VecDeque<u8> = batch.pieces().flatten().copied().collect();
        assert!(!bytes.is_empty(), "an empty send");
        let link = self.find(shard, slot).expect("a send needs a socket");
        assert!(link.flight.is_none() && !link.closing && !link.finishing && !link.detaching);
        link.flight = Some(Flight { batch, bytes, lost });
        if !prompt || !self.faults.prompt {
            return None;
        }
        // As much as the window takes goes at once; a reset shows later.
        let id = self.ports[shard].links[slot.index as usize].expect("just found");
        let wire = self.wire_mut(id);
        if wire.up_end == Some(End::Reset) || (!wire.deaf && wire.down.len() >= wire.window) {
            return None;
        }
        let (batch, _) = wire.push(usize::MAX)?;
        mark!("sent at once");
        Some(batch)
    }

    pub(super) fn finish_sending(&mut self, shard: usize, slot: Slot) {
        let Some(link) = self.find(shard, slot) else { return };
        link.finishing = true;
        if link.flight.is_none() {
            let id = self.ports[shard].links[slot.index as usize].expect("just found");
            self.wire_mut(id).down_end = Some(End::Fin);
        }
    }

    /// A socket that no shard took.
    pub(super) fn drop_socket(&mut self, id: WireId) {
        self.hang_up(id);
    }

    pub fn has_completions(&self, shard: usize) -> bool {
        !self.ports[shard].completions.is_empty()
    }

    /// Whether a shard has nothing open, nothing to hear, and all its buffers.
    pub fn is_bare(&self, shard: usize) -> bool {
        let port = &self.ports[shard];
        port.completions.is_empty()
            && port.links.iter().all(Option::is_none)
            && port.buffers_free == self.faults.buffers
    }

    /// Some of what happened: of one connection in order, of several in any.
    pub(super) fn take_completions(&mut self, shard: usize) -> Vec<(WireId, Completion)> {
        let waiting = self.ports[shard].completions.len();
        if waiting == 0 {
            return Vec::new();
        }
        let count = self.dice.between(1, waiting.min(self.faults.events_max));
        let mut taken = Vec::with_capacity(count);
        for _ in 0..count {
            let chosen = self.dice.below(self.ports[shard].completions.len());
            let completions = &mut self.ports[shard].completions;
            let wire = completions[chosen].0;
            let first =
                completions.iter().position(|(other, _)| *other == wire).expect("at least the chosen");
            if first > 0 {
                mark!("events change places");
            }
            taken.extend(completions.remove(first));
        }
        taken
    }

    pub(super) fn give_back_buffer(&mut self, shard: usize) {
        self.ports[shard].buffers_free += 1;
    }
}
