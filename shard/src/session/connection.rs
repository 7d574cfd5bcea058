//! One client connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::account::AccountId;
use crate::deliver::Outbox;
use crate::inspection::{ConnectionFigures, Measures};
use crate::interest::{NONE, Sids};
use crate::proto::connect::Connect;
use crate::proto::text::{Reason, quoted};
use crate::session::admission::{Hashed, User};
use crate::session::permissions::{Permissions, ReplyGrants};
use crate::session::transit::Transit;
use crate::shard_set::{ShardId, ShardSet};
use crate::slot::Slot;

/// Why a connection's input waits. Several may hold at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Pause {
    /// Its PING, or verbose SUB, waits for other shards.
    Barrier = 1,
    /// A ring it feeds is full.
    Congestion = 2,
    /// One of its readers is far behind.
    Stall = 4,
    /// It is moving to another shard.
    Moving = 8,
    /// Input that came during a pause is to be served first. Ends by itself when it is.
    Backlog = 16,
    /// Its password is being checked elsewhere.
    Password = 32,
}

/// What a barrier's end is answered with.
#[derive(PartialEq, Eq, Debug)]
pub enum Answer {
    Pong,
    Ok,
    /// It leaves for another shard, now that nothing it caused is under way.
    Leave(ShardId),
    /// All others know of what it is here for.
    Prepared,
    /// That a request found nobody: its subject and its reply.
    NoResponder(Box<(Vec<u8>, Vec<u8>)>),
}

/// A request that some shards found nobody for.
#[derive(Debug)]
pub struct Unanswered {
    pub number: u32,
    /// Letters that may still find someone.
    pub letters: usize,
    /// Subject and reply of one that services of other accounts are asked with: in letters they are others.
    pub asked: Option<Box<(Vec<u8>, Vec<u8>)>>,
}

/// A PING whose PONG must wait until these shards have done all the connection caused there.
#[derive(Debug)]
pub struct Barrier {
    pub awaited: ShardSet,
    pub answer: Answer,
}

/// What a password is checked for.
pub struct Waiting {
    pub hashed: Hashed,
    pub cause: Cause,
}

/// What made a connection show who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Connect,
    /// Another CONNECT on the same connection.
    ConnectAgain,
    Reload,
}

pub struct Connection {
    pub slot: Slot,
    /// The client's id, unique over all shards.
    pub cid: u64,
    pub peer: SocketAddr,
    pub account: AccountId,
    // Copied from `connect`, for every message looks at them.
    pub verbose: bool,
    pub pedantic: bool,
    pub echo: bool,
    pub headers: bool,
    pub no_responders: bool,
    pub dirty: bool,
    /// Nothing but CONNECT is let in.
    pub awaits_connect: bool,
    pub connected: bool,
    pub first_pong_sent: bool,
    /// Counts towards the connections of its shard.
    pub counted: bool,
    /// Its driver was told not to receive.
    pub receive_paused: bool,
    /// The peer has ended its side.
    pub ended: bool,
    /// The last of what was to be flushed is sent, the peer's end is awaited.
    pub lingering: bool,
    /// Its driver was told to close it.
    pub closed: bool,
    /// It is on its way to another shard, or what stands here for one that comes.
    pub transit: Option<Box<Transit>>,
    /// How many directories there had been when it was last looked at.
    pub adopted: u64,
    /// It is in line: its input is served when it is its turn.
    pub in_line: bool,
    /// Receiving failed, after what is in line.
    pub ended_badly: bool,
    pauses: u8,
    pub closing: Option<Reason>,
    pub connect: Box<Connect>,
    /// Who it is, where users are told apart.
    pub user: Option<Arc<User>>,
    pub permissions: Option<Arc<Permissions>>,
    /// Replies it may publish to, where its permissions are to be had by requests.
    pub grants: Option<Box<ReplyGrants>>,
    /// Bytes of one message.
    pub max_payload: usize,
    /// What its key was to sign.
    pub nonce: Option<Box<str>>,
    /// The password that is being checked.
    pub waiting: Option<Box<Waiting>>,
    /// The last response it awaits of another account's service; `interest::NONE`: none.
    pub awaited: u32,
    /// It showed nothing, and was let in as the user for those.
    pub is_default: bool,
    /// It counts among its account's connections.
    pub registered: bool,
    /// What the log says of it besides its address, once it has introduced itself.
    about: String,
    pub sids: Sids,
    pub outbox: Outbox,
    /// The start of an operation whose rest has not come, or everything that came during a pause.
    pub inbox: Vec<u8>,
    /// Bytes at the start of `inbox` that have been served. Zero unless there is a backlog.
    pub inbox_served: usize,
    /// What the driver has received in this turn and was not served: its first and last place in `Arrivals`.
    pub arrivals: (u32, u32),
    /// Bytes the operation in `inbox` takes, where that is known.
    pub wanted: usize,
    /// Shards that were sent letters on its behalf since the last barrier.
    pub touched: ShardSet,
    /// Those among them that may give a message back, or say that nobody responds.
    pub answering: ShardSet,
    pub barrier: Option<Barrier>,
    /// The last request that went to other shards, and those among the latest that found nobody at some.
    pub last_request: u32,
    pub unanswered: VecDeque<Unanswered>,
    pub opened_at: u64,
    pub last_in: u64,
    /// The last message in or out, or change of subscriptions. Source: nats-server `client.go` (`last`).
    pub active_at: u64,
    /// When it is to be thought about a PING: alarms of other moments are of the past.
    pub ping_due: u64,
    /// When the last PING was sent; 0: never.
    pub ping_at: u64,
    /// The way to the client and back, as last measured; 0: never.
    pub rtt: u64,
    /// When the send under way began.
    pub sent_at: u64,
    pub pings_out: u32,
    pub in_messages: u64,
    pub in_bytes: u64,
    pub out_messages: u64,
    pub out_bytes: u64,
    /// `out_messages` at the last flush.
    pub flushed_messages: u64,
    /// How often it was slowed down for a reader far behind.
    pub stalls: u64,
}

