//! Requests that nobody responds to: their publisher is told, once it is certain. Off the hot path but for
//! requests that go to other shards.

use super::core::Core;
use super::services;
use crate::ring::letter::Request;
use crate::session::Connection;
use crate::session::connection::{Answer, Unanswered};
use crate::shard_set::ShardSet;
use crate::slot::Slot;

/// Requests of one connection that are remembered while some shards have found nobody and others may have
/// found someone, who will not say so. A barrier forgets them all.
const UNANSWERED_MAX: usize = 64;

/// A number for a request that goes to these shards.
pub fn number(connection: &mut Connection, shards: ShardSet) -> Request {
    connection.last_request = connection.last_request.wrapping_add(1).max(1);
    Request { number: connection.last_request, letters: shards.len() as u8 }
}

/// A request that may go over several borders at once, and to shards in each account. Whoever is told that nobody
/// is there is told once, when none of all the letters found anybody.
pub struct OpenRequest {
    pub number: u32,
    letters: usize,
    /// Somebody got it on this shard.
    pub is_met: bool,
}

impl OpenRequest {
    pub fn new(connection: &mut Connection) -> OpenRequest {
        let Request { number, .. } = number(connection, ShardSet::EMPTY);
        OpenRequest { number, letters: 0, is_met: false }
    }

    /// It goes to these shards too.
    pub fn send(&mut self, shards: ShardSet) -> Request {
        self.letters += shards.len();
        Request { number: self.number, letters: 0 }
    }
}

/// A request is about to ask services of other accounts.
pub fn open(core: &mut Core, slot: Slot) {
    if core.open_request.is_none()
        && let Some(connection) = core.desk.connections.get(slot)
        && connection.no_responders
    {
        core.open_request = Some(OpenRequest::new(connection));
    }
}

/// It has asked all: if letters are on their way and nobody got it here, what they find is waited for.
pub fn close(core: &mut Core, slot: Slot, subject: &[u8], reply: &[u8]) {
    let Some(OpenRequest { number, letters, is_met }) = core.open_request.take() else { return };
    if let Some(connection) = core.desk.connections.get(slot).filter(|_| letters > 0 && !is_met) {
        let asked = Some(Box::new((subject.to_vec(), reply.to_vec())));
        remember(connection, Unanswered { number, letters, asked });
    }
}

fn remember(connection: &mut Connection, unanswered: Unanswered) {
    if connection.unanswered.len() == UNANSWERED_MAX {
        connection.unanswered.pop_front();
    }
    connection.unanswered.push_back(unanswered);
}

/// One letter of a request found nobody, and goes on as so many others.
pub fn goes_on(core: &mut Core, slot: Slot, request: Request, letters: usize, subject: &[u8], reply: &[u8]) {
    let Some(connection) = core.desk.connections.get(slot) else { return };
    let place = connection.unanswered.iter().position(|other| other.number == request.number);
    if place.is_none() && request.letters == 0 {
        // Somebody got it.
        return;
    }
    let known = place.map_or(usize::from(request.letters), |place| connection.unanswered[place].letters);
    let left = known + letters - 1;
    let mut asked = None;
    match place {
        Some(place) if left > 0 => connection.unanswered[place].letters = left,
        Some(place) => asked = connection.unanswered.remove(place).and_then(|unanswered| unanswered.asked),
        None if left == usize::from(request.letters) || left == 0 => {}
        None => {
            mark!("some shards found nobody");
            remember(connection, Unanswered { number: request.number, letters: left, asked: None });
        }
    }
    if left > 0 {
        return;
    }
    match asked {
        None => nobody(core, slot, subject, reply),
        Some(asked) => {
            mark!("nobody responds beyond a border");
            services::give_up_request(core, slot, request.number);
            nobody(core, slot, &asked.0, &asked.1);
        }
    }
}

/// Tells a requester that nobody is there, if it asked to be told and still listens for the reply.
/// Source: nats-server `client.go:processInboundClientMsg`.
pub fn nobody(core: &mut Core, slot: Slot, subject: &[u8], reply: &[u8]) {
    let Some(connection) = core.desk.connections.get(slot) else { return };
    if !connection.no_responders || connection.closing.is_some() {
        return;
    }
    if connection.barrier.is_some() || connection.touched.is_empty() {
        return answer(core, slot.index, subject, reply);
    }
    // Clients take this answer for a sign that all they published before has been delivered, as on one server.
    let request = Box::new((subject.to_vec(), reply.to_vec()));
    super::operations::barrier(core, slot.index, Answer::NoResponder(request));
}

pub fn answer(core: &mut Core, index: u32, subject: &[u8], reply: &[u8]) {
    mark!("nobody responds");
    let connection = core.desk.connections.at(index);
    let account = &mut core.accounts[connection.account as usize];
    let (matched, table) = account.lookup(reply);
    let Some(target) = matched.plain.iter().find(|target| target.owner == index) else { return };
    let sid = table.sub(target.sub).sid.as_bytes();
    let headers = [b"NATS/1.0 503\r\nNats-Subject: ", subject, b"\r\n\r\n"].concat();
    let size = headers.len().to_string();
    let size = size.as_bytes();
    let line = [b"HMSG ", reply, b" ", sid, b" ", size, b" ", size, b"\r\n"];
    core.desk.write(index, line);
    core.desk.write(index, [&headers[..], b"\r\n"]);
}
