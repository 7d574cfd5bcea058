//! What becomes of one message: every account and subject it may be seen under, and the borders over which it
//! may be answered.

use std::collections::BTreeSet;

use super::{Line, Realm};
use crate::turn::sim::records::{PubKey, matches};

/// An account and a subject under which a message may be seen.
#[derive(Debug, Clone)]
pub struct Sight {
    pub account: usize,
    pub subject: String,
    /// Its subject is the one at which a response is awaited over that border of that message.
    pub named: Option<(PubKey, usize)>,
    /// Members of one queue compete for what was spread at once.
    pub spread: usize,
    /// The last border it crossed as a request: its reply is another there.
    pub crossing: Option<usize>,
    /// It is a response that came back over this border of that message.
    pub back: Option<(PubKey, usize)>,
    /// What must have been chosen by weight for it to be seen, by the place of the choice.
    pub depends: Vec<(usize, usize)>,
}

/// A border crossed by a request, or by a response that wants to be answered.
#[derive(Debug, Clone)]
pub struct Crossing {
    pub asker: usize,
    /// Who may respond.
    pub exporter: usize,
    pub before: Option<usize>,
    pub is_stream: bool,
    /// Waiting for a response may end before a client does anything.
    pub is_short: bool,
    /// The exporter is told more than the account: so it was at the first border.
    pub shares: bool,
    /// The subject at which the response is awaited, once somebody saw it.
    pub name: Option<String>,
    /// The first response seen on the other side.
    pub answered: Option<PubKey>,
}

/// All of one message.
#[derive(Debug, Clone, Default)]
pub struct Outlook {
    pub sights: Vec<Sight>,
    pub crossings: Vec<Crossing>,
    /// What its publisher's account maps it to; several where chance decides, or the time of a reload.
    pub homes: Vec<String>,
    spreads: usize,
}

/// A threshold below this one may pass during a run.
const SHORT: std::time::Duration = std::time::Duration::from_secs(600);

impl Outlook {
    /// What becomes of a message published in that account, by one realm or, during a reload, by any mixture.
    pub fn of(realms: &[&Realm], account: usize, subject: &str) -> Outlook {
        let mut outlook = Outlook::default();
        let homes = mapped(realms, account, subject);
        for (lot, home) in homes.iter().enumerate() {
            let depends = if homes.len() > 1 { vec![(0, lot)] } else { Vec::new() };
            outlook.homes.push(home.clone());
            outlook.spread(realms, account, home, &mut Vec::new(), None, &depends);
        }
        outlook
    }

    fn spread(
        &mut self,
        realms: &[&Realm],
        account: usize,
        subject: &str,
        path: &mut Vec<usize>,
        crossing: Option<usize>,
        depends: &[(usize, usize)],
    ) {
        let spread = self.spreads;
        self.spreads += 1;
        let sight = Sight {
            account,
            subject: subject.to_owned(),
            named: None,
            spread,
            crossing,
            back: None,
            depends: depends.to_vec(),
        };
        self.sights.push(sight.clone());
        for realm in realms {
            if crossing.is_none() {
                for (importer, estate) in realm.accounts.iter().enumerate() {
                    let lines = estate.streams.iter().filter(|line| line.exporter == account);
                    for renamed in lines.filter_map(|line| rename(line, subject)) {
                        self.sights.push(Sight { account: importer, subject: renamed, ..sight.clone() });
                    }
                }
            }
            for ask in &realm.accounts[account].asks {
                let Some(there) = rename(&ask.line, subject).filter(|_| !path.contains(&ask.service)) else {
                    continue;
                };
                let offer = &realm.services[ask.service];
                let place = self.crossings.len();
                let shares = crossing.map_or(ask.share, |before| self.crossings[before].shares);
                self.crossings.push(Crossing {
                    asker: account,
                    exporter: offer.account,
                    before: crossing,
                    is_stream: offer.is_stream,
                    is_short: offer.threshold < SHORT,
                    shares,
                    name: None,
                    answered: None,
                });
                path.push(ask.service);
                let homes = mapped(realms, offer.account, &there);
                for (lot, home) in homes.iter().enumerate() {
                    let mut depends = depends.to_vec();
                    if homes.len() > 1 {
                        depends.push((1 + place, lot));
                    }
                    self.spread(realms, offer.account, home, path, Some(place), &depends);
                }
                path.pop();
            }
        }
    }

