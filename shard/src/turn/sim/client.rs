//! A simulated client: writes what the workload says, reads what comes, tells the oracle of both.

use std::collections::{BTreeMap, VecDeque};

use super::frames::{self, Frame, Message};
use super::oracle::Oracle;
use super::plan::Plan;
use super::records::{Manners, Moment, SessionId, SubKey};
use super::trace::Trace;
use crate::driver::sim::{Dice, End, Network, Read, WireId};

/// What figures of services begin with.
const METRIC: &[u8] = b"{\"type\":\"io.nats.server.metric.v1.service_latency\"";

/// All that a client meets.
pub struct World<'a> {
    pub network: &'a mut Network,
    pub oracle: &'a mut Oracle,
    pub dice: &'a mut Dice,
    pub trace: &'a mut Trace,
    pub plan: &'a Plan,
}

impl World<'_> {
    pub fn write(&mut self, wire: WireId, bytes: &[u8]) {
        self.trace.say(self.network.now, wire, "->", bytes);
        self.network.write(wire, bytes);
    }
}

/// What the server must answer, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Expect {
    Ok,
    Subscribed(SubKey),
    Pong(Moment),
    /// An error of these words, or of others among these.
    Denied(Vec<String>),
    /// The same, or what is answered without one.
    Perhaps(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Open,
    /// It sends no more and reads to the end.
    Finishing,
    /// It broke the protocol and will be closed; whether it was told so already.
    Condemned(bool),
}

/// A client's connection.
pub struct Live {
    pub id: SessionId,
    pub wire: WireId,
    pub manners: Manners,
    pub mode: Mode,
    pub expects: VecDeque<Expect>,
    /// By number, which is the subscription's id; those it unsubscribed from stay.
    pub subs: Vec<SubKey>,
    /// Replies it was asked for.
    pub responses: Vec<String>,
    /// Who it says it is: a user's place, and a password; `None` for one who shows nothing.
    pub user: Option<(usize, Option<String>)>,
    /// By reply subject, how often it was asked, and how often it answered.
    pub asked: BTreeMap<String, (i64, i64)>,
    input: Vec<u8>,
}

pub struct Client {
    pub index: usize,
    pub live: Option<Live>,
    /// It writes nothing before the first moment, reads nothing before the second.
    pub write_at: u64,
    pub read_at: u64,
    pub operations_left: usize,
    /// It writes nothing before all it expects has come.
    pub waits: bool,
}

impl Client {
    pub fn new(index: usize, operations: usize) -> Client {
        Client { index, live: None, write_at: 0, read_at: 0, operations_left: operations, waits: false }
    }

    pub fn can_read(&self, network: &Network) -> bool {
        self.live.as_ref().is_some_and(|live| network.now >= self.read_at && network.can_read(live.wire))
    }

    pub fn can_write(&self, network: &Network) -> bool {
        if self.operations_left == 0 || network.now < self.write_at {
            return false;
        }
        let Some(live) = &self.live else { return true };
        live.mode == Mode::Open && network.can_write(live.wire) && (!self.waits || !live.awaits())
    }

    /// The next moment at which it goes on by itself.
    pub fn next_at(&self, now: u64) -> Option<u64> {
        let write_at = (self.operations_left > 0).then_some(self.write_at);
        let read_at = self.live.is_some().then_some(self.read_at);
        [write_at, read_at].into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Nothing is under way on it: it is not connected, or all it expects has come.
    pub fn is_settled(&self) -> bool {
        let settled = |live: &Live| live.mode == Mode::Open && !live.awaits();
        self.operations_left == 0 && self.live.as_ref().is_none_or(settled)
    }

    pub fn ping(&mut self, world: &mut World<'_>) {
        let Some(live) = &mut self.live else { return };
        if live.mode == Mode::Open {
            live.expects.push_back(Expect::Pong(world.oracle.pinged()));
            world.write(live.wire, b"PING\r\n");
        }
    }

    pub fn connect(
        &mut self,
        world: &mut World<'_>,
        manners: Manners,
        user: Option<(usize, Option<String>)>,
    ) -> &mut Live {
        let wire = world.network.connect();
        let id = world.oracle.opened(wire, manners, user.as_ref().map(|(user, _)| *user));
        self.live.insert(Live {
            id,
            wire,
            manners,
            mode: Mode::Open,
            expects: VecDeque::new(),
            subs: Vec::new(),
            responses: Vec::new(),
            user,
            asked: BTreeMap::new(),
            input: Vec::new(),
        })
    }

    /// Leaves without reading on.
    pub fn vanish(&mut self, world: &mut World<'_>, abruptly: bool) {
        let Some(live) = self.live.take() else { return };
        match abruptly {
            true => world.network.reset(live.wire),
            false => world.network.close(live.wire),
        }
        world.oracle.gone(live.id, false);
    }

    /// Sends no more, and reads to the end.
    pub fn finish(&mut self, world: &mut World<'_>) {
        let Some(live) = &mut self.live else { return };
        live.mode = Mode::Finishing;
        world.network.finish(live.wire);
        world.oracle.leaving(live.id);
    }

    /// Reads some of what came.
    pub fn read(&mut self, world: &mut World<'_>) {
        let Some(live) = &mut self.live else { return };
        match world.network.read(live.wire) {
            Read::Nothing => {}
            Read::Bytes(bytes) => {
                world.trace.note(world.network.now, live.wire, &bytes);
                live.input.extend_from_slice(&bytes);
                let mut used = 0;
                while let Some((frame, len)) = frames::next(&live.input[used..]) {
                    used += len;
                    live.hear(frame, world);
                }
                live.input.drain(..used);
            }
            Read::End(end) => {
                world.trace.note(world.network.now, live.wire, b"");
                let served = match live.mode {
                    _ if world.oracle.may_cut => false,
                    Mode::Finishing => {
                        let expects = &live.expects;
                        let outlawed = world.oracle.sessions[live.id].outlawed;
                        let all = !live.awaits() || outlawed;
                        assert!(all, "violation: {} hears no {expects:?}", live.id);
                        end == End::Fin && !outlawed
                    }
                    Mode::Condemned(told) => told,
                    Mode::Open if world.oracle.sessions[live.id].outlawed => false,
                    Mode::Open => panic!("violation: session {} was cut off: {end:?}", live.id),
                };
                world.oracle.gone(live.id, served);
                self.live = None;
            }
        }
    }
}

impl Live {
    /// Whether something must still be heard.
    pub fn awaits(&self) -> bool {
        self.expects.iter().any(|expect| !matches!(expect, Expect::Perhaps(_)))
    }

