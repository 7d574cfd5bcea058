//! Which server is under test: corebus as built by cargo, or the one `COREBUS_TEST_SERVER` names.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The program that every test starts.
pub fn path() -> PathBuf {
    std::env::var_os("COREBUS_TEST_SERVER")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_corebus")), PathBuf::from)
}

/// True when the program is corebus. A peer is driven with the same tests, but configured in its own way,
/// and once instead of in each shape.
pub fn is_corebus() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let output = Command::new(path()).arg("-v").output().expect("the server under test runs");
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).to_lowercase().contains("corebus")
    })
}
