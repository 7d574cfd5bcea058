//! What corebus has set itself, as ratios to nats-server 2.15.2 in the same run. Measurements are printed against it.

use crate::contest::Layout;
use crate::figures::Metric;

/// One promise: this number of corebus divided by the peer's is at most, or at least, `bound`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    pub metric: Metric,
    pub bound: f64,
}

impl Target {
    pub fn met_by(self, ratio: f64) -> bool {
        if self.metric.more_is_better() { ratio >= self.bound } else { ratio <= self.bound }
    }

    pub fn sign(self) -> char {
        if self.metric.more_is_better() { '≥' } else { '≤' }
    }
}

struct Row {
    scenario: &'static str,
    cores: Cores,
    metric: Metric,
    bound: f64,
}

/// Whether a message meets its subscriber on its own core: one shard or placement home, against placement spread.
#[derive(PartialEq)]
enum Cores {
    Same,
    Spread,
}

use Cores::{Same, Spread};
use Metric::{BytesEach, P50Us, P99Us, Rate, ServerCpuUs};

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { scenario: "publish-16-bytes",          cores: Same,   metric: ServerCpuUs, bound: 0.40 },
    Row { scenario: "one-to-one",                cores: Same,   metric: ServerCpuUs, bound: 0.45 },
    Row { scenario: "one-to-one",                cores: Same,   metric: Rate,        bound: 1.20 },
    Row { scenario: "one-to-one",                cores: Spread, metric: ServerCpuUs, bound: 0.60 },
    Row { scenario: "one-to-four",               cores: Same,   metric: ServerCpuUs, bound: 0.40 },
    Row { scenario: "one-to-four",               cores: Same,   metric: Rate,        bound: 1.20 },
    Row { scenario: "four-to-one",               cores: Same,   metric: ServerCpuUs, bound: 0.50 },
    Row { scenario: "request-one-in-flight",     cores: Same,   metric: ServerCpuUs, bound: 0.40 },
    Row { scenario: "request-one-in-flight",     cores: Same,   metric: P50Us,       bound: 0.70 },
    Row { scenario: "request-one-in-flight",     cores: Same,   metric: P99Us,       bound: 0.70 },
    Row { scenario: "request-one-in-flight",     cores: Spread, metric: ServerCpuUs, bound: 0.90 },
    Row { scenario: "request-10-in-flight",      cores: Same,   metric: ServerCpuUs, bound: 0.45 },
    Row { scenario: "request-10-clients",        cores: Same,   metric: ServerCpuUs, bound: 0.45 },
    Row { scenario: "request-10-clients",        cores: Same,   metric: P99Us,       bound: 0.50 },
    Row { scenario: "request-10-clients",        cores: Spread, metric: ServerCpuUs, bound: 0.60 },
    Row { scenario: "wildcards-100k",            cores: Same,   metric: ServerCpuUs, bound: 0.35 },
    Row { scenario: "wildcards-100k",            cores: Same,   metric: Rate,        bound: 2.00 },
    Row { scenario: "churn",                     cores: Same,   metric: ServerCpuUs, bound: 0.50 },
    Row { scenario: "memory-10k-connections",    cores: Same,   metric: BytesEach,   bound: 0.10 },
    Row { scenario: "memory-500k-subscriptions", cores: Same,   metric: BytesEach,   bound: 0.20 },
    Row { scenario: "tenants-100",               cores: Same,   metric: ServerCpuUs, bound: 0.45 },
    Row { scenario: "tenants-100-paced",         cores: Same,   metric: ServerCpuUs, bound: 0.50 },
    Row { scenario: "start-10k-accounts",        cores: Same,   metric: P50Us,       bound: 1.00 },
    Row { scenario: "memory-10k-accounts",       cores: Same,   metric: BytesEach,   bound: 0.30 },
    Row { scenario: "memory-10k-tenants",        cores: Same,   metric: BytesEach,   bound: 0.15 },
    Row { scenario: "login-password",            cores: Same,   metric: ServerCpuUs, bound: 0.60 },
    Row { scenario: "login-nkey",                cores: Same,   metric: ServerCpuUs, bound: 0.60 },
    Row { scenario: "publish-1000-rules",        cores: Same,   metric: ServerCpuUs, bound: 0.40 },
    Row { scenario: "deliver-1000-rules",        cores: Same,   metric: ServerCpuUs, bound: 0.40 },
    Row { scenario: "request-import",            cores: Same,   metric: ServerCpuUs, bound: 0.50 },
    Row { scenario: "request-import-10-clients", cores: Same,   metric: ServerCpuUs, bound: 0.50 },
    Row { scenario: "stream-import",             cores: Same,   metric: ServerCpuUs, bound: 0.50 },
    Row { scenario: "weighted-mapping",          cores: Same,   metric: ServerCpuUs, bound: 0.50 },
];

