//! Clients that come and go: connect, CONNECT and PING, PONG, close.

use std::time::{Duration, Instant};

use crate::failure::{Outcome, fail};
use crate::figures::Figures;
use crate::login::{Login, user_key};
use crate::measure::{Bench, Latencies};
use crate::wire::{Client, next_source};

use super::Setup;

const USER: &str = "perf";
const PASSWORD: &str = "comes and goes";

/// How those who come say who they are.
#[derive(Debug, Clone, Copy)]
pub enum Proof {
    Password,
    Nkey,
}

impl Proof {
    pub fn setup(self) -> Setup {
        let user = match self {
            Proof::Password => format!("user: \"{USER}\", password: \"{PASSWORD}\""),
            Proof::Nkey => format!("nkey: \"{}\"", user_key().public_key()),
        };
        let configuration = format!("authorization {{\n  users: [{{{user}}}]\n}}\n");
        Setup { configuration: Some(configuration), greeter: self.login() }
    }

    fn login(self) -> Login {
        match self {
            Proof::Password => Login::password(USER, PASSWORD),
            Proof::Nkey => Login::Nkey(user_key()),
        }
    }

    /// Also sees that somebody without it is sent away.
    pub fn run(self, bench: &Bench<'_>) -> Outcome<Figures> {
        match bench.open(&Login::Anonymous) {
            Err(failure) if failure.to_string().contains("Authorization Violation") => {}
            Err(failure) => return Err(failure),
            Ok(_) => return fail!("somebody without a name was let in"),
        }
        run(bench, &self.login())
    }
}

pub fn run(bench: &Bench<'_>, login: &Login) -> Outcome<Figures> {
    churn(bench, login, bench.warmup())?;
    let meter = bench.meter()?;
    let (connections, latencies) = churn(bench, login, bench.duration())?;
    let mut figures = meter.stop(connections as f64)?;
    latencies.write(&mut figures);
    Ok(figures)
}

fn churn(bench: &Bench<'_>, login: &Login, length: Duration) -> Outcome<(u64, Latencies)> {
    let mut latencies = Latencies::new();
    let end = Instant::now() + length;
    let mut connections = 0;
    while connections == 0 || Instant::now() < end {
        let start = Instant::now();
        let (client, _) = Client::open_from(bench.server.address, Some(next_source()), login)?;
        latencies.record(start.elapsed());
        client.close();
        connections += 1;
    }
    Ok((connections, latencies))
}
