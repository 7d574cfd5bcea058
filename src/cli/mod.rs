//! The flags of nats-server and corebus's own, in Go's style: one dash or two, `-flag value` or `-flag=value`.
//! A flag whose feature is not built is refused by name; nothing is accepted and ignored.

mod help;
mod settings;
mod units;

use std::path::PathBuf;
use std::time::Duration;

use shard::settings::{Credentials, DriverKind, Limits, Placement, Tracing};

/// All that a start needs to know.
#[derive(Clone)]
pub struct Options {
    pub host: String,
    /// `None`: one that is free.
    pub port: Option<u16>,
    pub name: Option<String>,
    pub pid_file: Option<PathBuf>,
    pub ports_file_dir: Option<PathBuf>,
    pub log_file: Option<PathBuf>,
    pub log_time: bool,
    pub log_utc: bool,
    pub tracing: Tracing,
    pub user: Option<String>,
    pub password: Option<String>,
    pub token: Option<String>,
    pub shards: Option<usize>,
    pub driver: Option<DriverKind>,
    pub placement: Placement,
    pub limits: Limits,
    pub headers: bool,
    pub stall_fast_producers: bool,
    pub lame_duck_duration: Duration,
    pub lame_duck_grace_period: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            host: "0.0.0.0".to_owned(),
            port: Some(4222),
            name: None,
            pid_file: None,
            ports_file_dir: None,
            log_file: None,
            log_time: true,
            log_utc: false,
            tracing: Tracing::default(),
            user: None,
            password: None,
            token: None,
            shards: None,
            driver: None,
            placement: Placement::default(),
            limits: Limits::default(),
            headers: true,
            stall_fast_producers: true,
            lame_duck_duration: Duration::from_secs(120),
            lame_duck_grace_period: Duration::from_secs(10),
        }
    }
}

impl Options {
    pub fn credentials(&self) -> Credentials {
        match (&self.user, &self.token) {
            (Some(name), _) => {
                Credentials::User { name: name.clone(), password: self.password.clone().unwrap_or_default() }
            }
            (None, Some(token)) => Credentials::Token(token.clone()),
            (None, None) => Credentials::None,
        }
    }
}

/// What the command line asks for.
pub enum Command {
    Serve(Box<Options>),
    Signal(String),
    Version,
    Help,
}

/// Flags of nats-server whose feature is not here, and what that is.
const REFUSED: &[(&[&str], &str)] = &[
    (&["c", "config"], "configuration files"),
    (&["t"], "configuration files"),
    (&["m", "http_port", "ms", "https_port"], "monitoring"),
    (&["js", "jetstream"], "JetStream"),
    (&["client_advertise", "no_advertise", "connect_retries"], "clusters"),
    (&["routes", "cluster", "cluster_listen", "cluster_name", "cluster_advertise"], "clusters"),
    (&["tls", "tlscert", "tlskey", "tlsverify", "tlscacert", "help_tls"], "TLS"),
    (&["s", "syslog", "r", "remote_syslog"], "syslog"),
    (&["log_size_limit"], "log rotation"),
    (&["profile"], "profiling"),
];

/// Reads the arguments after the program's name. An error is fit to be shown as it is.
pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut options = Options::default();
    let mut signal = None;
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let Some(flag) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else {
            match argument.as_str() {
                "version" => return Ok(Command::Version),
                "help" => return Ok(Command::Help),
                other => return Err(format!("unrecognized command: {other:?}")),
            }
        };
        let (name, given) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        if let Some((_, feature)) = REFUSED.iter().find(|(names, _)| names.contains(&name)) {
            return Err(format!("flag -{name} is not supported yet: {feature}"));
        }
        if let Some(switch) = switch(&mut options, name) {
            let on = given.as_deref().is_none_or(|value| matches!(value, "true" | "1" | "t" | "T" | "TRUE"));
            switch(&mut options, on);
            continue;
        }
        match name {
            "v" | "version" => return Ok(Command::Version),
            "h" | "help" => return Ok(Command::Help),
            _ => {}
        }
        if !takes_value(name) {
            return Err(format!("flag provided but not defined: -{name}"));
        }
        let Some(value) = given.or_else(|| arguments.next()) else {
            return Err(format!("flag needs an argument: -{name}"));
        };
        if matches!(name, "sl" | "signal") {
            signal = Some(value);
            continue;
        }
        set(&mut options, name, value)?;
    }
    match signal {
        Some(signal) => Ok(Command::Signal(signal)),
        None => {
            settings::check(&options)?;
            Ok(Command::Serve(Box::new(options)))
        }
    }
}

