//! Moments of the shards, which are of the monotonic clock, as times of day.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shard::driver::monotonic;

/// The two clocks side by side at the start: times shown do not jump when the system's clock is set.
#[derive(Clone, Copy)]
pub struct Clock {
    wall: Timestamp,
    monotonic: u64,
}

impl Clock {
    pub fn start() -> Clock {
        Clock { wall: Timestamp::now(), monotonic: monotonic() }
    }

    pub fn started(&self) -> Timestamp {
        self.wall
    }

    /// Since the start.
    pub fn uptime(&self) -> Duration {
        Duration::from_nanos(monotonic().saturating_sub(self.monotonic))
    }

    /// A moment as nats-server's JSON has it: RFC 3339, in nanoseconds.
    pub fn show(&self, moment: u64) -> String {
        let since = i128::from(moment) - i128::from(self.monotonic);
        let since = SignedDuration::from_nanos(i64::try_from(since).unwrap_or(0));
        self.wall.checked_add(since).unwrap_or(self.wall).to_string()
    }
}

/// How long something has been, in whole seconds. Source: nats-server `monitor.go:myUptime`.
pub fn show_uptime(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let years = days / 365;
    let mut out = String::new();
    let parts = [
        (years, years, 'y'),
        (days, days % 365, 'd'),
        (hours, hours % 24, 'h'),
        (minutes, minutes % 60, 'm'),
    ];
    for (whole, part, unit) in parts {
        if whole > 0 {
            out.push_str(&format!("{part}{unit}"));
        }
    }
    out + &format!("{}s", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptimes() {
        for (seconds, shown) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m0s"),
            (3600, "1h0m0s"),
            (90_061, "1d1h1m1s"),
            (366 * 86_400, "1y1d0h0m0s"),
        ] {
            assert_eq!(show_uptime(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn moments_keep_their_distance() {
        let clock = Clock { wall: "2026-01-02T03:04:05.5Z".parse().unwrap(), monotonic: 10_000_000_000 };
        assert_eq!(clock.show(10_000_000_001), "2026-01-02T03:04:05.500000001Z");
        assert_eq!(clock.show(9_500_000_000), "2026-01-02T03:04:05Z");
    }
}
