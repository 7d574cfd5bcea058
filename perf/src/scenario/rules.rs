//! A user who may publish to a list of subjects and to nothing else, and one who may do anything: what the rules
//! cost.

use crate::failure::{Outcome, fail};
use crate::figures::Figures;
use crate::flow::{BATCH_BYTES, Batch, Publishing, Window, beside};
use crate::login::Login;
use crate::measure::{Bench, set_throughput};

use super::Setup;
use super::publish::{Publisher, publication};
use super::wildcards::Random;

const PAYLOAD: usize = 16;
/// All together name each subject many times, in no order.
const BATCHES: usize = 32;
const DELIVERY_BYTES: usize = 40;
/// What no rule names.
const FORBIDDEN: &str = "perf.unruled";

/// One user; one rule for each subject, or none at all.
pub fn setup(subjects: usize, ruled: bool) -> Setup {
    let rules: Vec<_> = (0..subjects).map(|number| format!("\"{}\"", subject(number))).collect();
    let permissions =
        if ruled { format!(", permissions: {{publish: [{}]}}", rules.join(", ")) } else { String::new() };
    let user = format!("{{user: \"perf\", password: \"rules\"{permissions}}}");
    Setup { configuration: Some(format!("authorization {{\n  users: [{user}]\n}}\n")), greeter: login() }
}

fn login() -> Login {
    Login::password("perf", "rules")
}

fn subject(number: usize) -> String {
    format!("perf.ruled.{number}")
}

/// One publisher to all of the subjects, to which nobody subscribes.
pub fn run(bench: &Bench<'_>, subjects: usize, ruled: bool) -> Outcome<Figures> {
    let subjects = bench.scaled(subjects);
    let mut publisher = Publisher::new(bench.open(&login())?, batches(subjects));
    let figures = publisher.measure(bench, PAYLOAD)?;
    check(bench, subjects, ruled)?;
    Ok(figures)
}

/// The same with one subscriber, who gets all of it.
pub fn run_delivered(bench: &Bench<'_>, subjects: usize, ruled: bool) -> Outcome<Figures> {
    let subjects = bench.scaled(subjects);
    let mut subscribers = [bench.open(&login())?];
    subscribers[0].subscribe("perf.ruled.*", None, 1)?;
    subscribers[0].barrier()?;
    let mut publishers = [bench.open(&login())?];
    let batches: Vec<_> =
        batches(subjects).into_iter().map(|batch| Batch { deliveries: batch.messages, ..batch }).collect();
    let window = Window::new(DELIVERY_BYTES, 1);
    let (mut figures, due) = beside(&mut subscribers, |progress| {
        let mut publishing = Publishing::new(&mut publishers, &batches, progress, window);
        publishing.run(bench.warmup())?;
        let warm = publishing.due;
        let meter = bench.meter()?;
        publishing.run(bench.duration())?;
        Ok((meter.stop((publishing.due - warm) as f64)?, publishing.due))
    })?;
    let [subscriber] = &mut subscribers;
    subscriber.barrier()?;
    let received = subscriber.scanner.messages();
    if received != due {
        return fail!("the subscriber received {received} messages instead of {due}");
    }
    drop(publishers);
    check(bench, subjects, ruled)?;
    set_throughput(&mut figures, PAYLOAD);
    Ok(figures)
}

fn batches(subjects: usize) -> Vec<Batch> {
    let mut random = Random::default();
    let batch = |_| {
        let mut batch = Batch { bytes: Vec::with_capacity(BATCH_BYTES), messages: 0, deliveries: 0 };
        while batch.bytes.len() < BATCH_BYTES - 128 {
            let subject = subject(random.below(subjects as u64) as usize);
            batch.bytes.extend_from_slice(&publication(&subject, PAYLOAD));
            batch.messages += 1;
        }
        batch
    };
    (0..BATCHES).map(batch).collect()
}

/// Each of the subjects may be published to; another, where there are rules, may not.
fn check(bench: &Bench<'_>, subjects: usize, ruled: bool) -> Outcome<()> {
    let mut subscriber = bench.open(&login())?;
    subscriber.subscribe("perf.>", None, 1)?;
    subscriber.barrier()?;
    let mut publisher = bench.open(&login())?;
    for number in 0..subjects {
        publisher.write(&publication(&subject(number), PAYLOAD))?;
    }
    publisher.barrier()?;
    publisher.write(&publication(FORBIDDEN, PAYLOAD))?;
    match (publisher.barrier(), ruled) {
        (Ok(()), false) => {}
        (Ok(()), true) => return fail!("what no rule allows was published"),
        (Err(failure), true) if failure.to_string().contains("Permissions Violation for Publish") => {}
        (Err(failure), _) => return Err(failure),
    }
    subscriber.barrier()?;
    let (received, expected) = (subscriber.scanner.messages(), subjects + usize::from(!ruled));
    match received == expected as u64 {
        true => Ok(()),
        false => fail!("{received} messages came through instead of {expected}"),
    }
}
