//! Two commits in the history, number by number.

use std::fmt::Write;

use crate::contest::{Layout, label};
use crate::failure::{Outcome, fail};
use crate::figures::{Figures, Metric, deviation, median, values};
use crate::history::Record;
use crate::table::number;

/// A change is told as one when it is more than so many deviations of either side, and more than 2 %.
const DEVIATIONS: f64 = 3.0;
const LEAST_CHANGE: f64 = 0.02;

/// The deltas from `before` to `after` (the last two commits of corebus where none are named), as a table.
/// Figures of different machines are not compared, that is a failure.
pub fn compare(records: &[Record], before: Option<&str>, after: Option<&str>) -> Outcome<String> {
    let own: Vec<_> = records.iter().filter(|record| record.layout != Layout::Peer).collect();
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (commit(&own, before)?, commit(&own, after)?),
        (Some(before), None) => (commit(&own, before)?, latest(&own, &commit(&own, before)?)?),
        (None, _) => last_two(&own)?,
    };
    let of = |commit: &str| own.iter().copied().filter(|record| record.commit == commit).collect::<Vec<_>>();
    let (old, new) = (of(&before), of(&after));
    same_machine(&old, &new)?;
    let mut text = format!("{before} → {after} on {}\n", new[0].machine);
    let mut told = 0;
    for series in series(&new) {
        let (old, new) = (runs(&old, series), runs(&new, series));
        if old.is_empty() {
            continue;
        }
        told += 1;
        let name = label(&series.server, &series.version, &series.layout);
        let _ = writeln!(text, "\n{} — {name}", series.scenario);
        Metric::COMPARED
            .iter()
            .filter_map(|metric| row(*metric, &old, &new))
            .for_each(|row| text.push_str(&row));
    }
    match told {
        0 => fail!("{before} and {after} have no scenario in common, measured in the same way"),
        _ => Ok(text),
    }
}

/// `  CPU   0.172 ± 0.003 → 0.165 ± 0.002   −4.1 %  better`
fn row(metric: Metric, old: &[Figures], new: &[Figures]) -> Option<String> {
    let (old, new) = (values(old, metric), values(new, metric));
    let (was, is) = (median(&old)?, median(&new)?);
    let (was_off, is_off) = (deviation(&old)?, deviation(&new)?);
    let change = if was == 0.0 { 0.0 } else { (is - was) / was };
    let clear = (is - was).abs() > DEVIATIONS * was_off.max(is_off) && change.abs() > LEAST_CHANGE;
    let verdict = match (clear, old.len().min(new.len()) > 1, (change > 0.0) == metric.more_is_better()) {
        (false, ..) => "",
        (true, false, _) => "one run only",
        (true, true, true) => "better",
        (true, true, false) => "WORSE",
    };
    let side = |value, off| format!("{:>12} ± {:<9}", number(value, metric), number(off, metric));
    let line = format!(
        "  {:<11}{} → {} {:>+7.1} %  {verdict}",
        metric.label(),
        side(was, was_off),
        side(is, is_off),
        change * 100.0
    );
    Some(line.trim_end().to_owned() + "\n")
}

fn same_machine(old: &[&Record], new: &[&Record]) -> Outcome<()> {
    let machine = &new[0].machine;
    match old.iter().chain(new).find(|record| record.machine != *machine) {
        Some(other) => {
            fail!("figures of different machines are not compared: {} and {machine}", other.machine)
        }
        None => Ok(()),
    }
}

/// The first record of each scenario, server and way of measuring.
fn series<'a>(records: &[&'a Record]) -> Vec<&'a Record> {
    let mut found: Vec<&Record> = Vec::new();
    for record in records {
        if !found.iter().any(|known| same_series(known, record)) {
            found.push(record);
        }
    }
    found
}

fn same_series(one: &Record, other: &Record) -> bool {
    let key = |record: &Record| (record.scenario.clone(), record.layout.clone(), record.arguments.clone());
    key(one) == key(other) && one.seconds == other.seconds && one.scale == other.scale
}

fn runs(records: &[&Record], series: &Record) -> Vec<Figures> {
    records
        .iter()
        .filter(|record| same_series(record, series))
        .flat_map(|record| record.rounds.clone())
        .collect()
}

/// The one commit in the history that begins so.
fn commit(records: &[&Record], beginning: &str) -> Outcome<String> {
    let mut found: Vec<_> = records.iter().map(|record| &record.commit).collect();
    found.retain(|commit| commit.starts_with(beginning));
    // A whole name is meant as it is, also where another continues it (`-dirty`).
    if found.iter().any(|commit| *commit == beginning) {
        return Ok(beginning.to_owned());
    }
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => fail!("the history has no results of {beginning}"),
        several => fail!("{beginning} may be any of {several:?}"),
    }
}

fn latest(records: &[&Record], except: &str) -> Outcome<String> {
    match records.iter().rev().find(|record| record.commit != except) {
        Some(record) => Ok(record.commit.clone()),
        None => fail!("the history has results of one commit only"),
    }
}

fn last_two(records: &[&Record]) -> Outcome<(String, String)> {
    let Some(last) = records.last() else { return fail!("the history has no results of corebus") };
    Ok((latest(records, &last.commit)?, last.commit.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::record;

    #[test]
    fn a_clear_change_is_told_from_noise() {
        let records = [
            record("aaa1", "one-to-one", &[1.00, 1.01, 0.99]),
            record("aaa1", "churn", &[10.0, 14.0, 6.0]),
            record("bbb2", "one-to-one", &[0.80, 0.81, 0.79]),
            record("bbb2", "churn", &[12.0, 16.0, 8.0]),
        ];
        let text = compare(&records, None, None).expect("two commits");
        let rows: Vec<_> = text.lines().filter(|line| line.contains("CPU")).collect();
        assert!(rows[0].contains("-20.0 %") && rows[0].ends_with("better"), "{text}");
        assert!(rows[1].ends_with("+20.0 %"), "noise has no verdict: {text}");
        let back = compare(&records, Some("bbb"), Some("aaa")).expect("the other way round");
        assert!(back.contains("+25.0 %  WORSE"), "{back}");
    }

    #[test]
    fn machines_are_not_compared_with_each_other() {
        let mut records = [record("a", "churn", &[1.0]), record("b", "churn", &[2.0])];
        records[0].machine.cores = 64;
        let failure = compare(&records, None, None).expect_err("two machines").to_string();
        assert!(failure.contains("different machines"), "{failure}");
    }

    #[test]
    fn a_commit_must_be_known_and_meant_alone() {
        let records =
            [record("abc1", "churn", &[1.0]), record("abc2", "churn", &[2.0]), record("abc", "x", &[1.0])];
        let own: Vec<_> = records.iter().collect();
        assert_eq!(commit(&own, "abc1").expect("one"), "abc1");
        assert_eq!(commit(&own, "abc").expect("a whole name"), "abc");
        assert!(commit(&own, "ab").is_err());
        assert!(commit(&own, "zzz").is_err());
        assert!(compare(&records[..1], None, None).is_err());
        assert!(compare(&records, Some("abc1"), Some("abc")).is_err(), "nothing in common");
    }
}
