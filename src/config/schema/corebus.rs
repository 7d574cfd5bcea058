//! The `corebus` block: what no nats-server has. Its names are of no meaning there.

use shard::settings::{DriverKind, Placement};
use shard::shard_set::SHARDS_MAX;

use super::super::field::Field;
use super::super::options::Options;
use super::super::report::Report;
use super::super::tree::Value;
use super::Key;

const KEYS: &[Key<Options>] = &[
    Key { names: &["shards"], read: shards },
    Key { names: &["cpus"], read: cpus },
    Key { names: &["driver"], read: driver },
    Key { names: &["placement"], read: placement },
];

pub fn read(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    if let Some(map) = field.map(report) {
        super::read(map, KEYS, options, report);
    }
}

/// Shards, one a core.
fn shards(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    let Some(number) = field.integer(report) else { return };
    match usize::try_from(number) {
        Ok(shards @ 1..=SHARDS_MAX) => options.shards = Some(shards),
        _ => report.refuse(field.at(), format!("shards must be between 1 and {SHARDS_MAX}")),
    }
}

/// CPUs the shards are pinned to: a list of numbers, or text like `0-3,8`.
fn cpus(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    let cpus = match &field.node.value {
        Value::Array(nodes) => nodes
            .iter()
            .map(|node| match &node.value {
                Value::Integer(cpu) => usize::try_from(*cpu).ok(),
                // A number before a bracket is read as text.
                Value::String(text) => text.parse().ok(),
                _ => None,
            })
            .collect(),
        Value::Integer(cpu) => usize::try_from(*cpu).ok().map(|cpu| vec![cpu]),
        Value::String(text) => ranges(text),
        _ => None,
    };
    match cpus {
        Some(cpus) if !cpus.is_empty() && cpus.len() <= SHARDS_MAX => options.cpus = Some(cpus),
        _ => report.refuse(field.at(), "cpus must be a list of CPU numbers, or text such as \"0-3,8\""),
    }
}

fn ranges(text: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last || last >= 4096 {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

fn driver(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    match field.string(report) {
        Some("uring") => options.driver = Some(DriverKind::Uring),
        Some("epoll") => options.driver = Some(DriverKind::Epoll),
        Some(_) => report.refuse(field.at(), "driver must be \"uring\" or \"epoll\""),
        None => {}
    }
}

fn placement(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    match field.string(report) {
        Some("spread") => options.placement = Placement::Spread,
        Some("home") => options.placement = Placement::Home,
        Some("auto") => options.placement = Placement::Auto,
        Some(_) => report.refuse(field.at(), "placement must be \"spread\", \"home\" or \"auto\""),
        None => {}
    }
}