/// A promise in the metric's own unit, whatever the peer does, wherever connections live.
struct Limit {
    scenario: &'static str,
    target: Target,
}

/// A thousand a second are asked; the last reply's way is part of the time.
const KEPT: Target = Target { metric: Rate, bound: 990.0 };

const LIMITS: &[Limit] = &[
    Limit { scenario: "tenancy", target: KEPT },
    Limit { scenario: "tenancy-64-kib", target: KEPT },
    Limit { scenario: "tenancy-subscribing", target: KEPT },
    Limit { scenario: "tenancy-subscribing", target: Target { metric: P99Us, bound: 1_000.0 } },
];

/// A promise about two scenarios on the same server: what something adds to what it is without.
#[derive(Debug)]
pub struct Baseline {
    pub scenario: &'static str,
    /// The other, which comes before it in the table of scenarios.
    pub of: &'static str,
    /// Of corebus. It bounds the ratio to the other scenario.
    pub target: Target,
}

const BASELINES: &[Baseline] = &[
    Baseline {
        scenario: "deliver-1000-rules",
        of: "deliver-1000-subjects",
        target: Target { metric: ServerCpuUs, bound: 1.15 },
    },
    Baseline { scenario: "tenancy", of: "tenancy-apart", target: Target { metric: P99Us, bound: 1.5 } },
    Baseline {
        scenario: "tenancy-64-kib",
        of: "tenancy-apart-64-kib",
        target: Target { metric: P99Us, bound: 1.5 },
    },
];

/// What this scenario is compared with on the same server, if anything.
pub fn baseline(scenario: &str) -> Option<&'static Baseline> {
    BASELINES.iter().find(|baseline| baseline.scenario == scenario)
}

/// What a scenario's numbers themselves are to be on this layout; nothing for the peer.
pub fn limits(scenario: &str, layout: &Layout) -> Vec<Target> {
    let limits = LIMITS.iter().filter(|limit| limit.scenario == scenario && *layout != Layout::Peer);
    limits.map(|limit| limit.target).collect()
}

/// The targets of a scenario on this layout; none for the peer.
pub fn targets(scenario: &str, layout: &Layout) -> Vec<Target> {
    let cores = match layout {
        Layout::Peer => return Vec::new(),
        Layout::Corebus { shards, placement } if *shards > 1 && placement == "spread" => Spread,
        Layout::Corebus { .. } => Same,
    };
    let rows = ROWS.iter().filter(|row| row.scenario == scenario && row.cores == cores);
    rows.map(|row| Target { metric: row.metric, bound: row.bound }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_belongs_to_a_scenario() {
        let rows = ROWS.iter().map(|row| row.scenario);
        for name in rows.chain(LIMITS.iter().map(|limit| limit.scenario)) {
            assert!(crate::scenario::ALL.iter().any(|scenario| scenario.name == name), "{name}");
        }
    }

    #[test]
    fn a_baseline_is_measured_before_what_is_compared_with_it() {
        let place = |name| crate::scenario::ALL.iter().position(|scenario| scenario.name == name);
        for baseline in BASELINES {
            assert!(place(baseline.of).is_some(), "{}", baseline.of);
            assert!(place(baseline.of) < place(baseline.scenario), "{}", baseline.scenario);
        }
    }

    #[test]
    fn targets_depend_on_where_connections_live() {
        let layout = |shards, placement: &str| Layout::Corebus { shards, placement: placement.to_owned() };
        let cpu = |layout| targets("one-to-one", &layout).first().map(|target| target.bound);
        assert_eq!(cpu(layout(1, "spread")), Some(0.45));
        assert_eq!(cpu(layout(2, "home")), Some(0.45));
        assert_eq!(cpu(layout(2, "spread")), Some(0.6));
        assert_eq!(cpu(Layout::Peer), None);
        assert_eq!(limits("tenancy", &layout(2, "spread")), [KEPT]);
        assert_eq!(limits("tenancy", &Layout::Peer), []);
    }

    #[test]
    fn a_rate_must_be_above_and_all_else_below() {
        assert!(Target { metric: Rate, bound: 1.2 }.met_by(1.2));
        assert!(!Target { metric: Rate, bound: 1.2 }.met_by(1.1));
        assert!(Target { metric: P99Us, bound: 0.5 }.met_by(0.4));
        assert!(!Target { metric: P99Us, bound: 0.5 }.met_by(0.6));
    }
}
