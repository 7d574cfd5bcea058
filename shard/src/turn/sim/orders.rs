//! What the control core would do: passwords are checked, and another realm is told to the shards, one after the
//! other.

use super::client::Live;
use super::plan::Reload;
use super::realm::{Realm, hash_of};
use super::run::Run;
use crate::launch::{Order, Report};

/// How long a password is checked at most: nanoseconds.
const CHECK_MAX: u64 = 3_000_000;

impl Run {
    /// Tells shards which passwords are right, after a while.
    pub(super) fn tell_checked(&mut self) {
        let now = self.network.borrow().now;
        for report in std::mem::take(&mut *self.reports.lock().unwrap()) {
            let at = now + self.dice.moment_between(0, CHECK_MAX);
            self.checks.push((at, report));
        }
        while let Some(place) = self.checks.iter().position(|(at, _)| *at <= now) {
            let (_, Report::CheckPassword { shard, slot, hashed }) = self.checks.remove(place) else {
                panic!("a simulated shard reports nothing else");
            };
            mark!("password checked");
            let is_right = hash_of(&hashed.password) == hashed.hash;
            self.seats[shard].order(Order::PasswordChecked { slot, is_right });
        }
    }

    /// Begins the reload when its time has come, goes on with it, ends it when all is quiet.
    pub(super) fn reload(&mut self) {
        let Some(Reload { after, realm, settings }) = self.plan.reload.clone() else { return };
        let Some(untold) = &mut self.untold else {
            if self.steps >= after {
                self.begin_reload(&realm);
            }
            return;
        };
        if untold.is_empty() {
            if self.seats.iter_mut().all(|seat| seat.is_quiet()) {
                mark!("reloaded");
                self.trace.tell(self.network.borrow().now, "the reload is over");
                self.oracle.reload_ends();
                self.plan.reload = None;
                self.plan.realm = realm;
            }
        } else if self.dice.chance(100) {
            let place = self.dice.below(untold.len());
            let seat = untold.remove(place);
            self.trace.tell(self.network.borrow().now, &format!("shard {seat} is to reload"));
            self.seats[seat].order(Order::Settings(settings));
        }
    }

    fn begin_reload(&mut self, realm: &std::sync::Arc<Realm>) {
        self.untold = Some((0..self.seats.len()).collect());
        self.trace.tell(self.network.borrow().now, &format!("a reload begins: {realm:#?}"));
        self.oracle.reload_begins(realm.clone());
        self.with_clients(|client, world| {
            let Some(live) = &mut client.live else { return };
            live.doubt();
            if is_lawful(live, realm, world.oracle.sessions[live.id].account) {
                return;
            }
            world.oracle.outlaw(live.id);
            if world.oracle.sessions[live.id].ponged == 0 {
                // It may come in as somebody else.
                client.vanish(world, true);
            }
        });
    }

    /// The reload comes at last if it has not before.
    pub(super) fn end_reload(&mut self) {
        if let Some(reload) = &mut self.plan.reload {
            reload.after = 0;
        }
        while self.plan.reload.is_some() {
            self.step();
        }
    }

    /// Nobody is there who would not be let in.
    pub(super) fn check_users(&self) {
        let laws = self.oracle.laws();
        for live in self.clients.iter().filter_map(|client| client.live.as_ref()) {
            let account = self.oracle.sessions[live.id].account;
            assert!(is_lawful(live, laws[0], account), "violation: session {} was not cut", live.id);
        }
    }
}

/// Whether a client would be let in as who it is.
fn is_lawful(live: &Live, realm: &Realm, account: usize) -> bool {
    let Some((user, password)) = &live.user else { return true };
    let person = &realm.users[*user];
    let shows_it = match password {
        Some(password) => *password == person.password,
        None => realm.default == Some(*user),
    };
    !person.is_gone && person.account == account && shows_it
}
