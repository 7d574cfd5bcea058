//! Responses of services of other accounts that are awaited on this shard: for each, a subject nobody can guess
//! that the responder is given in place of the reply, and what is to become of what comes there.
//! Source: nats-server `accounts.go:addRespServiceImport`.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;

use super::latency::Tracked;
use crate::account::AccountId;
use crate::account::snapshot::Service;
use crate::interest::NONE;
use crate::shard_set::ShardId;
use crate::slot::Slot;

/// What replies of service requests begin with.
pub const PREFIX: &[u8] = b"_R_.";
/// What those end with whose response is measured: the responder's shard says who it is.
const TRACKED: &[u8] = b".T";
/// Shard, place, secret; and the same in base64.
const NAME_BYTES: usize = 2 + 4 + 8;
const NAME_LETTERS: usize = 19;
/// Responses awaited at a time; for one more the oldest is given up.
const AWAITED_MAX: usize = 1 << 20;

/// One response, or several, that may come.
pub struct Awaited {
    /// The account it must come from.
    pub responder: AccountId,
    /// The account that asked, and where what comes goes there.
    pub asker: AccountId,
    pub reply: Vec<u8>,
    /// The subject that was asked, as the asker knows it.
    pub subject: Vec<u8>,
    /// Who asked, if it is a connection of this shard.
    pub origin: Slot,
    pub service: Arc<Service>,
    /// The number of the request among its asker's, where it is told if nobody is there; else 0.
    pub request: u32,
    pub since: u64,
    pub tracked: Option<Box<Tracked>>,
    secret: u64,
    expires_at: u64,
    /// Neighbours among those of the same threshold, in the order they expire.
    before: u32,
    behind: u32,
    /// Neighbours among those of the same asker.
    elder: u32,
    younger: u32,
}

/// Those that wait equally long, the oldest first.
struct Line {
    threshold: u64,
    first: u32,
    last: u32,
}

/// All of one shard.
#[derive(Default)]
pub struct Awaiting {
    places: Vec<Option<Awaited>>,
    free: Vec<u32>,
    lines: Vec<Line>,
    hasher: RandomState,
    count: u64,
}

/// What a subject says of an awaited response.
pub struct Name {
    pub shard: ShardId,
    pub is_tracked: bool,
    place: u32,
    secret: u64,
}

impl Name {
    /// Reads what `Awaiting::write_name` wrote; anything else is no name.
    pub fn read(subject: &[u8]) -> Option<Name> {
        let letters = subject.strip_prefix(PREFIX)?;
        let (letters, is_tracked) = match letters.strip_suffix(TRACKED) {
            Some(letters) => (letters, true),
            None => (letters, false),
        };
        if letters.len() != NAME_LETTERS {
            return None;
        }
        let mut bytes = [0; NAME_BYTES];
        BASE64URL_NOPAD.decode_mut(letters, &mut bytes).ok()?;
        let [a, b, c, d, e, f, secret @ ..] = bytes;
        Some(Name {
            shard: ShardId::from_le_bytes([a, b]),
            is_tracked,
            place: u32::from_le_bytes([c, d, e, f]),
            secret: u64::from_le_bytes(secret),
        })
    }
}

impl Awaiting {
    pub fn is_empty(&self) -> bool {
        self.places.len() == self.free.len()
    }

    /// Twenty-two letters and digits that were never answered before. Source: the `nuid` of NATS clients.
    pub fn unique(&mut self) -> String {
        const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        self.count += 1;
        let halves = [0u8, 1].map(|half| self.hasher.hash_one((half, self.count, u64::MAX)));
        let mut number = u128::from(halves[0]) << 64 | u128::from(halves[1]);
        let mut letter = || {
            let letter = LETTERS[(number % 62) as usize];
            number /= 62;
            char::from(letter)
        };
        (0..22).map(|_| letter()).collect()
    }

