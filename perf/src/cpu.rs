//! CPU time and memory of a process, from /proc.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::failure::{Failure, Outcome};

/// The two clocks of /proc disagree by rounding: utime and stime are each cut to a tick, before and after.
const ROUNDING_TICKS: u64 = 4;

/// All CPU time that a process had used at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuSample {
    /// Nanoseconds on a CPU by thread, user and system together. Exact for threads that sleep.
    threads: BTreeMap<u32, u64>,
    /// utime + stime of the whole process in ticks. Coarse, but it knows the threads that ended.
    ticks: u64,
    ticks_per_second: u64,
}

impl CpuSample {
    pub fn of(pid: u32) -> Outcome<CpuSample> {
        let gone = |error| Failure::new(format!("process {pid} cannot be measured: {error}"));
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{pid}/task")).map_err(gone)? {
            let name = entry.map_err(gone)?.file_name();
            let Some(thread) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            // A thread may end between the listing and the reading: `ticks` still has its time.
            let Ok(text) = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")) else {
                continue;
            };
            if let Some(nanoseconds) = parse_schedstat(&text) {
                threads.insert(thread, nanoseconds);
            }
        }
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(gone)?;
        let ticks = parse_stat(&stat).ok_or_else(|| Failure::new(format!("/proc/{pid}/stat reads oddly")))?;
        Ok(CpuSample { threads, ticks, ticks_per_second: rustix::param::clock_ticks_per_second() })
    }

    /// All CPU time that the process has used.
    pub fn since_birth(&self) -> Duration {
        self.since(&CpuSample { threads: BTreeMap::new(), ticks: 0, ticks_per_second: self.ticks_per_second })
    }

    /// CPU time used since `earlier`: by the exact clock of the threads, or by that of the process when threads
    /// ended in between and took their exact time with them.
    pub fn since(&self, earlier: &CpuSample) -> Duration {
        let exact: u64 = (self.threads.iter())
            .map(|(thread, now)| now.saturating_sub(earlier.threads.get(thread).copied().unwrap_or(0)))
            .sum();
        let ticks = self.ticks.saturating_sub(earlier.ticks);
        let coarse = |ticks: u64| ticks * 1_000_000_000 / self.ticks_per_second;
        let vanished = earlier.threads.keys().any(|thread| !self.threads.contains_key(thread));
        if vanished || coarse(ticks.saturating_sub(ROUNDING_TICKS)) > exact {
            return Duration::from_nanos(exact.max(coarse(ticks)));
        }
        Duration::from_nanos(exact)
    }
}

/// The first number: nanoseconds spent on a CPU.
fn parse_schedstat(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// utime + stime, fields 14 and 15. The name in field 2 may hold spaces and parentheses.
fn parse_stat(text: &str) -> Option<u64> {
    let mut fields = text[text.rfind(')')? + 1..].split_ascii_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Resident memory in bytes.
pub fn resident_bytes(pid: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .map_err(|error| Failure::new(format!("process {pid} cannot be measured: {error}")))?;
    parse_resident(&status).ok_or_else(|| Failure::new(format!("/proc/{pid}/status has no VmRSS")))
}

fn parse_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(threads: &[(u32, u64)], ticks: u64) -> CpuSample {
        CpuSample { threads: threads.iter().copied().collect(), ticks, ticks_per_second: 100 }
    }

    #[test]
    fn proc_files_are_read_as_the_kernel_writes_them() {
        assert_eq!(parse_schedstat("2597797 120 1\n"), Some(2_597_797));
        assert_eq!(parse_schedstat(""), None);
        let stat = "77 (a (b) c) S 1 77 77 0 -1 4194304 300 0 0 0 41 59 7 9 20 0 12 0 100 1 1";
        assert_eq!(parse_stat(stat), Some(100));
        assert_eq!(parse_stat("77 (cut) S 1 77"), None);
        assert_eq!(parse_resident("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n"), Some(2 * 1024 * 1024));
        assert_eq!(parse_resident("Name:\tx\n"), None);
    }

    #[test]
    fn cpu_time_is_summed_over_old_and_new_threads() {
        let earlier = sample(&[(1, 1_000_000), (2, 500_000)], 10);
        let later = sample(&[(1, 3_000_000), (2, 500_000), (3, 250_000)], 10);
        assert_eq!(later.since(&earlier), Duration::from_nanos(2_250_000));
    }

    #[test]
    fn a_thread_that_ended_is_not_forgotten() {
        let earlier = sample(&[(1, 0), (2, 50_000_000)], 5);
        let vanished = sample(&[(1, 1_000_000)], 25);
        assert_eq!(vanished.since(&earlier), Duration::from_millis(200));
        let came_and_went = sample(&[(1, 1_000_000), (2, 50_000_000)], 45);
        assert_eq!(came_and_went.since(&earlier), Duration::from_millis(400));
        assert_eq!(sample(&[(1, 1_000_000)], 20).since_birth(), Duration::from_millis(200));
        let rounding = sample(&[(1, 1_000_000), (2, 50_000_000)], 7);
        assert_eq!(rounding.since(&earlier), Duration::from_millis(1));
    }

    #[test]
    fn this_process_can_be_measured() {
        let own = std::process::id();
        let before = CpuSample::of(own).expect("our own times");
        let sum = (0..2_000_000_u64).fold(0, |sum: u64, next| std::hint::black_box(sum ^ next));
        let after = CpuSample::of(own).expect("our own times");
        assert!(after.since(&before) < Duration::from_secs(3600), "{sum}");
        assert!(resident_bytes(own).expect("our own memory") > 100_000);
    }
}
