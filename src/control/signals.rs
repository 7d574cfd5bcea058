//! Signals in, and what they mean. Source: nats-server `signal.go:handleSignals`.

use std::io;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use super::reports::{Happening, Post};

/// What a signal asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    ReopenLog,
    Reload,
    LameDuck,
    /// End with this exit code; the name is what the log calls the signal, if it mentions it.
    End {
        code: i32,
        name: Option<&'static str>,
    },
}

/// A thread of its own waits for signals: handlers only write to its pipe, so that none is lost.
pub fn watch(post: Post) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2, SIGHUP])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if !post.put(Happening::Signal(signal)) {
                return;
            }
        }
    })?;
    Ok(())
}

/// What a watched signal asks for.
pub fn wish(signal: i32) -> Wish {
    match signal {
        SIGUSR1 => Wish::ReopenLog,
        SIGUSR2 => Wish::LameDuck,
        SIGHUP => Wish::Reload,
        // As a Go program ends.
        SIGQUIT => Wish::End { code: 2, name: None },
        SIGINT => Wish::End { code: 0, name: Some("interrupt") },
        _ => Wish::End { code: 0, name: Some("terminated") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_reaches_the_post() {
        let (post, happenings) = super::super::reports::channel();
        watch(post).unwrap();
        signal_hook::low_level::raise(SIGUSR1).unwrap();
        assert_eq!(happenings.recv_blocking(), Ok(Happening::Signal(SIGUSR1)));
        assert_eq!(wish(SIGUSR1), Wish::ReopenLog);
    }

    #[test]
    fn endings_differ() {
        assert_eq!(wish(SIGQUIT), Wish::End { code: 2, name: None });
        assert_eq!(wish(SIGINT), Wish::End { code: 0, name: Some("interrupt") });
        assert_eq!(wish(SIGTERM), Wish::End { code: 0, name: Some("terminated") });
    }
}
