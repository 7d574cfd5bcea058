//! Connections that do nothing: what they hold and what they cost.

use std::time::Duration;

use crate::failure::Outcome;
use crate::figures::{Figures, Metric};
use crate::flow::beside;
use crate::login::Login;
use crate::measure::Bench;
use crate::process::require_descriptors;
use crate::wire::{Client, next_source};

/// For files other than the connections.
const DESCRIPTORS_SPARE: u64 = 200;

/// Memory of the server, divided by the connections; rate and CPU are those of opening them. Connection n (from
/// 0) logs in as `login` says.
pub fn run_memory(bench: &Bench<'_>, connections: usize, login: impl Fn(usize) -> Login) -> Outcome<Figures> {
    let connections = bench.scaled(connections);
    let mut first = bench.open(&login(0))?;
    let before = bench.resident_at_rest()?;
    let meter = bench.meter()?;
    let mut clients = open(bench, connections, login)?;
    let mut figures = meter.stop(connections as f64)?;
    // Some servers measure the round trip of new clients by a PING: it is answered, as by any client.
    let after = beside(&mut clients, |_| bench.resident_at_rest())?;
    figures.set(Metric::BytesEach, after.saturating_sub(before) as f64 / connections as f64);
    figures.set(Metric::ResidentMb, after as f64 / 1e6);
    clients.iter_mut().try_for_each(Client::barrier)?;
    first.barrier()?;
    Ok(figures)
}

/// CPU of the server per second with connections that only answer its PINGs.
pub fn run_cpu(bench: &Bench<'_>, connections: usize) -> Outcome<Figures> {
    let mut clients = open(bench, bench.scaled(connections), |_| Login::Anonymous)?;
    let settle = Duration::from_secs_f64((bench.seconds * 3.0).min(4.0));
    let figures = beside(&mut clients, |_| {
        std::thread::sleep(settle);
        let meter = bench.meter()?;
        std::thread::sleep(bench.duration());
        meter.stop_idle()
    })?;
    clients.iter_mut().try_for_each(Client::barrier)?;
    Ok(figures)
}

fn open(bench: &Bench<'_>, connections: usize, login: impl Fn(usize) -> Login) -> Outcome<Vec<Client>> {
    require_descriptors(connections as u64 + DESCRIPTORS_SPARE)?;
    let open = |number| {
        let source = Some(next_source());
        Client::open_from(bench.server.address, source, &login(number)).map(|(client, _)| client)
    };
    (0..connections).map(open).collect()
}
