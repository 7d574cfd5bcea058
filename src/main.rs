//! corebus: flags → boot → the control core, until the end.

mod boot;
mod cli;
mod control;
mod logging;
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
        Ok(Command::Serve(options)) => serve(&options),
        Err(error) => fail(&error),
    };
    std::process::exit(code);
}

fn fail(error: &str) -> i32 {
    eprintln!("corebus: {error}");
    1
}

fn serve(options: &cli::Options) -> i32 {
    let log = logging::Log {
        file: options.log_file.clone(),
        time: options.log_time,
        utc: options.log_utc,
        debug: options.tracing.debug,
        trace: options.tracing.trace,
    };
    if let Err(error) = logging::start(log) {
        return fail(&format!("cannot open the log: {error}"));
    }
    match control::run(options) {
        Ok(never) => match never {},
        Err(error) => logging::fatal(&format!("Cannot start the control core: {error}")),
    }
}
