//! Scenarios against servers: each round runs every server once, in turn, so that whatever else the machine does
//! hits all of them alike.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Outcome};
use crate::figures::Figures;
use crate::login::Login;
use crate::measure::Bench;
use crate::process::{Program, Server};
use crate::scenario::Scenario;

/// Which server, in which arrangement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    Peer,
    Corebus { shards: usize, placement: String },
}

impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layout::Peer => formatter.write_str("peer"),
            Layout::Corebus { shards: 1, .. } => formatter.write_str("1 shard"),
            Layout::Corebus { shards, placement } => write!(formatter, "{shards} shards {placement}"),
        }
    }
}

/// A server that takes part.
#[derive(Debug, Clone)]
pub struct Contender {
    pub layout: Layout,
    pub program: Program,
    /// As its INFO has it: `corebus`, `nats-server`.
    pub kind: String,
    pub version: String,
}

impl Contender {
    /// Starts the server once, to see that it works and what it is.
    pub fn meet(layout: Layout, program: Program) -> Outcome<Contender> {
        let (kind, version) = Server::start(&program, &Login::Anonymous)?.identity();
        Ok(Contender { layout, program, kind, version })
    }

    /// `corebus 0.1.0, 2 shards home`.
    pub fn label(&self) -> String {
        label(&self.kind, &self.version, &self.layout)
    }
}

pub fn label(kind: &str, version: &str, layout: &Layout) -> String {
    match layout {
        Layout::Peer => format!("{kind} {version}"),
        layout => format!("{kind} {version}, {layout}"),
    }
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    pub seconds: f64,
    pub scale: f64,
}

/// One scenario on one server, all rounds.
#[derive(Debug)]
pub struct Standing<'a> {
    pub contender: &'a Contender,
    pub rounds: Vec<Figures>,
    /// The first failure. There is no figure then: half a truth would be read as a whole one.
    pub failure: Option<Failure>,
}

impl Standing<'_> {
    pub fn median(&self) -> Option<Figures> {
        (self.failure.is_none() && !self.rounds.is_empty()).then(|| Figures::median(&self.rounds))
    }
}

/// Runs a scenario on all contenders; `before_each` hears what comes next.
pub fn run<'a>(
    scenario: &Scenario,
    contenders: &'a [Contender],
    effort: Effort,
    mut before_each: impl FnMut(&Contender, usize),
) -> Vec<Standing<'a>> {
    let standing = |contender| Standing { contender, rounds: Vec::new(), failure: None };
    let mut standings: Vec<_> = contenders.iter().map(standing).collect();
    for round in 0..effort.rounds {
        for standing in &mut standings {
            before_each(standing.contender, round);
            if standing.failure.is_some() {
                continue;
            }
            match run_once(scenario, standing.contender, effort) {
                Ok(figures) => standing.rounds.push(figures),
                Err(failure) => standing.failure = Some(failure),
            }
        }
    }
    standings
}

/// A fresh server for each run: no run inherits another's memory or caches.
fn run_once(scenario: &Scenario, contender: &Contender, effort: Effort) -> Outcome<Figures> {
    let plain = &contender.program;
    let setup = scenario.setup(effort.scale);
    // Kept until the server has ended: its file is in there.
    let (program, _folder) = match &setup.configuration {
        Some(text) => plain.with_configuration(text).map(|(program, folder)| (program, Some(folder)))?,
        None => (plain.clone(), None),
    };
    let server = Server::start(&program, &setup.greeter)?;
    let bench = Bench { server: &server, program: plain, seconds: effort.seconds, scale: effort.scale };
    scenario.run(&bench).map_err(|failure| server.explain(failure))
}
