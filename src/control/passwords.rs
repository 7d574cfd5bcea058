//! Passwords against their bcrypt hashes: a tenth of a second of work each, done by threads of their own that
//! give way to all others. Source: nats-server `auth.go:comparePasswords`.

use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use shard::session::admission::Hashed;

/// Threads at most. Whoever tries passwords by the thousand keeps no more cores busy.
const THREADS_MAX: usize = 4;

/// A password to be checked.
struct Check {
    hashed: Hashed,
    asked_at: Instant,
    answer: Box<dyn FnOnce(bool) + Send>,
}

/// Where passwords are checked.
pub struct Checker(Sender<Check>);

impl Checker {
    /// Starts the threads.
    pub fn start() -> std::io::Result<Checker> {
        // Unbounded in form only: each connection waits for one check.
        let (sender, checks) = crossbeam_channel::unbounded();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        for number in 0..cores.div_ceil(2).min(THREADS_MAX) {
            let checks: Receiver<Check> = checks.clone();
            thread::Builder::new().name(format!("bcrypt-{number}")).spawn(move || work(&checks))?;
        }
        Ok(Checker(sender))
    }

    /// Has a password checked; the answer is called on another thread. What has waited too long, by a client that
    /// has long been cut, is not looked at.
    pub fn check(&self, hashed: Hashed, answer: impl FnOnce(bool) + Send + 'static) {
        // The threads end with the process.
        let _ = self.0.send(Check { hashed, asked_at: Instant::now(), answer: Box::new(answer) });
    }
}

/// Longer than any client waits.
const PATIENCE: Duration = Duration::from_secs(60);

fn work(checks: &Receiver<Check>) {
    // Of no consequence where it is barred.
    let _ = rustix::process::nice(10);
    for Check { hashed, asked_at, answer } in checks {
        // A hash that is none matches nothing.
        let is_right =
            asked_at.elapsed() < PATIENCE && bcrypt::verify(&hashed.password, &hashed.hash).unwrap_or(false);
        answer(is_right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_compared_elsewhere() {
        let checker = Checker::start().unwrap();
        let (sender, answers) = crossbeam_channel::unbounded();
        let hash = bcrypt::hash("right", 4).unwrap();
        for (password, hash) in
            [("right", hash.as_str()), ("wrong", &hash), ("right", "$2a$no hash"), ("", &hash)]
        {
            let sender = sender.clone();
            let hashed = Hashed { password: password.to_owned(), hash: hash.to_owned(), user: None };
            checker.check(hashed, move |is_right| sender.send(is_right).unwrap());
            let want = password == "right" && hash.len() == 60;
            assert_eq!(answers.recv().unwrap(), want, "{password} {hash}");
        }
    }
}
