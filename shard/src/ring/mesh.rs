//! All rings of one shard: a lane to each other shard, one from each, and the bells.

use std::collections::VecDeque;
use std::sync::Arc;

use super::bell::Bell;
use super::letter::{Envelope, Letter, oversize};
use super::spsc::{Consumer, Producer, ring};
use crate::shard_set::{ShardId, ShardSet};

/// Bytes of all lanes out of one shard together, and bounds of a single one. A lane is as large as its
/// sender's share, so that the mesh's memory grows with the number of shards, not with its square.
const LANES_BYTES: usize = 8 << 20;
const LANE_BYTES_MIN: usize = 64 << 10;
const LANE_BYTES_MAX: usize = 1 << 20;

/// Unpublished bytes in a lane after which the receiver may start on them before the turn ends.
const PUBLISH_EARLY_BYTES: usize = 64 << 10;

/// Wakes a shard that sleeps in its driver.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// A shard's bell, as all others and the control core hold it.
pub struct Doorbell {
    pub bell: Bell,
    wake: Wake,
}

impl Doorbell {
    pub fn new(wake: Wake) -> Doorbell {
        Doorbell { bell: Bell::default(), wake }
    }

    /// Wakes the owner if it sleeps; to be called after what it should see was published.
    pub fn ring(&self) {
        if self.bell.must_ring() {
            (self.wake)();
        }
    }
}

/// The way to one other shard.
struct Lane {
    producer: Producer,
    /// Letters that found the ring full, in order. Bounded: whoever feeds a congested lane is paused.
    spill: VecDeque<Box<[u8]>>,
}

impl Lane {
    fn send(&mut self, envelope: &Envelope<'_>) {
        let len = envelope.byte_len();
        let fits = len <= self.producer.record_bytes_max() / 4;
        if fits && self.spill.is_empty() && self.producer.push(len, |room| envelope.write(room)) {
            return;
        }
        if fits {
            mark!("letter spilled");
        } else {
            mark!("oversize letter");
        }
        let bytes = envelope.to_bytes();
        self.spill.push_back(if fits { bytes } else { oversize(bytes) });
        self.unspill();
    }

    fn unspill(&mut self) {
        while let Some(letter) = self.spill.front() {
            if !self.producer.push(letter.len(), |room| room.copy_from_slice(letter)) {
                return;
            }
            self.spill.pop_front();
        }
    }
}

/// One shard's ends of all rings.
pub struct Mesh {
    me: ShardId,
    /// By shard; none to oneself.
    lanes: Vec<Option<Lane>>,
    inbound: Vec<Inbound>,
    doorbells: Arc<[Doorbell]>,
    /// Lanes that were given a letter since the last `publish`.
    dirty: ShardSet,
    /// Lanes whose ring is full.
    spilled: ShardSet,
    /// Letters sent to all others, since the start.
    pub sent: u64,
}

/// The ring from one other shard.
pub struct Inbound {
    pub from: ShardId,
    pub letters: Consumer,
}

/// Bytes of one lane among so many shards.
pub fn lane_bytes(shards: usize) -> usize {
    let share = (LANES_BYTES / shards.max(2)).clamp(LANE_BYTES_MIN, LANE_BYTES_MAX);
    1 << share.ilog2()
}

/// The meshes of all shards, by shard; `doorbells` has one entry a shard, `capacity` is a lane's, a power of
/// two of at least 128 bytes.
pub fn meshes(doorbells: Arc<[Doorbell]>, capacity: usize) -> Vec<Mesh> {
    let shards = doorbells.len();
    let mut meshes: Vec<Mesh> = (0..shards)
        .map(|me| Mesh {
            me: me as ShardId,
            lanes: Vec::new(),
            inbound: Vec::new(),
            doorbells: doorbells.clone(),
            dirty: ShardSet::EMPTY,
            spilled: ShardSet::EMPTY,
            sent: 0,
        })
        .collect();
    for from in 0..shards {
        for to in 0..shards {
            if from == to {
                meshes[from].lanes.push(None);
                continue;
            }
            let (producer, letters) = ring(capacity);
            meshes[from].lanes.push(Some(Lane { producer, spill: VecDeque::new() }));
            meshes[to].inbound.push(Inbound { from: from as ShardId, letters });
        }
    }
    meshes
}

impl Mesh {
    pub fn me(&self) -> ShardId {
        self.me
    }

    /// All shards but this one.
    pub fn peers(&self) -> ShardSet {
        let mut peers = ShardSet::first(self.lanes.len());
        peers.remove(self.me);
        peers
    }

    /// Puts a letter on its way; it is seen after `publish`.
    #[inline]
    pub fn send(&mut self, to: ShardId, letter: Letter<'_>) {
        let lane = self.lanes[to as usize].as_mut().expect("no shard writes to itself");
        lane.send(&Envelope::new(letter));
        self.dirty.insert(to);
        self.sent += 1;
        if !lane.spill.is_empty() {
            self.spilled.insert(to);
        }
        if lane.producer.unpublished() > PUBLISH_EARLY_BYTES {
            self.publish();
        }
    }

    /// Shows every receiver its letters and wakes those asleep. All lanes are shown before the first is
    /// woken, so that whatever one receiver causes, the others have seen what came before it.
    pub fn publish(&mut self) {
        if self.dirty.is_empty() {
            return;
        }
        let mut shown = ShardSet::EMPTY;
        self.spilled = ShardSet::EMPTY;
        for to in self.dirty {
            let lane = self.lanes[to as usize].as_mut().expect("a dirty lane exists");
            lane.unspill();
            if lane.producer.publish() {
                shown.insert(to);
            }
            if !lane.spill.is_empty() {
                self.spilled.insert(to);
            }
        }
        self.dirty = self.spilled;
        for to in shown {
            self.doorbells[to as usize].ring();
        }
    }

    /// Whether letters wait for room anywhere: then who feeds the rings must pause.
    #[inline]
    pub fn has_spilled(&self) -> bool {
        !self.spilled.is_empty()
    }

    /// Whether a shard has done all that was ever sent to it.
    pub fn is_drained(&mut self, to: ShardId) -> bool {
        let lane = self.lanes[to as usize].as_mut().expect("no shard writes to itself");
        lane.spill.is_empty() && lane.producer.is_drained()
    }

    /// Takes the inbound rings out for reading; they are to be put back.
    pub fn take_inbound(&mut self) -> Vec<Inbound> {
        std::mem::take(&mut self.inbound)
    }

    pub fn put_inbound(&mut self, inbound: Vec<Inbound>) {
        self.inbound = inbound;
    }

    /// Says that this shard is about to sleep; answers whether it may, for nothing has come meanwhile.
    pub fn fall_asleep(&mut self) -> bool {
        self.doorbells[self.me as usize].bell.fall_asleep();
        let nothing = self.inbound.iter_mut().all(|inbound| !inbound.letters.has_more());
        if !nothing {
            self.wake_up();
        }
        nothing
    }

    pub fn wake_up(&self) {
        self.doorbells[self.me as usize].bell.wake_up();
    }
}
