//! The flags of nats-server and corebus's own, in Go's style: one dash or two, `-flag value` or `-flag=value`.
//! A flag whose feature is not built is refused by name; nothing is accepted and ignored. Flags win over the
//! configuration file.

mod help;
mod unbuilt;

use std::path::PathBuf;

use shard::settings::{DriverKind, Placement};

use crate::config::{self, Environment, Options, Source};

pub use help::HELP;

/// What the command line asks for.
pub enum Command {
    Serve(Arguments),
    /// Only look at the configuration file.
    Check(Arguments),
    Signal(String),
    Version,
    Help,
}

/// Flags with their values, ready to be laid over a configuration file, at the start and at each reload.
#[derive(Clone, Default)]
pub struct Arguments {
    pub config: Option<PathBuf>,
    given: Vec<(String, String)>,
}

/// Options, and what is to be told about the file they came from.
pub struct Configuration {
    pub options: Options,
    /// Complaints that do not stop a start, a line each.
    pub warnings: String,
}

impl Arguments {
    /// Options from the file, if there is one, and the flags over it. The error is what to show.
    pub fn configure(&self, environment: Environment<'_>) -> Result<Configuration, String> {
        let mut options = Options::default();
        let mut warnings = String::new();
        if let Some(path) = &self.config {
            let (report, digest) = config::load(path, &mut options, environment);
            if !report.is_usable() {
                return Err(report.to_string().trim_end().to_owned());
            }
            warnings = report.to_string();
            options.source = Some(Source { path: path.clone(), digest });
        }
        self.lay_over(&mut options)?;
        config::check(&options)?;
        Ok(Configuration { options, warnings })
    }

    /// What `-t` says: that the file is valid, or all that is wrong with it. Source: nats-server `main.go`.
    pub fn check(&self, environment: Environment<'_>) -> Result<String, String> {
        let Some(path) = &self.config else {
            return Err("must specify [-c, --config] option to check configuration file syntax".to_owned());
        };
        let (report, digest) = config::load(path, &mut Options::default(), environment);
        match report.is_clean() {
            true => Ok(format!("configuration file {} is valid ({digest})", path.display())),
            false => Err(report.to_string()),
        }
    }

    fn lay_over(&self, options: &mut Options) -> Result<(), String> {
        self.given.iter().try_for_each(|(name, value)| set(options, name, value))
    }
}

/// Flags that are on or off; without a value they are on.
const SWITCHES: &[&str] = &[
    "D",
    "debug",
    "V",
    "trace",
    "VV",
    "DV",
    "DVV",
    "T",
    "logtime",
    "logtime_utc",
    "s",
    "syslog",
    "t",
    "v",
    "version",
    "h",
    "help",
];

const VALUES: &[&str] = &[
    "a",
    "addr",
    "net",
    "p",
    "port",
    "n",
    "name",
    "server_name",
    "P",
    "pid",
    "ports_file_dir",
    "l",
    "log",
    "log_size_limit",
    "r",
    "remote_syslog",
    "user",
    "pass",
    "auth",
    "m",
    "http_port",
    "max_traced_msg_len",
    "c",
    "config",
    "shards",
    "cpus",
    "driver",
    "placement",
    "set",
    "sl",
    "signal",
    "sd",
    "store_dir",
];

/// Reads the arguments after the program's name. An error is fit to be shown as it is.
pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut found = Arguments::default();
    let (mut signal, mut check) = (None, false);
    let (mut version, mut help) = (false, false);
    let mut refused = Ok(());
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let Some(flag) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else {
            match argument.to_lowercase().as_str() {
                "version" => version = true,
                "help" => help = true,
                // As there, a flag that asks for either is answered first.
                _ if version || help => {}
                _ => return Err(format!("unrecognized command: {argument:?}")),
            }
            break;
        };
        let (name, given) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let unbuilt = unbuilt::is_switch(name);
        let value = if SWITCHES.contains(&name) || unbuilt == Some(true) {
            given.unwrap_or_else(|| "true".to_owned())
        } else if VALUES.contains(&name) || unbuilt.is_some() {
            given.or_else(|| arguments.next()).ok_or_else(|| format!("flag needs an argument: -{name}"))?
        } else {
            return Err(format!("flag provided but not defined: -{name}"));
        };
        match name {
            _ if unbuilt.is_some() => refused = refused.and(unbuilt::check(name, &value)),
            "v" | "version" => version = switched(name, &value)?,
            "h" | "help" => help = switched(name, &value)?,
            "t" => check = switched(name, &value)?,
            "sl" | "signal" => signal = Some(value),
            "c" | "config" => found.config = (!value.is_empty()).then(|| value.into()),
            _ => found.given.push((name.to_owned(), value)),
        }
    }
    // Wrong values are told before any file is read.
    found.lay_over(&mut Options::default())?;
    if version || help {
        return Ok(if version { Command::Version } else { Command::Help });
    }
    refused?;
    Ok(match signal {
        Some(signal) => Command::Signal(signal),
        None if check => Command::Check(found),
        None => Command::Serve(found),
    })
}

