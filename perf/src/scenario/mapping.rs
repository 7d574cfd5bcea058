//! A subject mapped to two others, half of its messages each.

use crate::failure::{Outcome, fail};
use crate::figures::Figures;
use crate::flow::{BATCH_BYTES, Batch, Publishing, Window, beside};
use crate::login::Login;
use crate::measure::{Bench, set_throughput};
use crate::wire::Client;

use super::Setup;
use super::publish::publication;

const SUBJECT: &str = "perf.mapped";
const DESTINATIONS: [&str; 2] = ["perf.mapped.one", "perf.mapped.two"];
const PAYLOAD: usize = 128;

pub fn setup() -> Setup {
    let [one, two] = DESTINATIONS.map(|subject| format!("{{destination: \"{subject}\", weight: 50%}}"));
    let configuration = format!("mappings {{\n  \"{SUBJECT}\": [{one}, {two}]\n}}\n");
    Setup { configuration: Some(configuration), greeter: Login::Anonymous }
}

/// One publisher, one subscriber for each destination.
pub fn run(bench: &Bench<'_>) -> Outcome<Figures> {
    let subscribers = DESTINATIONS.iter().map(|subject| subscriber(bench, subject));
    let mut subscribers = subscribers.collect::<Outcome<Vec<_>>>()?;
    let mut publishers = [bench.open(&Login::Anonymous)?];
    let window = Window::new(delivery(DESTINATIONS[0]).len() + PAYLOAD + 2, DESTINATIONS.len());
    let batches = [batch(window)];
    let (mut figures, sent) = beside(&mut subscribers, |progress| {
        let mut publishing = Publishing::new(&mut publishers, &batches, progress, window);
        publishing.run(bench.warmup())?;
        let warm = publishing.due;
        let meter = bench.meter()?;
        publishing.run(bench.duration())?;
        Ok((meter.stop((publishing.due - warm) as f64)?, publishing.due))
    })?;
    check(&mut subscribers, sent)?;
    publishers.iter_mut().try_for_each(Client::barrier)?;
    set_throughput(&mut figures, PAYLOAD);
    Ok(figures)
}

fn subscriber(bench: &Bench<'_>, subject: &str) -> Outcome<Client> {
    let mut subscriber = bench.open(&Login::Anonymous)?;
    subscriber.subscribe(subject, None, 1)?;
    subscriber.barrier()?;
    subscriber.scanner.expect(&delivery(subject), PAYLOAD);
    Ok(subscriber)
}

fn delivery(subject: &str) -> Vec<u8> {
    format!("MSG {subject} 1 {PAYLOAD}\r\n").into_bytes()
}

fn batch(window: Window) -> Batch {
    let line = publication(SUBJECT, PAYLOAD);
    let messages = (BATCH_BYTES / line.len()).min(window.deliveries_per_batch as usize).max(1);
    Batch { bytes: line.repeat(messages), messages: messages as u64, deliveries: messages as u64 }
}

/// Each message has come once, and about as many to the one as to the other: within a tenth of all, which chance
/// alone does not do to the thousands of even a short run.
fn check(subscribers: &mut [Client], sent: u64) -> Outcome<()> {
    subscribers.iter_mut().try_for_each(Client::barrier)?;
    let shares: Vec<_> = subscribers.iter().map(|subscriber| subscriber.scanner.messages()).collect();
    let received: u64 = shares.iter().sum();
    if received != sent {
        return fail!("the destinations received {received} messages instead of {sent}");
    }
    match shares.iter().all(|share| share.abs_diff(sent / 2) * 10 <= sent) {
        true => Ok(()),
        false => fail!("the destinations received {shares:?} messages, which is not half and half"),
    }
}
