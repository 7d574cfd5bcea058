//! The harness against the server it is for: every scenario that it can serve measures something, on one shard and on two.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What wants of corebus what it has not learned yet: more than one account, users by name, permissions, mappings.
/// Each moves out of here with what it wants.
const WANTING: [&str; 13] = [
    "tenants-100",
    "tenants-100-paced",
    "start-10k-accounts",
    "memory-10k-accounts",
    "memory-10k-tenants",
    "login-password",
    "login-nkey",
    "publish-1000-subjects",
    "publish-1000-rules",
    "request-import",
    "request-import-10-clients",
    "stream-import",
    "weighted-mapping",
];
const LAYOUTS: [&str; 3] = [", 1 shard ", ", 2 shards home ", ", 2 shards spread "];

fn perf(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perf"));
    let output = command.args(arguments).stdin(Stdio::null()).output().expect("perf runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Figures are not looked at: they are the machine's.
#[test]
fn every_scenario_has_a_row_for_every_layout() {
    let server = Path::new(env!("CARGO_BIN_EXE_perf")).with_file_name("corebus");
    if !server.is_file() {
        // Not by `eprintln!`, which nobody sees of a test that passes.
        let why =
            format!("smoke test skipped: no {}; `cargo test --workspace` builds it\n", server.display());
        std::io::stderr().write_all(why.as_bytes()).expect("stderr");
        return;
    }
    let server = server.to_str().expect("a path in UTF-8");
    let effort = ["--rounds", "1", "--seconds", "0.05", "--scale", "0.01", "--shards", "1,2"];
    let list = perf(&["list"]);
    let all: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(WANTING.iter().all(|name| all.contains(name)), "{list}");
    let names: Vec<&str> = all.into_iter().filter(|name| !WANTING.contains(name)).collect();
    assert!(names.contains(&"one-to-one"), "{list}");
    let said =
        perf(&[&["run", "--no-peer", "--no-history", "--server", server], &effort[..], &names[..]].concat());
    assert!(!said.contains("FAILED"), "{said}");
    for name in names {
        let block = said.split("\n\n").find(|block| block.trim_start().starts_with(&format!("{name} — ")));
        let block = block.unwrap_or_else(|| panic!("nothing about {name} in {said}"));
        let rows: Vec<&str> = block.lines().filter(|line| line.starts_with("  ")).collect();
        assert_eq!(rows.len(), LAYOUTS.len(), "{block}");
        for layout in LAYOUTS {
            assert!(rows.iter().any(|row| row.contains(layout)), "{layout} in {block}");
        }
    }
}
