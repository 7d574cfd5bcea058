//! What one server owes its clients, judged from the wire alone: who wrote what when, who read what when. It
//! knows nothing of shards. Whatever does not hold panics with "violation".

use std::collections::BTreeSet;

use super::frames::Message;
use super::records::*;
use crate::driver::sim::{Network, WireId};

#[derive(Default)]
pub struct Oracle {
    moment: Moment,
    pub sessions: Vec<Session>,
    pub subs: Vec<Sub>,
    pub publications: Vec<Publication>,
    /// Queues that a member has begun to leave: a message given back may overtake others.
    disturbed: BTreeSet<&'static str>,
    /// Sessions that are gone while the server still holds them.
    lingering: Vec<SessionId>,
    /// The server may cut any connection: limits are tight, or it shuts down.
    pub may_cut: bool,
}

impl Oracle {
    pub fn new(may_cut: bool) -> Oracle {
        Oracle { may_cut, ..Oracle::default() }
    }

    fn tick(&mut self) -> Moment {
        self.moment += 1;
        self.moment
    }

    pub fn opened(&mut self, wire: WireId, manners: Manners) -> SessionId {
        self.sessions.push(Session {
            wire,
            manners,
            leaving: None,
            gone: None,
            dropped: None,
            ponged: 0,
            subs: Vec::new(),
            unconfirmed: Vec::new(),
            published: 0,
        });
        self.sessions.len() - 1
    }

    pub fn subscribed(&mut self, session: SessionId, pattern: &str, queue: Option<&'static str>) -> SubKey {
        let written = self.tick();
        self.subs.push(Sub::new(session, pattern, queue, written));
        let key = self.subs.len() - 1;
        self.sessions[session].subs.push(key);
        key
    }

    pub fn unsubscribed(&mut self, sub: SubKey, max: Option<u64>) {
        let moment = self.tick();
        self.disturbed.extend(self.subs[sub].queue);
        match max {
            None => self.subs[sub].left = Some(moment),
            Some(max) => self.subs[sub].max = Some((moment, max)),
        }
    }

    /// A reply is `prefix` and the publication's key.
    pub fn published(
        &mut self,
        session: SessionId,
        subject: &str,
        prefix: Option<&str>,
        with_headers: bool,
        size: usize,
    ) -> PubKey {
        let written = self.tick();
        let key = self.publications.len();
        let number = self.sessions[session].published;
        self.sessions[session].published += 1;
        self.sessions[session].unconfirmed.push(key);
        self.publications.push(Publication {
            session,
            number,
            subject: subject.to_owned(),
            reply: prefix.map(|prefix| format!("{prefix}.{key}")),
            with_headers,
            size,
            written,
            barrier: None,
            settled: false,
            queues: BTreeSet::new(),
            delivered: false,
            refused: false,
        });
        key
    }

    pub fn pinged(&mut self) -> Moment {
        self.tick()
    }

    /// A +OK answered SUB.
    pub fn subscription_confirmed(&mut self, sub: SubKey) {
        let moment = self.tick();
        self.subs[sub].confirmed.get_or_insert(moment);
    }

    /// A PONG was read whose PING was written at that moment.
    pub fn ponged(&mut self, session: SessionId, pinged: Moment) {
        let moment = self.tick();
        for key in self.sessions[session].subs.clone() {
            self.barrier_over(key, pinged, moment);
        }
        self.sessions[session].ponged = pinged;
        let unconfirmed = std::mem::take(&mut self.sessions[session].unconfirmed);
        for key in unconfirmed {
            if self.publications[key].written < pinged {
                self.publications[key].barrier = Some(moment);
                self.owe(key, moment);
            } else {
                self.sessions[session].unconfirmed.push(key);
            }
        }
    }

    fn barrier_over(&mut self, key: SubKey, pinged: Moment, moment: Moment) {
        let sub = &mut self.subs[key];
        if sub.written < pinged {
            sub.confirmed.get_or_insert(moment);
        }
        sub.has_left |= sub.left.is_some_and(|left| left < pinged);
        if let Some((at, max)) = sub.max
            && at < pinged
            && sub.limit.is_none()
        {
            sub.limit = Some(max.max(sub.delivered));
        }
        if !sub.is_full()
            && let Some((missing, barrier)) = sub.owed.iter().find(|(_, barrier)| **barrier < pinged)
        {
            panic!(
                "violation: {:?} was confirmed at {barrier} and did not come before the PONG to a PING of \
                 {pinged} to {sub:?}",
                self.publications[*missing]
            );
        }
    }

