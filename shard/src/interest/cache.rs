//! Answers of lookups kept for the next message on the same subject.

use super::matched::Matched;

/// Slots of a cache when it is first used and at most. A slot costs some 200 bytes.
const SLOTS_MIN: usize = 8;
const SLOTS_MAX: usize = 4096;

/// Direct-mapped, with second-chance admission: a subject is kept only when it comes twice without another
/// of its slot in between, so a stream of ever new subjects is answered from one warm scratch record and
/// leaves the cache to those that repeat.
pub struct Cache {
    slots: Vec<Slot>,
    scratch: Matched,
    /// Grows with every change of a wildcard pattern; an answer of another generation is void.
    generation: u64,
    /// Live answers pushed out since the last growth.
    evictions: usize,
    /// Lookups, and those among them answered from here.
    pub lookups: u64,
    pub hits: u64,
}

#[derive(Default)]
struct Slot {
    /// Hash of the last subject that missed here.
    candidate: u64,
    hash: u64,
    /// 0: empty.
    generation: u64,
    subject: Vec<u8>,
    matched: Matched,
}

impl Default for Cache {
    fn default() -> Cache {
        Cache {
            slots: Vec::new(),
            scratch: Matched::default(),
            generation: 1,
            evictions: 0,
            lookups: 0,
            hits: 0,
        }
    }
}

impl Cache {
    /// Voids every answer: a pattern with wildcards came or went.
    pub fn void_all(&mut self) {
        self.generation += 1;
    }

    /// Voids the answer for one subject: a literal pattern came or went.
    pub fn void(&mut self, hash: u64) {
        if self.slots.is_empty() {
            return;
        }
        let slot = self.slot(hash);
        if self.slots[slot].hash == hash {
            self.slots[slot].generation = 0;
        }
    }

    /// The answer for a subject, whose hash is given; `find` fills it in where it is not known.
    #[inline]
    pub fn lookup(&mut self, subject: &[u8], hash: u64, find: impl FnOnce(&mut Matched)) -> &mut Matched {
        if self.slots.is_empty() {
            self.slots = slots(SLOTS_MIN);
        }
        let index = self.slot(hash);
        let slot = &self.slots[index];
        self.lookups += 1;
        if slot.generation == self.generation && slot.hash == hash && slot.subject == subject {
            self.hits += 1;
            return &mut self.slots[index].matched;
        }
        self.miss(subject, hash, index, find)
    }

    fn miss(
        &mut self,
        subject: &[u8],
        hash: u64,
        mut index: usize,
        find: impl FnOnce(&mut Matched),
    ) -> &mut Matched {
        let slot = &self.slots[index];
        if slot.candidate != hash && slot.hash != hash {
            self.slots[index].candidate = hash;
            find(&mut self.scratch);
            return &mut self.scratch;
        }
        if slot.generation == self.generation && slot.hash != hash {
            self.evictions += 1;
            if self.evictions > self.slots.len() && self.slots.len() < SLOTS_MAX {
                self.slots = slots(self.slots.len() * 4);
                self.evictions = 0;
                index = self.slot(hash);
            }
        }
        let slot = &mut self.slots[index];
        slot.candidate = hash;
        slot.hash = hash;
        slot.generation = self.generation;
        slot.subject.clear();
        slot.subject.extend_from_slice(subject);
        find(&mut slot.matched);
        &mut slot.matched
    }

    pub fn places(&self) -> usize {
        self.slots.len()
    }

    /// The answers kept and still good.
    pub fn answers(&self) -> impl Iterator<Item = &Matched> {
        let live = self.slots.iter().filter(|slot| slot.generation == self.generation);
        live.map(|slot| &slot.matched)
    }

    fn slot(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.slots.len() - 1)
    }
}

fn slots(count: usize) -> Vec<Slot> {
    (0..count).map(|_| Slot::default()).collect()
}
