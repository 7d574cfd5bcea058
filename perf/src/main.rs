//! perf: starts servers, loads them, and tells what it saw.

mod budget;
mod cli;
mod compare;
mod contest;
mod cpu;
mod failure;
mod figures;
mod flow;
mod frame;
mod history;
mod login;
mod machine;
mod measure;
mod process;
mod report;
mod scenario;
mod table;
mod wire;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use cli::{Cli, Command, Measure};
use failure::{Failure, Outcome, fail};
use history::Occasion;
use machine::Machine;
use scenario::Scenario;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Quick(measure) => {
            let quick = scenario::ALL.iter().filter(|scenario| scenario.quick).collect();
            run(quick, &measure, true)
        }
        Command::Run(chosen) => {
            scenario::named(&chosen.scenarios).and_then(|scenarios| run(scenarios, &chosen.measure, false))
        }
        Command::List => {
            list();
            Ok(())
        }
        Command::Report(wanted) => write_report(&wanted),
        Command::Compare(wanted) => tell_changes(&wanted),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("perf: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn write_report(wanted: &cli::Report) -> Outcome<()> {
    let records = history::read(&wanted.history.clone().unwrap_or_else(history::default_file))?;
    let page = report::render(&records)?;
    let file = wanted.output.clone().unwrap_or_else(history::default_page);
    let broken = |error: std::io::Error| Failure::new(format!("{}: {error}", file.display()));
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(broken)?;
    }
    std::fs::write(&file, page).map_err(broken)?;
    say(&format!("{}\n", file.display()));
    Ok(())
}

fn tell_changes(wanted: &cli::Compare) -> Outcome<()> {
    let records = history::read(&wanted.history.clone().unwrap_or_else(history::default_file))?;
    say(&compare::compare(&records, wanted.before.as_deref(), wanted.after.as_deref())?);
    Ok(())
}

fn list() {
    for scenario in scenario::ALL {
        let mark = if scenario.quick { " (quick)" } else { "" };
        say(&format!("{:<28}{}{mark}\n", scenario.name, scenario.about));
    }
}

/// Measures and prints; fails at the end where a scenario failed, after all that could be measured was.
fn run(scenarios: Vec<&Scenario>, measure: &Measure, quick: bool) -> Outcome<()> {
    process::raise_descriptor_limit();
    let contenders = measure.contenders(quick)?;
    let effort = measure.effort(quick);
    let date = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let occasion = Occasion { date, commit: machine::commit(), machine: Machine::this(), effort };
    say(&format!("{}; commit {}, {}\n", occasion.machine, occasion.commit, occasion.date));
    say(&format!(
        "each {} × {} s after a warm-up, servers in turn, medians\n",
        effort.rounds, effort.seconds
    ));
    if contenders.len() == 1 {
        say("no peer: name one with --peer, or put nats-server into PATH\n");
    }
    say(&table::head(contenders.len() > 1));
    let bar = progress((scenarios.len() * contenders.len() * effort.rounds) as u64);
    let mut records = Vec::new();
    let mut failed = 0;
    for scenario in scenarios {
        let standings = contest::run(scenario, &contenders, effort, |contender, round| {
            bar.set_message(format!("{}, {}, round {}", scenario.name, contender.label(), round + 1));
            bar.inc(1);
        });
        bar.suspend(|| say(&table::block(scenario, &standings, &records, effort.scale == 1.0)));
        failed += standings.iter().filter(|standing| standing.failure.is_some()).count();
        records.extend(standings.iter().filter_map(|standing| occasion.record(scenario, standing)));
    }
    bar.finish_and_clear();
    if !measure.no_history {
        let file = measure.history.clone().unwrap_or_else(history::default_file);
        history::append(&file, &records)?;
        say(&format!("\n{} results appended to {}\n", records.len(), file.display()));
    }
    if failed > 0 { fail!("{failed} measurements failed") } else { Ok(()) }
}

/// Prints. Where nobody reads any more (`perf list | head`) there is nothing left to do.
fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    if output.write_all(text.as_bytes()).and_then(|()| output.flush()).is_err() {
        std::process::exit(1);
    }
}

/// On a terminal only.
fn progress(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("a valid template");
    ProgressBar::new(length).with_style(style)
}
