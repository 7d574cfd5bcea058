//! Imports that lead back to where they came from are refused at the start, as nats-server refuses them.

use std::process::Command;

use crate::support::program;
use crate::support::scratch::Scratch;

/// A ring of accounts, each importing one subject from the next, the last from the first; others stand beside it.
fn ring(kind: &str, length: usize, beside: usize, subject: &str) -> String {
    let mut text = String::from("accounts {\n");
    for at in 0..length {
        let next = (at + 1) % length;
        text.push_str(&format!(
            "  R{at} {{ exports: [ {{ {kind}: \"{subject}\" }} ], imports: [ {{ {kind}: {{ account: R{next}, subject: \
             \"{subject}\" }} }} ] }}\n"
        ));
    }
    for at in 0..beside {
        text.push_str(&format!(
            "  B{at} {{ imports: [ {{ {kind}: {{ account: R{}, subject: \"{subject}\" }}, to: \"b{at}\" }} ] }}\n",
            at % length
        ));
    }
    text + "}\n"
}

#[test]
fn are_refused() {
    let scratch = Scratch::new();
    let file = scratch.file("server.conf");
    for kind in ["stream", "service"] {
        for (length, beside) in [(2, 0), (2, 3), (3, 0), (3, 4), (7, 2), (40, 10)] {
            std::fs::write(&file, ring(kind, length, beside, "x")).expect("a configuration");
            let output = Command::new(program::path())
                .args(["-a", "127.0.0.1", "-p", "-1", "-c"])
                .arg(&file)
                .output()
                .expect("it runs");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{kind} {length}: {said}");
            let wanted = format!("Error adding {kind} import \"x\": import forms a cycle");
            assert!(said.contains(&wanted), "{kind} {length} {beside}: {said}");
        }
    }
}
