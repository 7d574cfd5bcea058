//! Subjects of an account that are mapped to others. Source: nats-server `opts.go:parseAccountMappings`,
//! `accounts.go:AddWeightedMappings`.

use std::collections::{BTreeMap, HashSet};

use super::super::field::{Field, quoted};
use super::super::options::Mapping;
use super::super::report::Report;
use super::super::tree::{Node, Value};
use shard::account::mapping::Destination;
use shard::subject::{pattern, transform};

struct Entry<'a> {
    subject: &'a str,
    weight: i64,
    cluster: &'a str,
}

impl Entry<'_> {
    fn owned(self) -> Destination {
        Destination {
            subject: self.subject.to_owned(),
            weight: u8::try_from(self.weight).unwrap_or(100),
            cluster: self.cluster.to_owned(),
        }
    }
}

/// Reads the whole block. Of two sources that hold one subject the narrower is looked at first: nats-server has
/// them in an order that changes with each start.
pub fn read(field: &Field<'_>, report: &mut Report) -> Vec<Mapping> {
    let Some(map) = field.map(report) else { return Vec::new() };
    let mut mappings = Vec::with_capacity(map.len());
    for (source, node) in map.iter() {
        match read_source(field, source, node, report) {
            Some(mapping) => mappings.extend(mapping),
            None => break,
        }
    }
    mappings.sort_by(|one, other| pattern::narrower_first(&one.source, &other.source));
    mappings
}

/// `None` after a value of the wrong type, which ends the block; `Some(None)` is one that was refused.
fn read_source(field: &Field<'_>, source: &str, node: &Node, report: &mut Report) -> Option<Option<Mapping>> {
    let shown = quoted(source);
    if !pattern::is_valid(source) {
        report.refuse(field.at(), format!("Subject {shown} is not a valid subject"));
        return Some(None);
    }
    let mut destinations = Vec::new();
    let adding = match &node.value {
        Value::String(subject) => {
            destinations.push(Entry { subject, weight: 100, cluster: "" });
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
                None => return Some(None),
            }
            format!("Error adding mapping for {shown}")
        }
    };
    if let Err(error) = check_all(source, &destinations) {
        report.refuse(&node.at, format!("{adding} : {error}"));
        return Some(None);
    }
    let destinations = destinations.into_iter().map(Entry::owned).collect();
    Some(Some(Mapping { source: source.to_owned(), destinations }))
}

/// One weighted destination: `None` ends the block, `Some(None)` is one that was refused.
fn destination<'a>(field: &Field<'a>, report: &mut Report) -> Option<Option<Entry<'a>>> {
    let Value::Map(map) = &field.node.value else {
        report.refuse(field.at(), "Expected an entry for the mapping destination");
        return Some(None);
    };
    let mut found = Entry { subject: "", weight: -1, cluster: "" };
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

fn check_all(source: &str, destinations: &[Entry<'_>]) -> Result<(), String> {
    let mut seen = HashSet::new();
    // Percent for each cluster.
    let mut totals = BTreeMap::from([("", 0)]);
    for destination in destinations {
        if !seen.insert(destination.subject) {
            return Err(format!("duplicate entry for {}", quoted(destination.subject)));
        }
        let total = totals.entry(destination.cluster).or_default();
        *total += destination.weight;
        if *total > 100 {
            return Err("total weight needs to be <= 100".to_owned());
        }
        transform::check_mapping(source, destination.subject)?;
    }
    // What is left of the weight stays at the source.
    if totals.values().any(|total| *total != 100) && !seen.contains(source) {
        transform::check(source, &transform::identity(source), false)?;
    }
    Ok(())
}
