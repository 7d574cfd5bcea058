//! Reply subjects that a connection may publish to because it received a request with them. Source: nats-server
//! `client.go:deliverMsg`, `responseAllowed`, `pruneReplyPerms`.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::Responses;

/// Grants of one connection, and bytes of their subjects, at most. nats-server has no bound: there, requests
/// that nobody answers fill the memory until they expire, or for ever.
const GRANTS_MAX: usize = 65_536;
const BYTES_MAX: usize = 4 << 20;

/// A place that is free keeps what it had for the next subject, up to so many bytes.
const KEPT_BYTES_MAX: usize = 64;

const NONE: u32 = u32::MAX;

/// The grants of one connection, in the order of their age: what has expired is found without a search, and
/// beyond the bound the oldest goes. Without grants it costs no heap. Times are nanoseconds of one clock that the
/// caller reads.
pub struct ReplyGrants {
    grants: Vec<Grant>,
    by_reply: HashTable<u32>,
    hasher: DefaultHashBuilder,
    oldest: u32,
    newest: u32,
    /// First of the free places, which are linked by `newer`.
    free: u32,
    /// Of the subjects of all grants.
    bytes: usize,
}

struct Grant {
    reply: Vec<u8>,
    since: u64,
    used: i64,
    older: u32,
    newer: u32,
}

impl Default for ReplyGrants {
    fn default() -> ReplyGrants {
        ReplyGrants {
            grants: Vec::new(),
            by_reply: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            oldest: NONE,
            newest: NONE,
            free: NONE,
            bytes: 0,
        }
    }
}

impl ReplyGrants {
    /// A request with this reply subject was delivered: it may be answered. One that comes again is granted anew.
    pub fn grant(&mut self, reply: &[u8], now: u64, terms: &Responses) {
        self.prune(now, terms);
        let hash = self.hasher.hash_one(reply);
        if let Some(place) = self.place(hash, reply) {
            self.unlink(place);
            self.link(place, now);
            return;
        }
        if reply.len() > BYTES_MAX {
            return;
        }
        while self.by_reply.len() >= GRANTS_MAX || self.bytes + reply.len() > BYTES_MAX {
            self.remove(self.oldest);
        }
        let place = self.take_place();
        self.grants[place as usize].reply.extend_from_slice(reply);
        self.bytes += reply.len();
        self.link(place, now);
        let ReplyGrants { grants, by_reply, hasher, .. } = self;
        by_reply.insert_unique(hash, place, |other| hasher.hash_one(&*grants[*other as usize].reply));
    }

    /// Whether a message to the subject is a response that was granted; if so, it counts as one.
    pub fn use_up(&mut self, subject: &[u8], now: u64, terms: &Responses) -> bool {
        if self.by_reply.is_empty() {
            return false;
        }
        let Some(place) = self.place(self.hasher.hash_one(subject), subject) else { return false };
        let grant = &mut self.grants[place as usize];
        grant.used = grant.used.saturating_add(1);
        let used = grant.used;
        let is_left = terms.max < 1 || used <= terms.max;
        let is_granted = is_left && !has_expired(grant, now, terms);
        if !is_granted || used == terms.max {
            self.remove(place);
        }
        is_granted
    }

    /// Takes every grant back, as when the terms change.
    pub fn clear(&mut self) {
        *self = ReplyGrants::default();
    }

    /// Grants that are neither used up nor known to have expired.
    pub fn len(&self) -> usize {
        self.by_reply.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_reply.is_empty()
    }

    fn prune(&mut self, now: u64, terms: &Responses) {
        while self.oldest != NONE && has_expired(&self.grants[self.oldest as usize], now, terms) {
            self.remove(self.oldest);
        }
    }

    fn place(&self, hash: u64, reply: &[u8]) -> Option<u32> {
        self.by_reply.find(hash, |place| self.grants[*place as usize].reply == reply).copied()
    }

    fn take_place(&mut self) -> u32 {
        if self.free == NONE {
            self.grants.push(Grant { reply: Vec::new(), since: 0, used: 0, older: NONE, newer: NONE });
            return (self.grants.len() - 1) as u32;
        }
        let place = self.free;
        self.free = self.grants[place as usize].newer;
        place
    }

    fn remove(&mut self, place: u32) {
        self.unlink(place);
        let grant = &mut self.grants[place as usize];
        let hash = self.hasher.hash_one(&*grant.reply);
        let entry = self.by_reply.find_entry(hash, |other| *other == place);
        entry.expect("a grant is found by its reply").remove();
        self.bytes -= grant.reply.len();
        grant.reply.clear();
        grant.reply.shrink_to(KEPT_BYTES_MAX);
        grant.newer = self.free;
        self.free = place;
    }

    /// Makes a grant the newest, with nothing used.
    fn link(&mut self, place: u32, now: u64) {
        let older = std::mem::replace(&mut self.newest, place);
        match older {
            NONE => self.oldest = place,
            older => self.grants[older as usize].newer = place,
        }
        let grant = &mut self.grants[place as usize];
        (grant.since, grant.used) = (now, 0);
        (grant.older, grant.newer) = (older, NONE);
    }