    /// From now on everyone who had subscribed before it was published is owed it.
    fn owe(&mut self, key: PubKey, moment: Moment) {
        let publication = &self.publications[key];
        for sub in &mut self.subs {
            let session = &self.sessions[sub.session];
            if sub.queue.is_none()
                && session.stays()
                && sub.is_stable_since(publication.written)
                && eligible(sub, session, publication)
                && !sub.got.contains(&key)
                && !sub.is_full()
            {
                sub.owed.insert(key, moment);
            }
        }
    }

    pub fn delivered(&mut self, session: SessionId, key: SubKey, message: &Message) {
        let moment = self.tick();
        let id = key_in(&message.body);
        assert!(id < self.publications.len(), "violation: nobody published {message:?}");
        let publication = &mut self.publications[id];
        let sub = &mut self.subs[key];
        let reader = &self.sessions[session];
        let wanted = (publication.with_headers && reader.manners.headers).then(|| headers(id));
        let late = publication.barrier.is_some_and(|barrier| barrier < reader.ponged);
        let holds = [
            ("a subject nobody wanted", matches(&sub.pattern, &message.subject)),
            ("another subject", message.subject == publication.subject),
            ("another reply", message.reply == publication.reply),
            ("another body", message.body == body(id, publication.size)),
            ("other headers", message.headers == wanted),
            ("an echo", reader.manners.echo || publication.session != session),
            ("delivered after UNSUB", !sub.has_left),
            ("more than UNSUB allowed", sub.limit.is_none_or(|limit| sub.delivered < limit)),
            ("delivered twice", sub.got.insert(id)),
            ("behind the barrier", !late),
            ("two members of a queue", sub.queue.is_none_or(|queue| publication.queues.insert(queue))),
        ];
        for (what, holds) in holds {
            assert!(holds, "violation: {what}, at {moment}: {message:?} of {publication:?} to {sub:?}");
        }
        if sub.queue.is_none_or(|queue| !self.disturbed.contains(queue)) {
            let last = sub.last.insert(publication.session, publication.number);
            let ordered = last.is_none_or(|last| last < publication.number);
            assert!(ordered, "violation: order, at {moment}: {publication:?} after {last:?} to {sub:?}");
        }
        publication.delivered = true;
        sub.delivered += 1;
        sub.owed.remove(&id);
        if sub.is_full() {
            sub.owed.clear();
        }
    }

    /// The publisher read that nobody responds.
    pub fn refused(&mut self, session: SessionId, key: SubKey, message: &Message, network: &Network) {
        let id = key_in(message.subject.rsplit('.').next().expect("a last token").as_bytes());
        assert!(id < self.publications.len(), "violation: nobody published {message:?}");
        let publication = &self.publications[id];
        let wanted = format!("NATS/1.0 503\r\nNats-Subject: {}\r\n\r\n", publication.subject);
        let holds = [
            ("unasked", self.sessions[session].manners.no_responders),
            ("to another subscription", matches(&self.subs[key].pattern, &message.subject)),
            ("to another session", publication.session == session),
            ("to another reply", publication.reply.as_deref() == Some(&message.subject[..])),
            ("with other headers", message.headers.as_deref() == Some(wanted.as_bytes())),
            ("with a body", message.body.is_empty()),
            ("twice", !publication.refused),
            ("for what was delivered", !publication.delivered),
            ("after the PONG", publication.barrier.is_none()),
        ];
        for (what, holds) in holds {
            assert!(holds, "violation: a 503 {what}: {message:?} for {publication:?}");
        }
        // Whoever was cut may not have read it yet.
        for sub in self.subs.iter().filter(|_| !self.may_cut) {
            let owner = &self.sessions[sub.session];
            let there = owner.stays() && !network.is_cut(owner.wire);
            let stable = there && sub.is_stable_since(publication.written) && sub.max.is_none();
            let responds = stable && eligible(sub, owner, publication);
            assert!(!responds, "violation: a 503 while there is {sub:?} for {publication:?}");
        }
        self.publications[id].refused = true;
    }

