//! Accounts that share a server and nothing else: in each one publisher and three subscribers, all on the same
//! subject, so that a message in the wrong account is a message too many.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::thread::set_current_timer_slack;

use crate::failure::{Outcome, fail};
use crate::figures::Figures;
use crate::flow::{BATCH_BYTES, Batch, Publishing, Window, beside, check_received};
use crate::frame::Event;
use crate::measure::{Bench, Latencies, Schedule, set_throughput};
use crate::wire::{Client, PATIENCE};

use super::accounts::login;
use super::publish::publication;

const SUBJECT: &str = "perf.tenants";
const PAYLOAD: usize = 128;
/// In each account.
const SUBSCRIBERS: usize = 3;

/// As fast as it goes, one publisher after the other.
pub fn run(bench: &Bench<'_>, accounts: usize) -> Outcome<Figures> {
    let Tenants { mut publishers, mut subscribers } = Tenants::open(bench, bench.scaled(accounts))?;
    let window = Window::new(delivery().len() + PAYLOAD + 2, subscribers.len());
    let batches = [batch(window)];
    let (mut figures, sent) = beside(&mut subscribers, |progress| {
        let mut publishing = Publishing::new(&mut publishers, &batches, progress, window);
        publishing.run(bench.warmup())?;
        let warm: u64 = publishing.sent.iter().sum();
        let meter = bench.meter()?;
        publishing.run(bench.duration())?;
        let published: u64 = publishing.sent.iter().sum();
        Ok((meter.stop((published - warm) as f64)?, publishing.sent))
    })?;
    check_received(&mut subscribers, |number| sent[number / SUBSCRIBERS])?;
    publishers.iter_mut().try_for_each(Client::barrier)?;
    set_throughput(&mut figures, PAYLOAD);
    Ok(figures)
}

/// At a fixed rate in all, each message in the next account. Latencies are those of deliveries.
pub fn run_paced(bench: &Bench<'_>, accounts: usize, per_second: f64) -> Outcome<Figures> {
    // Else the kernel may wake this thread 50 µs late, for the sake of other timers.
    set_current_timer_slack(NonZeroU64::new(1))?;
    let mut tenants = Tenants::open(bench, bench.scaled(accounts))?;
    let mut pace = Pace::over(&mut tenants)?;
    let (warm, _) = pace.run(per_second, bench.warmup())?;
    let meter = bench.meter()?;
    let (count, latencies) = pace.run(per_second, bench.duration())?;
    let mut figures = meter.stop(count as f64)?;
    latencies.write(&mut figures);
    let accounts = tenants.publishers.len() as u64;
    let due = |number: usize| {
        let share = |all: u64| Arrivals::due(all, (number / SUBSCRIBERS) as u64, accounts);
        share(warm) + share(count)
    };
    check_received(&mut tenants.subscribers, due)?;
    set_throughput(&mut figures, PAYLOAD);
    Ok(figures)
}

/// The connections: publisher n is in account n, and so are the subscribers from 3 n on.
struct Tenants {
    publishers: Vec<Client>,
    subscribers: Vec<Client>,
}

impl Tenants {
    fn open(bench: &Bench<'_>, accounts: usize) -> Outcome<Tenants> {
        let mut tenants = Tenants { publishers: Vec::new(), subscribers: Vec::new() };
        for account in 0..accounts {
            let login = login(account);
            tenants.publishers.push(bench.open(&login)?);
            for _ in 0..SUBSCRIBERS {
                let mut subscriber = bench.open(&login)?;
                subscriber.subscribe(SUBJECT, None, 1)?;
                subscriber.barrier()?;
                subscriber.scanner.expect(&delivery(), PAYLOAD);
                tenants.subscribers.push(subscriber);
            }
        }
        Ok(tenants)
    }
}

fn delivery() -> Vec<u8> {
    format!("MSG {SUBJECT} 1 {PAYLOAD}\r\n").into_bytes()
}

fn batch(window: Window) -> Batch {
    let line = publication(SUBJECT, PAYLOAD);
    let fitting = BATCH_BYTES / line.len();
    let messages = fitting.min(window.deliveries_per_batch as usize / SUBSCRIBERS).max(1);
    Batch {
        bytes: line.repeat(messages),
        messages: messages as u64,
        deliveries: (messages * SUBSCRIBERS) as u64,
    }
}

/// Sends by the schedule and takes what comes to all subscribers, on one thread.
struct Pace<'a> {
    tenants: &'a mut Tenants,
    poll: rustix::fd::OwnedFd,
    line: Vec<u8>,
    buffer: Vec<u8>,
}

