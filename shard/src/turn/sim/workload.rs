//! What a client does next: drawn from the seed, told to the oracle, written to the wire.

use super::client::{Client, Expect, Live, Mode, World};
use super::plan::TOKEN;
use super::records::{Manners, PubKey, Publication, body, headers};
use super::traffic;

const SUBJECTS: [&str; 7] = ["a", "b", "a.a", "a.b", "b.a", "b.b", "a.b.c"];
const PATTERNS: [&str; 13] =
    ["a", "b", "a.a", "a.b", "b.a", "b.b", "a.b.c", "*", "a.*", "*.b", ">", "a.>", "*.*"];
pub const QUEUES: [&str; 2] = ["one", "two"];

pub const MILLISECOND: u64 = 1_000_000;

/// One operation, or the connect that must come first.
pub fn act(client: &mut Client, world: &mut World<'_>) {
    if world.oracle.laws()[0].has_users() {
        return traffic::act(client, world);
    }
    client.waits = false;
    if client.live.is_none() {
        return introduce(client, world);
    }
    client.operations_left -= 1;
    let last = client.operations_left == 0;
    let dice = &mut *world.dice;
    let most = if last { 84 } else { 94 };
    match dice.below(most) {
        0..12 => client.live.as_mut().into_iter().for_each(|live| subscribe(live, world)),
        12..19 => client.live.as_mut().into_iter().for_each(|live| unsubscribe(live, world)),
        19..52 => client.live.as_mut().into_iter().for_each(|live| burst(live, world)),
        52..70 => {
            client.ping(world);
            client.waits = world.dice.chance(700);
        }
        70..80 => client.write_at = world.network.now + world.dice.moment_between(0, 3 * MILLISECOND),
        80..84 => {
            mark!("reader stalls");
            client.read_at = world.network.now + world.dice.moment_between(0, 30 * MILLISECOND);
        }
        84..86 => client.finish(world),
        86..88 => client.vanish(world, false),
        88..91 => client.vanish(world, true),
        91..92 => client.live.as_mut().into_iter().for_each(|live| offend(live, world)),
        _ => client.live.as_mut().into_iter().for_each(|live| respond(live, world)),
    }
}

fn introduce(client: &mut Client, world: &mut World<'_>) {
    let headers = world.dice.chance(800);
    let manners = Manners {
        verbose: world.dice.chance(150),
        echo: world.dice.chance(700),
        headers,
        no_responders: headers && world.dice.chance(700),
    };
    let live = client.connect(world, manners, None);
    let Manners { verbose, echo, headers, no_responders } = manners;
    let token = match world.plan.settings.directory.admission.shared {
        None => String::new(),
        _ => format!(",\"auth_token\":\"{TOKEN}\""),
    };
    let text = format!(
        "CONNECT {{\"verbose\":{verbose},\"pedantic\":false,\"echo\":{echo},\"headers\":{headers},\
         \"no_responders\":{no_responders},\"protocol\":1{token}}}\r\n"
    );
    world.write(live.wire, text.as_bytes());
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
    let pattern = *world.dice.pick(&PATTERNS);
    let queue = world.dice.chance(450).then(|| *world.dice.pick(&QUEUES));
    subscribe_to(live, world, pattern, queue);
    if world.dice.chance(200) {
        let max = world.dice.between(1, 10) as u64;
        limit(live, world, live.subs.len() - 1, Some(max));
    }
}

pub fn subscribe_to(live: &mut Live, world: &mut World<'_>, pattern: &str, queue: Option<&'static str>) {
    let sub = world.oracle.subscribed(live.id, pattern, queue);
    let text = match queue {
        None => format!("SUB {pattern} {}\r\n", live.subs.len()),
        Some(queue) => format!("SUB {pattern} {queue} {}\r\n", live.subs.len()),
    };
    live.subs.push(sub);
    world.write(live.wire, text.as_bytes());
    if live.manners.verbose {
        live.expects.push_back(Expect::Subscribed(sub));
    }
}

pub fn unsubscribe(live: &mut Live, world: &mut World<'_>) {
    // The inbox stays.
    let first = usize::from(live.manners.no_responders);
    if live.subs.len() <= first {
        return;
    }
    let number = world.dice.between(first, live.subs.len() - 1);
    let max = world.dice.chance(300).then(|| world.dice.between(1, 20) as u64);
    let sub = &world.oracle.subs[live.subs[number]];
    if sub.left.is_none() && sub.max.is_none() {
        limit(live, world, number, max);
    }
}

pub fn limit(live: &mut Live, world: &mut World<'_>, number: usize, max: Option<u64>) {
    world.oracle.unsubscribed(live.subs[number], max);
    let text = match max {
        None => format!("UNSUB {number}\r\n"),
        Some(max) => format!("UNSUB {number} {max}\r\n"),
    };
    world.write(live.wire, text.as_bytes());
    if live.manners.verbose {
        live.expects.push_back(Expect::Ok);
    }
}

fn burst(live: &mut Live, world: &mut World<'_>) {
    let count = if world.dice.chance(300) { world.dice.between(1, 25) } else { 1 };
    let subject = *world.dice.pick(&SUBJECTS);
    for _ in 0..count {
        let subject = if world.dice.chance(700) { subject } else { *world.dice.pick(&SUBJECTS) };
        let inbox = format!("_I.{}", live.id);
        let prefix = match world.dice.below(10) {
            0..2 => Some("_R"),
            2..5 if live.manners.no_responders => Some(&inbox[..]),
            _ => None,
        };
        publish(live, world, subject, prefix);
    }
}

fn publish(live: &mut Live, world: &mut World<'_>, subject: &str, prefix: Option<&str>) {
    let with_headers = live.manners.headers && world.dice.chance(300);
    let size = draw_size(world);
    let key = world.oracle.published(live.id, subject, prefix, with_headers, size);
    write_publication(live, world, key);
    if live.manners.verbose {
        live.expects.push_back(Expect::Ok);
    }
}

pub fn draw_size(world: &mut World<'_>) -> usize {
    match world.dice.below(100) {
        0..8 if world.plan.large_bodies => world.dice.between(16_000, 20_000),
        0..5 => world.dice.between(0, 2500),
        5..25 => world.dice.between(0, 300),
        _ => world.dice.between(0, 20),
    }
}

/// Writes what the oracle was told of.
pub fn write_publication(live: &Live, world: &mut World<'_>, key: PubKey) {
    let Publication { subject, reply, with_headers, size, .. } = &world.oracle.publications[key];
    let (with_headers, size) = (*with_headers, *size);
    let reply = reply.as_ref().map(|reply| format!("{reply} ")).unwrap_or_default();
    let body = body(key, size);
    let (verb, headers) = if with_headers { ("HPUB", headers(key)) } else { ("PUB", Vec::new()) };
    let total = headers.len() + body.len();
    let sizes = if with_headers { format!("{} {total}", headers.len()) } else { total.to_string() };
    let mut text = format!("{verb} {subject} {reply}{sizes}\r\n").into_bytes();
    text.extend_from_slice(&headers);
    text.extend_from_slice(&body);
    text.extend_from_slice(b"\r\n");
    world.write(live.wire, &text);
}

fn respond(live: &mut Live, world: &mut World<'_>) {
    while let Some(reply) = live.responses.pop() {
        publish(live, world, &reply, None);
    }
}

/// Breaks the protocol: it is told so and closed.
pub fn offend(live: &mut Live, world: &mut World<'_>) {
    world.oracle.leaving(live.id);
    world.write(live.wire, b"NONSENSE\r\n");
    live.mode = Mode::Condemned(false);
}
