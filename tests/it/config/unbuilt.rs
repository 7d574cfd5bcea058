//! What is not built, as far as the texts ask for it: the list is kept so that it shrinks in sight.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::corpus::{self, UNBUILT};
use super::text::{Answer, directory};
use crate::support::program;

pub const HEAD: &str =
    "# Keys that are valid and refused, for their feature is not built. Written by config::recording.\n";

pub fn path() -> PathBuf {
    directory().join("unbuilt.txt")
}

/// `KEY: FEATURE` for each refusal in the answers.
pub fn list<'a>(answers: impl Iterator<Item = &'a Answer>) -> String {
    let lines = answers.flat_map(|answer| &answer.lines).filter_map(|line| {
        let (key, feature) = line.split_once(UNBUILT)?;
        let (_place, key) = key.split_once(": ")?;
        Some((key.to_owned(), feature.to_owned()))
    });
    let lines: BTreeSet<(String, String)> = lines.collect();
    HEAD.to_owned() + &lines.iter().map(|(key, feature)| format!("{key}: {feature}\n")).collect::<String>()
}

/// A key that works leaves the list with the commit that builds it.
#[test]
fn the_list_of_what_is_not_built_is_up_to_date() {
    if !program::is_corebus() {
        return;
    }
    let listed = std::fs::read_to_string(path()).expect("the list");
    let found = list(corpus::answers().iter().map(|(_, answer)| answer));
    assert_eq!(found, listed, "record it again: see the head of tests/it/config");
}