impl Pace<'_> {
    fn over(tenants: &mut Tenants) -> Outcome<Pace<'_>> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (number, subscriber) in tenants.subscribers.iter().enumerate() {
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&poll, subscriber, data, epoll::EventFlags::IN)?;
        }
        Ok(Pace { tenants, poll, line: publication(SUBJECT, PAYLOAD), buffer: vec![0; 64 * 1024] })
    }

    /// Gives how many were published, and the latency of each delivery.
    fn run(&mut self, per_second: f64, length: Duration) -> Outcome<(u64, Latencies)> {
        let accounts = self.tenants.publishers.len() as u64;
        let schedule = Schedule::new(Instant::now(), per_second, length);
        let mut arrivals = Arrivals::of(schedule, accounts);
        let mut events = Vec::with_capacity(self.tenants.subscribers.len());
        while arrivals.count < schedule.count() * SUBSCRIBERS as u64 {
            let due = schedule.due(Instant::now());
            for number in arrivals.sent..due {
                self.tenants.publishers[(number % accounts) as usize].write(&self.line)?;
            }
            arrivals.sent = due;
            self.wait((due < schedule.count()).then(|| schedule.intended(due)))?;
            events.clear();
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            match epoll::wait(&self.poll, spare_capacity(&mut events), Some(&at_once)) {
                Err(rustix::io::Errno::INTR) => continue,
                waited => waited?,
            };
            for event in &events {
                let number = event.data.u64() as usize;
                let subscriber = &mut self.tenants.subscribers[number];
                subscriber.read(&mut self.buffer, |event| arrivals.take(number, &event))?;
            }
            if arrivals.strange > 0 {
                return fail!("a message came that was not due");
            }
        }
        Ok((schedule.count(), arrivals.latencies))
    }

    /// Until there is something to read or to send. By poll, whose timeout is exact: that of epoll is in
    /// milliseconds.
    fn wait(&self, next: Option<Instant>) -> Outcome<()> {
        let left = next.map_or(PATIENCE, |next| next.saturating_duration_since(Instant::now()));
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let mut watched = [PollFd::new(&self.poll, PollFlags::IN)];
        let ready = match poll(&mut watched, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            polled => polled? > 0,
        };
        match !ready && next.is_none() {
            true => fail!("messages are missing"),
            false => Ok(()),
        }
    }
}

/// What has come of a schedule. Messages of a publisher come in order, so the place of one among those of its
/// subscriber tells which it is: they all look alike.
struct Arrivals {
    schedule: Schedule,
    accounts: u64,
    /// By each subscriber.
    received: Vec<u64>,
    sent: u64,
    count: u64,
    strange: u64,
    latencies: Latencies,
}

impl Arrivals {
    fn of(schedule: Schedule, accounts: u64) -> Arrivals {
        let received = vec![0; accounts as usize * SUBSCRIBERS];
        Arrivals { schedule, accounts, received, sent: 0, count: 0, strange: 0, latencies: Latencies::new() }
    }

    /// How many of so many messages are published in this account.
    fn due(all: u64, account: u64, accounts: u64) -> u64 {
        all.saturating_sub(account).div_ceil(accounts)
    }

    fn take(&mut self, subscriber: usize, event: &Event<'_>) {
        let account = (subscriber / SUBSCRIBERS) as u64;
        let number = self.received[subscriber] * self.accounts + account;
        if !matches!(event, Event::Message(_)) || number >= self.sent {
            self.strange += 1;
            return;
        }
        self.received[subscriber] += 1;
        self.count += 1;
        self.latencies.record(self.schedule.latency(number, Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_round_the_accounts() {
        let shares = |all| [0, 1, 2].map(|account| Arrivals::due(all, account, 3));
        assert_eq!([shares(0), shares(1), shares(2)], [[0, 0, 0], [1, 0, 0], [1, 1, 0]]);
        assert_eq!([shares(3), shares(7)], [[1, 1, 1], [3, 2, 2]]);
    }

    #[test]
    fn only_what_was_sent_in_its_account_arrives() {
        let mut arrivals = Arrivals::of(Schedule::new(Instant::now(), 10.0, Duration::from_secs(1)), 2);
        arrivals.sent = 3;
        let message = Event::Message(b"MSG perf.tenants 1 128");
        // The second account has had one message of the three, the first has had two.
        for (subscriber, expected) in
            [(0, (1, 0)), (0, (2, 0)), (2, (3, 0)), (0, (3, 1)), (3, (4, 1)), (3, (4, 2)), (5, (5, 2))]
        {
            arrivals.take(subscriber, &message);
            assert_eq!((arrivals.count, arrivals.strange), expected, "subscriber {subscriber}");
        }
        arrivals.take(4, &Event::Pong);
        assert_eq!(arrivals.strange, 3);
    }
}
