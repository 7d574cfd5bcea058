//! The command line.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::contest::{Contender, Effort, Layout};
use crate::failure::{Outcome, fail};
use crate::process::Program;

/// Measures corebus beside any other NATS server.
///
/// Starts the servers on free loopback ports, loads each with the same scenarios in turn, and prints messages per
/// second, latencies, memory, and the CPU time that the server itself spent on each message.
#[derive(Debug, Parser)]
#[command(name = "perf", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure the main scenarios, in less than two minutes
    Quick(Measure),
    /// Measure scenarios at length: all, or those whose name holds one of the words
    Run(Run),
    /// List the scenarios
    List,
    /// Write a page with plots of the results kept in the history
    Report(Report),
    /// Tell what changed between two commits in the history
    Compare(Compare),
}

#[derive(Debug, Args)]
pub struct Run {
    /// Names of scenarios, or parts of names
    pub scenarios: Vec<String>,
    #[command(flatten)]
    pub measure: Measure,
}

#[derive(Debug, Args)]
pub struct Measure {
    /// The corebus binary [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub server: Option<PathBuf>,
    /// More arguments for corebus, separated by spaces
    #[arg(
        long,
        value_name = "ARGS",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub server_args: String,
    /// Another NATS server to measure beside it [default: nats-server, if it is in PATH]
    #[arg(long, value_name = "PATH", env = "PERF_PEER")]
    pub peer: Option<PathBuf>,
    /// More arguments for the peer, separated by spaces
    #[arg(
        long,
        value_name = "ARGS",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub peer_args: String,
    /// Measure corebus alone
    #[arg(long, conflicts_with_all = ["peer_args"])]
    pub no_peer: bool,
    /// Numbers of shards to measure corebus with [default: quick: 1; run: 1,2,4 as far as there are cores]
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=256))]
    pub shards: Vec<u16>,
    /// Where connections live when there are several shards
    #[arg(long, value_name = "P,…", value_delimiter = ',', value_enum, default_value = "home,spread")]
    pub placement: Vec<Placement>,
    /// How often each scenario runs on each server; the median is shown [default: quick: 1; run: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub rounds: Option<u16>,
    /// Seconds of measuring in each run, after a short warm-up [default: quick: 0.7; run: 1.5]
    #[arg(long, value_name = "S", value_parser = positive)]
    pub seconds: Option<f64>,
    /// Multiplies the numbers of connections and subscriptions; targets hold at 1 only
    #[arg(long, value_name = "F", default_value_t = 1.0, value_parser = positive)]
    pub scale: f64,
    /// Where results are kept, one JSON line each [default: perf/history/local.jsonl of this checkout]
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Keep no results
    #[arg(long, conflicts_with = "history")]
    pub no_history: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Placement {
    Home,
    Spread,
}

#[derive(Debug, Args)]
pub struct Report {
    /// The history to read [default: perf/history/local.jsonl of this checkout]
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// The page to write [default: perf/report/index.html of this checkout]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Compare {
    /// A commit in the history, or the beginning of one [default: the last but one]
    pub before: Option<String>,
    /// Another [default: the last]
    #[arg(requires = "before")]
    pub after: Option<String>,
    /// The history to read [default: perf/history/local.jsonl of this checkout]
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 3600.0 => Ok(number),
        _ => Err("a number above 0 and up to 3600 is needed".to_owned()),
    }
}

impl Measure {
    /// The servers to measure, each started once to see that it works.
    pub fn contenders(&self, quick: bool) -> Outcome<Vec<Contender>> {
        let mut contenders = Vec::new();
        if let Some(path) = self.peer_path()? {
            let program = Program { path, arguments: words(&self.peer_args) };
            contenders.push(Contender::meet(Layout::Peer, program)?);
        }
        let path = self.server_path()?;
        for layout in self.layouts(quick) {
            let program = Program { path: path.clone(), arguments: words(&self.server_args) };
            let program = program.laid_out(&layout);
            contenders.push(Contender::meet(layout, program)?);
        }
        Ok(contenders)
    }

