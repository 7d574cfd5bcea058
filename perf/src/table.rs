//! Results as text: one block for each scenario, one line for each server.

use crate::budget::{Baseline, Target, baseline, limits, targets};
use crate::contest::{Layout, Standing};
use crate::figures::{Figures, Metric};
use crate::history::Record;
use crate::scenario::Scenario;

const LABEL_WIDTH: usize = 32;

/// A column: its metric, its head, its width.
const COLUMNS: [(Metric, &str, usize); 9] = [
    (Metric::Rate, "per s", 11),
    (Metric::MegabytesPerSecond, "MB/s", 9),
    (Metric::ServerCpuUs, "CPU µs", 9),
    (Metric::GeneratorCpuUs, "gen µs", 9),
    (Metric::P50Us, "p50 µs", 8),
    (Metric::P90Us, "p90", 8),
    (Metric::P99Us, "p99", 8),
    (Metric::P999Us, "p99.9", 9),
    (Metric::ResidentMb, "RSS MB", 8),
];

/// What is compared with the peer, and under which name it is told.
const RATIOS: [(Metric, &str); 6] = [
    (Metric::ServerCpuUs, "CPU"),
    (Metric::Rate, "rate"),
    (Metric::P50Us, "p50"),
    (Metric::P99Us, "p99"),
    (Metric::BytesEach, "memory"),
    (Metric::BesideRate, "rate beside"),
];

