//! What a server wrote to its standard error, line by line, and waiting for a line to come.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::PATIENCE;

#[derive(Clone, Default)]
pub struct Log(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    /// Collects `source` on a thread of its own until it ends.
    pub fn follow(source: impl Read + Send + 'static) -> Log {
        let log = Log::default();
        let writer = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n') {
                let Ok(line) = line else { break };
                writer.change(|lines| lines.lines.push(String::from_utf8_lossy(&line).into_owned()));
            }
            writer.change(|lines| lines.ended = true);
        });
        log
    }

    fn change(&self, change: impl FnOnce(&mut Lines)) {
        change(&mut self.0.0.lock().expect("log"));
        self.0.1.notify_all();
    }

    pub fn text(&self) -> String {
        self.0.0.lock().expect("log").lines.join("\n")
    }

    /// The first line holding `needle`, once it is there; `None` when the log ended (or patience did) without.
    pub fn find(&self, needle: &str) -> Option<String> {
        self.find_nth(needle, 1)
    }

    /// The same for the line that holds `needle` for the `nth` time, counted from 1.
    fn find_nth(&self, needle: &str, nth: usize) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.0.0.lock().expect("log");
        loop {
            if let Some(line) = lines.lines.iter().filter(|line| line.contains(needle)).nth(nth - 1) {
                return Some(line.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if lines.ended || left.is_zero() {
                return None;
            }
            lines = self.0.1.wait_timeout(lines, left).expect("log").0;
        }
    }

    /// Waits for a line holding `needle`, and fails the test with the whole log when none comes.
    pub fn expect(&self, needle: &str) -> String {
        self.find(needle).unwrap_or_else(|| panic!("no log line with {needle:?} in:\n{}", self.text()))
    }

    /// Waits until `needle` was logged this many times.
    pub fn expect_times(&self, needle: &str, times: usize) {
        let found = self.find_nth(needle, times);
        assert!(found.is_some(), "{needle:?} is not there {times} times:\n{}", self.text());
    }
}
