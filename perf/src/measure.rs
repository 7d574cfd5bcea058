//! Measuring one run: what the scenario may know of the server, the meter around the measured part, latencies.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};

use crate::cpu::{CpuSample, resident_bytes};
use crate::failure::{Outcome, fail};
use crate::figures::{Figures, Metric};
use crate::login::Login;
use crate::process::{Program, Server};
use crate::wire::Client;

/// One run of one scenario against one server.
#[derive(Debug)]
pub struct Bench<'a> {
    pub server: &'a Server,
    /// How it was started, without a configuration: to start another.
    pub program: &'a Program,
    /// Length of the measured part.
    pub seconds: f64,
    /// Multiplies the number of connections, subscriptions and subscribers.
    pub scale: f64,
}

impl Bench<'_> {
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    pub fn warmup(&self) -> Duration {
        Duration::from_secs_f64((self.seconds * 0.3).min(0.5))
    }

    /// A count of the scenario at this run's scale, at least one.
    pub fn scaled(&self, count: usize) -> usize {
        scaled(count, self.scale)
    }

    /// A connection that the server has taken.
    pub fn open(&self, login: &Login) -> Outcome<Client> {
        Client::open(self.server.address, login)
    }

    /// The measured part begins. The server should have nothing left to do.
    pub fn meter(&self) -> Outcome<Meter> {
        Meter::start(&[self.server])
    }

    /// The server's memory once it has come to rest: unchanged within 1 % for half a second, or after 3 s.
    pub fn resident_at_rest(&self) -> Outcome<u64> {
        let mut last = resident_bytes(self.server.pid())?;
        let mut steady = 0;
        for _ in 0..30 {
            std::thread::sleep(Duration::from_millis(100));
            let now = resident_bytes(self.server.pid())?;
            steady = if now.abs_diff(last) * 100 <= last { steady + 1 } else { 0 };
            last = now;
            if steady == 5 {
                break;
            }
        }
        Ok(last)
    }
}

/// A count at this scale, at least one.
pub fn scaled(count: usize, scale: f64) -> usize {
    ((count as f64 * scale).round() as usize).max(1)
}

/// Running between the beginning and the end of the measured part.
#[derive(Debug)]
pub struct Meter {
    /// By their process.
    servers: Vec<(u32, CpuSample)>,
    generator: Duration,
    start: Instant,
}

impl Meter {
    /// The measured part begins, of several servers: CPU time and memory will be of all of them together.
    pub fn start(servers: &[&Server]) -> Outcome<Meter> {
        let pids = servers.iter().map(|server| server.pid());
        let servers = pids.map(|pid| Ok((pid, CpuSample::of(pid)?))).collect::<Outcome<_>>()?;
        Ok(Meter { servers, generator: own_cpu(), start: Instant::now() })
    }

    /// The measured part ends, and what was measured is the passing of time: each second is an operation.
    pub fn stop_idle(self) -> Outcome<Figures> {
        let seconds = self.start.elapsed().as_secs_f64();
        let mut figures = self.stop(seconds)?;
        figures.remove(Metric::Rate);
        Ok(figures)
    }

    /// The measured part ends: all its operations are done, and nothing else was asked of the server.
    pub fn stop(self, operations: f64) -> Outcome<Figures> {
        let elapsed = self.start.elapsed().as_secs_f64();
        let generator = own_cpu().saturating_sub(self.generator);
        let (mut server, mut resident) = (Duration::ZERO, 0);
        for (pid, before) in &self.servers {
            server += CpuSample::of(*pid)?.since(before);
            resident += resident_bytes(*pid)?;
        }
        if operations <= 0.0 {
            return fail!("not one operation was done");
        }
        let mut figures = Figures::default();
        figures.set(Metric::Operations, operations);
        figures.set(Metric::Seconds, elapsed);
        figures.set(Metric::Rate, operations / elapsed);
        figures.set(Metric::ServerCpuUs, server.as_secs_f64() * 1e6 / operations);
        figures.set(Metric::GeneratorCpuUs, generator.as_secs_f64() * 1e6 / operations);
        figures.set(Metric::ResidentMb, resident as f64 / 1e6);
        Ok(figures)
    }
}

fn own_cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.max(0) as u64, now.tv_nsec.max(0) as u32)
}

/// Payload bytes of each operation, told as megabytes per second.
pub fn set_throughput(figures: &mut Figures, bytes_each: usize) {
    if let Some(rate) = figures.get(Metric::Rate) {
        figures.set(Metric::MegabytesPerSecond, rate * bytes_each as f64 / 1e6);
    }
}