    fn unlink(&mut self, place: u32) {
        let Grant { older, newer, .. } = self.grants[place as usize];
        match older {
            NONE => self.oldest = newer,
            older => self.grants[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.grants[newer as usize].older = older,
        }
    }
}

fn has_expired(grant: &Grant, now: u64, terms: &Responses) -> bool {
    let age = u128::from(now.saturating_sub(grant.since));
    terms.expires.is_some_and(|expires| age > expires.as_nanos())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const ENDLESS: Responses = Responses { max: -1, expires: None };

    fn answers(grants: &mut ReplyGrants, reply: &str, now: u64, terms: &Responses) -> usize {
        (0..10).take_while(|_| grants.use_up(reply.as_bytes(), now, terms)).count()
    }

    #[test]
    fn a_request_is_answered_so_often() {
        let mut grants = ReplyGrants::default();
        for (max, expected) in [(1, 1), (3, 3), (0, 10), (-1, 10)] {
            let terms = Responses { max, expires: None };
            assert!(!grants.use_up(b"r", 0, &terms), "nothing was asked");
            grants.grant(b"r", 0, &terms);
            assert!(!grants.use_up(b"other", 0, &terms));
            assert_eq!(answers(&mut grants, "r", 0, &terms), expected);
            grants.grant(b"r", 0, &terms);
            grants.grant(b"r", 0, &terms);
            assert_eq!(answers(&mut grants, "r", 0, &terms), expected, "asked twice");
            grants.clear();
            assert!(grants.is_empty());
        }
    }

    #[test]
    fn a_request_is_answered_in_time() {
        let mut grants = ReplyGrants::default();
        let terms = Responses { max: 5, expires: Some(Duration::from_secs(2)) };
        grants.grant(b"old", 0, &terms);
        grants.grant(b"new", SECOND, &terms);
        assert!(grants.use_up(b"old", 2 * SECOND, &terms));
        assert!(!grants.use_up(b"old", 2 * SECOND + 1, &terms));
        assert!(grants.use_up(b"new", 2 * SECOND + 1, &terms));
        // What has expired goes when the next is granted, and what is granted anew is young.
        grants.grant(b"again", 2 * SECOND, &terms);
        grants.grant(b"new", 3 * SECOND, &terms);
        grants.grant(b"last", 4 * SECOND + 1, &terms);
        assert_eq!(grants.len(), 2);
        assert!(grants.use_up(b"new", 5 * SECOND, &terms) && grants.use_up(b"last", 5 * SECOND, &terms));
        // A clock that is behind does no harm.
        assert!(grants.use_up(b"last", 0, &terms));
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut grants = ReplyGrants::default();
        for number in 0..GRANTS_MAX + 10 {
            grants.grant(format!("r.{number}").as_bytes(), 0, &ENDLESS);
        }
        assert_eq!(grants.len(), GRANTS_MAX);
        assert!(!grants.use_up(b"r.9", 0, &ENDLESS) && grants.use_up(b"r.10", 0, &ENDLESS));
        let long = vec![b'x'; BYTES_MAX - 1];
        grants.grant(&long, 0, &ENDLESS);
        assert_eq!(grants.len(), 1);
        grants.grant(b"r", 0, &ENDLESS);
        assert_eq!((grants.len(), grants.bytes), (2, BYTES_MAX));
        grants.grant(&[b'y'; BYTES_MAX + 1], 0, &ENDLESS);
        grants.grant(b"s", 0, &ENDLESS);
        assert!(!grants.use_up(&long, 0, &ENDLESS) && grants.use_up(b"r", 0, &ENDLESS));
        assert_eq!((grants.len(), grants.bytes, grants.grants.len()), (2, 2, GRANTS_MAX));
        let kept: usize = grants.grants.iter().map(|grant| grant.reply.capacity()).sum();
        assert!(kept <= GRANTS_MAX * KEPT_BYTES_MAX, "{kept}");
    }

    /// Against a list of what was granted, in the order of age.
    #[test]
    fn keeps_the_books() {
        let mut dice = crate::driver::sim::Dice::new(7);
        for round in 0..200 {
            let max = dice.below(4) as i64 - 1;
            let expires = dice.chance(700).then(|| Duration::from_nanos(dice.below(30) as u64));
            let terms = Responses { max, expires };
            let mut grants = ReplyGrants::default();
            let mut model: Vec<(u8, u64, i64)> = Vec::new();
            for now in 0..300 {
                let reply = b'a' + dice.below(8) as u8;
                if dice.chance(400) {
                    grants.grant(&[reply], now, &terms);
                    model.retain(|(name, ..)| *name != reply);
                    model.push((reply, now, 0));
                    continue;
                }
                let known = model.iter_mut().find(|(name, ..)| *name == reply);
                let expected = known.is_some_and(|(_, since, used)| {
                    *used += 1;
                    let is_young = expires.is_none_or(|expires| (now - *since) as u128 <= expires.as_nanos());
                    is_young && (max < 1 || *used <= max)
                });
                assert_eq!(grants.use_up(&[reply], now, &terms), expected, "round {round} at {now}");
            }
        }
    }
}
