//! The configuration language and what may stand in it. The modules belong to the server's binary: they are
//! taken in where they stand, so that nothing is opened to others for this alone.
#![no_main]
#![allow(dead_code, unused_imports)]

#[path = "../../src/config/mod.rs"]
mod config;
#[path = "../../src/secrets.rs"]
mod secrets;

/// Variables that are there: values of each kind, and a circle.
fn environment(name: &str) -> Option<String> {
    let text = match name {
        "X" => "[1, {a: b}]",
        "Y" => "$X",
        "N" => "5k",
        "M" => "{ user: $T, p: 1s }",
        "T" => "text",
        "C" => "$D",
        "D" => "$C",
        _ => return None,
    };
    Some(text.to_owned())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Files of this machine are no part of it, least of all those that never end.
    if text.contains("include") || text.contains("/dev/") || text.contains("/proc/") {
        return;
    }
    let first = config::parse_text(text, "fuzz.conf", &environment);
    let second = config::parse_text(text, "fuzz.conf", &environment);
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert_eq!(config::digest(&first), config::digest(&second));
            let mut options = config::Options::default();
            let report = config::read(&first, &mut options);
            let _ = report.to_string();
            if report.is_usable() {
                let _ = config::check(&options);
                let _ = config::diff(&config::Options::default(), &options);
            }
        }
        (Err(first), Err(second)) => {
            let lines = text.matches('\n').count() + 1;
            assert!(first.at.iter().all(|at| (1..=lines).contains(&at.line)), "{first}");
            assert_eq!(first, second);
        }
        (first, second) => panic!("{:?} and {:?}", first.err(), second.err()),
    }
});