/// Source: Go's `strconv.ParseBool`.
fn switched(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("invalid boolean value {value:?} for -{name}: parse error")),
    }
}

/// Sets what one flag is for.
fn set(options: &mut Options, name: &str, value: &str) -> Result<(), String> {
    let bad = || format!("invalid value {value:?} for flag -{name}");
    let on = || switched(name, value);
    match name {
        "D" | "debug" => options.tracing.debug = on()?,
        "V" | "trace" => options.tracing.trace = on()?,
        "VV" => (options.tracing.trace, options.tracing.verbose) = (on()?, on()?),
        "DV" => (options.tracing.debug, options.tracing.trace) = (on()?, on()?),
        "DVV" => {
            options.tracing.debug = on()?;
            (options.tracing.trace, options.tracing.verbose) = (on()?, on()?);
        }
        "T" | "logtime" => options.log_time = on()?,
        "logtime_utc" => options.log_utc = on()?,
        "s" | "syslog" => options.syslog.local = on()?,
        "r" | "remote_syslog" => options.syslog.remote = (!value.is_empty()).then(|| value.to_owned()),
        "a" | "addr" | "net" => value.clone_into(&mut options.host),
        "p" | "port" => {
            options.port = match value.parse::<i32>().map_err(|_| bad())? {
                -1 => None,
                0 => Some(4222),
                port => Some(u16::try_from(port).map_err(|_| bad())?),
            }
        }
        "m" | "http_port" => {
            options.http_port = value.parse().map_err(|_| bad())?;
            if !(-1..=65535).contains(&options.http_port) {
                return Err(bad());
            }
        }
        "n" | "name" | "server_name" => options.name = Some(value.to_owned()),
        "P" | "pid" => options.pid_file = Some(value.into()),
        "ports_file_dir" => options.ports_file_dir = Some(value.into()),
        "l" | "log" => options.log_file = Some(value.into()),
        "log_size_limit" => options.log_size_limit = value.parse().map_err(|_| bad())?,
        "user" => options.authorization.user = Some(value.to_owned()),
        "pass" => options.authorization.password = Some(value.to_owned()),
        "auth" => options.authorization.token = Some(value.to_owned()),
        "max_traced_msg_len" => options.tracing.max_traced_msg_len = value.parse().map_err(|_| bad())?,
        "shards" => {
            let shards = value.parse().map_err(|_| bad())?;
            if !(1..=shard::shard_set::SHARDS_MAX).contains(&shards) {
                return Err(bad());
            }
            options.shards = Some(shards);
        }
        "driver" => {
            options.driver = Some(match value {
                "uring" => DriverKind::Uring,
                "epoll" => DriverKind::Epoll,
                _ => return Err(bad()),
            });
        }
        "placement" => {
            options.placement = match value {
                "spread" => Placement::Spread,
                "home" => Placement::Home,
                "auto" => Placement::Auto,
                _ => return Err(bad()),
            };
        }
        "cpus" => set_key(options, "corebus.cpus", &format!("{value:?}"))?,
        "set" => {
            // It may be a secret: it is not shown.
            let wanted = || "invalid value for flag -set: KEY=VALUE is wanted".to_owned();
            let (key, value) = value.split_once('=').ok_or_else(wanted)?;
            set_key(options, key.trim(), value.trim())?;
        }
        // Where JetStream would store: without JetStream there is nothing to be stored.
        "sd" | "store_dir" => {}
        _ => unreachable!("{name} is a flag"),
    }
    Ok(())
}

