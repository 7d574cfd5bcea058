//! What is measured: a few named numbers for each run, and the arithmetic over several runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One kind of number. The order is that of the table's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Operations per second; what an operation is, the scenario says.
    Rate,
    /// Payload bytes delivered (published where nobody subscribes), in units of 10⁶ per second.
    MegabytesPerSecond,
    /// Microseconds of the server's CPU per operation, user and system, all threads.
    ServerCpuUs,
    /// The same of the load generator.
    GeneratorCpuUs,
    P50Us,
    P90Us,
    P99Us,
    P999Us,
    /// Resident memory of the server at the end, in units of 10⁶ bytes.
    ResidentMb,
    /// Resident memory that each connection, subscription or account added, in bytes.
    BytesEach,
    /// Operations per second of a load beside the one that is measured; what they are, the scenario says.
    BesideRate,
    /// Operations, of those at a fixed rate, that were done long after they should have been.
    Late,
    /// Operations behind the figures.
    Operations,
    Seconds,
}

impl Metric {
    /// Those worth comparing between servers and commits.
    pub const COMPARED: [Metric; 9] = [
        Metric::ServerCpuUs,
        Metric::Rate,
        Metric::P50Us,
        Metric::P90Us,
        Metric::P99Us,
        Metric::P999Us,
        Metric::ResidentMb,
        Metric::BytesEach,
        Metric::BesideRate,
    ];

    /// A short name, for a table's head or a list of ratios.
    pub fn label(self) -> &'static str {
        match self {
            Metric::Rate => "rate",
            Metric::MegabytesPerSecond => "MB/s",
            Metric::ServerCpuUs => "CPU",
            Metric::GeneratorCpuUs => "generator CPU",
            Metric::P50Us => "p50",
            Metric::P90Us => "p90",
            Metric::P99Us => "p99",
            Metric::P999Us => "p99.9",
            Metric::ResidentMb => "RSS",
            Metric::BytesEach => "bytes each",
            Metric::BesideRate => "rate beside",
            Metric::Late => "late",
            Metric::Operations => "operations",
            Metric::Seconds => "seconds",
        }
    }

    pub fn more_is_better(self) -> bool {
        matches!(self, Metric::Rate | Metric::MegabytesPerSecond | Metric::BesideRate)
    }
}

/// The numbers of one run; a number that makes no sense for a scenario is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Figures(BTreeMap<Metric, f64>);

impl Figures {
    pub fn get(&self, metric: Metric) -> Option<f64> {
        self.0.get(&metric).copied()
    }

    pub fn set(&mut self, metric: Metric, value: f64) {
        self.0.insert(metric, value);
    }

    pub fn remove(&mut self, metric: Metric) {
        self.0.remove(&metric);
    }

    /// Each number's median over several runs.
    pub fn median(runs: &[Figures]) -> Figures {
        let metrics = runs.iter().flat_map(|run| run.0.keys().copied());
        Figures(metrics.filter_map(|metric| Some((metric, median(&values(runs, metric))?))).collect())
    }

    /// How this run's number stands to another's; `None` where either is missing or the other is nothing.
    pub fn ratio(&self, other: &Figures, metric: Metric) -> Option<f64> {
        let (own, other) = (self.get(metric)?, other.get(metric)?);
        (other > 0.0).then_some(own / other)
    }
}

/// One metric over several runs.
pub fn values(runs: &[Figures], metric: Metric) -> Vec<f64> {
    runs.iter().filter_map(|run| run.get(metric)).collect()
}

/// The middle, or the mean of the two middle ones.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// The median absolute deviation from the median: how far a typical run is off.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let centre = median(values)?;
    median(&values.iter().map(|value| (value - centre).abs()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_deviation_do_not_mind_an_outlier() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(deviation(&[1.0, 2.0, 3.0, 4.0, 1000.0]), Some(1.0));
        assert_eq!(deviation(&[5.0]), Some(0.0));
    }

    #[test]
    fn medians_and_ratios_are_taken_number_by_number() {
        let run = |rate: f64, cpu: Option<f64>| {
            let mut figures = Figures::default();
            figures.set(Metric::Rate, rate);
            cpu.into_iter().for_each(|cpu| figures.set(Metric::ServerCpuUs, cpu));
            figures
        };
        let middle = Figures::median(&[run(1.0, Some(8.0)), run(3.0, None), run(2.0, Some(4.0))]);
        assert_eq!((middle.get(Metric::Rate), middle.get(Metric::ServerCpuUs)), (Some(2.0), Some(6.0)));
        assert_eq!(middle.ratio(&run(4.0, Some(3.0)), Metric::ServerCpuUs), Some(2.0));
        assert_eq!(middle.ratio(&run(4.0, Some(0.0)), Metric::ServerCpuUs), None);
        assert_eq!(middle.ratio(&run(4.0, None), Metric::ServerCpuUs), None);
    }

    #[test]
    fn figures_are_written_by_name() {
        let mut figures = Figures::default();
        figures.set(Metric::P999Us, 12.5);
        let text = serde_json::to_string(&figures).expect("JSON");
        assert_eq!(text, r#"{"p999_us":12.5}"#);
        assert_eq!(serde_json::from_str::<Figures>(&text).expect("figures"), figures);
    }
}
