//! Writes the answers of the server under test into the transcripts: run it with nats-server, read the diff.

use std::collections::BTreeMap;

use super::{library, play, replay};
use crate::support::program;
use crate::support::shape::Shape;

/// With `UPDATE_TRANSCRIPTS` set, and a peer as the program under test, records every transcript anew.
#[test]
fn transcripts() {
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_none() {
        return;
    }
    assert!(!program::is_corebus(), "answers are recorded from nats-server: set COREBUS_TEST_SERVER");
    let mut servers = BTreeMap::new();
    for path in library::recorded() {
        let file = library::read(&path);
        let mut text = file.head.iter().map(|line| format!("{line}\n")).collect::<String>();
        for (number, case) in file.cases.iter().enumerate() {
            let server = servers
                .entry((case.settings.clone(), case.flags.clone()))
                .or_insert_with(|| replay::launch(Shape::ONE, case));
            text.push_str(if number == 0 { "" } else { "\n" });
            text.push_str(&play::record(case, server.address).render());
        }
        std::fs::write(&path, text).expect("the transcript is written");
    }
}
