//! The JSON of CONNECT and INFO.

use serde_json::Value;

use crate::proto::connect::{Connect, redacted};
use crate::proto::info;

/// A document is taken whole or not at all, taking it twice changes nothing, and what the log shows of it is JSON
/// without its secrets.
pub fn connect(data: &[u8]) {
    let before = Connect::default();
    let mut once = before.clone();
    match once.merge(data) {
        Ok(()) => {
            let mut twice = once.clone();
            twice.merge(data).expect("what was taken is taken again");
            assert_eq!(once, twice);
        }
        Err(text) => {
            assert!(!text.is_empty());
            assert_eq!(once, before, "a refused document changes nothing");
        }
    }
    let shown = redacted(data);
    if shown == "[REDACTED]" {
        return;
    }
    let shown: Value = serde_json::from_str(&shown).expect("what the log shows is JSON");
    for (key, value) in shown.as_object().expect("an object") {
        let secret = ["pass", "auth_token", "jwt", "sig"].contains(&key.to_ascii_lowercase().as_str());
        assert!(!secret || value == "[REDACTED]", "{key} is shown");
    }
}

/// What passes is an object.
pub fn info(data: &[u8]) {
    if info::check(data).is_ok() {
        let document: Value = serde_json::from_str(&String::from_utf8_lossy(data)).expect("JSON");
        assert!(document.is_object());
    }
}
