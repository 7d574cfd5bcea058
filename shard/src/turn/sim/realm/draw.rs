//! A realm from a seed, and another one that a reload puts in its place.

use std::sync::Arc;
use std::time::Duration;

use super::sights::Outlook;
use super::{Ask, Estate, Line, Mapped, Offer, Person, Realm};
use crate::account::GLOBAL_ACCOUNT;
use crate::driver::sim::Dice;
use crate::session::permissions::{Responses, Rules};

const SUBJECTS: [&str; 6] = ["a", "b", "a.a", "a.b", "b.a", "b.b"];
const PATTERNS: [&str; 11] = ["a", "b", "a.a", "a.b", "b.a", "*", "a.*", "*.b", ">", "a.>", "*.*"];
const STREAMS: [&str; 8] = ["a", "a.b", "a.*", "*.b", "*.*", "a.>", "b", ">"];
const TOKENS: [&str; 2] = ["a", "b"];

impl Realm {
    pub fn draw(dice: &mut Dice) -> Realm {
        let count = dice.between(2, 5);
        let names = (0..count).map(|id| if id == 0 { GLOBAL_ACCOUNT.to_owned() } else { format!("A{id}") });
        let mut realm = Realm {
            accounts: names.map(|name| Estate { name, ..Estate::default() }).collect(),
            clients: (0..count).map(|_| Arc::default()).collect(),
            ..Realm::default()
        };
        realm.offer_services(dice);
        for account in 0..count {
            realm.draw_streams(dice, account);
            realm.draw_asks(dice, account);
            realm.draw_mappings(dice, account);
        }
        realm.draw_users(dice);
        realm.list_subjects();
        realm
    }

    fn offer_services(&mut self, dice: &mut Dice) {
        for account in 0..self.accounts.len() {
            for number in 0..dice.below(3) {
                let subject = match dice.below(3) {
                    0 => format!("s{account}{number}"),
                    1 => format!("s{account}{number}.*"),
                    _ => format!("s{account}{number}.*.*"),
                };
                self.services.push(Offer {
                    account,
                    subject,
                    is_stream: dice.chance(400),
                    threshold: match dice.chance(150) {
                        true => Duration::from_micros(dice.between(50, 5000) as u64),
                        false => Duration::from_secs(3600),
                    },
                    is_measured: dice.chance(250),
                });
            }
        }
    }

    fn draw_streams(&mut self, dice: &mut Dice, account: usize) {
        self.accounts[account].streams.clear();
        for number in 0..dice.below(4) {
            let exporter = dice.below(self.accounts.len());
            let from = (*dice.pick(&STREAMS)).to_owned();
            let stars = from.split('.').filter(|token| *token == "*").count();
            let to = match (dice.below(5), stars, from.ends_with('>')) {
                (0 | 1, ..) => from.clone(),
                (2, 2, _) => format!("i{number}.$2.$1"),
                (3, 0, false) => format!("i{number}"),
                _ => format!("i{number}.{from}"),
            };
            if exporter != account {
                let line = Line { exporter, from, to };
                self.try_border(|realm| realm.accounts[account].streams.push(line));
            }
        }
    }

    fn draw_asks(&mut self, dice: &mut Dice, account: usize) {
        self.accounts[account].asks.clear();
        // Those of accounts behind this one: requests never come round.
        let offers: Vec<usize> =
            (0..self.services.len()).filter(|offer| self.services[*offer].account > account).collect();
        for number in 0..if offers.is_empty() { 0 } else { dice.below(4) } {
            let service = *dice.pick(&offers);
            let Offer { account: exporter, subject, .. } = self.services[service].clone();
            let stars = subject.matches('*').count();
            // What it offers itself may lead on to another: then a request crosses two borders.
            let own = self.services.iter().find(|offer| offer.account == account);
            let own = own.map(|offer| offer.subject.clone()).filter(|own| own.matches('*').count() == stars);
            let from = match (dice.below(6), stars, own) {
                (0, ..) => subject.clone(),
                (1, 2, _) => "q.$2.$1".to_owned(),
                (2, ..) => subject.replacen(&subject[..3], "q", 1),
                (3 | 4, _, Some(own)) => own,
                _ => subject.replacen(&subject[..3], &format!("q{number}"), 1),
            };
            let line = Line { exporter, from, to: subject };
            let ask = Ask { service, line, share: dice.chance(300) };
            self.try_border(|realm| realm.accounts[account].asks.push(ask));
        }
    }

    fn draw_mappings(&mut self, dice: &mut Dice, account: usize) {
        self.accounts[account].mappings.clear();
        if dice.chance(700) {
            return;
        }
        let own = self.services.iter().find(|offer| offer.account == account);
        let own = own.map(|offer| offer.subject.clone()).filter(|own| !own.contains('*'));
        let source = match (dice.below(5), own) {
            (0, Some(own)) => own,
            (1 | 0, _) => "m.*".to_owned(),
            (2, _) => "b.*".to_owned(),
            (3, _) => "b".to_owned(),
            _ => "a.a".to_owned(),
        };
        let wild = source.contains('*');
        let target = |name: &str| if wild { format!("{name}.$1") } else { name.to_owned() };
        let targets = match dice.below(3) {
            0 => vec![(target("a"), 100)],
            1 => vec![(target("a"), 50), (target("n"), 50)],
            _ => vec![(target("n"), 40)],
        };
        self.try_border(|realm| realm.accounts[account].mappings.push(Mapped { source, targets }));
    }

