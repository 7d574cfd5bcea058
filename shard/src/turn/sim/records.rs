//! What the oracle remembers of sessions, subscriptions and publications, all of it seen on the wire.

use std::collections::{BTreeMap, BTreeSet};

use super::realm::Outlook;
use crate::driver::sim::WireId;

/// A place in the one order of everything clients did and saw.
pub type Moment = u64;
pub type SessionId = usize;
pub type SubKey = usize;
pub type PubKey = usize;
/// A publication, and the place of one of its sights.
pub type Copy = (PubKey, usize);

/// How a client introduces itself.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    pub verbose: bool,
    pub echo: bool,
    pub headers: bool,
    pub no_responders: bool,
}

/// One connection of a client, from its connect to its end.
#[derive(Debug)]
pub struct Session {
    pub wire: WireId,
    pub manners: Manners,
    pub account: usize,
    /// Its place among the realm's users, where there are some.
    pub user: Option<usize>,
    pub opened: Moment,
    /// A reload cuts it, or may have.
    pub outlawed: bool,
    /// It began to leave: from then on nothing is owed to it.
    pub leaving: Option<Moment>,
    /// Nothing is read of it any more.
    pub gone: Option<Moment>,
    /// The server has let go of it: nothing is lost in it any more.
    pub dropped: Option<Moment>,
    /// When the last PING was written whose PONG has been read.
    pub ponged: Moment,
    pub subs: Vec<SubKey>,
    /// Publications no PONG has confirmed yet.
    pub unconfirmed: Vec<PubKey>,
    pub published: u64,
}

impl Session {
    pub fn stays(&self) -> bool {
        self.leaving.is_none() && self.gone.is_none()
    }

    /// Whether a message published at that moment may have been lost in it.
    pub fn may_have_lost(&self, published: Moment) -> bool {
        !self.stays() && self.dropped.is_none_or(|dropped| dropped >= published)
    }
}

#[derive(Debug)]
pub struct Sub {
    pub session: SessionId,
    pub pattern: String,
    pub queue: Option<&'static str>,
    pub written: Moment,
    /// A barrier after SUB was seen to be over.
    pub confirmed: Option<Moment>,
    /// UNSUB was written; `has_left` once its barrier is over.
    pub left: Option<Moment>,
    pub has_left: bool,
    /// When that barrier was over.
    pub left_at: Option<Moment>,
    /// It may have been refused, for all that is known.
    pub uncertain: bool,
    /// UNSUB with a number was written, the number, and the most that may come once its barrier is over.
    pub max: Option<(Moment, u64)>,
    pub limit: Option<u64>,
    pub delivered: u64,
    pub got: BTreeSet<Copy>,
    /// Messages that must come, and the publisher's barrier after which they must be on their way.
    pub owed: BTreeMap<Copy, Moment>,
    /// By publisher, and by request for responses that came back over a border, the last number that came.
    pub last: BTreeMap<(SessionId, Option<(PubKey, usize)>), u64>,
}

impl Sub {
    pub fn new(session: SessionId, pattern: &str, queue: Option<&'static str>, written: Moment) -> Sub {
        Sub {
            session,
            pattern: pattern.to_owned(),
            queue,
            written,
            confirmed: None,
            left: None,
            has_left: false,
            left_at: None,
            uncertain: false,
            max: None,
            limit: None,
            delivered: 0,
            got: BTreeSet::new(),
            owed: BTreeMap::new(),
            last: BTreeMap::new(),
        }
    }

    /// Whether it was there before that moment and is not being taken away.
    pub fn is_stable_since(&self, moment: Moment) -> bool {
        self.confirmed.is_some_and(|confirmed| confirmed < moment) && self.left.is_none()
    }

    /// All that it may get has come.
    pub fn is_full(&self) -> bool {
        self.max.is_some_and(|(_, max)| self.delivered >= max)
    }
}

#[derive(Debug)]
pub struct Publication {
    pub session: SessionId,
    /// Counts the session's publications.
    pub number: u64,
    pub subject: String,
    /// What becomes of it; nothing where it was denied.
    pub outlook: Outlook,
    /// What chance was seen to have chosen, by the place of the choice.
    pub chosen: BTreeMap<usize, usize>,
    /// It was denied, or may have been.
    pub uncertain: bool,
    /// A reload may have come in between: little is known of what becomes of it.
    pub reloaded: bool,
    /// The request it responds to over a border.
    pub request: Option<(PubKey, usize)>,
    pub reply: Option<String>,
    pub with_headers: bool,
    pub size: usize,
    pub written: Moment,
    /// Its publisher's PONG was read.
    pub barrier: Option<Moment>,
    /// It was served for certain, though no PONG says so.
    pub settled: bool,
    /// Queues of which a member got it, by what was spread at once.
    pub queues: BTreeSet<(usize, &'static str)>,
    pub delivered: bool,
    /// The publisher was told that nobody responds.
    pub refused: bool,
}

impl Publication {
    pub fn is_certain(&self) -> bool {
        (self.barrier.is_some() || self.settled) && !self.uncertain && !self.reloaded
    }

    /// Whether chance has chosen what this sight depends on.
    pub fn is_chosen(&self, sight: usize) -> bool {
        let depends = &self.outlook.sights[sight].depends;
        depends.iter().all(|(place, lot)| self.chosen.get(place) == Some(lot))
    }
}

/// The body of a publication: its key, then a filler that depends on it.
pub fn body(key: PubKey, size: usize) -> Vec<u8> {
    let mut body = format!("{key}.").into_bytes();
    body.extend((0..size).map(|at| b'a' + ((key + at) % 26) as u8));
    body
}

pub fn headers(key: PubKey) -> Vec<u8> {
    format!("NATS/1.0\r\nKey: {key}\r\n\r\n").into_bytes()
}

/// The key that a body or a reply names.
pub fn key_in(text: &[u8]) -> PubKey {
    let digits: String = text.iter().map(|byte| *byte as char).take_while(char::is_ascii_digit).collect();
    digits.parse().expect("violation: a body that nobody published")
}

pub fn matches(pattern: &str, subject: &str) -> bool {
    let mut given = subject.split('.');
    for token in pattern.split('.') {
        match (token, given.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (token, Some(other)) if token == other => {}
            _ => return false,
        }
    }
    given.next().is_none()
}