    fn hear(&mut self, frame: Frame, world: &mut World<'_>) {
        match frame {
            Frame::Info => {}
            Frame::Ok | Frame::Pong => {
                while !self.manners.verbose && matches!(self.expects.front(), Some(Expect::Perhaps(_))) {
                    self.expects.pop_front();
                }
                match (self.expects.pop_front(), &frame) {
                    (Some(Expect::Ok | Expect::Perhaps(_)), Frame::Ok) => {}
                    (Some(Expect::Subscribed(sub)), Frame::Ok) => world.oracle.subscription_confirmed(sub),
                    (Some(Expect::Pong(pinged)), Frame::Pong) => world.oracle.ponged(self.id, pinged),
                    (expected, _) => panic!("violation: {frame:?} in session {} for {expected:?}", self.id),
                }
            }
            Frame::Ping if self.mode == Mode::Open => world.write(self.wire, b"PONG\r\n"),
            Frame::Ping => {}
            Frame::Error(text) => {
                let mut is_expected = self.is_denied(&text, world) || world.oracle.may_cut;
                if let (Mode::Condemned(told), false) = (&mut self.mode, is_expected) {
                    (*told, is_expected) = (true, true);
                }
                assert!(is_expected, "violation: session {} was told {text}", self.id);
            }
            Frame::Message(message) => self.take(&message, world),
        }
    }

    /// Whether the error is one that was to come, or that a reload explains.
    fn is_denied(&mut self, text: &str, world: &World<'_>) -> bool {
        let text = text.trim_start_matches("-ERR '").trim_end_matches('\'').to_owned();
        while !self.manners.verbose
            && matches!(self.expects.front(), Some(Expect::Perhaps(wanted)) if !wanted.contains(&text))
        {
            self.expects.pop_front();
        }
        if let Some(Expect::Denied(wanted) | Expect::Perhaps(wanted)) = self.expects.front()
            && wanted.contains(&text)
        {
            self.expects.pop_front();
            return true;
        }
        let is_between = world.oracle.is_between(self.id);
        if is_between && text.contains("(sid ") {
            return true;
        }
        if is_between && text.starts_with("Permissions Violation for ") {
            if self.manners.verbose && matches!(self.expects.front(), Some(Expect::Ok | Expect::Subscribed(_))) {
                self.expects.pop_front();
            }
            return true;
        }
        text == "Authorization Violation" && world.oracle.sessions[self.id].outlawed
    }

    /// A reload begins: what was denied may be allowed by now.
    pub fn doubt(&mut self) {
        self.asked.clear();
        for expect in &mut self.expects {
            if let Expect::Denied(text) = expect {
                *expect = Expect::Perhaps(std::mem::take(text));
            }
        }
    }

    fn take(&mut self, message: &Message, world: &mut World<'_>) {
        let sub = message.sid.parse().ok().and_then(|number: usize| self.subs.get(number));
        let Some(sub) = sub else { panic!("violation: no subscription for {message:?}") };
        let refusal = message.headers.as_deref().is_some_and(|headers| headers.starts_with(b"NATS/1.0 503"));
        if refusal {
            return world.oracle.refused(self.id, *sub, message, world.network);
        }
        if message.body.starts_with(METRIC) {
            return world.oracle.measured(self.id, *sub, message);
        }
        world.oracle.delivered(self.id, *sub, message);
        if self.user.is_some() {
            return self.note_request(message, world);
        }
        let asked = message.reply.as_ref().filter(|reply| reply.starts_with("_I."));
        if self.mode == Mode::Open && world.dice.chance(300) {
            self.responses.extend(asked.cloned());
        }
    }

    /// It may respond, and more often than once.
    fn note_request(&mut self, message: &Message, world: &mut World<'_>) {
        let Some(reply) = &message.reply else { return };
        if !world.oracle.is_between(self.id) {
            self.asked.entry(reply.clone()).or_default().0 += 1;
        }
        let times = match world.dice.below(10) {
            _ if self.mode != Mode::Open => 0,
            0..3 => 0,
            3..8 => 1,
            _ => world.dice.between(2, 3),
        };
        self.responses.extend(std::iter::repeat_n(reply.clone(), times));
    }
}
