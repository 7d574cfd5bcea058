//! Every text against the server under test.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::answer;
use super::text::{self, Answer, Text};
use crate::support::program;

/// How corebus says that a key is valid and its feature not there.
pub const UNBUILT: &str = " is not supported yet: ";

/// The texts and what the server under test says to each; it is asked once.
pub fn answers() -> &'static [(Text, Answer)] {
    static ANSWERS: OnceLock<Vec<(Text, Answer)>> = OnceLock::new();
    ANSWERS.get_or_init(|| {
        let texts = text::all();
        let answers = answer::to_all(&program::path(), &texts);
        texts.into_iter().zip(answers).collect()
    })
}

/// The server under test answers every text as nats-server does; nats-server answers as recorded.
#[test]
fn every_text_is_answered_alike() {
    let failures: Vec<String> =
        answers().iter().filter_map(|(text, answer)| difference(text, answer)).collect();
    assert!(failures.is_empty(), "{} texts differ\n\n{}", failures.len(), failures.join("\n"));
}

/// Names tell texts apart; each text has an answer, each that deviates a reason.
#[test]
fn the_corpus_is_well_formed() {
    let mut names = BTreeSet::new();
    for text in text::all() {
        assert!(names.insert(text.name.clone()), "{} is there twice", text.name);
        assert!(text.answer.is_some(), "{}: no answer is recorded", text.name);
        assert_eq!(text.deviates.is_some(), text.corebus.is_some(), "{}: reason and answer", text.name);
        assert_ne!(text.deviates.as_deref(), Some(""), "{}: no reason", text.name);
    }
    assert!(names.len() >= 100, "only {} texts", names.len());
}

fn difference(text: &Text, answer: &Answer) -> Option<String> {
    let recorded = text.answer.as_ref()?;
    let wanted = match &text.corebus {
        Some(own) if program::is_corebus() => own,
        _ => recorded,
    };
    let told = |what: &str, wanted: &Answer| {
        let Text { name, text, .. } = text;
        Some(format!("== {name}\n{text}-- {what}\nwanted {wanted:#?}\ngot {answer:#?}\n"))
    };
    if program::is_corebus() && text.deviates.is_some() && alike(recorded, answer) {
        return told("it deviates no more", recorded);
    }
    match alike(wanted, answer) {
        true => None,
        false => told("differs", wanted),
    }
}

/// The same verdict and lines. A valid text may be refused for what is not built, and for nothing else.
fn alike(wanted: &Answer, answer: &Answer) -> bool {
    let unbuilt = |line: &&String| line.contains(UNBUILT);
    if wanted.lines.iter().any(|line| line.contains(UNBUILT))
        || !answer.lines.iter().any(|line| unbuilt(&line))
    {
        return wanted == answer;
    }
    let others: Vec<&String> = answer.lines.iter().filter(|line| !unbuilt(line)).collect();
    let wanted: Vec<&String> = wanted.lines.iter().filter(|line| !is_valid(line)).collect();
    answer.code == 1 && others == wanted
}

fn is_valid(line: &str) -> bool {
    line.starts_with("configuration file ") && line.contains(" is valid (")
}
