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
mod machine;
mod measure;
mod process;
mod report;
mod scenario;
mod table;
mod wire;

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
        Command::Run(chosen) => run(scenario::named(&chosen.scenarios), &chosen.measure, false),
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
    println!("{}", file.display());
    Ok(())
}

fn tell_changes(wanted: &cli::Compare) -> Outcome<()> {
    let records = history::read(&wanted.history.clone().unwrap_or_else(history::default_file))?;
    print!("{}", compare::compare(&records, wanted.before.as_deref(), wanted.after.as_deref())?);
    Ok(())
}

fn list() {
    for scenario in scenario::ALL {
        let mark = if scenario.quick { " (quick)" } else { "" };
        println!("{:<28}{}{mark}", scenario.name, scenario.about);
    }
}

/// Measures and prints; fails at the end where a scenario failed, after all that could be measured was.
fn run(scenarios: Vec<&Scenario>, measure: &Measure, quick: bool) -> Outcome<()> {
    if scenarios.is_empty() {
        return fail!("no scenario has such a name; `perf list` shows them all");
    }
    process::raise_descriptor_limit();
    let contenders = measure.contenders(quick)?;
    let effort = measure.effort(quick);
    let date = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let occasion = Occasion { date, commit: machine::commit(), machine: Machine::this(), effort };
    println!("{}; commit {}, {}", occasion.machine, occasion.commit, occasion.date);
    println!("each {} × {} s after a warm-up, servers in turn, medians", effort.rounds, effort.seconds);
    if contenders.len() == 1 {
        println!("no peer: name one with --peer, or put nats-server into PATH");
    }
    print!("{}", table::head(contenders.len() > 1));
    let bar = progress((scenarios.len() * contenders.len() * effort.rounds) as u64);
    let mut records = Vec::new();
    let mut failed = 0;
    for scenario in scenarios {
        let standings = contest::run(scenario, &contenders, effort, |contender, round| {
            bar.set_message(format!("{}, {}, round {}", scenario.name, contender.label(), round + 1));
            bar.inc(1);
        });
        bar.suspend(|| print!("{}", table::block(scenario, &standings, effort.scale == 1.0)));
        failed += standings.iter().filter(|standing| standing.failure.is_some()).count();
        records.extend(standings.iter().filter_map(|standing| occasion.record(scenario, standing)));
    }
    bar.finish_and_clear();
    if !measure.no_history {
        let file = measure.history.clone().unwrap_or_else(history::default_file);
        history::append(&file, &records)?;
        println!("\n{} results appended to {}", records.len(), file.display());
    }
    if failed > 0 { fail!("{failed} measurements failed") } else { Ok(()) }
}

/// On a terminal only.
fn progress(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("a valid template");
    ProgressBar::new(length).with_style(style)
}
