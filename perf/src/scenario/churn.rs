//! Clients that come and go: connect, CONNECT and PING, PONG, close.

use std::time::{Duration, Instant};

use crate::failure::Outcome;
use crate::figures::Figures;
use crate::measure::{Bench, Latencies};
use crate::wire::{Client, next_source};

pub fn run(bench: &Bench<'_>) -> Outcome<Figures> {
    churn(bench, bench.warmup())?;
    let meter = bench.meter()?;
    let (connections, latencies) = churn(bench, bench.duration())?;
    let mut figures = meter.stop(connections as f64)?;
    latencies.write(&mut figures);
    Ok(figures)
}

fn churn(bench: &Bench<'_>, length: Duration) -> Outcome<(u64, Latencies)> {
    let mut latencies = Latencies::new();
    let end = Instant::now() + length;
    let mut connections = 0;
    while connections == 0 || Instant::now() < end {
        let start = Instant::now();
        let (client, _) = Client::open_from(bench.server.address, Some(next_source()))?;
        latencies.record(start.elapsed());
        client.close();
        connections += 1;
    }
    Ok((connections, latencies))
}
