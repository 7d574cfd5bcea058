//! What a subscription holds in memory.

use crate::failure::{Outcome, fail};
use crate::figures::{Figures, Metric};
use crate::login::Login;
use crate::measure::Bench;
use crate::wire::Client;

use super::fan::connect;
use super::wildcards::subscribe;

const SUBSCRIBERS: usize = 10;

/// Memory of the server, divided by the subscriptions; rate and CPU are those of subscribing.
pub fn run(bench: &Bench<'_>, subscriptions: usize) -> Outcome<Figures> {
    let subscriptions = bench.scaled(subscriptions);
    let mut subscribers = connect(bench, SUBSCRIBERS, &Login::Anonymous)?;
    let before = bench.resident_at_rest()?;
    let meter = bench.meter()?;
    subscribe(&mut subscribers, (0..subscriptions).map(|number| subject(number, "*")))?;
    let mut figures = meter.stop(subscriptions as f64)?;
    let after = bench.resident_at_rest()?;
    figures.set(Metric::BytesEach, after.saturating_sub(before) as f64 / subscriptions as f64);
    figures.set(Metric::ResidentMb, after as f64 / 1e6);
    check(bench, &mut subscribers, subscriptions)?;
    Ok(figures)
}

fn subject(number: usize, word: &str) -> String {
    format!("perf.held.{}.{word}.{}", number / 100, number % 100)
}

/// The first subscription and the last of all get their messages.
fn check(bench: &Bench<'_>, subscribers: &mut [Client], subscriptions: usize) -> Outcome<()> {
    let mut publisher = bench.open(&Login::Anonymous)?;
    for number in [0, subscriptions - 1] {
        let before = subscribers[number % SUBSCRIBERS].scanner.messages();
        publisher.write(format!("PUB {} 2\r\nhi\r\n", subject(number, "any")).as_bytes())?;
        publisher.barrier()?;
        let subscriber = &mut subscribers[number % SUBSCRIBERS];
        subscriber.barrier()?;
        if subscriber.scanner.messages() != before + 1 {
            return fail!("subscription {number} did not get its message");
        }
    }
    Ok(())
}
