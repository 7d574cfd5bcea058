//! What must hold at the end: what is owed was paid.

use std::collections::BTreeSet;

use super::oracle::{Oracle, eligible};
use super::records::*;

impl Oracle {
    /// Every session that stays has passed a barrier after everyone's last barrier: what is owed must have
    /// been paid.
    pub fn settle(&self) {
        for sub in &self.subs {
            if let Some(((key, _), _)) = sub.owed.first_key_value() {
                panic!("violation: never came: {:?} to {sub:?}", self.publications[*key]);
            }
        }
        for publication in self.publications.iter().filter(|publication| publication.is_certain()) {
            self.settle_queues(publication);
            self.settle_request(publication);
            self.settle_response(publication);
        }
    }

    fn settle_queues(&self, publication: &Publication) {
        let laws = self.laws();
        let mut stable: BTreeSet<(usize, &str)> = BTreeSet::new();
        let mut excused: BTreeSet<(usize, &str)> = publication.queues.clone();
        for (place, sight) in publication.outlook.sights.iter().enumerate() {
            if sight.back.is_some() || !publication.is_chosen(place) {
                continue;
            }
            for sub in &self.subs {
                let session = &self.sessions[sub.session];
                let Some(queue) = sub.queue.filter(|_| eligible(&laws, sub, session, publication, place)) else {
                    continue;
                };
                if session.may_have_lost(publication.written) {
                    excused.insert((sight.spread, queue));
                }
                if session.stays() && sub.is_stable_since(publication.written) && sub.max.is_none() {
                    stable.insert((sight.spread, queue));
                }
            }
        }
        if let Some((_, queue)) = stable.difference(&excused).next() {
            let members: Vec<_> = self.eligible(publication).filter(|(sub, _)| sub.queue == Some(*queue)).collect();
            panic!("violation: no member of {queue} got {publication:?} among {members:?}");
        }
    }

    fn settle_request(&self, publication: &Publication) {
        if publication.subject.starts_with("_R_.") {
            // Of a response that wants an answer, and is awaited no more on another shard, nobody is told.
            return;
        }
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

    /// The one response to a request, or all of a stream, have come to the requester.
    fn settle_response(&self, response: &Publication) {
        let Some((key, border)) = response.request else { return };
        let request = &self.publications[key];
        let requester = &self.sessions[request.session];
        let Some(reply) = request.reply.as_ref().filter(|_| requester.stays() && !request.reloaded) else { return };
        let mut at = Some(border);
        while let Some(border) = at {
            let crossing = &request.outlook.crossings[border];
            let passes = |other: &Publication| {
                let mut at = other.request.filter(|(other, _)| *other == key).map(|(_, border)| border);
                std::iter::from_fn(|| {
                    let here = at?;
                    at = request.outlook.crossings[here].before;
                    Some(here)
                })
                .any(|other| other == border)
            };
            let responses = self.publications.iter().filter(|other| passes(other)).count();
            if crossing.is_short || (!crossing.is_stream && responses > 1) {
                return;
            }
            at = crossing.before;
        }
        let sights = response.outlook.sights.iter();
        let Some(place) = sights.clone().position(|sight| sight.back.is_some() && sight.subject == *reply) else {
            return;
        };
        let laws = self.laws();
        for sub in requester.subs.iter().map(|sub| &self.subs[*sub]) {
            if sub.pattern == *reply && (sub.left.is_some() || sub.max.is_some()) {
                return;
            }
        }
        for sub in requester.subs.iter().map(|sub| &self.subs[*sub]) {
            let stable = sub.is_stable_since(request.written) && sub.max.is_none() && sub.queue.is_none();
            let wanted = stable && eligible(&laws, sub, requester, response, place);
            let has_come = sub.got.iter().any(|(id, _)| std::ptr::eq(&self.publications[*id], response));
            assert!(!wanted || has_come, "violation: {response:?} never came back to {request:?}, {sub:?}");
        }
    }

    /// All subscriptions there ever were that might have got it.
    fn eligible<'a>(&'a self, message: &'a Publication) -> impl Iterator<Item = (&'a Sub, &'a Session)> {
        let laws = self.laws();
        let all = self.subs.iter().map(|sub| (sub, &self.sessions[sub.session]));
        all.filter(move |(sub, session)| {
            let mut places = 0..message.outlook.sights.len();
            places.any(|place| eligible(&laws, sub, session, message, place))
        })
    }
}
