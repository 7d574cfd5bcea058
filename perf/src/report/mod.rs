//! The history as one self-contained page: the latest results beside the peer, and how they came about.

mod page;
mod plot;
mod svg;

use crate::contest::Layout;
use crate::failure::{Outcome, fail};
use crate::figures::Metric;
use crate::history::Record;
use crate::machine::Machine;

/// The latest results of one scenario, and those before.
#[derive(Debug)]
struct Chapter<'a> {
    scenario: &'a str,
    operation: &'a str,
    /// All servers of the latest invocation that ran this scenario, the peer first.
    latest: Vec<&'a Record>,
    /// All results of this scenario in the same way of measuring, oldest first.
    all: Vec<&'a Record>,
}

impl Chapter<'_> {
    fn peer(&self) -> Option<&Record> {
        self.latest.iter().copied().find(|record| record.layout == Layout::Peer)
    }

    fn has(&self, metric: Metric) -> bool {
        self.latest.iter().any(|record| record.median.get(metric).is_some())
    }
}

/// The page, as HTML. It shows the machine of the last result; those of other machines are left out.
pub fn render(records: &[Record]) -> Outcome<String> {
    let Some(last) = records.last() else { return fail!("the history is empty") };
    let chapters = chapters(records, &last.machine);
    Ok(page::page(last, &chapters))
}

/// In the order of the table; scenarios that this program does not know come last.
fn chapters<'a>(records: &'a [Record], machine: &Machine) -> Vec<Chapter<'a>> {
    let own: Vec<_> = records.iter().filter(|record| record.machine == *machine).collect();
    let mut names: Vec<&str> = Vec::new();
    for record in &own {
        if !names.contains(&record.scenario.as_str()) {
            names.push(&record.scenario);
        }
    }
    let rank = |name: &&str| crate::scenario::ALL.iter().position(|scenario| scenario.name == *name);
    names.sort_by_key(|name| rank(name).unwrap_or(usize::MAX));
    names.into_iter().filter_map(|name| chapter(name, &own)).collect()
}

fn chapter<'a>(name: &'a str, own: &[&'a Record]) -> Option<Chapter<'a>> {
    let newest = *own.iter().rev().find(|record| record.scenario == name)?;
    let alike = |record: &&&Record| record.scenario == name && record.scale == newest.scale;
    let all: Vec<_> = own.iter().filter(alike).copied().collect();
    let mut latest: Vec<_> = all.iter().copied().filter(|record| record.date == newest.date).collect();
    latest.sort_by_key(|record| record.layout != Layout::Peer);
    Some(Chapter { scenario: name, operation: &newest.operation, latest, all })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::record;

    fn peer(commit: &str, scenario: &str, cpu: f64) -> Record {
        Record { layout: Layout::Peer, server: "nats-server".to_owned(), ..record(commit, scenario, &[cpu]) }
    }

    #[test]
    fn the_latest_invocation_is_shown_with_its_own_peer() {
        let later = |record: Record| Record { date: "2026-02-02T00:00:00Z".to_owned(), ..record };
        let records = [
            peer("a", "churn", 9.0),
            record("a", "churn", &[3.0]),
            later(record("b", "churn", &[2.0])),
            later(peer("b", "churn", 8.0)),
            record("a", "one-to-one", &[1.0]),
        ];
        let chapters = chapters(&records, &records[0].machine);
        assert_eq!(
            chapters.iter().map(|chapter| chapter.scenario).collect::<Vec<_>>(),
            ["one-to-one", "churn"]
        );
        assert_eq!(chapters[1].latest.len(), 2);
        assert_eq!(chapters[1].peer().and_then(|peer| peer.median.get(Metric::ServerCpuUs)), Some(8.0));
        assert_eq!(chapters[1].all.len(), 4);
        assert!(chapters[0].peer().is_none());
    }

    #[test]
    fn a_page_stands_alone_and_quotes_what_it_shows() {
        let mut records = [peer("a", "churn", 9.0), record("a", "churn", &[3.0])];
        records.iter_mut().for_each(|record| record.machine.cpu = "<b>&".to_owned());
        let page = render(&records).expect("a page");
        assert!(page.contains("&lt;b&gt;&amp;") && !page.contains("<b>&"));
        assert!(!page.contains("href=\"http") && !page.contains("src="));
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        assert!(page.contains("0.33"), "the ratio of 3 to 9");
        assert!(render(&[]).is_err());
    }
}
