//! Results kept: one JSON line for each, appended to a file.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::contest::{Effort, Layout, Standing};
use crate::failure::{Failure, Outcome};
use crate::figures::Figures;
use crate::machine::Machine;
use crate::scenario::Scenario;

/// One scenario on one server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// RFC 3339, UTC; all results of one invocation have the same.
    pub date: String,
    pub commit: String,
    pub machine: Machine,
    pub scenario: String,
    pub operation: String,
    /// `corebus`, `nats-server`.
    pub server: String,
    pub version: String,
    pub layout: Layout,
    pub arguments: Vec<String>,
    pub seconds: f64,
    pub scale: f64,
    pub median: Figures,
    pub rounds: Vec<Figures>,
}

/// What all results of one invocation have in common.
#[derive(Debug, Clone)]
pub struct Occasion {
    pub date: String,
    pub commit: String,
    pub machine: Machine,
    pub effort: Effort,
}

impl Occasion {
    /// The record of a standing; `None` where it failed.
    pub fn record(&self, scenario: &Scenario, standing: &Standing<'_>) -> Option<Record> {
        let contender = standing.contender;
        Some(Record {
            date: self.date.clone(),
            commit: self.commit.clone(),
            machine: self.machine.clone(),
            scenario: scenario.name.to_owned(),
            operation: scenario.operation.to_owned(),
            server: contender.kind.clone(),
            version: contender.version.clone(),
            layout: contender.layout.clone(),
            arguments: contender.program.arguments.clone(),
            seconds: self.effort.seconds,
            scale: self.effort.scale,
            median: standing.median()?,
            rounds: standing.rounds.clone(),
        })
    }
}

/// Where results are kept if nothing else is said: in the checkout around the working directory, else beside it.
pub fn default_file() -> PathBuf {
    match checkout() {
        Some(root) => root.join("perf/history/local.jsonl"),
        None => PathBuf::from("perf-history.jsonl"),
    }
}

/// Where the page about them is written if nothing else is said.
pub fn default_page() -> PathBuf {
    match checkout() {
        Some(root) => root.join("perf/report/index.html"),
        None => PathBuf::from("perf-report.html"),
    }
}

/// The checkout of corebus that holds the working directory.
fn checkout() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().find(|folder| folder.join("perf/Cargo.toml").is_file()).map(Path::to_owned)
}

/// Adds to the end of the file, which is made where it is missing.
pub fn append(file: &Path, records: &[Record]) -> Outcome<()> {
    let broken = |error: std::io::Error| Failure::new(format!("{}: {error}", file.display()));
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(broken)?;
    }
    let mut lines = String::new();
    for record in records {
        let line = serde_json::to_string(record).map_err(|error| Failure::new(error.to_string()))?;
        lines.push_str(&line);
        lines.push('\n');
    }
    let mut output = OpenOptions::new().create(true).append(true).open(file).map_err(broken)?;
    output.write_all(lines.as_bytes()).map_err(broken)
}

/// All results of a file, oldest first.
pub fn read(file: &Path) -> Outcome<Vec<Record>> {
    let place = file.display();
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::new(format!("{place}: {error}; `perf quick` or `perf run` write a history"))
    })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line)
                .map_err(|error| Failure::new(format!("{place}, line {}: {error}", number + 1)))
        })
        .collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::figures::Metric;

    /// A result of corebus at one shard, with this CPU time in each round.
    pub fn record(commit: &str, scenario: &str, cpu: &[f64]) -> Record {
        let rounds: Vec<_> = (cpu.iter())
            .map(|cpu| {
                let mut figures = Figures::default();
                figures.set(Metric::ServerCpuUs, *cpu);
                figures
            })
            .collect();
        Record {
            date: "2026-01-02T03:04:05Z".to_owned(),
            commit: commit.to_owned(),
            machine: Machine { cpu: "A".to_owned(), cores: 2, kernel: "6.1".to_owned() },
            scenario: scenario.to_owned(),
            operation: "message".to_owned(),
            server: "corebus".to_owned(),
            version: "0.1.0".to_owned(),
            layout: Layout::Corebus { shards: 1, placement: "home".to_owned() },
            arguments: Vec::new(),
            seconds: 1.0,
            scale: 1.0,
            median: Figures::median(&rounds),
            rounds,
        }
    }

    #[test]
    fn what_was_appended_is_read_back() {
        let folder = std::env::temp_dir().join(format!("perf-history-{}", std::process::id()));
        let file = folder.join("deep/one.jsonl");
        let records = [record("aaa", "one-to-one", &[1.0, 2.0]), record("bbb", "churn", &[3.0])];
        append(&file, &records[..1]).expect("a new file");
        append(&file, &records[1..]).expect("a longer file");
        assert_eq!(read(&file).expect("both"), records);
        fs::write(&file, "{}\n").expect("a broken file");
        let failure = read(&file).expect_err("not a record").to_string();
        assert!(failure.contains("line 1"), "{failure}");
        fs::remove_dir_all(&folder).expect("tidy up");
    }
}