/// The lines of one scenario; `earlier` are the results that this invocation has already. Targets are told where
/// the run is at full scale.
pub fn block(
    scenario: &Scenario,
    standings: &[Standing<'_>],
    earlier: &[Record],
    full_scale: bool,
) -> String {
    let mut text = format!("\n{} — {}; CPU per {}\n", scenario.name, scenario.about, scenario.operation);
    let peer = standings.iter().find(|standing| standing.contender.layout == Layout::Peer);
    let peer = peer.and_then(Standing::median);
    for standing in standings {
        let label = standing.contender.label();
        text.push_str(&format!("  {label:<LABEL_WIDTH$}"));
        let Some(figures) = standing.median() else {
            let failure = standing.failure.as_ref().map_or(String::new(), ToString::to_string);
            text.push_str(&format!("  FAILED: {failure}\n"));
            continue;
        };
        text.push_str(&cells(&figures));
        text.push_str(&beside(&figures));
        if let (Some(peer), true) = (&peer, standing.contender.layout != Layout::Peer) {
            let targets =
                if full_scale { targets(scenario.name, &standing.contender.layout) } else { Vec::new() };
            text.push_str(&format!("   {}", ratios(&figures, peer, &targets)));
        }
        if full_scale {
            text.push_str(&kept(&figures, &limits(scenario.name, &standing.contender.layout)));
        }
        if let Some(baseline) = baseline(scenario.name) {
            let layout = &standing.contender.layout;
            text.push_str(&own_ratio(&figures, layout, baseline, earlier, full_scale).unwrap_or_default());
        }
        text.push('\n');
    }
    text
}

/// The line above all blocks.
pub fn head(compared: bool) -> String {
    let mut line = format!("\n  {:<LABEL_WIDTH$}", "");
    for (_, name, width) in COLUMNS {
        line.push_str(&format!("{name:>width$}"));
    }
    line.push_str(&format!("{:>9}", "B each"));
    line.push_str(if compared { "   times the peer (target)\n" } else { "\n" });
    line
}

fn cells(figures: &Figures) -> String {
    let mut line = String::new();
    for (metric, _, width) in COLUMNS {
        let cell = figures.get(metric).map_or("–".to_owned(), |value| number(value, metric));
        line.push_str(&format!("{cell:>width$}"));
    }
    let each =
        figures.get(Metric::BytesEach).map_or("–".to_owned(), |value| number(value, Metric::BytesEach));
    line + &format!("{each:>9}")
}

/// What only some scenarios have.
fn beside(figures: &Figures) -> String {
    let told = [Metric::BesideRate, Metric::Late].into_iter().filter_map(|metric| {
        let unit = if metric == Metric::BesideRate { "/s" } else { "" };
        Some(format!("   {} {}{unit}", metric.label(), number(figures.get(metric)?, metric)))
    });
    told.collect()
}

/// Numbers that have a target of their own.
fn kept(figures: &Figures, limits: &[Target]) -> String {
    let told = limits.iter().filter_map(|limit| {
        let value = figures.get(limit.metric)?;
        let verdict = verdict(value, Some(limit));
        Some(format!("   {} {}{verdict}", limit.metric.label(), number(value, limit.metric)))
    });
    told.collect()
}

fn ratios(figures: &Figures, peer: &Figures, targets: &[Target]) -> String {
    let told = RATIOS.iter().filter_map(|(metric, name)| {
        let ratio = figures.ratio(peer, *metric)?;
        let target = targets.iter().find(|target| target.metric == *metric);
        Some(format!("{name} {ratio:.2}{}", verdict(ratio, target)))
    });
    told.collect::<Vec<_>>().join("  ")
}

fn verdict(ratio: f64, target: Option<&Target>) -> String {
    target.map_or(String::new(), |target| {
        let mark = if target.met_by(ratio) { '✓' } else { '✗' };
        format!(" ({}{} {mark})", target.sign(), target.bound)
    })
}

/// How the figures stand to those of another scenario on the same server, where that was measured too.
fn own_ratio(
    figures: &Figures,
    layout: &Layout,
    baseline: &Baseline,
    earlier: &[Record],
    full_scale: bool,
) -> Option<String> {
    let other = earlier.iter().find(|record| record.scenario == baseline.of && record.layout == *layout)?;
    let ratio = figures.ratio(&other.median, baseline.target.metric)?;
    let promised = full_scale && *layout != Layout::Peer;
    let verdict = verdict(ratio, promised.then_some(&baseline.target));
    Some(format!("   {} {ratio:.2}{verdict} times {}", baseline.target.metric.label(), baseline.of))
}

/// A number as a person reads it: whole and grouped where large, three digits where small.
pub fn number(value: f64, metric: Metric) -> String {
    match metric {
        Metric::Rate | Metric::BytesEach | Metric::Operations | Metric::BesideRate | Metric::Late => {
            grouped(value)
        }
        _ if value >= 100_000.0 => grouped(value),
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::record;

    #[test]
    fn numbers_are_short_but_not_blunt() {
        assert_eq!(number(3_141_592.6, Metric::Rate), "3,141,593");
        assert_eq!(number(999.0, Metric::Rate), "999");
        assert_eq!(number(0.1234, Metric::ServerCpuUs), "0.123");
        assert_eq!(number(28.44, Metric::P50Us), "28.4");
        assert_eq!(number(1234.5, Metric::P99Us), "1234");
        assert_eq!(number(1_234_567.0, Metric::P99Us), "1,234,567");
    }

    #[test]
    fn ratios_name_their_target_and_whether_it_is_met() {
        let figures = |cpu, rate| {
            let mut figures = Figures::default();
            figures.set(Metric::ServerCpuUs, cpu);
            figures.set(Metric::Rate, rate);
            figures
        };
        let targets =
            [Target { metric: Metric::ServerCpuUs, bound: 0.4 }, Target { metric: Metric::Rate, bound: 1.2 }];
        let text = ratios(&figures(1.0, 100.0), &figures(4.0, 100.0), &targets);
        assert_eq!(text, "CPU 0.25 (≤0.4 ✓)  rate 1.00 (≥1.2 ✗)");
        assert_eq!(ratios(&figures(1.0, 100.0), &figures(4.0, 50.0), &[]), "CPU 0.25  rate 2.00");
    }

    #[test]
    fn what_runs_beside_is_told_where_it_is_measured() {
        let mut figures = Figures::default();
        assert_eq!(beside(&figures), "");
        figures.set(Metric::BesideRate, 1_234_567.0);
        figures.set(Metric::Late, 12.0);
        assert_eq!(beside(&figures), "   rate beside 1,234,567/s   late 12");
    }

    #[test]
    fn a_number_is_told_with_its_own_target() {
        let mut figures = Figures::default();
        figures.set(Metric::P99Us, 1_200.0);
        let limits =
            [Target { metric: Metric::P99Us, bound: 1e3 }, Target { metric: Metric::Rate, bound: 9.0 }];
        assert_eq!(kept(&figures, &limits), "   p99 1200 (≤1000 ✗)");
    }

    #[test]
    fn a_server_is_compared_with_itself_where_both_scenarios_ran() {
        let baseline = baseline("deliver-1000-rules").expect("a baseline");
        let earlier = [record("aaa", "deliver-1000-subjects", &[2.0])];
        let mut figures = Figures::default();
        figures.set(Metric::ServerCpuUs, 2.2);
        let told = |layout: &Layout, earlier: &[Record], full_scale| {
            own_ratio(&figures, layout, baseline, earlier, full_scale)
        };
        let layout = &earlier[0].layout;
        let full = told(layout, &earlier, true);
        assert_eq!(full.as_deref(), Some("   CPU 1.10 (≤1.15 ✓) times deliver-1000-subjects"));
        let small = told(layout, &earlier, false);
        assert_eq!(small.as_deref(), Some("   CPU 1.10 times deliver-1000-subjects"));
        assert_eq!(told(layout, &[], true), None);
        assert_eq!(told(&Layout::Peer, &earlier, true), None);
    }
}
