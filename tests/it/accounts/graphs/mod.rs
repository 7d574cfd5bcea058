//! Random accounts that export to and import from each other, from a seed: every message is heard where an oracle says
//! that it is, under the subject that it says, and nowhere else.
//!
//! `GRAPH_SEEDS=first..last cargo test accounts::graphs` runs many; a failure names its seed.

mod circles;
mod draw;
mod oracle;

use std::collections::BTreeMap;

use self::draw::Graph;
use self::oracle::Heard;
use super::play::Theatre;
use super::script::Stage;
use crate::support::raw::Raw;
use crate::support::shape::Shape;
use crate::support::unit;

/// Seeds that every run tries.
const SEEDS: std::ops::Range<u64> = 0..12;

fn seeds() -> std::ops::Range<u64> {
    let Ok(range) = std::env::var("GRAPH_SEEDS") else { return SEEDS };
    let (first, last) = range.split_once("..").expect("GRAPH_SEEDS=first..last");
    first.parse().expect("a seed")..last.parse().expect("a seed")
}

#[test]
fn messages_reach_whom_they_should() {
    let mut answered = 0;
    for seed in seeds() {
        let shape = [Shape::TWO, Shape::HOME][seed as usize % 2];
        let shape = if shape.applies() { shape } else { Shape::TWO };
        answered += run(shape, seed);
    }
    assert!(answered > 100, "only {answered} requests were answered across accounts");
}

/// Returns how many requests were answered by another account.
fn run(shape: Shape, seed: u64) -> usize {
    let graph = Graph::draw(seed);
    let theatre = Theatre::open(shape, &Stage { configuration: graph.configuration(), ..Stage::default() });
    let mut clients: Vec<Raw> = (0..graph.accounts.len()).map(|at| enter(&theatre, at)).collect();
    for (client, account) in clients.iter_mut().zip(&graph.accounts) {
        for (sid, pattern) in account.subscriptions.iter().enumerate() {
            client.send(format!("SUB {pattern} {sid}\r\n"));
        }
        client.send("SUB in.> in\r\n");
        client.barrier();
    }
    let published = publish(&graph, &mut clients);
    let wanted = oracle::heard(&graph, &published);
    let units = everything(&mut clients);
    let (heard, replies) = sort_out(&units);
    compare(seed, &graph, &wanted, &heard);
    answer(seed, &graph, &mut clients, &published, &replies)
}

fn enter(theatre: &Theatre, at: usize) -> Raw {
    let mut raw = theatre.server.accept();
    raw.send(format!(
        "CONNECT {{\"verbose\":false,\"headers\":true,\"no_responders\":true,\"user\":\"u{at}\",\"pass\":\"p\"}}\r\n"
    ));
    raw.barrier();
    raw
}

/// One message that a client of an account sent; its payload is its place in the list.
pub struct Published {
    account: usize,
    subject: String,
}

/// Everything that all of them have been told, once all that they said is done.
fn everything(clients: &mut [Raw]) -> Vec<Vec<Vec<u8>>> {
    let first: Vec<_> = clients.iter_mut().map(Raw::barrier).collect();
    let second = clients.iter_mut().map(Raw::barrier);
    first.into_iter().zip(second).map(|(first, second)| [first, second].concat()).collect()
}

fn publish(graph: &Graph, clients: &mut [Raw]) -> Vec<Published> {
    let mut published = Vec::new();
    for (account, client) in clients.iter_mut().enumerate() {
        for (subject, is_request) in &graph.accounts[account].publications {
            let number = published.len().to_string();
            let reply = if *is_request { format!(" in.{number}") } else { String::new() };
            client.send(format!("PUB {subject}{reply} {}\r\n{number}\r\n", number.len()));
            published.push(Published { account, subject: subject.clone() });
        }
    }
    published
}

/// What each account's client heard, and the reply subjects by which requests can be answered: who, subject, number.
fn sort_out(units: &[Vec<Vec<u8>>]) -> (Heard, Vec<(usize, String, usize)>) {
    let (mut heard, mut replies) = (Heard::new(), Vec::new());
    for (account, units) in units.iter().enumerate() {
        for message in
            units.iter().filter(|message| message.starts_with(b"MSG") || message.starts_with(b"HMSG"))
        {
            let text = String::from_utf8_lossy(message);
            let line: Vec<&str> = text.lines().next().unwrap_or_default().split(' ').collect();
            let (subject, sid) = (line[1].to_owned(), line[2].to_owned());
            let with_headers = line[0] == "HMSG";
            let payload = String::from_utf8_lossy(unit::payload(message)).into_owned();
            let payload =
                if with_headers { payload.rsplit("\r\n").next().unwrap_or_default() } else { &payload };
            // That nobody responds is asked elsewhere.
            if sid == "in" && payload.is_empty() {
                continue;
            }
            if line.len() == if with_headers { 6 } else { 5 } && line[3].starts_with("_R_.") {
                replies.push((account, line[3].to_owned(), payload.parse().expect("a number")));
            }
            // On their way, answers can be heard where they are given.
            if !subject.starts_with("_R_.") && !payload.is_empty() {
                *heard.entry((account, sid, subject, payload.to_owned())).or_default() += 1;
            }
        }
    }
    (heard, replies)
}

fn compare(seed: u64, graph: &Graph, wanted: &Heard, heard: &Heard) {
    let differs = |a: &Heard, b: &Heard| {
        let lines = a.iter().filter(|(what, count)| b.get(*what) != Some(*count));
        lines.map(|(what, count)| format!("  {what:?} x {count}")).collect::<Vec<_>>()
    };
    let (missing, beyond) = (differs(wanted, heard), differs(heard, wanted));
    assert!(
        missing.is_empty() && beyond.is_empty(),
        "seed {seed}: (account, sid, subject, number)\nwanted and not heard so often:\n{}\nheard and not wanted so \
         often:\n{}\n{}",
        missing.join("\n"),
        beyond.join("\n"),
        graph.configuration()
    );
}

/// Somebody who was asked answers; each requester hears one answer to each of its requests. Returns how
/// many were asked across accounts.
fn answer(
    seed: u64,
    graph: &Graph,
    clients: &mut [Raw],
    published: &[Published],
    replies: &[(usize, String, usize)],
) -> usize {
    let mut first: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
    for (account, reply, number) in replies {
        // Where a request passed through accounts, each of them has a reply subject of its own for the one answer.
        first.insert(*number, (*account, reply));
    }
    let mut wanted = Heard::new();
    for (number, (account, reply)) in &first {
        clients[*account].send(format!("PUB {reply} 6\r\nanswer\r\n"));
        let requester = published[*number].account;
        *wanted.entry((requester, "in".into(), format!("in.{number}"), "answer".into())).or_default() += 1;
        for (sid, pattern) in graph.accounts[requester].subscriptions.iter().enumerate() {
            if oracle::matches(pattern, &format!("in.{number}")) {
                *wanted
                    .entry((requester, sid.to_string(), format!("in.{number}"), "answer".into()))
                    .or_default() += 1;
            }
        }
    }
    let units = everything(clients);
    compare(seed, graph, &wanted, &sort_out(&units).0);
    first.len()
}