type Switch = fn(&mut Options, bool);

fn switch(_options: &mut Options, name: &str) -> Option<Switch> {
    Some(match name {
        "D" | "debug" => |options, on| options.tracing.debug = on,
        "V" | "trace" => |options, on| options.tracing.trace = on,
        // Verbose tracing adds the system account's own traffic, of which there is none yet.
        "VV" => |options, on| options.tracing.trace = on,
        "DV" | "DVV" => |options, on| {
            options.tracing.debug = on;
            options.tracing.trace = on;
        },
        "T" | "logtime" => |options, on| options.log_time = on,
        "logtime_utc" => |options, on| options.log_utc = on,
        _ => return None,
    })
}

fn takes_value(name: &str) -> bool {
    matches!(
        name,
        "a" | "addr"
            | "net"
            | "p"
            | "port"
            | "n"
            | "name"
            | "server_name"
            | "P"
            | "pid"
            | "ports_file_dir"
            | "l"
            | "log"
            | "user"
            | "pass"
            | "auth"
            | "max_traced_msg_len"
            | "shards"
            | "driver"
            | "placement"
            | "set"
            | "sl"
            | "signal"
            | "sd"
            | "store_dir"
    )
}

fn set(options: &mut Options, name: &str, value: String) -> Result<(), String> {
    let bad = |value: &str| format!("invalid value {value:?} for flag -{name}");
    match name {
        "a" | "addr" | "net" => options.host = value,
        "p" | "port" => {
            options.port = match value.parse::<i32>().map_err(|_| bad(&value))? {
                -1 => None,
                0 => Some(4222),
                port => Some(u16::try_from(port).map_err(|_| bad(&value))?),
            }
        }
        "n" | "name" | "server_name" => options.name = Some(value),
        "P" | "pid" => options.pid_file = Some(value.into()),
        "ports_file_dir" => options.ports_file_dir = Some(value.into()),
        "l" | "log" => options.log_file = Some(value.into()),
        "user" => options.user = Some(value),
        "pass" => options.password = Some(plain(value)?),
        "auth" => options.token = Some(plain(value)?),
        "max_traced_msg_len" => {
            options.tracing.max_traced_msg_len = value.parse().map_err(|_| bad(&value))?;
        }
        "shards" => {
            let shards = value.parse().map_err(|_| bad(&value))?;
            if !(1..=shard::shard_set::SHARDS_MAX).contains(&shards) {
                return Err(bad(&value));
            }
            options.shards = Some(shards);
        }
        "driver" => {
            options.driver = Some(match value.as_str() {
                "uring" => DriverKind::Uring,
                "epoll" => DriverKind::Epoll,
                _ => return Err(bad(&value)),
            });
        }
        "placement" => {
            options.placement = match value.as_str() {
                "spread" => Placement::Spread,
                "home" => Placement::Home,
                _ => return Err(bad(&value)),
            };
        }
        "set" => {
            let Some((key, value)) = value.split_once('=') else { return Err(bad(&value)) };
            settings::set(options, key.trim(), value.trim())?;
        }
        // Where JetStream would store: without JetStream there is nothing to be stored.
        "sd" | "store_dir" => {}
        _ => unreachable!("{name} takes a value"),
    }
    Ok(())
}

/// Refuses a hashed secret: it would be compared as text.
fn plain(secret: String) -> Result<String, String> {
    match secret.strip_prefix("$2") {
        Some(_) => Err("bcrypt secrets are not supported yet".to_owned()),
        None => Ok(secret),
    }
}

pub use help::HELP;

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Options {
        match parse(line.split_whitespace().map(str::to_owned)) {
            Ok(Command::Serve(options)) => *options,
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
        assert!(!options("-D=false").tracing.debug);
        assert_eq!(options("-a 127.0.0.1 --shards 3").shards, Some(3));
        assert_eq!(options("--set max_payload=2MB").limits.max_payload, 2 << 20);
    }

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        for flag in ["-c x", "-js", "--routes x", "-m 8222", "--tls", "-t"] {
            assert!(error(flag).contains("is not supported yet"), "{flag}");
        }
        assert!(error("--pass $2a$11$xyz").contains("bcrypt"));
        assert!(!error("--pass $2a$11$xyz").contains("xyz"));
    }

    #[test]
    fn wrong_values_are_refused() {
        let lines =
            ["-p x", "-p 70000", "-p -2", "--shards 0", "--shards 1000", "--driver x", "-p", "x", "--nope"];
        for line in lines {
            error(line);
        }
    }
}
