//! Every transcript there is, with the deviations in place where corebus is the one tested.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::case::{Case, File, Step, parse};
use crate::support::program;

pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/conformance")
}

/// The files of recorded answers, in order of their names.
pub fn recorded() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory()).expect("the transcripts").map(|entry| entry.expect("entry"));
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| is_recorded(path)).collect();
    paths.sort();
    paths
}

fn is_recorded(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "txt") && !path.ends_with("deviations.txt")
}

pub fn read(path: &Path) -> File {
    parse(&std::fs::read_to_string(path).expect("a transcript file"))
}

/// The cases that the program under test must play.
pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = recorded().iter().flat_map(|path| read(path).cases).collect();
    if program::is_corebus() {
        let mut deviations: BTreeMap<_, _> = deviations().into_iter().map(|c| (c.name.clone(), c)).collect();
        for case in &mut cases {
            if let Some(deviation) = deviations.remove(&case.name) {
                *case = deviation;
            }
        }
    }
    cases
}

pub fn deviations() -> Vec<Case> {
    read(&directory().join("deviations.txt")).cases
}

/// Each case has a name of its own and says what it proves; each ends with a barrier or a closing on every
/// connection, so that nothing that was answered goes unseen; each deviation is one of a case, with a reason.
#[test]
fn transcripts_are_well_formed() {
    let mut names = BTreeMap::new();
    for path in recorded() {
        for case in read(&path).cases {
            assert!(!case.comment().is_empty(), "{}: says nothing about itself", case.name);
            assert!(ends_settled(&case), "{}: does not end with PONG or <closed>", case.name);
            let other = names.insert(case.name.clone(), path.clone());
            assert!(other.is_none(), "{} is there twice", case.name);
        }
    }
    for deviation in deviations() {
        assert!(names.contains_key(&deviation.name), "{} deviates from no case", deviation.name);
        assert!(!deviation.comment().is_empty(), "{}: no reason", deviation.name);
    }
    assert!(names.len() >= 150, "only {} transcripts", names.len());
}

fn ends_settled(case: &Case) -> bool {
    let mut last = BTreeMap::new();
    for step in &case.steps {
        match step {
            Step::Sends(who, ..) => last.insert(*who, String::new()),
            Step::Expects(who, lines) => last.insert(*who, lines.last().cloned().unwrap_or_default()),
            _ => None,
        };
    }
    last.values().all(|line| line.ends_with("< PONG") || line.ends_with("< <closed>"))
}