/// Latencies, to three digits.
#[derive(Debug)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// Longer ones count as this long; a run would have failed before.
    const NANOSECONDS_MAX: u64 = 120_000_000_000;

    pub fn new() -> Latencies {
        Latencies(Histogram::new_with_bounds(1, Self::NANOSECONDS_MAX, 3).expect("bounds in order"))
    }

    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(Self::NANOSECONDS_MAX));
    }

    /// How many took longer than that.
    pub fn longer_than(&self, bound: Duration) -> u64 {
        let bound = u64::try_from(bound.as_nanos()).unwrap_or(Self::NANOSECONDS_MAX);
        self.0.count_between(bound.saturating_add(1), Self::NANOSECONDS_MAX)
    }

    /// The median alone: of few operations there is no tail to tell.
    pub fn write_median(&self, figures: &mut Figures) {
        figures.set(Metric::P50Us, self.0.value_at_quantile(0.5) as f64 / 1e3);
    }

    pub fn write(&self, figures: &mut Figures) {
        self.write_median(figures);
        let quantiles = [(Metric::P90Us, 0.9), (Metric::P99Us, 0.99), (Metric::P999Us, 0.999)];
        for (metric, quantile) in quantiles {
            figures.set(metric, self.0.value_at_quantile(quantile) as f64 / 1e3);
        }
    }
}

/// Sending times fixed beforehand. Latency counts from the intended time, so a server that stalls pays for every
/// message that should have been sent meanwhile, and nothing is omitted.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    start: Instant,
    rate: f64,
    count: u64,
}

impl Schedule {
    pub fn new(start: Instant, rate: f64, length: Duration) -> Schedule {
        Schedule { start, rate, count: ((rate * length.as_secs_f64()) as u64).max(1) }
    }

    /// How many there are in all.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// When the message of this number (from 0) is to be sent.
    pub fn intended(&self, number: u64) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 / self.rate)
    }

    /// How many should have been sent by now.
    pub fn due(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.start).as_secs_f64();
        ((elapsed * self.rate) as u64 + 1).min(self.count)
    }

    /// The time since the message of this number should have been sent.
    pub fn latency(&self, number: u64, now: Instant) -> Duration {
        now.saturating_duration_since(self.intended(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_does_not_depend_on_when_things_were_sent() {
        let start = Instant::now();
        let schedule = Schedule::new(start, 1000.0, Duration::from_millis(10));
        let after = |micros| start + Duration::from_micros(micros);
        assert_eq!(schedule.count(), 10);
        assert_eq!(
            [0, 500, 1500, 9_999, 90_000].map(|micros| schedule.due(after(micros))),
            [1, 1, 2, 10, 10]
        );
        assert_eq!(schedule.intended(3), after(3000));
        assert_eq!(schedule.latency(3, after(3250)), Duration::from_micros(250));
        assert_eq!(schedule.latency(3, after(2000)), Duration::ZERO);
    }

    /// The server stalls for the whole second: all messages of that second must count with their waiting time.
    #[test]
    fn a_stall_is_paid_by_every_message_that_was_due() {
        let start = Instant::now();
        let schedule = Schedule::new(start, 1000.0, Duration::from_secs(1));
        let mut latencies = Latencies::new();
        let answered = start + Duration::from_secs(1);
        (0..schedule.count()).for_each(|number| latencies.record(schedule.latency(number, answered)));
        let mut figures = Figures::default();
        latencies.write(&mut figures);
        let p50 = figures.get(Metric::P50Us).expect("a median");
        assert!((495_000.0..505_000.0).contains(&p50), "half of them waited half a second or more: {p50}");
        assert!(figures.get(Metric::P999Us).expect("a tail") > 990_000.0);
    }

    #[test]
    fn quantiles_are_exact_to_three_digits() {
        let mut latencies = Latencies::new();
        (1..=1000_u64).for_each(|micros| latencies.record(Duration::from_micros(micros)));
        let mut figures = Figures::default();
        latencies.write(&mut figures);
        for (metric, expected) in [(Metric::P50Us, 500.0), (Metric::P90Us, 900.0), (Metric::P99Us, 990.0)] {
            let value = figures.get(metric).expect("a quantile");
            assert!((value - expected).abs() <= expected * 0.002, "{metric:?}: {value}");
        }
        let longer = |micros| latencies.longer_than(Duration::from_micros(micros));
        assert!((99..=101).contains(&longer(900)), "{}", longer(900));
        assert_eq!((longer(0), longer(1_001)), (1_000, 0));
    }
}
