//! Every transcript against the server under test: whole, byte by byte, and cut at each point.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::case::Case;
use super::library;
use super::play::{Cut, verify};
use crate::support::program;
use crate::support::server::{Launch, Server};
use crate::support::shape::{Shape, in_every_shape};

/// Servers at work at a time.
const WORKERS: usize = 4;
/// Cases that one server plays before another takes over.
const BATCH: usize = 30;
/// A transcript longer than this is cut at as many points, evenly spread.
const CUTS_MAX: usize = 160;
const EVERY_BYTE_MAX: usize = 20_000;

in_every_shape! {
    /// Every transcript gets nats-server's answers, sent as it is written.
    whole;
}

fn whole(shape: Shape) {
    replay(shape, |_| vec![Cut::Whole]);
}

/// The answers do not depend on how the bytes arrive: one at a time.
#[test]
fn byte_by_byte() {
    let cuts = |case: &Case| match case.sent_bytes() {
        _ if stays_whole(case) => vec![],
        0..EVERY_BYTE_MAX => vec![Cut::EveryByte],
        _ => vec![],
    };
    replay(Shape::TWO, cuts);
    if Shape::ONE_EPOLL.applies() {
        replay(Shape::ONE_EPOLL, cuts);
    }
}

/// The answers do not depend on how the bytes arrive: cut in two at each point.
#[test]
fn cut_at_each_point() {
    replay(Shape::TWO, |case| {
        let bytes = if stays_whole(case) { 0 } else { case.sent_bytes() };
        let step = bytes.div_ceil(CUTS_MAX).max(1);
        (1..bytes).step_by(step).map(Cut::At).collect()
    });
}

/// What a peer answers otherwise in pieces is not asked of it; corebus answers alike.
fn stays_whole(case: &Case) -> bool {
    case.whole && !program::is_corebus()
}

/// Plays each case as often as `cuts` says; cases that start a server alike share one.
fn replay(shape: Shape, cuts: impl Fn(&Case) -> Vec<Cut> + Sync) {
    let batches = Mutex::new(batches());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(batch) = { batches.lock().expect("batches").pop() } {
                    failures.lock().expect("failures").extend(play_batch(shape, &batch, &cuts));
                }
            });
        }
    });
    let failures = failures.into_inner().expect("failures");
    let count = failures.len();
    assert!(failures.is_empty(), "{count} transcripts differ in {shape:?}\n\n{}", failures.join("\n"));
}

fn batches() -> Vec<Vec<Case>> {
    let mut alike: BTreeMap<_, Vec<Case>> = BTreeMap::new();
    for case in library::cases() {
        alike.entry((case.settings.clone(), case.flags.clone())).or_default().push(case);
    }
    alike.into_values().flat_map(|cases| cases.chunks(BATCH).map(<[_]>::to_vec).collect::<Vec<_>>()).collect()
}

/// The first difference of each case of the batch.
fn play_batch(shape: Shape, batch: &[Case], cuts: &impl Fn(&Case) -> Vec<Cut>) -> Vec<String> {
    let server = launch(shape, &batch[0]);
    let first_difference =
        |case: &Case| cuts(case).into_iter().find_map(|cut| verify(case, server.address, cut).err());
    batch.iter().filter_map(first_difference).collect()
}

pub fn launch(shape: Shape, case: &Case) -> Server {
    let mut launch = Launch::new(shape);
    for (key, value) in &case.settings {
        launch = launch.set(key, value);
    }
    for flag in &case.flags {
        launch = launch.flag(flag);
    }
    launch.start()
}
