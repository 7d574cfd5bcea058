//! A reload in the middle of a run: what holds before, during and after it. During it, little is asked; what was
//! under way when it began may have met either.

use std::sync::Arc;

use super::oracle::Oracle;
use super::realm::{Outlook, Realm};
use super::records::*;

impl Oracle {
    pub fn laws(&self) -> Vec<&Realm> {
        self.realms.iter().map(|realm| &**realm).collect()
    }

    pub fn is_reloading(&self) -> bool {
        self.realms.len() > 1
    }

    /// Whether what a session did may have been judged by what held before a reload, or by what held after it.
    pub fn is_between(&self, session: SessionId) -> bool {
        let session = &self.sessions[session];
        self.is_reloading() || (session.opened < self.renewed && session.ponged < self.renewed)
    }

    /// Whether a session may read a message under that subject by a subscription.
    pub fn may_read(&self, session: SessionId, sub: SubKey, id: PubKey, subject: &str) -> bool {
        let session = &self.sessions[session];
        let Some(user) = session.user else { return true };
        let (sub, publication) = (&self.subs[sub], &self.publications[id]);
        let may = |realm: &Arc<Realm>| {
            let person = &realm.users[user];
            person.may_subscribe(&sub.pattern, sub.queue) && person.may_receive(subject, sub.queue)
        };
        let was = self.first.as_ref().expect("the run has begun");
        let before = publication.written < self.renewed || self.is_reloading() || session.outlawed;
        let after = publication.reloaded || publication.written >= self.renewed || session.outlawed;
        (before && may(was)) || (after && self.realms.iter().any(may))
    }

    /// Every shard is about to be told of another realm.
    pub fn reload_begins(&mut self, realm: Arc<Realm>) {
        self.tick();
        self.realms.push(realm);
        let laws: Vec<&Realm> = self.realms.iter().map(|realm| &**realm).collect();
        for publication in &mut self.publications {
            let is_over = publication.barrier.is_some() || publication.settled;
            if is_over && publication.request.is_none() {
                continue;
            }
            publication.reloaded = true;
            let session = &self.sessions[publication.session];
            let mut accounts: Vec<usize> =
                session.user.iter().flat_map(|user| laws.iter().map(|realm| realm.users[*user].account)).collect();
            accounts.push(session.account);
            accounts.sort_unstable();
            accounts.dedup();
            for account in accounts {
                publication.outlook.extend(Outlook::of(&laws, account, &publication.subject));
            }
        }
        let after = self.realms[1].clone();
        for sub in &mut self.subs {
            let session = &self.sessions[sub.session];
            let Some(user) = session.user else { continue };
            let is_allowed = after.users[user].may_subscribe(&sub.pattern, sub.queue);
            if sub.has_left && sub.written > session.ponged && is_allowed {
                (sub.has_left, sub.uncertain) = (false, true);
            }
            if !is_allowed {
                sub.left.get_or_insert(self.moment);
                sub.uncertain = true;
                sub.owed.clear();
            }
            // What a user may no longer receive is not owed, nor what came to it over borders that are no more.
            sub.owed.retain(|(id, _), _| !self.publications[*id].reloaded);
        }
    }

    /// Every shard has done it, and nothing is under way between them.
    pub fn reload_ends(&mut self) {
        let moment = self.tick();
        self.realms.remove(0);
        self.renewed = moment;
        for sub in &mut self.subs {
            // What it imports now others hear of from now on.
            sub.written = moment;
            sub.confirmed = None;
        }
    }

    /// A reload has outlawed a session.
    pub fn outlaw(&mut self, session: SessionId) {
        self.sessions[session].outlawed = true;
        self.leaving(session);
    }
}
