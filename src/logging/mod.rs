//! The log, as nats-server writes it: to standard error, a file, or syslog. Events come through `tracing`; a
//! thread of its own writes them, so that no shard ever waits for a disk, a terminal or a peer.
//!
//! ```text
//! tracing → sink (level) → queue → writer → format → standard error | file (rotation) | syslog
//! ```
//! Source: nats-server `server/log.go`, `logger/log.go`, `logger/syslog.go`.

mod file;
mod format;
mod output;
#[cfg(test)]
mod scratch;
mod sink;
mod syslog;
mod writer;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::bounded;

use crate::config::Options;
use format::Severity;
use writer::Entry;

/// How long anyone waits for the writer, which may itself wait for a disk or a peer.
const WRITER_WAIT_MAX: Duration = Duration::from_secs(2);

/// How long a change of the log may take: reaching a syslog server is part of it.
const CHANGE_WAIT_MAX: Duration = Duration::from_secs(15);

/// Where lines go: to one place only. Source: nats-server `log.go:ConfigureLogger`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    StandardError,
    File {
        path: PathBuf,
        /// Bytes after which it is rotated; 0 means never.
        size_limit: u64,
        /// Files kept, the one in use included; 0 means all.
        files_max: usize,
    },
    /// The daemon of this machine.
    LocalSyslog,
    /// `udp://host:port`, `tcp://host:port` or `unix:///path`.
    RemoteSyslog(String),
}

/// How and where to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub target: Target,
    pub time: bool,
    pub utc: bool,
    pub debug: bool,
    pub trace: bool,
}

impl Log {
    /// What the options ask for. A file comes before a syslog server, and that before the local daemon.
    pub fn of(options: &Options) -> Log {
        let target = match (&options.log_file, &options.syslog.remote) {
            (Some(path), _) => Target::File {
                path: path.clone(),
                size_limit: u64::try_from(options.log_size_limit).unwrap_or_default(),
                files_max: usize::try_from(options.log_max_num).unwrap_or_default(),
            },
            (None, Some(address)) => Target::RemoteSyslog(address.clone()),
            (None, None) if options.syslog.local => Target::LocalSyslog,
            (None, None) => Target::StandardError,
        };
        Log {
            target,
            time: options.log_time,
            utc: options.log_utc,
            debug: options.tracing.debug,
            trace: options.tracing.trace,
        }
    }
}

/// Starts the log, which lasts as long as the process. The error is fit to be shown, in nats-server's words.
pub fn start(log: &Log) -> io::Result<()> {
    writer::start(log)?;
    sink::start(log.debug, log.trace)
}

/// Writes from now on as `log` says. What was logged before goes where it would have gone, nothing is lost;
/// on an error all stays as it was.
pub fn reconfigure(log: Log) -> io::Result<()> {
    let (answer, answered) = bounded(1);
    let (debug, trace) = (log.debug, log.trace);
    if !writer::send_within(Entry::Replace { log: Box::new(log), answer }, WRITER_WAIT_MAX) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    answered.recv_timeout(CHANGE_WAIT_MAX).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    sink::set_level(debug, trace);
    Ok(())
}

/// Writes a last line and ends the process with code 1.
pub fn fatal(text: &str) -> ! {
    writer::send_within(Entry::line(Severity::Fatal, text.to_owned()), WRITER_WAIT_MAX);
    flush();
    std::process::exit(1);
}

/// Returns when all that was logged so far is written.
pub fn flush() {
    let (done, written) = bounded(1);
    if writer::send_within(Entry::Flush(done), WRITER_WAIT_MAX) {
        let _ = written.recv_timeout(WRITER_WAIT_MAX);
    }
}

/// Opens the file anew, for it may have been moved away.
pub fn reopen() {
    writer::send_within(Entry::Reopen, WRITER_WAIT_MAX);
}

/// What an error of the system is called, as Go calls it.
pub fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let Some((text, _)) = text.split_once(" (os error") else { return text };
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_before_syslog_and_that_before_the_daemon() {
        let mut options = Options::default();
        assert_eq!(Log::of(&options).target, Target::StandardError);
        options.syslog.local = true;
        assert_eq!(Log::of(&options).target, Target::LocalSyslog);
        options.syslog.remote = Some("udp://h:1".to_owned());
        assert_eq!(Log::of(&options).target, Target::RemoteSyslog("udp://h:1".to_owned()));
        options.log_file = Some("x.log".into());
        options.log_size_limit = -5;
        let file = Target::File { path: "x.log".into(), size_limit: 0, files_max: 0 };
        assert_eq!(Log::of(&options).target, file);
    }
}