    /// Awaits a response to what `head` is the last of the asker's own; answers its place, which is to be the
    /// head from now on.
    pub fn insert(&mut self, mut awaited: Awaited, head: u32) -> u32 {
        self.count += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            (self.places.len() - 1) as u32
        });
        awaited.secret = self.hasher.hash_one((place, self.count));
        awaited.elder = head;
        self.places[place as usize] = Some(awaited);
        if head != NONE {
            self.at(head).younger = place;
        }
        self.queue(place);
        place
    }

    /// A new one, not in any list yet.
    pub fn new_entry(
        (responder, asker): (AccountId, AccountId),
        (subject, reply): (&[u8], &[u8]),
        origin: Slot,
        service: Arc<Service>,
        now: u64,
        tracked: Option<Box<Tracked>>,
    ) -> Awaited {
        Awaited {
            responder,
            asker,
            reply: reply.into(),
            subject: subject.into(),
            origin,
            service,
            request: 0,
            since: now,
            tracked,
            secret: 0,
            expires_at: 0,
            before: NONE,
            behind: NONE,
            elder: NONE,
            younger: NONE,
        }
    }

    /// Writes the subject at which the response is awaited.
    pub fn write_name(&self, shard: ShardId, place: u32, out: &mut Vec<u8>) {
        let awaited = self.places[place as usize].as_ref().expect("a response is awaited here");
        let mut bytes = [0; NAME_BYTES];
        bytes[..2].copy_from_slice(&shard.to_le_bytes());
        bytes[2..6].copy_from_slice(&place.to_le_bytes());
        bytes[6..].copy_from_slice(&awaited.secret.to_le_bytes());
        let mut letters = [0; NAME_LETTERS];
        BASE64URL_NOPAD.encode_mut(&bytes, &mut letters);
        out.extend_from_slice(PREFIX);
        out.extend_from_slice(&letters);
        if awaited.tracked.is_some() {
            out.extend_from_slice(TRACKED);
        }
    }

    /// The place of a response by its name, if it is still awaited from that account.
    pub fn find(&self, name: &Name, responder: AccountId) -> Option<u32> {
        let awaited = self.places.get(name.place as usize)?.as_ref()?;
        (awaited.secret == name.secret && awaited.responder == responder).then_some(name.place)
    }

    pub fn at(&mut self, place: u32) -> &mut Awaited {
        self.places[place as usize].as_mut().expect("a response is awaited here")
    }

    /// Awaits no more; answers what it was, and which of the asker's own is the last now if that was the last.
    pub fn remove(&mut self, place: u32) -> (Awaited, Option<u32>) {
        self.unqueue(place);
        let awaited = self.places[place as usize].take().expect("a response is awaited here");
        self.free.push(place);
        if awaited.elder != NONE {
            self.at(awaited.elder).younger = awaited.younger;
        }
        if awaited.younger != NONE {
            self.at(awaited.younger).elder = awaited.elder;
            return (awaited, None);
        }
        let head = awaited.elder;
        (awaited, Some(head))
    }

    /// More may come: it waits anew.
    pub fn renew(&mut self, place: u32, now: u64) {
        self.unqueue(place);
        self.at(place).since = now;
        self.queue(place);
    }

    /// The elder neighbour among the asker's own.
    pub fn elder(&mut self, place: u32) -> u32 {
        self.at(place).elder
    }

    /// When the first of them has been awaited long enough.
    pub fn next_end(&self) -> Option<u64> {
        let firsts = self.lines.iter().filter(|line| line.first != NONE);
        firsts
            .filter_map(|line| self.places[line.first as usize].as_ref())
            .map(|first| first.expires_at)
            .min()
    }

    /// One that has been awaited long enough, or for which there is no room.
    pub fn overdue(&self, now: u64) -> Option<u32> {
        let is_full = self.places.len() - self.free.len() > AWAITED_MAX;
        let firsts = self.lines.iter().filter(|line| line.first != NONE).map(|line| line.first);
        let ends = firsts.filter_map(|place| Some((self.places[place as usize].as_ref()?.expires_at, place)));
        ends.min().filter(|(end, _)| *end <= now || is_full).map(|(_, place)| place)
    }

    fn queue(&mut self, place: u32) {
        let awaited = self.at(place);
        let threshold = u64::try_from(awaited.service.threshold.as_nanos()).unwrap_or(u64::MAX / 2);
        awaited.expires_at = awaited.since.saturating_add(threshold);
        let line = match self.lines.iter().position(|line| line.threshold == threshold) {
            Some(line) => line,
            None => {
                self.lines.push(Line { threshold, first: NONE, last: NONE });
                self.lines.len() - 1
            }
        };
        let last = std::mem::replace(&mut self.lines[line].last, place);
        let awaited = self.at(place);
        (awaited.before, awaited.behind) = (last, NONE);
        match last {
            NONE => self.lines[line].first = place,
            last => self.at(last).behind = place,
        }
    }

    fn unqueue(&mut self, place: u32) {
        let awaited = self.at(place);
        let (before, behind) = (awaited.before, awaited.behind);
        let threshold = u64::try_from(awaited.service.threshold.as_nanos()).unwrap_or(u64::MAX / 2);
        let line = self.lines.iter().position(|line| line.threshold == threshold);
        let line = line.expect("its line was made when it came");
        match before {
            NONE => self.lines[line].first = behind,
            before => self.at(before).behind = behind,
        }
        match behind {
            NONE => self.lines[line].last = before,
            behind => self.at(behind).before = before,
        }
        if self.lines[line].first == NONE {
            self.lines.swap_remove(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn entry(seconds: u64, now: u64) -> Awaited {
        let service = Service {
            account: 2,
            subject: "s".to_owned(),
            response: Default::default(),
            threshold: Duration::from_secs(seconds),
            latency: None,
        };
        Awaiting::new_entry((2, 1), (b"s", b"r"), Slot::default(), Arc::new(service), now, None)
    }

    fn name(awaiting: &Awaiting, place: u32) -> Vec<u8> {
        let mut out = Vec::new();
        awaiting.write_name(7, place, &mut out);
        out
    }

    #[test]
    fn only_its_own_name_finds_a_response() {
        let mut awaiting = Awaiting::default();
        let place = awaiting.insert(entry(1, 0), NONE);
        let subject = name(&awaiting, place);
        let read = Name::read(&subject).unwrap();
        assert_eq!((read.shard, read.is_tracked), (7, false));
        assert_eq!(awaiting.find(&read, 2), Some(place));
        assert_eq!(awaiting.find(&read, 1), None, "another account");
        for at in PREFIX.len()..subject.len() {
            let mut forged = subject.clone();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let found =
                Name::read(&forged).and_then(|name| (name.shard == 7).then(|| awaiting.find(&name, 2)));
            assert!(found.flatten().is_none(), "{at}");
        }
        for bad in [&b"_R_."[..], b"_R_.x", b"_R", &subject[..subject.len() - 1], b"_R_.***.****************"]
        {
            assert!(Name::read(bad).is_none_or(|name| awaiting.find(&name, 2).is_none()));
        }
        awaiting.remove(place);
        let again = awaiting.insert(entry(1, 0), NONE);
        assert_eq!((again, awaiting.find(&read, 2)), (place, None), "the place is another's now");
    }

    #[test]
    fn they_end_in_order_and_leave_nothing() {
        let mut awaiting = Awaiting::default();
        let second = 1_000_000_000;
        let first = awaiting.insert(entry(2, 0), NONE);
        let short = awaiting.insert(entry(1, 0), first);
        let late = awaiting.insert(entry(2, 5), short);
        assert_eq!((awaiting.next_end(), awaiting.overdue(second - 1)), (Some(second), None));
        assert_eq!(awaiting.overdue(second), Some(short));
        assert_eq!(awaiting.remove(short).1, None);
        assert_eq!(awaiting.elder(late), first);
        awaiting.renew(first, 10);
        assert_eq!(awaiting.next_end(), Some(2 * second + 5));
        assert_eq!(awaiting.remove(late).1, Some(first));
        assert_eq!(awaiting.remove(first).1, Some(NONE));
        assert!(awaiting.is_empty() && awaiting.lines.is_empty() && awaiting.next_end().is_none());
    }
}
