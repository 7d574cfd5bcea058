//! corebus: flags → boot → the control core, until the end.

// Compiled at the start and at each reload once shards take a directory.
#[allow(dead_code)]
mod accounts;
mod boot;
mod cli;
mod config;
mod control;
mod files;
mod logging;
mod monitor;
mod secrets;
mod signal;
mod version;

use cli::Command;

fn main() {
    let command = cli::parse(std::env::args().skip(1));
    secrets::scrub();
    let code = match command {
        Ok(Command::Version) => {
            println!("{}", version::line());
            0
        }
        Ok(Command::Help) => {
            print!("{}", cli::HELP);
            0
        }
        Ok(Command::Signal(text)) => match signal::send(&text) {
            Ok(()) => 0,
            Err(error) => fail(&error),
        },
        Ok(Command::Check(arguments)) => match arguments.check(&config::environment) {
            Ok(said) => {
                eprintln!("corebus: {said}");
                0
            }
            Err(error) => fail(&error),
        },
        Ok(Command::Serve(arguments)) => match arguments.configure(&config::environment) {
            Ok(configuration) => {
                eprint!("{}", configuration.warnings);
                serve(arguments, configuration.options)
            }
            Err(error) => fail(&error),
        },
        Err(error) => fail(&error),
    };
    std::process::exit(code);
}

fn fail(error: &str) -> i32 {
    eprintln!("corebus: {error}");
    1
}

fn serve(arguments: cli::Arguments, options: config::Options) -> i32 {
    if let Err(error) = logging::start(&logging::Log::of(&options)) {
        return fail(&error.to_string());
    }
    match control::run(arguments, options) {
        Ok(never) => match never {},
        Err(error) => logging::fatal(&format!("Cannot start the control core: {error}")),
    }
}
