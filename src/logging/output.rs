//! The one place that lines go to. A log that cannot be written is no reason to stop serving.

use std::io::{self, IsTerminal, Write};

use super::file::LogFile;
use super::format::{Format, Line, Severity};
use super::syslog::Syslog;
use super::{Log, Target, cause};

/// Bytes gathered before they are written, while there are more lines.
const BATCH_BYTES: usize = 1 << 16;

pub enum Output {
    StandardError { format: Format, batch: String },
    File { format: Format, file: LogFile },
    Syslog(Syslog),
}

impl Output {
    /// Opens what `log` names. The error is fit to be shown.
    pub fn open(log: &Log) -> io::Result<Output> {
        let format = |colours| Format::new(log.time, log.utc, colours);
        Ok(match &log.target {
            Target::StandardError => {
                let format = format(io::stderr().is_terminal());
                Output::StandardError { format, batch: String::new() }
            }
            Target::File { path, size_limit, files_max } => {
                let file = LogFile::open(path, *size_limit, *files_max).map_err(|error| {
                    let cause = cause(&error);
                    io::Error::other(format!("error opening file: open {}: {cause}", path.display()))
                })?;
                let mut output = Output::File { format: format(false), file };
                output.rotate_if_due();
                output
            }
            Target::LocalSyslog => Output::Syslog(Syslog::local()?),
            Target::RemoteSyslog(address) => Output::Syslog(Syslog::remote(address)?),
        })
    }

    /// Takes a line; it is written by `finish` at the latest.
    pub fn add(&mut self, line: &Line) {
        match self {
            Output::StandardError { format, batch } => {
                batch.push_str(&format.line(line));
                if !batch.ends_with('\n') {
                    batch.push('\n');
                }
                if batch.len() >= BATCH_BYTES {
                    self.finish();
                }
            }
            Output::File { format, file } => file.add(line, format),
            Output::Syslog(syslog) => syslog.send(line),
        }
    }

    pub fn finish(&mut self) {
        match self {
            Output::StandardError { batch, .. } => {
                let _ = io::stderr().write_all(batch.as_bytes());
                batch.clear();
            }
            Output::File { file, .. } => file.finish(),
            Output::Syslog(_) => {}
        }
    }

    /// Opens the file anew. Where that fails the old one is written on. Source: nats-server
    /// `log.go:ReOpenLogFile`, which ends the process then.
    pub fn reopen(&mut self) {
        self.finish();
        let line = match self {
            Output::File { file, .. } => match file.reopen() {
                Ok(()) => Line::now(Severity::Notice, "File log re-opened".to_owned()),
                Err(error) => {
                    let cause = cause(&error);
                    Line::now(Severity::Error, format!("Unable to re-open the log file: {cause}"))
                }
            },
            _ => Line::now(Severity::Notice, "File log re-open ignored, not a file logger".to_owned()),
        };
        self.rotate_if_due();
        self.add(&line);
    }

    /// A file that is too large already is rotated by the line that says so.
    fn rotate_if_due(&mut self) {
        if let Output::File { file, .. } = self
            && file.is_over_limit()
        {
            self.add(&Line::now(Severity::Notice, "Rotating logfile...".to_owned()));
        }
    }
}