    /// Keeps a change unless a message would then be seen twice in one account under one subject: nobody could
    /// tell the two apart.
    fn try_border(&mut self, change: impl FnOnce(&mut Realm)) {
        let mut changed = self.clone();
        change(&mut changed);
        changed.list_subjects();
        let subjects = changed.subjects.clone();
        let is_plain = (0..changed.accounts.len()).all(|account| {
            subjects.iter().all(|subject| Outlook::of(&[&changed], account, subject).is_plain())
        });
        if is_plain {
            *self = changed;
        }
    }

    fn draw_users(&mut self, dice: &mut Dice) {
        for account in 0..self.accounts.len() {
            for number in 0..dice.between(1, 2) {
                self.users.push(Person {
                    name: format!("u{account}{number}"),
                    password: format!("p{account}{number}"),
                    is_hashed: dice.chance(200),
                    account,
                    rules: dice.chance(450).then(|| draw_rules(dice)),
                    is_gone: false,
                });
            }
        }
        self.default = dice.chance(200).then(|| dice.below(self.users.len()));
    }

    fn list_subjects(&mut self) {
        let mut subjects: Vec<String> = SUBJECTS.map(str::to_owned).to_vec();
        let mut patterns: Vec<String> = PATTERNS.map(str::to_owned).to_vec();
        let offered = self.services.iter().map(|offer| offer.subject.clone());
        let asked = self.accounts.iter().flat_map(|estate| &estate.asks).map(|ask| wild(&ask.line.from));
        for pattern in offered.chain(asked) {
            subjects.push(pattern.replacen('*', TOKENS[0], 1).replace('*', TOKENS[1]));
            subjects.push(pattern.replacen('*', TOKENS[1], 1).replace('*', TOKENS[0]));
            patterns.push(pattern);
        }
        for line in self.accounts.iter().flat_map(|estate| &estate.streams) {
            patterns.push(wild(&line.to));
        }
        for mapped in self.accounts.iter().flat_map(|estate| &estate.mappings) {
            subjects.push(mapped.source.replace('*', "a"));
            patterns.extend(mapped.targets.iter().map(|(target, _)| wild(target)));
        }
        for list in [&mut subjects, &mut patterns] {
            list.sort();
            list.dedup();
        }
        (self.subjects, self.patterns) = (subjects, patterns);
    }

    /// What a reload makes of it: accounts and users keep their places.
    pub fn changed(&self, dice: &mut Dice) -> Realm {
        let mut changed = self.clone();
        for _ in 0..dice.between(1, 4) {
            let user = dice.below(changed.users.len());
            let account = dice.below(changed.accounts.len());
            match dice.below(9) {
                0 => changed.users[user].is_gone = true,
                1 => changed.users[user].account = account,
                2 => changed.users[user].password.push('x'),
                3 => changed.users[user].rules = None,
                4 => changed.users[user].rules = Some(draw_rules(dice)),
                5 => changed.draw_streams(dice, account),
                6 => changed.draw_asks(dice, account),
                7 => changed.draw_mappings(dice, account),
                _ if account > 0 => changed.end(account),
                _ => {}
            }
        }
        for person in &mut changed.users {
            person.is_gone |= changed.accounts[person.account].is_gone;
        }
        changed.default = changed.default.filter(|user| !changed.users[*user].is_gone);
        for account in 0..changed.accounts.len() {
            if changed.accounts[account].is_gone {
                changed.end(account);
            }
        }
        changed.list_subjects();
        changed
    }

    fn end(&mut self, account: usize) {
        let name = std::mem::take(&mut self.accounts[account].name);
        self.accounts[account] = Estate { name, is_gone: true, ..Estate::default() };
        for other in &mut self.accounts {
            other.streams.retain(|line| line.exporter != account);
            other.asks.retain(|ask| ask.line.exporter != account);
        }
    }
}

/// A pattern without the numbers of its wildcards.
fn wild(pattern: &str) -> String {
    let tokens = pattern.split('.').map(|token| if token.starts_with('$') { "*" } else { token });
    tokens.collect::<Vec<_>>().join(".")
}

/// Inboxes are allowed whatever else is not.
fn draw_rules(dice: &mut Dice) -> Rules {
    let some = |dice: &mut Dice, from: &[&str], most: usize| -> Vec<String> {
        (0..dice.between(1, most)).map(|_| (*dice.pick(from)).to_owned()).collect()
    };
    let mut rules = Rules::default();
    if dice.chance(500) {
        let mut allow = some(dice, &["a", "a.*", "a.>", "*.*", "b", ">", "*"], 3);
        if dice.chance(500) {
            allow.extend(["_I.>".to_owned(), "_R_.>".to_owned()]);
        }
        rules.publish.allow = Some(allow);
    }
    if dice.chance(400) {
        rules.publish.deny = some(dice, &["a", "b.*", "*.b", "n.>", "s10", "q.>"], 2);
    }
    if dice.chance(400) {
        let mut allow = some(dice, &["a.*", "a.>", "*", "*.*", ">", "a one", "*.* two", "> one", "i0.>"], 3);
        allow.push("_I.>".to_owned());
        rules.subscribe.allow = Some(allow);
    }
    if dice.chance(500) {
        let deny = ["a", "a.a", "b", "*.b", "i0.>", "i1.>", "a.b one", "i0", "s10 two", "s10.*", "a.* t*"];
        rules.subscribe.deny = some(dice, &deny, 2);
    }
    if dice.chance(500) {
        rules.publish.allow.get_or_insert_with(|| vec!["a".to_owned()]);
        let max = dice.between(1, 3) as i64;
        rules.responses = Some(Responses { max: if dice.chance(200) { -1 } else { max }, expires: None });
    }
    rules
}

