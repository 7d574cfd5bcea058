//! What the control core may ask a shard about itself, and the plain values it is answered with. Moments are
//! nanoseconds of the monotonic clock, which is the same on every shard.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::proto::text::Reason;
use crate::slot::Slot;

/// A question. Its answer comes in pieces over as many turns as it takes, so that no turn does much of it;
/// what happens in between may show in a later piece.
#[derive(Debug, Clone)]
pub enum Question {
    /// The shard as a whole: one `Piece::Shard`.
    Shard,
    /// The interest of an account, or of all: some `Piece::Interest`, to be added up.
    Interest { account: Option<String> },
    /// Which connections there are: `Piece::Sightings`, and `Piece::Held` at the end.
    Sightings(Selection),
    /// All about these connections, in their order: `Piece::Connections`. Those that are gone are left out.
    Connections { handles: Vec<Handle>, subscriptions: bool },
    /// Subscriptions: `Piece::Counted` with how many there are, then `Piece::Subscriptions` with `take` of
    /// them after the first `skip`.
    Subscriptions { wanted: Interested, skip: usize, take: usize },
}

/// Connections wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    pub open: bool,
    pub closed: bool,
    pub cid: Option<u64>,
    /// As `Connect::shown_user` has it.
    pub user: Option<String>,
    pub account: Option<String>,
    pub sort: SortBy,
    /// The moment that idle times and uptimes refer to.
    pub now: u64,
}

/// Subscriptions wanted.
#[derive(Debug, Clone, Default)]
pub struct Interested {
    /// Those of this account alone.
    pub account: Option<String>,
    /// Those alone that would get a message on this subject, a literal.
    pub test: Option<Vec<u8>>,
}

/// What connections are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    #[default]
    Cid,
    Subscriptions,
    Pending,
    MessagesTo,
    MessagesFrom,
    BytesTo,
    BytesFrom,
    LastActivity,
    Idle,
    Uptime,
    Stop,
    Reason,
    Rtt,
}

/// A part of an answer.
#[derive(Debug)]
pub enum Piece {
    Shard(Box<ShardFigures>),
    Interest(InterestFigures),
    Sightings(Vec<Sighting>),
    /// Connections that are open, and closed ones remembered, whether selected or not.
    Held {
        open: usize,
        closed: usize,
    },
    Connections(Vec<ConnectionFigures>),
    Counted(usize),
    Subscriptions(Vec<SubscriptionFigures>),
    /// Nothing more comes.
    End,
}

/// Where pieces go: called on the shard's thread, must not block. False means that nobody listens any more.
pub type Reply = Arc<dyn Fn(Piece) -> bool + Send + Sync>;

/// A connection of one shard, to ask for more about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handle {
    Open(Slot),
    /// Its number among those that were closed.
    Closed(u64),
}

/// That a connection is there, and its place in the order asked for.
#[derive(Debug, Clone, Copy)]
pub struct Sighting {
    pub handle: Handle,
    pub cid: u64,
    pub key: SortKey,
    pub closed_at: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    Number(u64),
    Text(&'static str),
}

/// A connection in numbers.
#[derive(Debug, Clone, Copy)]
pub struct Measures {
    pub cid: u64,
    pub opened_at: u64,
    pub active_at: u64,
    pub closed_at: Option<u64>,
    /// Nanoseconds; 0: never measured.
    pub rtt: u64,
    /// Bytes that wait to be sent.
    pub pending: usize,
    pub in_messages: u64,
    pub in_bytes: u64,
    pub out_messages: u64,
    pub out_bytes: u64,
    pub stalls: u64,
    pub subscriptions: usize,
}

impl Measures {
    /// What it is sorted by.
    pub fn key(&self, sort: SortBy, reason: Option<Reason>, now: u64) -> SortKey {
        let end = self.closed_at.unwrap_or(now);
        SortKey::Number(match sort {
            SortBy::Cid => self.cid,
            SortBy::Subscriptions => self.subscriptions as u64,
            SortBy::Pending => self.pending as u64,
            SortBy::MessagesTo => self.out_messages,
            SortBy::MessagesFrom => self.in_messages,
            SortBy::BytesTo => self.out_bytes,
            SortBy::BytesFrom => self.in_bytes,
            SortBy::LastActivity => self.active_at,
            SortBy::Idle => now.saturating_sub(self.active_at),
            SortBy::Uptime => end.saturating_sub(self.opened_at),
            SortBy::Stop => self.closed_at.unwrap_or(0),
            SortBy::Rtt => self.rtt,
            SortBy::Reason => return SortKey::Text(reason.map_or("", Reason::text)),
        })
    }
}

/// All about a connection.
#[derive(Debug)]
pub struct ConnectionFigures {
    pub measures: Measures,
    /// Why it ended, if it has.
    pub reason: Option<Reason>,
    pub peer: SocketAddr,
    pub name: Box<str>,
    pub lang: Box<str>,
    pub version: Box<str>,
    pub user: Box<str>,
    pub account: Box<str>,
    /// Its subscriptions, where they were asked for.
    pub listed: Vec<SubscriptionFigures>,
}

impl ConnectionFigures {
    /// The same with another list.
    pub fn with(&self, listed: Vec<SubscriptionFigures>) -> ConnectionFigures {
        ConnectionFigures {
            measures: self.measures,
            reason: self.reason,
            peer: self.peer,
            name: self.name.clone(),
            lang: self.lang.clone(),
            version: self.version.clone(),
            user: self.user.clone(),
            account: self.account.clone(),
            listed,
        }
    }
}

#[derive(Debug, Clone)]
pub struct SubscriptionFigures {
    pub account: Box<str>,
    pub subject: Box<[u8]>,
    pub queue: Option<Box<[u8]>>,
    pub sid: Box<[u8]>,
    pub delivered: u64,
    /// 0: without end.
    pub max: u32,
    pub cid: u64,
}

/// A shard in numbers, since its start where they count something.
#[derive(Debug, Clone, Default)]
pub struct ShardFigures {
    pub in_messages: u64,
    pub in_bytes: u64,
    pub out_messages: u64,
    pub out_bytes: u64,
    pub slow_consumers: u64,
    pub stale_connections: u64,
    pub stalls: u64,
    pub turns: u64,
    /// Letters sent to other shards.
    pub letters: u64,
    /// Nanoseconds its thread has used of its CPU.
    pub cpu: u64,
}

/// The interest of an account on one shard, in numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct InterestFigures {
    pub subscriptions: usize,
    pub inserts: u64,
    pub removes: u64,
    pub lookups: u64,
    /// Lookups answered from the cache.
    pub hits: u64,
    /// Answers in the cache, and the receivers on this shard they name: in all, and the most of one.
    pub cached: usize,
    pub fanout_total: usize,
    pub fanout_max: usize,
}

impl InterestFigures {
    /// Both together.
    pub fn and(self, more: InterestFigures) -> InterestFigures {
        InterestFigures {
            subscriptions: self.subscriptions + more.subscriptions,
            inserts: self.inserts + more.inserts,
            removes: self.removes + more.removes,
            lookups: self.lookups + more.lookups,
            hits: self.hits + more.hits,
            cached: self.cached + more.cached,
            fanout_total: self.fanout_total + more.fanout_total,
            fanout_max: self.fanout_max.max(more.fanout_max),
        }
    }
}
