//! Writes the answers of nats-server into the texts: read the diff.

use std::path::Path;

use super::text::{self, Answer, Text};
use super::{answer, unbuilt};
use crate::support::program;

/// nats-server reads maps in random order, so that a text with more than one mistake may have more than one
/// answer: such texts are of no use here.
const ROUNDS: usize = 6;

/// With `COREBUS_RECORD` naming a nats-server, records every text anew.
#[test]
fn answers() {
    let Some(peer) = std::env::var_os("COREBUS_RECORD") else { return };
    assert!(program::is_corebus(), "what corebus says is recorded too: unset COREBUS_TEST_SERVER");
    let (mut unstable, mut own) = (Vec::new(), Vec::new());
    for path in text::paths() {
        let (head, mut texts) = text::read(&path);
        unstable.extend(record(&mut texts, Path::new(&peer)));
        let answers = answer::to_all(&program::path(), &texts);
        for (text, answer) in texts.iter_mut().zip(&answers) {
            text.corebus = text.deviates.is_some().then(|| answer.clone());
        }
        own.extend(answers);
        let rendered = texts.iter().map(Text::render).collect::<String>();
        std::fs::write(&path, format!("{}\n{rendered}", head.trim_end())).expect("the texts are written");
    }
    std::fs::write(unbuilt::path(), unbuilt::list(own.iter())).expect("the list is written");
    assert!(unstable.is_empty(), "nats-server does not always answer alike:\n{}", unstable.join("\n"));
}

/// Puts nats-server's answers in place; the names of texts to which it has more than one.
fn record(texts: &mut [Text], peer: &Path) -> Vec<String> {
    let rounds: Vec<Vec<Answer>> = (0..ROUNDS).map(|_| answer::to_all(peer, texts)).collect();
    let mut unstable = Vec::new();
    for (number, text) in texts.iter_mut().enumerate() {
        if rounds.iter().any(|round| round[number] != rounds[0][number]) {
            unstable.push(text.name.clone());
        }
        text.answer = Some(rounds[0][number].clone());
    }
    unstable
}
