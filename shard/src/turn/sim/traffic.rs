//! What a client of one account among several does next: it shows who it is, asks services of other accounts,
//! answers, tries what it may not.

use super::client::{Client, Expect, Live, Mode, World};
use super::realm::{Realm, mapped, rename};
use super::records::{Manners, PubKey, SubKey};
use super::workload::{MILLISECOND, QUEUES, draw_size, limit, offend, unsubscribe, write_publication};
use crate::proto::text;

/// What is to be expected of something that permissions may deny.
#[derive(PartialEq, Eq)]
enum Verdict {
    Allowed,
    Denied,
    Unknown,
}

impl Verdict {
    fn of(verdicts: impl Iterator<Item = bool>) -> Verdict {
        let verdicts: Vec<bool> = verdicts.collect();
        match (verdicts.contains(&true), verdicts.contains(&false)) {
            (true, true) => Verdict::Unknown,
            (true, false) => Verdict::Allowed,
            _ => Verdict::Denied,
        }
    }
}

pub fn act(client: &mut Client, world: &mut World<'_>) {
    client.waits = false;
    if client.live.is_none() {
        return introduce(client, world);
    }
    client.operations_left -= 1;
    let last = client.operations_left == 0;
    let dice = &mut *world.dice;
    let most = if last { 92 } else { 100 };
    let live = client.live.as_mut().expect("it is connected");
    match dice.below(most) {
        0..14 => subscribe(live, world),
        14..19 => unsubscribe(live, world),
        19..42 => burst(live, world),
        42..60 => respond(live, world),
        60..63 => steal(live, world),
        63..66 => forget_inbox(live, world),
        66..84 => {
            client.ping(world);
            client.waits = world.dice.chance(700);
        }
        84..89 => client.write_at = world.network.now + world.dice.moment_between(0, 3 * MILLISECOND),
        89..92 => client.read_at = world.network.now + world.dice.moment_between(0, 30 * MILLISECOND),
        92..94 => client.finish(world),
        94..96 => client.vanish(world, false),
        96..99 => client.vanish(world, true),
        _ => offend(live, world),
    }
}

/// Says who it is: somebody, nobody, or somebody with a wrong password.
fn introduce(client: &mut Client, world: &mut World<'_>) {
    let headers = world.dice.chance(850);
    let manners = Manners {
        verbose: world.dice.chance(150),
        echo: world.dice.chance(700),
        headers,
        no_responders: headers && world.dice.chance(800),
    };
    let laws = world.oracle.laws();
    let now: &Realm = laws[0];
    // During a reload only those whom it does not change.
    let is_same = |user: &usize| {
        laws.iter().all(|realm| {
            let (one, other) = (&realm.users[*user], &now.users[*user]);
            !one.is_gone && one.account == other.account && one.password == other.password
        })
    };
    let users: Vec<usize> = (0..now.users.len()).filter(is_same).collect();
    let default = now.default.filter(|user| users.contains(user) && laws.iter().all(|realm| realm.default == Some(*user)));
    if users.is_empty() {
        client.operations_left -= 1;
        client.write_at = world.network.now + MILLISECOND;
        return;
    }
    let user = *world.dice.pick(&users);
    let person = now.users[user].clone();
    let is_silent = default.is_some() && world.dice.chance(300);
    let is_wrong = !is_silent && world.dice.chance(60);
    let (user, password) = match default.filter(|_| is_silent) {
        Some(user) => (user, None),
        None if is_wrong => (user, Some("wrong".to_owned())),
        None => (user, Some(person.password)),
    };
    let shown = password.as_ref().map(|password| format!(",\"user\":\"{}\",\"pass\":\"{password}\"", person.name));
    let Manners { verbose, echo, headers, no_responders } = manners;
    let connect = format!(
        "CONNECT {{\"verbose\":{verbose},\"pedantic\":false,\"echo\":{echo},\"headers\":{headers},\
         \"no_responders\":{no_responders},\"protocol\":1{}}}\r\n",
        shown.unwrap_or_default()
    );
    let live = client.connect(world, manners, Some((user, password)));
    world.write(live.wire, connect.as_bytes());
    if is_wrong {
        mark!("wrong password");
        world.oracle.leaving(live.id);
        live.mode = Mode::Condemned(false);
        return;
    }
    if verbose {
        live.expects.push_back(Expect::Ok);
    }
    if no_responders {
        let inbox = format!("_I.{}.*", live.id);
        subscribe_to(live, world, &inbox, None);
        client.ping(world);
        client.waits = world.dice.chance(500);
    }
}

