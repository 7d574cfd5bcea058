//! Two accounts: a quiet one that asks at a fixed rate, and a neighbour that asks of the server whatever it can. What
//! the quiet one sees of it: on one server, and on a server of its own beside the neighbour's on the same machine.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::failure::{Outcome, fail};
use crate::figures::{Figures, Metric};
use crate::login::Login;
use crate::measure::{Bench, Meter};
use crate::process;
use crate::wire::PATIENCE;

use super::Setup;
use super::fan::{Fan, STREAM, flow};
use super::paced::Pace;
use super::request::{open_requester, with_responder_as, write_request};

const REQUESTS_PER_SECOND: f64 = 1_000.0;
/// A reply that comes so long after its request should have been sent is counted as late.
const LATE: Duration = Duration::from_millis(10);
/// Taken and left at once by the neighbour that subscribes.
const SUBSCRIPTIONS: usize = 200;

/// What the other account does, without a pause.
#[derive(Debug, Clone, Copy)]
pub enum Neighbour {
    /// Four publish, each as fast as it may, to four who get all. Its rate is that of messages published.
    Flood { bytes: usize },
    /// One subscribes, waits until that holds, and unsubscribes. Its rate is that of subscriptions.
    Subscriptions,
}

/// Where the neighbour is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    Shared,
    /// On another of the same kind, with the same file.
    Apart,
}

pub fn setup() -> Setup {
    Setup { configuration: Some(configuration()), greeter: quiet() }
}

fn configuration() -> String {
    let account =
        |name| format!("  {name} {{ users: [{{user: \"{name}\", password: \"{name}-secret\"}}] }}\n");
    format!("accounts {{\n{}{}}}\n", account("quiet"), account("neighbour"))
}

fn quiet() -> Login {
    Login::password("quiet", "quiet-secret")
}

fn neighbour() -> Login {
    Login::password("neighbour", "neighbour-secret")
}

pub fn run(bench: &Bench<'_>, neighbour: Neighbour, server: Server) -> Outcome<Figures> {
    let other = (server == Server::Apart).then(|| Other::start(bench)).transpose()?;
    let Some(other) = &other else { return measure(bench, bench, neighbour) };
    let there = Bench { server: &other.server, ..*bench };
    measure(bench, &there, neighbour).map_err(|failure| other.server.explain(failure))
}

/// A server for the neighbour alone.
struct Other {
    server: process::Server,
    /// Its file is in there.
    _folder: TempDir,
}

impl Other {
    fn start(bench: &Bench<'_>) -> Outcome<Other> {
        let (program, folder) = bench.program.with_configuration(&configuration())?;
        Ok(Other { server: process::Server::start(&program, &quiet())?, _folder: folder })
    }
}

/// The quiet account is `here`, the neighbour `there`. What the neighbour met is told before what the quiet one met.
fn measure(here: &Bench<'_>, there: &Bench<'_>, neighbour: Neighbour) -> Outcome<Figures> {
    let (done, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| neighbour.run(there, &done, &is_over));
        let begin = Instant::now();
        while done.load(Ordering::Relaxed) == 0 && !beside.is_finished() && begin.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
        let servers = [here.server, there.server];
        let servers = if std::ptr::eq(servers[0], servers[1]) { &servers[..1] } else { &servers };
        let figures = ask(here, servers, &done);
        is_over.store(true, Ordering::Relaxed);
        beside.join().expect("the neighbour does not panic")?;
        figures
    })
}

/// Requests by the schedule; `beside` counts what the neighbour does meanwhile. The rate is that of replies until the
/// last has come: where a server falls behind, it is what the server keeps.
fn ask(bench: &Bench<'_>, servers: &[&process::Server], beside: &AtomicU64) -> Outcome<Figures> {
    with_responder_as(bench, &quiet(), || {
        let mut requester = open_requester(bench, &quiet())?;
        // Of what the neighbour publishes nothing may come here.
        requester.subscribe(&format!("{STREAM}.>"), None, 2)?;
        requester.barrier()?;
        let mut pace = Pace::new(requester.writer()?, requester, write_request)?;
        pace.run(REQUESTS_PER_SECOND, bench.warmup())?;
        let meter = Meter::start(servers)?;
        let before = beside.load(Ordering::Relaxed);
        let (count, latencies) = pace.run(REQUESTS_PER_SECOND, bench.duration())?;
        let done = beside.load(Ordering::Relaxed) - before;
        let mut figures = meter.stop(count as f64)?;
        latencies.write(&mut figures);
        if let Some(seconds) = figures.get(Metric::Seconds) {
            figures.set(Metric::BesideRate, done as f64 / seconds);
        }
        figures.set(Metric::Late, latencies.longer_than(LATE) as f64);
        pace.check()?;
        Ok(figures)
    })
}

impl Neighbour {
    /// Until it is over; `done` counts.
    fn run(self, bench: &Bench<'_>, done: &AtomicU64, is_over: &AtomicBool) -> Outcome<()> {
        match self {
            Neighbour::Flood { bytes } => {
                let shape = Fan::of(4, 4).with_payload(bytes);
                flow(bench, &shape, [&neighbour(), &neighbour()], |publishing| {
                    publishing.run_until(|sent| {
                        done.store(sent, Ordering::Relaxed);
                        is_over.load(Ordering::Relaxed)
                    })
                })
            }
            Neighbour::Subscriptions => subscribe(bench, bench.scaled(SUBSCRIPTIONS), done, is_over),
        }
    }
}

/// Takes and leaves as many subscriptions, again and again.
fn subscribe(bench: &Bench<'_>, count: usize, done: &AtomicU64, is_over: &AtomicBool) -> Outcome<()> {
    let all = |line: fn(usize) -> String| (0..count).map(line).collect::<String>().into_bytes();
    let taking = all(|number| format!("SUB perf.taken.{number} {number}\r\n"));
    let leaving = all(|number| format!("UNSUB {number}\r\n"));
    let publishing = all(|number| format!("PUB perf.taken.{number} 2\r\nhi\r\n"));
    let mut client = bench.open(&neighbour())?;
    loop {
        client.write(&taking)?;
        client.barrier()?;
        done.fetch_add(count as u64, Ordering::Relaxed);
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        client.write(&leaving)?;
    }
    // Each of them holds, once, and then none of them.
    for expected in [count as u64, count as u64] {
        client.write(&publishing)?;
        client.barrier()?;
        let messages = client.scanner.messages();
        if messages != expected {
            return fail!("{count} subscriptions received {messages} messages instead of {expected}");
        }
        client.write(&leaving)?;
    }
    Ok(())
}
