//! The network as simulated clients see it.

use super::Network;
use super::network::WireId;
use super::wire::{End, Link, Wire};

/// Input a client's own kernel keeps before the client must wait.
const UP_BYTES_MAX: usize = 16 << 10;

/// What a client reads.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    Bytes(Vec<u8>),
    Nothing,
    End(End),
}

impl Network {
    pub fn connect(&mut self) -> WireId {
        let window = self.dice.between(self.faults.window_min, self.faults.window_max);
        self.wires.push(Wire::new(window));
        let id = (self.wires.len() - 1) as WireId;
        self.backlog.push_back(id);
        id
    }

    pub fn can_write(&self, wire: WireId) -> bool {
        let wire = self.wire(wire);
        wire.up.len() < UP_BYTES_MAX && wire.up_end.is_none()
    }

    /// Bytes a client has written that no shard has received.
    pub fn under_way(&self, wire: WireId) -> usize {
        self.wire(wire).up.len()
    }

    pub fn write(&mut self, wire: WireId, bytes: &[u8]) {
        self.wire_mut(wire).up.extend(bytes);
    }

    pub fn can_read(&self, wire: WireId) -> bool {
        let wire = self.wire(wire);
        !wire.deaf && (!wire.down.is_empty() || wire.down_end.is_some())
    }

    pub fn read(&mut self, wire: WireId) -> Read {
        let len = self.wire(wire).down.len();
        let most = if len > 0 { self.dice.portion(len) } else { 0 };
        let wire = self.wire_mut(wire);
        match (len, wire.down_end) {
            (0, None) => Read::Nothing,
            (0, Some(end)) => Read::End(end),
            _ => Read::Bytes(wire.down.drain(..most).collect()),
        }
    }

    /// The client sends no more and goes on reading.
    pub fn finish(&mut self, wire: WireId) {
        let wire = self.wire_mut(wire);
        wire.up_end = wire.up_end.or(Some(End::Fin));
    }

    /// The client closes its socket after all it has written.
    pub fn close(&mut self, wire: WireId) {
        self.finish(wire);
        let wire = self.wire_mut(wire);
        wire.deaf = true;
        wire.down.clear();
    }

    /// The client vanishes; any part of what it wrote last may never arrive.
    pub fn reset(&mut self, wire: WireId) {
        mark!("client reset");
        let len = self.wire(wire).up.len();
        let kept = self.dice.below(len + 1);
        let wire = self.wire_mut(wire);
        wire.up.truncate(kept);
        wire.up_end = Some(End::Reset);
        wire.deaf = true;
        wire.down.clear();
    }

    /// Whether the server has ended or closed its side.
    pub fn is_cut(&self, wire: WireId) -> bool {
        let wire = self.wire(wire);
        let ending = |link: &Link| link.closing || link.finishing;
        wire.dropped || wire.down_end.is_some() || wire.link.as_ref().is_some_and(ending)
    }

    /// The server's process ends: what no shard had open any more, or yet, is closed.
    pub fn exit(&mut self) {
        self.backlog.clear();
        for wire in self.wires.iter_mut().filter(|wire| !wire.dropped) {
            assert!(wire.link.is_none(), "violation: a shard ended with a connection open");
            wire.down_end = Some(End::Reset);
            wire.dropped = true;
        }
    }

    /// Whether the server holds nothing of it any more.
    pub fn is_dropped(&self, wire: WireId) -> bool {
        self.wire(wire).dropped
    }
}
