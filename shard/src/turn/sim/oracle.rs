//! What one server owes its clients, judged from the wire alone: who wrote what when, who read what when. It
//! knows nothing of shards. Whatever does not hold panics with "violation".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::frames::Message;
use super::realm::{Outlook, Realm, Sight, metrics_subject};
use super::records::*;
use crate::driver::sim::{Network, WireId};

#[derive(Default)]
pub struct Oracle {
    pub(super) moment: Moment,
    /// What holds now; during a reload what held before it, and what holds from then on.
    pub(super) realms: Vec<Arc<Realm>>,
    /// What held when the run began.
    pub(super) first: Option<Arc<Realm>>,
    /// When a reload was over.
    pub(super) renewed: Moment,
    /// Subjects at which responses are awaited, with the border, in the order they were seen.
    pub(super) names: Vec<String>,
    pub(super) borders: BTreeMap<String, (PubKey, usize)>,
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
    pub fn new(may_cut: bool, realm: Arc<Realm>) -> Oracle {
        Oracle { may_cut, first: Some(realm.clone()), realms: vec![realm], ..Oracle::default() }
    }

    pub(super) fn tick(&mut self) -> Moment {
        self.moment += 1;
        self.moment
    }

    pub fn opened(&mut self, wire: WireId, manners: Manners, user: Option<usize>) -> SessionId {
        let opened = self.tick();
        let account = user.map_or(0, |user| self.realms[0].users[user].account);
        self.sessions.push(Session {
            wire,
            manners,
            account,
            user,
            opened,
            outlawed: false,
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
        let Session { account, user, .. } = self.sessions[session];
        let denies = user.is_some_and(|user| self.realms.iter().any(|realm| realm.users[user].denies()));
        if denies || self.realms.iter().any(|realm| realm.has_shadows(account)) {
            // A member that may not take a message leaves it to another, which may be on another shard.
            self.disturbed.extend(queue);
        }
        key
    }

    /// A subscription was refused, or may have been.
    pub fn subscription_refused(&mut self, sub: SubKey, certainly: bool) {
        let sub = &mut self.subs[sub];
        sub.left = Some(sub.written);
        (sub.has_left, sub.uncertain) = (certainly, !certainly);
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
        let Session { account, published: number, .. } = self.sessions[session];
        self.sessions[session].published += 1;
        self.sessions[session].unconfirmed.push(key);
        let mut reloaded = self.is_reloading();
        let mut outlook = Outlook::of(&self.laws(), account, subject);
        let mut request = None;
        if let Some((asked, border)) = self.borders.get(subject).copied() {
            let question = &self.publications[asked];
            let crossing = &question.outlook.crossings[border];
            if let (true, Some(reply)) = (crossing.exporter == account, &question.reply) {
                outlook.go_back((asked, border), &question.outlook.crossings, reply);
                request = Some((asked, border));
                reloaded |= question.reloaded || (question.written < self.renewed);
            }
        }
        self.publications.push(Publication {
            session,
            number,
            subject: subject.to_owned(),
            outlook,
            chosen: BTreeMap::new(),
            uncertain: false,
            reloaded,
            request,
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

    /// A publication was denied, or may have been.
    pub fn publication_denied(&mut self, key: PubKey, certainly: bool) {
        self.publications[key].uncertain = true;
        if certainly {
            self.publications[key].outlook = Outlook::default();
        }
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
        if sub.left.is_some_and(|left| left < pinged) {
            sub.has_left |= !sub.uncertain;
            sub.left_at.get_or_insert(moment);
        }
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
                self.publications[missing.0]
            );
        }
    }

    /// From now on everyone who had subscribed before it was published is owed it. That a response came back
    /// over borders to other shards than its requester's no PONG says.
    fn owe(&mut self, key: PubKey, moment: Moment) {
        let publication = &self.publications[key];
        if publication.uncertain || publication.reloaded {
            return;
        }
        let laws: Vec<&Realm> = self.realms.iter().map(|realm| &**realm).collect();
        for (place, sight) in publication.outlook.sights.iter().enumerate() {
            if sight.back.is_some() || !publication.is_chosen(place) {
                continue;
            }
            for sub in &mut self.subs {
                let session = &self.sessions[sub.session];
                if sub.queue.is_none()
                    && session.stays()
                    && sub.is_stable_since(publication.written)
                    && eligible(&laws, sub, session, publication, place)
                    && !sub.got.contains(&(key, place))
                    && !sub.is_full()
                {
                    sub.owed.insert((key, place), moment);
                }
            }
        }
    }

    /// The place of the sight under which a session may see a message.
    fn sight(&self, id: PubKey, account: usize, message: &Message) -> Option<usize> {
        let publication = &self.publications[id];
        let mut sights = publication.outlook.sights.iter();
        sights.position(|sight| {
            let is_it = match sight.named {
                None => sight.subject == message.subject,
                Some((key, border)) => {
                    let name = &self.publications[key].outlook.crossings[border].name;
                    message.subject.starts_with("_R_.")
                        && name.as_ref().is_none_or(|name| *name == message.subject)
                }
            };
            sight.account == account && is_it
        })
    }

    pub fn delivered(&mut self, session: SessionId, key: SubKey, message: &Message) {
        let moment = self.tick();
        let id = key_in(&message.body);
        assert!(id < self.publications.len(), "violation: nobody published {message:?}");
        let account = self.sessions[session].account;
        let place = self.sight(id, account, message).unwrap_or_else(|| {
            let (sub, publication) = (&self.subs[key], &self.publications[id]);
            panic!("violation: seen in account {account}, at {moment}: {message:?} of {publication:?} to {sub:?}")
        });
        let sight = self.publications[id].outlook.sights[place].clone();
        let is_named = self.learn_names(id, &sight, message);
        let is_answer = self.is_answer(id, &sight);
        let has_given_up = self.has_given_up(id, &sight);
        let is_allowed = self.may_read(session, key, id, &message.subject);
        let publication = &mut self.publications[id];
        let sub = &mut self.subs[key];
        let reader = &self.sessions[session];
        let late = publication.barrier.is_some_and(|barrier| barrier < reader.ponged);
        let late = late && sight.back.is_none();
        let chosen = sight.depends.iter().all(|(place, lot)| publication.chosen.entry(*place).or_insert(*lot) == lot);
        let spread = sight.spread;
        let is_second = sub.queue.is_some_and(|queue| !publication.queues.insert((spread, queue)));
        let strict = !publication.reloaded && !reader.outlawed;
        let asked = publication.reply.is_some() && sight.crossing.is_some();
        let has_reply = message.reply == publication.reply;
        let holds = [
            ("a subject nobody wanted", matches(&sub.pattern, &message.subject)),
            ("denied", is_allowed),
            ("another reply", if asked { is_named } else { has_reply }),
            ("another choice", chosen),
            ("another body", message.body == body(id, publication.size)),
            ("other headers", has_headers(message, id, publication, reader, &sight)),
            ("an echo", reader.manners.echo || publication.session != session),
            ("delivered after UNSUB", !sub.has_left),
            ("more than UNSUB allowed", sub.limit.is_none_or(|limit| sub.delivered < limit)),
            ("delivered twice", sub.got.insert((id, place)) || !strict),
            ("behind the barrier", !late || !strict),
            ("two members of a queue", !is_second || !strict),
            ("a second response", is_answer),
            ("a response nobody waits for", !has_given_up),
            ("delivered after a 503", !publication.refused || reader.user.is_none() || !strict),
        ];
        for (what, holds) in holds {
            assert!(holds, "violation: {what}, at {moment}: {message:?} of {publication:?} to {sub:?}");
        }
        if strict && sub.queue.is_none_or(|queue| !self.disturbed.contains(queue)) {
            let last = sub.last.insert((publication.session, sight.back), publication.number);
            let ordered = last.is_none_or(|last| last <= publication.number);
            assert!(ordered, "violation: order, at {moment}: {publication:?} after {last:?} to {sub:?}");
        }
        publication.delivered = true;
        sub.delivered += 1;
        sub.owed.remove(&(id, place));
        if sub.is_full() {
            sub.owed.clear();
        }
    }

    /// Figures of a service: seen in its account, and where its messages go.
    pub fn measured(&mut self, session: SessionId, key: SubKey, message: &Message) {
        let reader = &self.sessions[session];
        let first = self.first.as_ref().expect("the run has begun");
        let mut laws = self.laws();
        if self.renewed > 0 {
            laws.push(first);
        }
        let measured = first.services.iter().filter(|offer| offer.is_measured).map(|offer| offer.account);
        let mut outlooks = measured.map(|account| Outlook::of(&laws, account, &metrics_subject(account)));
        let is_seen = outlooks.any(|outlook| {
            let mut sights = outlook.sights.iter();
            sights.any(|sight| sight.account == reader.account && sight.subject == message.subject)
        });
        let sub = &mut self.subs[key];
        assert!(is_seen, "violation: figures in account {}: {message:?} to {sub:?}", reader.account);
        assert!(matches(&sub.pattern, &message.subject), "violation: figures nobody wanted: {message:?}");
        sub.delivered += 1;
        if sub.is_full() {
            sub.owed.clear();
        }
    }

    /// Whether the reply, and the subject, are the names at which this response is awaited, and no others.
    fn learn_names(&mut self, id: PubKey, sight: &Sight, message: &Message) -> bool {
        let mut all = true;
        let subject = sight.named.map(|border| (border, Some(&message.subject)));
        let reply = sight.crossing.map(|border| ((id, border), message.reply.as_ref()));
        for ((key, border), name) in subject.into_iter().chain(reply) {
            let Some(name) = name.filter(|name| name.starts_with("_R_.")) else {
                all &= self.publications[key].reply.is_none();
                continue;
            };
            let known = &mut self.publications[key].outlook.crossings[border].name;
            all &= known.get_or_insert_with(|| name.clone()) == name;
            let border = *self.borders.entry(name.clone()).or_insert_with(|| {
                self.names.push(name.clone());
                (key, border)
            }) == (key, border);
            all &= border;
        }
        all
    }

    /// Whether it is no response, or one of several, or the one.
    fn is_answer(&mut self, id: PubKey, sight: &Sight) -> bool {
        let Some((key, border)) = sight.back else { return true };
        let crossing = &mut self.publications[key].outlook.crossings[border];
        crossing.is_stream || *crossing.answered.get_or_insert(id) == id
    }

    /// Whether a response was published after its requester had left the very subject for it.
    fn has_given_up(&self, id: PubKey, sight: &Sight) -> bool {
        let Some((key, border)) = sight.back else { return false };
        let request = &self.publications[key];
        let published = self.publications[id].written;
        let mut subs = self.sessions[request.session].subs.iter().map(|sub| &self.subs[*sub]);
        let is_own = request.outlook.crossings[border].before.is_none() && request.request.is_none();
        is_own
            && subs.any(|sub| {
                let is_left = sub.left_at.is_some_and(|left| left < published) && sub.written < request.written;
                request.reply.as_ref() == Some(&sub.pattern) && is_left && !sub.uncertain && sub.max.is_none()
            })
    }

    /// The publisher read that nobody responds.
    pub fn refused(&mut self, session: SessionId, key: SubKey, message: &Message, network: &Network) {
        let id = key_in(message.subject.rsplit('.').next().expect("a last token").as_bytes());
        assert!(id < self.publications.len(), "violation: nobody published {message:?}");
        let publication = &self.publications[id];
        let mut homes = publication.outlook.homes.iter();
        let says = |home: &String| format!("NATS/1.0 503\r\nNats-Subject: {home}\r\n\r\n").into_bytes();
        let strict = !publication.reloaded;
        let holds = [
            ("unasked", self.sessions[session].manners.no_responders),
            ("to another subscription", matches(&self.subs[key].pattern, &message.subject)),
            ("to another session", publication.session == session),
            ("to another reply", publication.reply.as_deref() == Some(&message.subject[..])),
            ("with other headers", homes.any(|home| message.headers.as_deref() == Some(&says(home)))),
            ("with a body", message.body.is_empty()),
            ("twice", !publication.refused),
            ("for what was delivered", !publication.delivered || !strict),
            ("after the PONG", publication.barrier.is_none()),
        ];
        for (what, holds) in holds {
            assert!(holds, "violation: a 503 {what}: {message:?} for {publication:?}");
        }
        // Whoever was cut may not have read it yet.
        for sub in self.subs.iter().filter(|_| !self.may_cut && strict) {
            let owner = &self.sessions[sub.session];
            let there = owner.stays() && !network.is_cut(owner.wire);
            let stable = there && sub.is_stable_since(publication.written) && sub.max.is_none();
            let responds = stable && self.is_owed(sub, owner, publication);
            assert!(!responds, "violation: a 503 while there is {sub:?} for {publication:?}");
        }
        self.publications[id].refused = true;
    }

    /// Whether the subscription wants the message under some sight that does not hang on chance.
    fn is_owed(&self, sub: &Sub, owner: &Session, publication: &Publication) -> bool {
        let laws = self.laws();
        // A response may come too late, or after another.
        let is_certain =
            |place: &usize| publication.is_chosen(*place) && publication.outlook.sights[*place].back.is_none();
        let mut places = (0..publication.outlook.sights.len()).filter(is_certain);
        places.any(|place| eligible(&laws, sub, owner, publication, place))
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
}

/// Whether the headers are those of the publication, and where it crossed borders as a request what the service is
/// told besides.
fn has_headers(message: &Message, id: PubKey, publication: &Publication, reader: &Session, sight: &Sight) -> bool {
    let own = (publication.with_headers && reader.manners.headers).then(|| headers(id));
    let Some(crossing) = sight.crossing.filter(|_| sight.back.is_none()) else { return message.headers == own };
    let Some(given) = &message.headers else { return !reader.manners.headers };
    let given = String::from_utf8_lossy(given);
    let (told, rest): (Vec<&str>, Vec<&str>) =
        given.split_inclusive("\r\n").partition(|line| line.starts_with("Nats-Request-Info: {"));
    let own = own.unwrap_or_else(|| b"NATS/1.0\r\n\r\n".to_vec());
    let shares = publication.outlook.crossings[crossing].shares;
    told.len() == 1 && rest.concat().as_bytes() == own && (shares || !told[0].contains("\"host\""))
}

/// Whether the subscription wants the message under that sight, if it is there at the time.
pub fn eligible(laws: &[&Realm], sub: &Sub, session: &Session, publication: &Publication, place: usize) -> bool {
    let sight = &publication.outlook.sights[place];
    let echoed = sub.session == publication.session;
    let may_receive = |realm: &&Realm| {
        session.user.is_none_or(|user| {
            realm.users[user].may_subscribe(&sub.pattern, sub.queue)
                && realm.users[user].may_receive(&sight.subject, sub.queue)
        })
    };
    sight.account == session.account
        && (session.manners.echo || !echoed)
        && matches(&sub.pattern, &sight.subject)
        && laws.iter().any(may_receive)
}
