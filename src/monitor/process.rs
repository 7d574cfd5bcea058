//! What the process takes of the machine. Source: nats-server `pse/pse_linux.go`.

use rustix::time::{ClockId, clock_gettime};
use shard::driver::monotonic;

/// The share of CPU is measured over at least this long: nanoseconds.
const MEASURED_MIN: u64 = 1_000_000_000;

/// Use of CPU between two looks.
pub struct Usage {
    /// When, and the CPU time used until then: nanoseconds.
    last: (u64, u64),
    percent: f64,
}

impl Usage {
    pub fn start() -> Usage {
        Usage { last: (monotonic(), cpu_time()), percent: 0.0 }
    }

    /// Percent of one CPU, in tenths; since the look before, or the one before that where it was just now.
    pub fn percent(&mut self) -> f64 {
        let now = (monotonic(), cpu_time());
        let passed = now.0.saturating_sub(self.last.0);
        if passed >= MEASURED_MIN {
            let used = now.1.saturating_sub(self.last.1);
            self.percent = (used as f64 / passed as f64 * 1000.0).round() / 10.0;
            self.last = now;
        }
        self.percent
    }
}

fn cpu_time() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Bytes of memory held; 0 where the system does not say.
pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * rustix::param::page_size() as u64
}