    /// Adds that it is a response over a border of a request, whose borders are `crossings`: it goes back over
    /// all of them to whoever asked.
    pub fn go_back(&mut self, (key, mut at): (PubKey, usize), crossings: &[Crossing], reply: &str) {
        let mut before = None;
        loop {
            let border = &crossings[at];
            let back = self.crossings.len();
            self.crossings.push(Crossing {
                asker: border.exporter,
                exporter: border.asker,
                before,
                name: None,
                answered: None,
                ..border.clone()
            });
            self.sights.push(Sight {
                account: border.asker,
                subject: border.before.map_or_else(|| reply.to_owned(), |_| String::new()),
                named: border.before.map(|before| (key, before)),
                spread: self.spreads,
                crossing: Some(back),
                back: Some((key, at)),
                depends: Vec::new(),
            });
            self.spreads += 1;
            before = Some(back);
            match border.before {
                None => return,
                Some(before) => at = before,
            }
        }
    }

    /// Adds what may be seen besides.
    pub fn extend(&mut self, other: Outlook) {
        let known: BTreeSet<(usize, String)> =
            self.sights.iter().map(|sight| (sight.account, sight.subject.clone())).collect();
        let (crossings, spreads) = (self.crossings.len(), self.spreads);
        for sight in other.sights {
            if !known.contains(&(sight.account, sight.subject.clone())) {
                let crossing = sight.crossing.map(|crossing| crossing + crossings);
                self.sights.push(Sight { crossing, spread: sight.spread + spreads, ..sight });
            }
        }
        let shifted = other.crossings.into_iter().map(|crossing| Crossing {
            before: crossing.before.map(|before| before + crossings),
            ..crossing
        });
        self.crossings.extend(shifted);
        self.homes.extend(other.homes);
        self.spreads += other.spreads;
    }

    /// Whether nothing may be seen twice in one account under one subject.
    pub fn is_plain(&self) -> bool {
        let mut seen = BTreeSet::new();
        self.sights.iter().all(|sight| seen.insert((sight.account, &sight.subject)))
    }
}

/// What an account maps a subject to: what may be chosen.
pub fn mapped(realms: &[&Realm], account: usize, subject: &str) -> Vec<String> {
    let mut homes = Vec::new();
    for realm in realms {
        let mappings = &realm.accounts[account].mappings;
        let applies = |from: &str| captures(from, subject);
        let literal = mappings.iter().find(|mapped| mapped.source == subject);
        let mapping = literal.or_else(|| mappings.iter().find(|mapped| applies(&mapped.source).is_some()));
        let Some(mapping) = mapping else {
            homes.push(subject.to_owned());
            continue;
        };
        let given: u8 = mapping.targets.iter().map(|(_, weight)| weight).sum();
        for (target, _) in mapping.targets.iter().filter(|(_, weight)| *weight > 0) {
            let captured = applies(&mapping.source).expect("it applies");
            homes.push(fill(target, &captured));
        }
        if given < 100 {
            homes.push(subject.to_owned());
        }
    }
    homes.sort();
    homes.dedup();
    homes
}

/// What a subject is called beyond a border, if it may cross there.
pub fn rename(line: &Line, subject: &str) -> Option<String> {
    captures(&line.from, subject).map(|captured| fill(&line.to, &captured))
}

/// What stands for each wildcard of a pattern, which may have numbers.
fn captures(pattern: &str, subject: &str) -> Option<Vec<String>> {
    let wild: String = pattern
        .split('.')
        .map(|token| if token.starts_with('$') { "*" } else { token })
        .collect::<Vec<_>>()
        .join(".");
    if !matches(&wild, subject) {
        return None;
    }
    let given: Vec<&str> = subject.split('.').collect();
    let mut captured: Vec<String> = Vec::new();
    for (place, token) in pattern.split('.').enumerate() {
        let number = match token {
            "*" => captured.len(),
            ">" => {
                captured.push(given[place..].join("."));
                continue;
            }
            token => match token.strip_prefix('$') {
                Some(number) => number.parse::<usize>().expect("a number") - 1,
                None => continue,
            },
        };
        if captured.len() <= number {
            captured.resize(number + 1, String::new());
        }
        captured[number] = given[place].to_owned();
    }
    Some(captured)
}

fn fill(target: &str, captured: &[String]) -> String {
    let mut next = 0;
    let tokens = target.split('.').map(|token| match token.strip_prefix('$') {
        Some(number) => captured[number.parse::<usize>().expect("a number") - 1].as_str(),
        None if token == "*" || token == ">" => {
            next += 1;
            captured[next - 1].as_str()
        }
        None => token,
    });
    tokens.collect::<Vec<_>>().join(".")
}
