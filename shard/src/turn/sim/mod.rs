//! Whole shards, from seeds, on one thread under a virtual clock: what clients are promised holds, whatever
//! the network does. `COREBUS_SIM_SEED=7 cargo test -p shard sim` replays one seed and shows what clients
//! read; `COREBUS_SIM_RUNS=100000` tries so many, beginning at `COREBUS_SIM_FROM`.

mod client;
mod frames;
mod oracle;
mod plan;
mod records;
mod run;
mod seat;
mod trace;
mod workload;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mark::{self, Marks};
use plan::Plan;
use run::{Outcome, Run};

/// Seeds of an ordinary test run.
const RUNS: u64 = 240;
const THREADS: usize = 2;

/// What the default seeds must have met.
const MARKS: [&str; 1] = ["barrier waits"];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

fn play(seed: u64) -> Outcome {
    Run::new(Plan::draw(seed), number("COREBUS_SIM_SEED").is_some()).go()
}

#[test]
fn promises_hold_from_seeds() {
    let first = number("COREBUS_SIM_SEED");
    let from = first.or(number("COREBUS_SIM_FROM")).unwrap_or(0);
    let runs = if first.is_some() { 1 } else { number("COREBUS_SIM_RUNS").unwrap_or(RUNS) };
    let next = AtomicU64::new(from);
    let marks = Mutex::new(Marks::new());
    let totals = Mutex::new((0, 0, 0));
    let failed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + runs || failed.lock().unwrap().len() >= 20 {
                break;
            }
            match catch_unwind(AssertUnwindSafe(|| play(seed))) {
                Ok(outcome) => {
                    let mut totals = totals.lock().unwrap();
                    totals.0 += outcome.steps;
                    totals.1 += outcome.published;
                    totals.2 += outcome.delivered;
                }
                Err(_) => {
                    eprintln!("failed: COREBUS_SIM_SEED={seed} cargo test -p shard sim");
                    failed.lock().unwrap().push(seed);
                }
            }
        }
        let mut marks = marks.lock().unwrap();
        for (name, times) in mark::take() {
            *marks.entry(name).or_default() += times;
        }
    };
    std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap();
    let (steps, published, delivered) = totals.into_inner().unwrap();
    let marks = marks.into_inner().unwrap();
    eprintln!("{runs} runs, {steps} steps, {published} published, {delivered} delivered\n{marks:#?}");
    assert!(failed.is_empty(), "replay with COREBUS_SIM_SEED: {failed:?}");
    if number("COREBUS_SIM_SEED").is_none() {
        for mark in MARKS {
            assert!(marks.contains_key(mark), "no seed reached: {mark}");
        }
    }
}

/// Nothing but the seed decides what happens.
#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 1000..1020 {
        let (one, other) = (play(seed), play(seed));
        assert_eq!(one, other, "seed {seed}");
        assert!(one.trace.bytes > 0);
    }
}
