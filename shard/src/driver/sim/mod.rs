//! The driver over a simulated network: deterministic from a seed, on a virtual clock, all shards on one
//! thread. It has the promises of the face and breaks everything beyond them. Only tests have it.
//!
//! A wait never blocks: who runs the simulation calls it when the shard has something to hear, was rung, or
//! its time has come.

mod clients;
mod dice;
mod faults;
mod network;
mod ports;
mod wire;

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

pub use clients::Read;
pub use dice::Dice;
pub use faults::Faults;
use network::Completion;
pub use network::{Network, WireId};
pub use wire::End;

use super::{Driver, Event, Piece, Socket, Wait};
use crate::deliver::Batch;
use crate::slot::Slot;

/// A simulated socket that no shard has open. Dropped, it is closed.
pub struct Plug {
    wire: Option<WireId>,
    network: Rc<RefCell<Network>>,
}

impl std::fmt::Debug for Plug {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "simulated socket {:?}", self.wire)
    }
}

impl Drop for Plug {
    fn drop(&mut self) {
        if let Some(wire) = self.wire {
            self.network.borrow_mut().drop_socket(wire);
        }
    }
}

/// One shard's driver.
pub struct Sim {
    network: Rc<RefCell<Network>>,
    shard: usize,
    buffers: Vec<Vec<u8>>,
    spare: Vec<u16>,
}

impl Sim {
    pub fn new(network: Rc<RefCell<Network>>, shard: usize) -> Sim {
        let buffers = network.borrow().faults.buffers;
        Sim { network, shard, buffers: vec![Vec::new(); buffers], spare: (0..buffers as u16).rev().collect() }
    }

    fn event(&mut self, wire: WireId, completion: Completion) -> Event {
        let plug = |network: &Rc<RefCell<Network>>| {
            Socket::Sim(Plug { wire: Some(wire), network: Rc::clone(network) })
        };
        match completion {
            Completion::Accepted => Event::Accepted {
                socket: plug(&self.network),
                peer: SocketAddr::from(([127, 0, 0, 1], 10_000 + wire as u16)),
            },
            Completion::AcceptFailed => Event::AcceptFailed(io::Error::other("too many open files")),
            Completion::Received(slot, bytes) => {
                let buffer = self.spare.pop().expect("the network counts buffers");
                let len = bytes.len() as u32;
                self.buffers[buffer as usize] = bytes;
                Event::Received { slot, piece: Piece { buffer, len } }
            }
            Completion::Ended(slot, error) => Event::Ended { slot, error: error.map(io::Error::from) },
            Completion::Sent(slot, batch, result) => {
                Event::Sent { slot, batch, result: result.map_err(io::Error::from) }
            }
            Completion::Closed(slot) => Event::Closed { slot },
            Completion::Detached(slot) => Event::Detached { slot, socket: plug(&self.network) },
        }
    }
}

impl Driver for Sim {
    fn listen(&mut self, on: bool) {
        self.network.borrow_mut().listen(self.shard, on);
    }

    fn open(&mut self, slot: Slot, socket: Socket) {
        let Socket::Sim(mut plug) = socket else { panic!("a real socket given to the simulated driver") };
        let wire = plug.wire.take().expect("a socket is opened once");
        self.network.borrow_mut().open(self.shard, slot, wire);
    }

    fn pause(&mut self, slot: Slot) {
        if let Some(link) = self.network.borrow_mut().find(self.shard, slot) {
            link.wanted = false;
        }
    }

    fn resume(&mut self, slot: Slot) {
        if let Some(link) = self.network.borrow_mut().find(self.shard, slot) {
            link.wanted = !link.closing && !link.detaching;
        }
    }

    fn send(&mut self, slot: Slot, batch: Batch, prompt: bool) -> Option<Batch> {
        self.network.borrow_mut().send(self.shard, slot, batch, prompt)
    }

    fn finish(&mut self, slot: Slot) {
        self.network.borrow_mut().finish_sending(self.shard, slot);
    }

    fn close(&mut self, slot: Slot) {
        if let Some(link) = self.network.borrow_mut().find(self.shard, slot) {
            link.closing = true;
            link.wanted = false;
        }
    }

    fn detach(&mut self, slot: Slot) {
        if let Some(link) = self.network.borrow_mut().find(self.shard, slot) {
            link.detaching = true;
            link.wanted = false;
        }
    }

    fn wait(&mut self, _: Wait, events: &mut Vec<Event>) -> io::Result<()> {
        let completions = self.network.borrow_mut().take_completions(self.shard);
        for (wire, completion) in completions {
            let event = self.event(wire, completion);
            events.push(event);
        }
        Ok(())
    }

    fn bytes(&self, piece: &Piece) -> &[u8] {
        &self.buffers[piece.buffer as usize][..piece.len as usize]
    }

    fn release(&mut self, piece: Piece) {
        self.spare.push(piece.buffer);
        self.network.borrow_mut().give_back_buffer(self.shard);
    }

    fn now(&self) -> u64 {
        self.network.borrow().now
    }
}