fn subscribe(live: &mut Live, world: &mut World<'_>) {
    let pattern = favourite(live, world, &world.plan.realm.patterns.clone(), |realm, account| {
        let offers = realm.services.iter().filter(|offer| offer.account == account);
        offers.map(|offer| offer.subject.clone()).collect()
    });
    let queue = world.dice.chance(350).then(|| *world.dice.pick(&QUEUES));
    let sub = subscribe_to(live, world, &pattern, queue);
    let is_there = world.oracle.subs[sub].left.is_none();
    if is_there && world.dice.chance(150) {
        let max = world.dice.between(1, 10) as u64;
        limit(live, world, live.subs.len() - 1, Some(max));
    }
}

/// One of all, or more often one that has to do with services of its account.
fn favourite(
    live: &Live,
    world: &mut World<'_>,
    all: &[String],
    of_services: impl Fn(&Realm, usize) -> Vec<String>,
) -> String {
    let account = world.oracle.sessions[live.id].account;
    let some = of_services(&world.plan.realm, account);
    match some.is_empty() || world.dice.chance(550) {
        true => world.dice.pick(all).clone(),
        false => world.dice.pick(&some).clone(),
    }
}

fn subscribe_to(live: &mut Live, world: &mut World<'_>, pattern: &str, queue: Option<&'static str>) -> SubKey {
    let (user, _) = *live.user.as_ref().expect("a user");
    let laws = world.oracle.laws();
    let verdict = Verdict::of(laws.iter().map(|realm| realm.users[user].may_subscribe(pattern, queue)));
    let sub = world.oracle.subscribed(live.id, pattern, queue);
    let text = match queue {
        None => format!("SUB {pattern} {}\r\n", live.subs.len()),
        Some(queue) => format!("SUB {pattern} {queue} {}\r\n", live.subs.len()),
    };
    live.subs.push(sub);
    world.write(live.wire, text.as_bytes());
    let violation = vec![text::subscription_violation(pattern.as_bytes(), queue.map(str::as_bytes))];
    match verdict {
        Verdict::Allowed if live.manners.verbose => live.expects.push_back(Expect::Subscribed(sub)),
        Verdict::Allowed => {}
        Verdict::Denied => {
            mark!("subscription denied");
            world.oracle.subscription_refused(sub, !world.oracle.is_between(live.id));
            live.expects.push_back(expected(world, live, violation));
        }
        Verdict::Unknown => {
            world.oracle.subscription_refused(sub, false);
            live.expects.push_back(Expect::Perhaps(violation));
            part(live, world);
        }
    }
    sub
}

/// What may be denied is told from what certainly is by a PONG between the two.
fn part(live: &mut Live, world: &mut World<'_>) {
    live.expects.push_back(Expect::Pong(world.oracle.pinged()));
    world.write(live.wire, b"PING\r\n");
}

/// What is denied now may have been allowed before a reload.
fn expected(world: &World<'_>, live: &Live, violation: Vec<String>) -> Expect {
    match world.oracle.is_between(live.id) {
        true => Expect::Perhaps(violation),
        false => Expect::Denied(violation),
    }
}

fn burst(live: &mut Live, world: &mut World<'_>) {
    let count = if world.dice.chance(250) { world.dice.between(1, 15) } else { 1 };
    let subject = favourite(live, world, &world.plan.realm.subjects.clone(), |realm, account| {
        let asks = realm.accounts[account].asks.iter();
        asks.flat_map(|ask| realm.subjects.iter().filter(|subject| rename(&ask.line, subject).is_some()))
            .cloned()
            .collect()
    });
    for _ in 0..count {
        let another = world.dice.chance(300);
        let subject = if another { world.dice.pick(&world.plan.realm.subjects).clone() } else { subject.clone() };
        let inbox = format!("_I.{}", live.id);
        let prefix = match world.dice.below(10) {
            0 => Some("_R"),
            1..7 if live.manners.no_responders => Some(&inbox[..]),
            _ => None,
        };
        if prefix == Some(&inbox) && world.dice.chance(150) {
            // An inbox for this request alone.
            let inbox = format!("{inbox}.{}", world.oracle.publications.len());
            subscribe_to(live, world, &inbox, None);
        }
        publish(live, world, &subject, prefix);
    }
}