/// `--set KEY=VALUE`: one key of the configuration, blocks separated by points.
fn set_key(options: &mut Options, key: &str, value: &str) -> Result<(), String> {
    let (blocks, last) = key.rsplit_once('.').unwrap_or(("", key));
    let blocks: Vec<&str> = blocks.split('.').filter(|block| !block.is_empty()).collect();
    let opening: String = blocks.iter().map(|block| format!("{block} {{ ")).collect();
    let text = format!("{opening}{last} = {value}\n{}", "}".repeat(blocks.len()));
    let map =
        config::parse_text(&text, "--set", &config::environment).map_err(|problem| problem.to_string())?;
    let report = config::read(&map, options);
    match report.is_clean() {
        true => Ok(()),
        false => Err(report.to_string().trim_end().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn options(line: &str) -> Options {
        match parse(line.split_whitespace().map(str::to_owned)) {
            Ok(Command::Serve(arguments)) => {
                arguments.configure(&|_| None).map(|found| found.options).unwrap()
            }
            Ok(_) => panic!("{line} does not serve"),
            Err(error) => panic!("{line}: {error}"),
        }
    }

    fn error(line: &str) -> String {
        match parse(line.split_whitespace().map(str::to_owned)) {
            Err(error) => error,
            Ok(_) => panic!("{line} was accepted"),
        }
    }

    #[test]
    fn every_form_of_a_flag() {
        for line in ["-p 5", "--p 5", "-port=5", "--port=5", "--port 5"] {
            assert_eq!(options(line).port, Some(5), "{line}");
        }
        assert_eq!(options("-p -1").port, None);
        assert_eq!(options("-p=0").port, Some(4222));
        assert!(options("-DV").tracing.debug && options("-DV").tracing.trace);
        assert!(options("-DVV").tracing.verbose && !options("-DV").tracing.verbose);
        assert!(!options("-D=false").tracing.debug && !options("-T=0").log_time);
        assert_eq!(options("-a 127.0.0.1 --shards 3").shards, Some(3));
        assert_eq!(options("--cpus 0-2,5").cpus, Some(vec![0, 1, 2, 5]));
        assert_eq!(options("-m 8222").http_port, 8222);
    }

    #[test]
    fn any_key_of_the_configuration_can_be_set() {
        assert_eq!(options("--set max_payload=2MB").limits.max_payload, 2 << 20);
        assert_eq!(options("--set authorization.timeout=3").limits.auth_timeout, Duration::from_secs(3));
        assert_eq!(options("--set corebus.shards=2").shards, Some(2));
        assert!(error("--set max_payload=x").contains("--set:1:0: interface conversion"));
        assert!(error("--set nonsense=1").contains("unknown field \"nonsense\""));
        assert!(error("--set cluster.port=1").contains("is not supported yet"));
    }

    #[test]
    fn every_flag_is_in_the_help() {
        let shown = |word: &'static str| Some(word.strip_prefix('-')?.trim_matches(['-', ',']));
        let told: Vec<&str> = HELP.split_whitespace().filter_map(shown).collect();
        for flag in SWITCHES.iter().chain(VALUES) {
            assert!(told.contains(flag), "{flag}");
        }
    }

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        for flag in ["-js", "--routes x", "--tls", "-ms 1", "--profile 1"] {
            assert!(error(flag).contains("is not supported yet"), "{flag}");
        }
    }

    #[test]
    fn what_asks_for_nothing_is_let_pass() {
        let line =
            "--js=false --jetstream=0 --tls=false --no_advertise=false --profile 0 --routes= --cluster= -p 5";
        assert_eq!(options(line).port, Some(5));
    }

    #[test]
    fn version_and_help_are_answered_whatever_stands_beside() {
        for line in ["-v", "-v -h", "-js -v", "-t -version", "version", "-p 5 Version x"] {
            let command = parse(line.split_whitespace().map(str::to_owned));
            assert!(matches!(command, Ok(Command::Version)), "{line}");
        }
        for line in ["-h", "-js --help", "help", "-h x"] {
            let command = parse(line.split_whitespace().map(str::to_owned));
            assert!(matches!(command, Ok(Command::Help)), "{line}");
        }
        for line in ["-v --nope", "-v -p x", "-v=maybe"] {
            error(line);
        }
    }

    #[test]
    fn wrong_values_are_refused() {
        let lines = [
            "-p x",
            "-p 70000",
            "-p -2",
            "--shards 0",
            "--shards 1000",
            "--driver x",
            "-p",
            "x",
            "--nope",
            "-D=maybe",
            "--cpus x",
            "-m 70000",
        ];
        for line in lines {
            error(line);
        }
    }
}
