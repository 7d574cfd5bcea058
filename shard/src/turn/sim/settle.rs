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
                let Some(queue) = sub.queue.filter(|_| eligible(&laws, sub, session, publication, place))
                else {
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
            let members: Vec<_> =
                self.eligible(publication).filter(|(sub, _)| sub.queue == Some(*queue)).collect();
            panic!("violation: no member of {queue} got {publication:?} among {members:?}");
        }
    }

    fn settle_request(&self, publication: &Publication) {
        if publication.subject.starts_with("_R_.") {
            // Of a response that wants an answer, and is awaited no more on another shard, nobody is told.
            return;
        }
        if self.moves && self.realms.len() > 1 {
            // One that was held for a reader, who may not have it when it comes, since there was a reload on its way.
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

    /// To whom the one response to a request, or each of a stream, must have gone by now that its responder's PONG
    /// was read: to the requester, on whose shard it is awaited. Others may get it later.
    pub fn due(&self, id: PubKey) -> Vec<(SubKey, Copy)> {
        let response = &self.publications[id];
        let Some((key, border)) = response.request.filter(|_| response.is_certain()) else {
            return Vec::new();
        };
        let request = &self.publications[key];
        let requester = &self.sessions[request.session];
        let Some(reply) = request.reply.as_ref().filter(|_| requester.stays() && !request.reloaded) else {
            return Vec::new();
        };
        let mut at = Some(border);
        while let Some(border) = at {
            let crossing = &request.outlook.crossings[border];
            let responses: Vec<&Publication> =
                self.publications.iter().filter(|other| self.passes(other, (key, border))).collect();
            // What was let through waits anew.
            let heard = responses.iter().filter(|other| {
                other.delivered && other.barrier.is_some_and(|barrier| barrier < response.written)
            });
            let since = heard.map(|other| other.written_at).max().unwrap_or(request.written_at);
            let is_single = crossing.is_stream || responses.len() == 1;
            if !is_single || self.now - since >= crossing.threshold {
                return Vec::new();
            }
            at = crossing.before;
        }
        let own = requester.subs.iter().map(|key| (*key, &self.subs[*key]));
        if own.clone().any(|(_, sub)| sub.pattern == *reply && (sub.left.is_some() || sub.max.is_some())) {
            return Vec::new();
        }
        let mut sights = response.outlook.sights.iter();
        let Some(place) = sights.position(|sight| sight.back.is_some() && sight.subject == *reply) else {
            return Vec::new();
        };
        let laws = self.laws();
        let wanted = own.filter(|(_, sub)| {
            let is_stable = sub.is_stable_since(request.written) && sub.max.is_none() && sub.queue.is_none();
            is_stable && eligible(&laws, sub, requester, response, place) && !sub.got.contains(&(id, place))
        });
        wanted.map(|(key, _)| (key, (id, place))).collect()
    }

    /// Whether a response goes over that border of a request.
    fn passes(&self, response: &Publication, (key, border): (PubKey, usize)) -> bool {
        let crossings = &self.publications[key].outlook.crossings;
        let mut at = response.request.filter(|(other, _)| *other == key).map(|(_, border)| border);
        while let Some(here) = at {
            if here == border {
                return true;
            }
            at = crossings[here].before;
        }
        false
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