fn publish(live: &mut Live, world: &mut World<'_>, subject: &str, prefix: Option<&str>) -> PubKey {
    let with_headers = live.manners.headers && world.dice.chance(300);
    let size = draw_size(world);
    let key = world.oracle.published(live.id, subject, prefix, with_headers, size);
    let verdict = judge(live, world, subject);
    let homes = world.oracle.publications[key].outlook.homes.iter();
    let violations = homes.map(|home| text::publish_violation(home.as_bytes())).collect();
    write_publication(live, world, key);
    match verdict {
        Verdict::Allowed if live.manners.verbose => live.expects.push_back(Expect::Ok),
        Verdict::Allowed => {}
        Verdict::Denied => {
            mark!("publication denied");
            let certainly = !world.oracle.is_between(live.id);
            world.oracle.publication_denied(key, certainly);
            live.expects.push_back(expected(world, live, violations));
        }
        Verdict::Unknown => {
            world.oracle.publication_denied(key, false);
            live.expects.push_back(Expect::Perhaps(violations));
            part(live, world);
        }
    }
    key
}

/// Whether it may publish. A right that a request gave is used up as it is used.
fn judge(live: &mut Live, world: &World<'_>, subject: &str) -> Verdict {
    let (user, _) = *live.user.as_ref().expect("a user");
    let laws = world.oracle.laws();
    let account = world.oracle.sessions[live.id].account;
    let homes = mapped(&laws, account, subject);
    let verdicts = homes.iter().flat_map(|home| laws.iter().map(|realm| realm.users[user].may_publish(home)));
    let verdict = Verdict::of(verdicts);
    let mut terms = laws.iter().map(|realm| realm.users[user].rules.as_ref().and_then(|rules| rules.responses));
    if verdict == Verdict::Allowed || terms.clone().all(|terms| terms.is_none()) {
        return verdict;
    }
    let (asked, answered) = live.asked.entry(subject.to_owned()).or_default();
    *answered += 1;
    let max = terms.next().flatten().map_or(0, |terms| if terms.max < 1 { i64::MAX } else { terms.max });
    if *asked > 0 && *answered <= max && laws.len() == 1 && !world.oracle.is_between(live.id) {
        mark!("response granted");
        return Verdict::Allowed;
    }
    // Another request with the same reply may be on its way.
    if subject.starts_with('_') { Verdict::Unknown } else { verdict }
}

/// Answers some of the requests it got, maybe late, maybe wanting an answer itself.
fn respond(live: &mut Live, world: &mut World<'_>) {
    for _ in 0..world.dice.between(1, 4) {
        if live.responses.is_empty() {
            return;
        }
        let place = world.dice.below(live.responses.len());
        let reply = live.responses.remove(place);
        let inbox = format!("_I.{}", live.id);
        let prefix = (live.manners.no_responders && world.dice.chance(150)).then_some(&inbox[..]);
        publish(live, world, &reply, prefix);
    }
}

/// Answers what somebody else was asked.
fn steal(live: &mut Live, world: &mut World<'_>) {
    if world.oracle.names.is_empty() {
        return;
    }
    mark!("response of a stranger");
    let name = world.dice.pick(&world.oracle.names).clone();
    publish(live, world, &name, None);
}

/// Leaves an inbox that is for one request.
fn forget_inbox(live: &mut Live, world: &mut World<'_>) {
    let subs = live.subs.iter().map(|sub| &world.oracle.subs[*sub]);
    let own = |sub: &super::records::Sub| {
        sub.pattern.starts_with("_I.") && !sub.pattern.ends_with('*') && sub.left.is_none() && sub.max.is_none()
    };
    let inboxes: Vec<usize> = subs.enumerate().filter(|(_, sub)| own(sub)).map(|(number, _)| number).collect();
    if !inboxes.is_empty() {
        let number = *world.dice.pick(&inboxes);
        limit(live, world, number, None);
    }
}