impl Connection {
    pub fn new(cid: u64, peer: SocketAddr, account: AccountId, now: u64) -> Connection {
        let mut connection = Connection {
            slot: Slot::default(),
            cid,
            peer,
            account,
            verbose: false,
            pedantic: false,
            echo: false,
            headers: false,
            no_responders: false,
            dirty: false,
            awaits_connect: false,
            connected: false,
            first_pong_sent: false,
            counted: false,
            receive_paused: false,
            ended: false,
            lingering: false,
            closed: false,
            transit: None,
            adopted: 0,
            in_line: false,
            ended_badly: false,
            pauses: 0,
            closing: None,
            connect: Box::default(),
            user: None,
            permissions: None,
            grants: None,
            max_payload: 0,
            nonce: None,
            waiting: None,
            awaited: NONE,
            is_default: false,
            registered: false,
            about: String::new(),
            sids: Sids::default(),
            outbox: Outbox::default(),
            inbox: Vec::new(),
            inbox_served: 0,
            arrivals: (NONE, NONE),
            wanted: 0,
            touched: ShardSet::EMPTY,
            answering: ShardSet::EMPTY,
            barrier: None,
            last_request: 0,
            unanswered: VecDeque::new(),
            opened_at: now,
            last_in: now,
            active_at: now,
            ping_due: 0,
            ping_at: 0,
            rtt: 0,
            sent_at: now,
            pings_out: 0,
            in_messages: 0,
            in_bytes: 0,
            out_messages: 0,
            out_bytes: 0,
            flushed_messages: 0,
            stalls: 0,
        };
        connection.adopt_options(false);
        connection
    }

    /// Takes over what `connect` says into the fields every message looks at.
    pub fn adopt_options(&mut self, server_speaks_headers: bool) {
        self.verbose = self.connect.verbose;
        self.pedantic = self.connect.pedantic;
        self.echo = self.connect.echo;
        self.no_responders = self.connect.no_responders;
        self.headers = self.connect.headers && server_speaks_headers;
    }

    #[inline]
    pub fn is_paused(&self) -> bool {
        self.pauses != 0
    }

    pub fn is_paused_by(&self, pause: Pause) -> bool {
        self.pauses & pause as u8 != 0
    }

    pub fn pause(&mut self, pause: Pause) {
        self.pauses |= pause as u8;
    }

    /// Ends one pause; answers whether input may go on, what came meanwhile first.
    pub fn unpause(&mut self, pause: Pause) -> bool {
        self.pauses &= !(pause as u8);
        self.may_resume()
    }

    /// Whether nothing but a backlog holds its input.
    pub fn may_resume(&self) -> bool {
        self.pauses & !(Pause::Backlog as u8) == 0
    }

    /// Its figures as they are now.
    pub fn measures(&self) -> Measures {
        Measures {
            cid: self.cid,
            opened_at: self.opened_at,
            active_at: self.active_at,
            closed_at: None,
            rtt: self.rtt,
            pending: self.outbox.pending(),
            in_messages: self.in_messages,
            in_bytes: self.in_bytes,
            out_messages: self.out_messages,
            out_bytes: self.out_bytes,
            stalls: self.stalls,
            subscriptions: self.sids.len(),
        }
    }

    /// All about it but its subscriptions.
    pub fn figures(&self, account: &str) -> ConnectionFigures {
        let Connect { name, lang, version, .. } = &*self.connect;
        ConnectionFigures {
            measures: self.measures(),
            reason: None,
            peer: self.peer,
            name: name.as_str().into(),
            lang: lang.as_str().into(),
            version: version.as_str().into(),
            user: self.connect.shown_user().into(),
            account: account.into(),
            listed: Vec::new(),
        }
    }

    /// How the log names it. Source: nats-server `client.go:initClient`.
    pub fn label(&self) -> String {
        format!("{} - cid:{}{}", self.peer, self.cid, self.about)
    }

    /// From now on the log says who it is: what the client said of its program, and its account and user.
    /// Source: nats-server `client.go:processConnect`.
    pub fn introduce(&mut self, account: &str) {
        let Connect { version, lang, name, .. } = &*self.connect;
        let version = if version.is_empty() { String::new() } else { format!("v{version}") };
        let words = [version.as_str(), lang, name];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let program = words.join(":");
        let user = self.connect.user_label().map(|user| format!("{account}/{user}")).unwrap_or_default();
        let about = [program, user].into_iter().filter(|part| !part.is_empty());
        self.about = about.map(|part| format!(" - {}", quoted(part.as_bytes()))).collect();
    }
}
