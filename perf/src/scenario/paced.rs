//! Fixed rates, whatever the server does: latency counts from the time a message should have been sent.

use std::io::Write;
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::set_current_timer_slack;

use crate::failure::{Outcome, fail};
use crate::figures::Figures;
use crate::frame::Event;
use crate::login::Login;
use crate::measure::{Bench, Latencies, Schedule, set_throughput};
use crate::wire::{Client, PATIENCE};

use super::publish::publication;
use super::request::{open_requester, subject_number, with_responder, write_request};
use super::sharing::Between;

const DELIVERY_BYTES: usize = 128;

/// Requests at a fixed rate on one connection.
pub fn run_requests(bench: &Bench<'_>, per_second: f64) -> Outcome<Figures> {
    with_responder(bench, Between::OneAccount, || {
        let requester = open_requester(bench, &Login::Anonymous)?;
        measure(bench, Pace::new(requester.writer()?, requester, write_request)?, per_second)
    })
}

/// Messages from one publisher to one subscriber at a fixed rate.
pub fn run_deliveries(bench: &Bench<'_>, per_second: f64) -> Outcome<Figures> {
    let mut subscriber = bench.open(&Login::Anonymous)?;
    subscriber.subscribe("perf.paced.*", None, 1)?;
    subscriber.barrier()?;
    let mut publisher = bench.open(&Login::Anonymous)?;
    let pace = Pace::new(publisher.writer()?, subscriber, write_delivery)?;
    let mut figures = measure(bench, pace, per_second)?;
    publisher.barrier()?;
    set_throughput(&mut figures, DELIVERY_BYTES);
    Ok(figures)
}

fn write_delivery(output: &mut Vec<u8>, number: u64) {
    output.extend_from_slice(&publication(&format!("perf.paced.{number}"), DELIVERY_BYTES));
}

fn measure(bench: &Bench<'_>, mut pace: Pace, per_second: f64) -> Outcome<Figures> {
    pace.run(per_second, bench.warmup())?;
    let meter = bench.meter()?;
    let (count, latencies) = pace.run(per_second, bench.duration())?;
    let mut figures = meter.stop(count as f64)?;
    latencies.write(&mut figures);
    pace.check()?;
    Ok(figures)
}

/// Sends by the schedule and takes what comes back, on one thread.
pub struct Pace {
    output: TcpStream,
    input: Client,
    /// Appends the message with this number, which comes back at the end of a subject.
    write: fn(&mut Vec<u8>, u64),
}

impl Pace {
    /// For this thread, which will be woken in time.
    pub fn new(output: TcpStream, input: Client, write: fn(&mut Vec<u8>, u64)) -> Outcome<Pace> {
        // Else the kernel may wake it 50 µs late, for the sake of other timers.
        set_current_timer_slack(NonZeroU64::new(1))?;
        Ok(Pace { output, input, write })
    }

    /// Nothing more has come than was due.
    pub fn check(mut self) -> Outcome<()> {
        let before = self.input.scanner.messages();
        self.input.barrier()?;
        match self.input.scanner.messages() == before {
            true => Ok(()),
            false => fail!("a message came twice"),
        }
    }

    /// Gives how many were sent, and how late each came back.
    pub fn run(&mut self, per_second: f64, length: Duration) -> Outcome<(u64, Latencies)> {
        let schedule = Schedule::new(Instant::now(), per_second, length);
        let mut arrivals = Arrivals::of(schedule);
        let mut output = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        while arrivals.count < schedule.count() {
            let due = schedule.due(Instant::now());
            output.clear();
            (arrivals.sent..due).for_each(|number| (self.write)(&mut output, number));
            self.output.write_all(&output)?;
            arrivals.sent = due;
            let next = (due < schedule.count()).then(|| schedule.intended(due));
            if self.wait(next)? {
                self.input.read(&mut buffer, |event| arrivals.take(&event))?;
            }
            if arrivals.strange > 0 {
                return fail!("a message came that was not due");
            }
        }
        Ok((arrivals.count, arrivals.latencies))
    }

    /// Until there is something to read (true) or to send.
    fn wait(&self, next: Option<Instant>) -> Outcome<bool> {
        let left = next.map_or(PATIENCE, |next| next.saturating_duration_since(Instant::now()));
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let mut watched = [PollFd::new(&self.input, PollFlags::IN)];
        let ready = match poll(&mut watched, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => return Ok(false),
            polled => polled? > 0,
        };
        match !ready && next.is_none() {
            true => fail!("messages are missing"),
            false => Ok(ready),
        }
    }
}

/// What has come back of a schedule, each message once.
struct Arrivals {
    schedule: Schedule,
    seen: Vec<bool>,
    sent: u64,
    count: u64,
    strange: u64,
    latencies: Latencies,
}

impl Arrivals {
    fn of(schedule: Schedule) -> Arrivals {
        let seen = vec![false; schedule.count() as usize];
        Arrivals { schedule, seen, sent: 0, count: 0, strange: 0, latencies: Latencies::new() }
    }

    fn take(&mut self, event: &Event<'_>) {
        let number = match event {
            Event::Message(line) => subject_number(line).filter(|number| *number < self.sent),
            _ => None,
        };
        match number {
            Some(number) if !self.seen[number as usize] => {
                self.seen[number as usize] = true;
                self.count += 1;
                self.latencies.record(self.schedule.latency(number, Instant::now()));
            }
            _ => self.strange += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sent_arrives_and_only_once() {
        let mut arrivals = Arrivals::of(Schedule::new(Instant::now(), 10.0, Duration::from_secs(1)));
        arrivals.sent = 3;
        for (line, expected) in [("MSG a.2 1 1", (1, 0)), ("MSG a.2 1 1", (1, 1)), ("MSG a.3 1 1", (1, 2))] {
            arrivals.take(&Event::Message(line.as_bytes()));
            assert_eq!((arrivals.count, arrivals.strange), expected, "{line}");
        }
    }
}
