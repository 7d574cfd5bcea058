//! One simulated connection: two pipes of bytes, and what the shard's side of it is doing.

use std::collections::VecDeque;
use std::io::ErrorKind;

use crate::deliver::Batch;
use crate::slot::Slot;

/// What comes after the last byte of a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Fin,
    Reset,
}

#[derive(Debug)]
pub struct Wire {
    /// From the client to the server.
    pub up: VecDeque<u8>,
    pub up_end: Option<End>,
    /// Nothing more arrives before this moment.
    pub up_held_until: u64,
    /// From the server to the client.
    pub down: VecDeque<u8>,
    pub down_end: Option<End>,
    pub window: usize,
    /// The client reads no more: what is sent to it vanishes or fails.
    pub deaf: bool,
    /// The server has let go of it.
    pub dropped: bool,
    pub link: Option<Link>,
}

/// The server's side, while a shard has it open.
#[derive(Debug)]
pub struct Link {
    pub shard: usize,
    pub slot: Slot,
    /// A receive is under way; `wanted` says whether it should be.
    pub receiving: bool,
    pub wanted: bool,
    pub ended: bool,
    pub closing: bool,
    pub detaching: bool,
    /// No more is sent after the flight.
    pub finishing: bool,
    pub flight: Option<Flight>,
}

/// A send under way.
#[derive(Debug)]
pub struct Flight {
    pub batch: Batch,
    pub bytes: VecDeque<u8>,
    /// Its bytes go nowhere.
    pub lost: bool,
}

/// What may happen on a wire by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Input, or its end, reaches the shard.
    Receive,
    /// A receive that is not wanted any more ends.
    Cancel,
    /// One that is wanted begins.
    Arm,
    /// Output moves on.
    Push,
    /// What was to be closed or detached is.
    Settle,
}

impl Wire {
    pub fn new(window: usize) -> Wire {
        Wire {
            up: VecDeque::new(),
            up_end: None,
            up_held_until: 0,
            down: VecDeque::new(),
            down_end: None,
            window,
            deaf: false,
            dropped: false,
            link: None,
        }
    }

    /// What may happen next, given whether the shard has a buffer to receive into.
    pub fn deeds(&self, now: u64, has_buffer: bool) -> impl Iterator<Item = Deed> {
        let possible = move |deed: Deed, link: &Link| match deed {
            Deed::Receive => {
                let bytes = !self.up.is_empty() && has_buffer;
                let end = self.up.is_empty() && self.up_end.is_some() && !link.closing;
                link.receiving && !link.ended && now >= self.up_held_until && (bytes || end)
            }
            Deed::Cancel => link.receiving && (!link.wanted || link.ended),
            Deed::Arm => !link.receiving && link.wanted && !link.ended,
            Deed::Push => link.flight.is_some() && (self.deaf || self.down.len() < self.window),
            Deed::Settle => {
                let idle = !link.receiving && link.flight.is_none();
                link.closing || (link.detaching && idle)
            }
        };
        let deeds = [Deed::Receive, Deed::Cancel, Deed::Arm, Deed::Push, Deed::Settle];
        deeds.into_iter().filter(move |deed| self.link.as_ref().is_some_and(|link| possible(*deed, link)))
    }

    /// Takes up to `most` bytes of input.
    pub fn take_up(&mut self, most: usize) -> Vec<u8> {
        self.up.drain(..most.min(self.up.len())).collect()
    }

    /// Moves up to `most` bytes of the flight as far as the window reaches; answers the flight's end.
    pub fn push(&mut self, most: usize) -> Option<(Batch, Result<(), ErrorKind>)> {
        let link = self.link.as_mut()?;
        let flight = link.flight.as_mut()?;
        if self.up_end == Some(End::Reset) {
            return link.flight.take().map(|flight| (flight.batch, Err(ErrorKind::ConnectionReset)));
        }
        let room = if self.deaf { usize::MAX } else { self.window - self.down.len() };
        let moved = flight.bytes.drain(..most.min(room).min(flight.bytes.len()));
        if !self.deaf && !flight.lost {
            self.down.extend(moved);
        } else {
            moved.for_each(drop);
        }
        if !flight.bytes.is_empty() {
            return None;
        }
        let flight = link.flight.take()?;
        if link.finishing {
            self.down_end = Some(End::Fin);
        }
        Some((flight.batch, Ok(())))
    }
}