    pub fn effort(&self, quick: bool) -> Effort {
        let (rounds, seconds) = if quick { (1, 0.7) } else { (3, 1.5) };
        Effort {
            rounds: self.rounds.map_or(rounds, usize::from),
            seconds: self.seconds.unwrap_or(seconds),
            scale: self.scale,
        }
    }

    fn layouts(&self, quick: bool) -> Vec<Layout> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let shards = match (self.shards.is_empty(), quick) {
            (false, _) => self.shards.iter().copied().map(usize::from).collect(),
            (true, true) => vec![1],
            (true, false) => [1, 2, 4].into_iter().filter(|shards| *shards <= cores).collect(),
        };
        let mut layouts = Vec::new();
        for shards in shards {
            // Where there is one shard there is one place.
            let placements = if shards == 1 { &[Placement::Home][..] } else { &self.placement[..] };
            for placement in placements {
                let placement = if *placement == Placement::Home { "home" } else { "spread" };
                let layout = Layout::Corebus { shards, placement: placement.to_owned() };
                if !layouts.contains(&layout) {
                    layouts.push(layout);
                }
            }
        }
        layouts
    }

    fn server_path(&self) -> Outcome<PathBuf> {
        if let Some(path) = &self.server {
            return existing(path, "--server");
        }
        let own = std::env::current_exe()?;
        let beside = own.with_file_name("corebus");
        match beside.is_file() {
            true => Ok(beside),
            false => fail!(
                "there is no corebus at {}: build it with `cargo build --release`, or name one with --server",
                beside.display()
            ),
        }
    }

    fn peer_path(&self) -> Outcome<Option<PathBuf>> {
        match &self.peer {
            _ if self.no_peer => Ok(None),
            Some(path) => existing(path, "--peer").map(Some),
            None => Ok(in_path("nats-server")),
        }
    }
}

impl Program {
    fn laid_out(mut self, layout: &Layout) -> Program {
        if let Layout::Corebus { shards, placement } = layout {
            let flags = ["--shards", &shards.to_string(), "--placement", placement].map(str::to_owned);
            self.arguments.splice(0..0, flags);
        }
        self
    }
}

fn existing(path: &Path, flag: &str) -> Outcome<PathBuf> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    match path.components().count() == 1 {
        true => match in_path(&path.to_string_lossy()) {
            Some(found) => Ok(found),
            None => fail!("{flag}: there is no {} here, nor in PATH", path.display()),
        },
        false => fail!("{flag}: there is no file {}", path.display()),
    }
}

fn in_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(arguments: &[&str]) -> Measure {
        let all = ["perf", "run"].iter().chain(arguments);
        match Cli::try_parse_from(all).expect("a command line").command {
            Command::Run(run) => run.measure,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
        assert!(Cli::try_parse_from(["perf", "run", "--seconds", "0"]).is_err());
        assert!(Cli::try_parse_from(["perf", "run", "--shards", "0"]).is_err());
    }

    #[test]
    fn one_shard_is_measured_once_whatever_the_placements() {
        let shown = |arguments: &[&str]| {
            measure(arguments).layouts(false).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(shown(&["--shards", "1,2"]), ["1 shard", "2 shards home", "2 shards spread"]);
        assert_eq!(shown(&["--shards", "2,1,1", "--placement", "spread"]), ["2 shards spread", "1 shard"]);
    }

    #[test]
    fn arguments_for_a_server_come_after_its_layout() {
        let program = Program { path: PathBuf::from("corebus"), arguments: words("--driver epoll") };
        let layout = Layout::Corebus { shards: 2, placement: "spread".to_owned() };
        let expected = ["--shards", "2", "--placement", "spread", "--driver", "epoll"];
        assert_eq!(program.laid_out(&layout).arguments, expected);
    }

    #[test]
    fn a_server_that_is_not_there_is_named() {
        let failure = measure(&["--server", "/nonesuch/corebus"]).server_path().expect_err("no file");
        assert_eq!(failure.to_string(), "--server: there is no file /nonesuch/corebus");
    }
}
