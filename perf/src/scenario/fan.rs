//! Publishers and subscribers in all numbers: fan-out, fan-in, queue groups, headers.

use crate::failure::{Outcome, fail};
use crate::figures::Figures;
use crate::flow::{BATCH_BYTES, Batch, Publishing, Window, beside, check_received};
use crate::login::Login;
use crate::measure::{Bench, set_throughput};
use crate::wire::Client;

use super::publish::publication;
use super::sharing::Between;

/// All subjects begin with it.
pub const STREAM: &str = "perf.fan";
const HEADERS: &str = "NATS/1.0\r\nTrace: 00-4bf92f3577b34da6a3ce929d0e0e4736-01\r\nKind: order\r\n\r\n";

/// Who sends to whom.
#[derive(Debug, Clone, Copy)]
pub struct Fan {
    publishers: usize,
    subscribers: usize,
    /// The subscribers share the messages as one queue group.
    group: bool,
    /// Publisher n has a subject of its own, and subscriber n alone gets it.
    pairs: bool,
    headers: bool,
    payload: usize,
}

impl Fan {
    pub const fn of(publishers: usize, subscribers: usize) -> Fan {
        Fan { publishers, subscribers, group: false, pairs: false, headers: false, payload: 128 }
    }

    pub const fn grouped(self) -> Fan {
        Fan { group: true, ..self }
    }

    pub const fn paired(self) -> Fan {
        Fan { pairs: true, ..self }
    }

    pub const fn with_headers(self) -> Fan {
        Fan { headers: true, ..self }
    }

    pub const fn with_payload(self, payload: usize) -> Fan {
        Fan { payload, ..self }
    }

    fn subject(&self, number: usize) -> String {
        format!("{STREAM}.{}", if self.pairs { number } else { 0 })
    }

    /// How many get each message.
    fn copies(&self) -> usize {
        if self.group || self.pairs { 1 } else { self.subscribers }
    }

    /// Payload and headers.
    fn body(&self) -> usize {
        self.payload + if self.headers { HEADERS.len() } else { 0 }
    }

    fn publication(&self, subject: &str) -> Vec<u8> {
        if !self.headers {
            return publication(subject, self.payload);
        }
        let mut line = format!("HPUB {subject} {} {}\r\n{HEADERS}", HEADERS.len(), self.body()).into_bytes();
        line.resize(line.len() + self.payload, b'x');
        line.extend_from_slice(b"\r\n");
        line
    }

    /// The line each message comes with.
    fn delivery(&self, subject: &str) -> Vec<u8> {
        match self.headers {
            true => format!("HMSG {subject} 1 {} {}\r\n", HEADERS.len(), self.body()).into_bytes(),
            false => format!("MSG {subject} 1 {}\r\n", self.body()).into_bytes(),
        }
    }

    fn batch(&self, publisher: usize, window: Window) -> Batch {
        let line = self.publication(&self.subject(publisher));
        let copies = self.copies();
        let fitting = BATCH_BYTES / line.len();
        let messages = fitting.min(window.deliveries_per_batch as usize / copies).max(1);
        Batch {
            bytes: line.repeat(messages),
            messages: messages as u64,
            deliveries: (messages * copies) as u64,
        }
    }
}

pub fn run(bench: &Bench<'_>, shape: &Fan, between: Between) -> Outcome<Figures> {
    // Twos and fours stay what they are; only crowds shrink.
    let subscribers =
        if shape.subscribers > 64 { bench.scaled(shape.subscribers) } else { shape.subscribers };
    let shape = Fan { subscribers, ..*shape };
    between.check(bench)?;
    let mut figures = flow(bench, &shape, [&between.exporter(), &between.importer()], |publishing| {
        publishing.run(bench.warmup())?;
        let warm = publishing.due;
        let meter = bench.meter()?;
        publishing.run(bench.duration())?;
        meter.stop((publishing.due - warm) as f64)
    })?;
    set_throughput(&mut figures, shape.body());
    Ok(figures)
}

/// Connects all, as who publishes and as who subscribes, and lets `publish` do it; then everybody must have received
/// what was sent.
pub fn flow<T>(
    bench: &Bench<'_>,
    shape: &Fan,
    [publisher, subscriber]: [&Login; 2],
    publish: impl FnOnce(&mut Publishing<'_>) -> Outcome<T>,
) -> Outcome<T> {
    let mut subscribers = subscribe(bench, shape, subscriber)?;
    let mut publishers = connect(bench, shape.publishers, publisher)?;
    let window = Window::new(shape.delivery(&shape.subject(0)).len() + shape.body() + 2, shape.subscribers);
    let batches: Vec<_> = (0..shape.publishers).map(|publisher| shape.batch(publisher, window)).collect();
    let (outcome, sent) = beside(&mut subscribers, |progress| {
        let mut publishing = Publishing::new(&mut publishers, &batches, progress, window);
        Ok((publish(&mut publishing)?, publishing.sent))
    })?;
    check(shape, &mut subscribers, &sent)?;
    publishers.iter_mut().try_for_each(Client::barrier)?;
    Ok(outcome)
}

pub fn connect(bench: &Bench<'_>, count: usize, login: &Login) -> Outcome<Vec<Client>> {
    (0..count).map(|_| bench.open(login)).collect()
}

fn subscribe(bench: &Bench<'_>, shape: &Fan, login: &Login) -> Outcome<Vec<Client>> {
    let mut subscribers = connect(bench, shape.subscribers, login)?;
    for (number, subscriber) in subscribers.iter_mut().enumerate() {
        let subject = shape.subject(number);
        subscriber.subscribe(&subject, shape.group.then_some("workers"), 1)?;
        subscriber.barrier()?;
        subscriber.scanner.expect(&shape.delivery(&subject), shape.body());
    }
    Ok(subscribers)
}

fn check(shape: &Fan, subscribers: &mut [Client], sent: &[u64]) -> Outcome<()> {
    let all: u64 = sent.iter().sum();
    if !shape.group {
        return check_received(subscribers, |number| if shape.pairs { sent[number] } else { all });
    }
    // Any share is right for a member; the group has each message once.
    subscribers.iter_mut().try_for_each(Client::barrier)?;
    let received: u64 = subscribers.iter().map(|member| member.scanner.messages()).sum();
    match received == all {
        true => Ok(()),
        false => fail!("the queue group received {received} messages instead of {all}"),
    }
}
