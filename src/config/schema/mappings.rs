//! Subjects of an account that are mapped to others. Source: nats-server `opts.go:parseAccountMappings`,
//! `accounts.go:AddWeightedMappings`.

use std::collections::BTreeMap;

use super::super::field::{Field, quoted};
use super::super::report::Report;
use super::super::tree::{Node, Value};
use shard::subject::{pattern, transform};

struct Destination<'a> {
    subject: &'a str,
    weight: i64,
    cluster: &'a str,
}

/// Checks the whole block; whether it maps anything.
pub fn check(field: &Field<'_>, report: &mut Report) -> bool {
    let Some(map) = field.map(report) else { return false };
    for (source, node) in map.iter() {
        if check_source(field, source, node, report).is_none() {
            break;
        }
    }
    !map.is_empty()
}

/// `None` after a value of the wrong type, which ends the block.
fn check_source(field: &Field<'_>, source: &str, node: &Node, report: &mut Report) -> Option<()> {
    let shown = quoted(source);
    if !pattern::is_valid(source) {
        report.refuse(field.at(), format!("Subject {shown} is not a valid subject"));
        return Some(());
    }
    let mut destinations = Vec::new();
    let adding = match &node.value {
        Value::String(subject) => {
            destinations.push(Destination { subject, weight: 100, cluster: "" });
            format!("Error adding mapping for {shown} to {}", quoted(subject))
        }
        Value::Array(nodes) => {
            for node in nodes.iter() {
                destinations.extend(destination(&field.element(node), report)?);
            }
            format!("Error adding mapping for {shown}")
        }
        _ => {
            match destination(&field.element(node), report)? {
                Some(found) => destinations.push(found),
                None => return Some(()),
            }
            format!("Error adding mapping for {shown}")
        }
    };
    if let Err(error) = check_all(source, &destinations) {
        report.refuse(&node.at, format!("{adding} : {error}"));
    }
    Some(())
}

/// One weighted destination: `None` ends the block, `Some(None)` is one that was refused.
fn destination<'a>(field: &Field<'a>, report: &mut Report) -> Option<Option<Destination<'a>>> {
    let Value::Map(map) = &field.node.value else {
        report.refuse(field.at(), "Expected an entry for the mapping destination");
        return Some(None);
    };
    let mut found = Destination { subject: "", weight: -1, cluster: "" };
    for (name, node) in map.iter() {
        // Where a value of the wrong type stands, nats-server has lost.
        let key = Field { key: name, node, blamed: Some(field.at()) };
        match name.to_lowercase().as_str() {
            "dest" | "destination" => found.subject = key.string(report)?,
            "cluster" => found.cluster = key.string(report)?,
            "weight" => match weight(&key.node.value) {
                Ok(weight) => found.weight = weight,
                Err(error) => {
                    report.refuse(key.at(), error);
                    return Some(None);
                }
            },
            _ => {
                let said = format!("Unknown field {} for mapping destination", quoted(name));
                report.refuse(key.at(), said);
                return Some(None);
            }
        }
    }
    if found.weight < 0 {
        let said = format!("Missing weight for mapping destination {}", quoted(found.subject));
        report.refuse(field.at(), said);
        return Some(None);
    }
    Some(Some(found))
}

/// Percent, as a number or as text.
fn weight(value: &Value) -> Result<i64, String> {
    let weight = match value {
        Value::Integer(weight) => *weight,
        Value::String(text) => {
            let text = text.strip_suffix('%').unwrap_or(text);
            text.parse().map_err(|_| format!("Invalid weight {} for mapping destination", quoted(text)))?
        }
        other => return Err(format!("Unknown entry type for weight of {}\n", other.shown())),
    };
    match weight {
        0..=100 => Ok(weight),
        _ => Err(format!("Invalid weight {weight} for mapping destination")),
    }
}

fn check_all(source: &str, destinations: &[Destination<'_>]) -> Result<(), String> {
    let mut seen = Vec::new();
    // Percent for each cluster.
    let mut totals = BTreeMap::from([("", 0)]);
    for destination in destinations {
        if seen.contains(&destination.subject) {
            return Err(format!("duplicate entry for {}", quoted(destination.subject)));
        }
        seen.push(destination.subject);
        let total = totals.entry(destination.cluster).or_default();
        *total += destination.weight;
        if *total > 100 {
            return Err("total weight needs to be <= 100".to_owned());
        }
        transform::check_mapping(source, destination.subject)?;
    }
    // What is left of the weight stays at the source.
    if totals.values().any(|total| *total != 100) && !seen.contains(&source) {
        transform::check(source, &transform::identity(source), false)?;
    }
    Ok(())
}
