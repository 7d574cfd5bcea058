//! Every mouth is fed its corpus, changed inputs made from it with fixed seeds, and bytes of chance.

use std::panic::catch_unwind;
use std::path::Path;

use super::mutation::Mutation;
use super::{canary, connect, info, interest, mapping, permissions, protocol, subject};

type Mouth = fn(&[u8]);

/// Inputs made from a corpus. `cargo fuzz` goes on from here.
const ROUNDS: u64 = 8_000;

#[test]
fn protocol_keeps_its_promises() {
    feed("protocol", protocol);
}

#[test]
fn connect_keeps_its_promises() {
    feed("connect", connect);
}

#[test]
fn info_keeps_its_promises() {
    feed("info", info);
}

#[test]
fn subject_keeps_its_promises() {
    feed("subject", subject);
}

#[test]
fn interest_keeps_its_promises() {
    feed("interest", interest);
}

#[test]
fn mapping_keeps_its_promises() {
    feed("mapping", mapping);
}

#[test]
fn permissions_keep_their_promises() {
    feed("permissions", permissions);
}

/// A broken promise is found in the corpus, found by chance, and reported with the input that shows it.
#[test]
fn a_broken_promise_is_reported() {
    let in_corpus = verdict("canary", canary, 0).expect_err("the corpus holds the word");
    assert!(in_corpus.starts_with("canary, corpus: CONK\\n"), "{in_corpus}");
    let seeds = [b"CON".to_vec(), b"K".to_vec()];
    let found = mutated(&seeds, "canary", canary, ROUNDS).expect_err("chance finds the word");
    assert!(found.contains("CONK"), "{found}");
}

fn feed(name: &str, mouth: Mouth) {
    if let Err(report) = verdict(name, mouth, ROUNDS) {
        panic!("{report}");
    }
}

/// What the first broken promise was, and the input that shows it.
fn verdict(name: &str, mouth: Mouth, rounds: u64) -> Result<(), String> {
    let seeds = corpus(name);
    for seed in &seeds {
        attempt(mouth, seed).map_err(|input| format!("{name}, corpus: {input}"))?;
    }
    mutated(&seeds, name, mouth, rounds)
}

fn mutated(seeds: &[Vec<u8>], name: &str, mouth: Mouth, rounds: u64) -> Result<(), String> {
    for seed in 0..rounds {
        let input = Mutation::new(seed).of(seeds);
        attempt(mouth, &input).map_err(|input| format!("{name}, seed {seed}: {input}"))?;
    }
    Ok(())
}

/// The input as text when the mouth panics; what it said stands above, on the standard error.
fn attempt(mouth: Mouth, input: &[u8]) -> Result<(), String> {
    catch_unwind(|| mouth(input)).map_err(|_| input.escape_ascii().to_string())
}

/// The files of a corpus, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.iter().map(|path| std::fs::read(path).expect("a seed")).collect()
}