    /// The session begins to leave.
    pub fn leaving(&mut self, session: SessionId) {
        let moment = self.tick();
        self.sessions[session].leaving.get_or_insert(moment);
        for sub in &self.sessions[session].subs {
            self.disturbed.extend(self.subs[*sub].queue);
            self.subs[*sub].owed.clear();
        }
    }

    /// Nothing more is read of the session. `served` says that all it wrote was served.
    pub fn gone(&mut self, session: SessionId, served: bool) {
        self.leaving(session);
        let moment = self.tick();
        self.sessions[session].gone = Some(moment);
        self.lingering.push(session);
        if served {
            for key in std::mem::take(&mut self.sessions[session].unconfirmed) {
                self.publications[key].settled = true;
                self.owe(key, Moment::MAX);
            }
        }
    }

    /// Notes which sessions the server has let go of.
    pub fn look_at(&mut self, network: &Network) {
        let (sessions, moment) = (&mut self.sessions, self.moment);
        self.lingering.retain(|session| {
            let session = &mut sessions[*session];
            let dropped = network.is_dropped(session.wire);
            session.dropped = dropped.then_some(moment);
            !dropped
        });
    }

    /// Every session that stays has passed a barrier after everyone's last barrier: what is owed must have
    /// been paid.
    pub fn settle(&self) {
        for sub in &self.subs {
            if let Some((key, _)) = sub.owed.first_key_value() {
                panic!("violation: never came: {:?} to {sub:?}", self.publications[*key]);
            }
        }
        for publication in self.publications.iter().filter(|publication| publication.is_certain()) {
            self.settle_queues(publication);
            self.settle_request(publication);
        }
    }

    fn settle_queues(&self, publication: &Publication) {
        let mut stable: BTreeSet<&str> = BTreeSet::new();
        let mut excused: BTreeSet<&str> = publication.queues.iter().copied().collect();
        for (sub, session) in self.eligible(publication) {
            let Some(queue) = sub.queue else { continue };
            if session.may_have_lost(publication.written) {
                excused.insert(queue);
            }
            if session.stays() && sub.is_stable_since(publication.written) && sub.max.is_none() {
                stable.insert(queue);
            }
        }
        if let Some(queue) = stable.difference(&excused).next() {
            let members = self.eligible(publication).filter(|(sub, _)| sub.queue == Some(*queue));
            let members: Vec<_> = members.collect();
            panic!("violation: no member of {queue} got {publication:?} among {members:?}");
        }
    }

    fn settle_request(&self, publication: &Publication) {
        let requester = &self.sessions[publication.session];
        let Some(reply) = &publication.reply else { return };
        let listens = |key: &SubKey| {
            let sub = &self.subs[*key];
            let stable = sub.is_stable_since(publication.written) && sub.max.is_none();
            stable && sub.queue.is_none() && matches(&sub.pattern, reply)
        };
        if !requester.manners.no_responders || !requester.stays() || !requester.subs.iter().any(listens) {
            return;
        }
        let lost = self.eligible(publication).any(|(_, session)| session.may_have_lost(publication.written));
        assert!(
            publication.delivered || publication.refused || lost,
            "violation: neither an answer nor a 503 for {publication:?} among {:?}",
            self.eligible(publication).collect::<Vec<_>>()
        );
    }

    /// All subscriptions there ever were that might have got it.
    fn eligible<'a>(&'a self, message: &'a Publication) -> impl Iterator<Item = (&'a Sub, &'a Session)> {
        let all = self.subs.iter().map(|sub| (sub, &self.sessions[sub.session]));
        all.filter(move |(sub, session)| eligible(sub, session, message))
    }
}

/// Whether the subscription wants the message, if it is there at the time.
fn eligible(sub: &Sub, session: &Session, publication: &Publication) -> bool {
    let echoed = sub.session == publication.session;
    (session.manners.echo || !echoed) && matches(&sub.pattern, &publication.subject)
}
