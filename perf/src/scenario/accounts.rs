//! Thousands of accounts in one file: how long the server takes to start with them, and what they hold.

use std::time::{Duration, Instant};

use crate::cpu::{CpuSample, resident_bytes};
use crate::failure::{Outcome, fail};
use crate::figures::{Figures, Metric};
use crate::login::Login;
use crate::measure::{Bench, Latencies};
use crate::process::Server;
use crate::wire::Client;

use super::{Setup, connections};

/// So many accounts of a server are looked at, to see that all of them are there.
const ACCOUNTS_CHECKED: usize = 10;
const STARTS_MIN: u32 = 3;

/// A server with so many accounts, one user in each.
pub fn setup(accounts: usize) -> Setup {
    Setup { configuration: Some(configuration(accounts)), greeter: login(accounts - 1) }
}

/// The user of this account (from 0).
pub fn login(account: usize) -> Login {
    Login::password(format!("user-{account}"), format!("password-{account}"))
}

fn configuration(accounts: usize) -> String {
    let account = |number| {
        format!(
            "  account-{number} {{ users: [{{user: \"user-{number}\", password: \"password-{number}\"}}] }}\n"
        )
    };
    format!("accounts {{\n{}}}\n", (0..accounts).map(account).collect::<String>())
}

/// Servers one after another, each from before it is started until a user of its last account has a PONG. Rate
/// and CPU are those of starting, too.
pub fn run_start(bench: &Bench<'_>, accounts: usize) -> Outcome<Figures> {
    let accounts = bench.scaled(accounts);
    let (program, _folder) = bench.program.with_configuration(&configuration(accounts))?;
    // The first brings program and file into memory.
    drop(Server::start(&program, &login(accounts - 1))?);
    let mut latencies = Latencies::new();
    let (mut starts, mut seconds, mut cpu, mut resident) = (0_u32, Duration::ZERO, Duration::ZERO, 0);
    let end = Instant::now() + bench.duration();
    while starts < STARTS_MIN || Instant::now() < end {
        let server = Server::start(&program, &login(accounts - 1))?;
        cpu += CpuSample::of(server.pid())?.since_birth();
        resident = resident_bytes(server.pid())?;
        latencies.record(server.ready_after);
        seconds += server.ready_after;
        starts += 1;
        check(&Bench { server: &server, ..*bench }, accounts).map_err(|failure| server.explain(failure))?;
    }
    let mut figures = Figures::default();
    figures.set(Metric::Operations, f64::from(starts));
    figures.set(Metric::Seconds, seconds.as_secs_f64());
    figures.set(Metric::Rate, f64::from(starts) / seconds.as_secs_f64());
    figures.set(Metric::ServerCpuUs, cpu.as_secs_f64() * 1e6 / f64::from(starts));
    figures.set(Metric::ResidentMb, resident as f64 / 1e6);
    latencies.write_median(&mut figures);
    Ok(figures)
}

/// Memory of a server with the accounts, less that of `bench`'s server with none, divided by the accounts. CPU is
/// that of starting.
pub fn run_memory(bench: &Bench<'_>, accounts: usize) -> Outcome<Figures> {
    let accounts = bench.scaled(accounts);
    let before = bench.resident_at_rest()?;
    let (program, _folder) = bench.program.with_configuration(&configuration(accounts))?;
    let server = Server::start(&program, &login(accounts - 1))?;
    let cpu = CpuSample::of(server.pid())?.since_birth();
    let full = Bench { server: &server, ..*bench };
    let after = full.resident_at_rest()?;
    check(&full, accounts).map_err(|failure| server.explain(failure))?;
    let each = |value: f64| value / accounts as f64;
    let mut figures = Figures::default();
    figures.set(Metric::Operations, accounts as f64);
    figures.set(Metric::Seconds, server.ready_after.as_secs_f64());
    figures.set(Metric::ServerCpuUs, each(cpu.as_secs_f64() * 1e6));
    figures.set(Metric::BytesEach, each(after.saturating_sub(before) as f64));
    figures.set(Metric::ResidentMb, after as f64 / 1e6);
    Ok(figures)
}

/// Memory of idle connections, each in the next account.
pub fn run_connections(bench: &Bench<'_>, accounts: usize, connections: usize) -> Outcome<Figures> {
    let accounts = bench.scaled(accounts);
    let figures = connections::run_memory(bench, connections, |number| login(number % accounts))?;
    check(bench, accounts)?;
    Ok(figures)
}

/// The accounts are there, each by itself: a user of each gets what that account publishes, and no more. A wrong
/// password is refused.
fn check(bench: &Bench<'_>, accounts: usize) -> Outcome<()> {
    let numbers: Vec<_> = (0..accounts).step_by(accounts.div_ceil(ACCOUNTS_CHECKED)).collect();
    let mut clients: Vec<Client> =
        numbers.iter().map(|number| bench.open(&login(*number))).collect::<Outcome<_>>()?;
    for client in &mut clients {
        client.subscribe("perf.isolated", None, 1)?;
        client.barrier()?;
    }
    for client in &mut clients {
        client.write(b"PUB perf.isolated 2\r\nhi\r\n")?;
        client.barrier()?;
    }
    for (client, number) in clients.iter_mut().zip(&numbers) {
        client.barrier()?;
        let messages = client.scanner.messages();
        if messages != 1 {
            return fail!("account {number} received {messages} messages instead of its own");
        }
    }
    match bench.open(&Login::password("user-0", "password-of-another")) {
        Err(failure) if failure.to_string().contains("Authorization Violation") => Ok(()),
        Err(failure) => Err(failure),
        Ok(_) => fail!("a wrong password let somebody in"),
    }
}
