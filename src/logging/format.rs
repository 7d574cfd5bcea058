//! One line of the log: `[pid] 2006/01/02 15:04:05.000000 [INF] text`. Source: nats-server `logger/log.go`.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// How bad what is said is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Fatal,
    Error,
    Warning,
    Notice,
    Debug,
    Trace,
}

impl Severity {
    pub fn label(self) -> &'static str {
        match self {
            Severity::Fatal => "FTL",
            Severity::Error => "ERR",
            Severity::Warning => "WRN",
            Severity::Notice => "INF",
            Severity::Debug => "DBG",
            Severity::Trace => "TRC",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Severity::Fatal | Severity::Error => "31",
            Severity::Warning => "0;93",
            Severity::Notice => "32",
            Severity::Debug => "36",
            Severity::Trace => "33",
        }
    }
}

/// What is to be written.
pub struct Line {
    pub at: Timestamp,
    pub severity: Severity,
    pub text: String,
}

impl Line {
    pub fn now(severity: Severity, text: String) -> Line {
        Line { at: Timestamp::now(), severity, text }
    }
}

/// How lines for people look.
pub struct Format {
    pub time: bool,
    pub zone: TimeZone,
    pub colours: bool,
    pub pid: u32,
}

impl Format {
    pub fn new(time: bool, utc: bool, colours: bool) -> Format {
        let zone = if utc { TimeZone::UTC } else { TimeZone::system() };
        Format { time, zone, colours, pid: std::process::id() }
    }

    /// The line without its end.
    pub fn line(&self, line: &Line) -> String {
        let time = match self.time {
            true => Zoned::new(line.at, self.zone.clone()).strftime("%Y/%m/%d %H:%M:%S.%6f ").to_string(),
            false => String::new(),
        };
        let label = line.severity.label();
        let pid = self.pid;
        match self.colours {
            false => format!("[{pid}] {time}[{label}] {}", line.text),
            true => {
                let colour = line.severity.colour();
                format!("[{pid}] {time}[\x1b[{colour}m{label}\x1b[0m] {}", line.text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_look_like_nats_servers() {
        let at: Timestamp = "2026-11-25T15:04:12.3361166Z".parse().unwrap();
        let line = Line { at, severity: Severity::Notice, text: "Server is ready".to_owned() };
        let mut format = Format { time: true, zone: TimeZone::UTC, colours: false, pid: 7 };
        assert_eq!(format.line(&line), "[7] 2026/11/25 15:04:12.336116 [INF] Server is ready");
        format.zone = TimeZone::fixed(jiff::tz::offset(-3));
        assert_eq!(format.line(&line), "[7] 2026/11/25 12:04:12.336116 [INF] Server is ready");
        format.time = false;
        assert_eq!(format.line(&line), "[7] [INF] Server is ready");
        format.colours = true;
        let line = Line { severity: Severity::Warning, ..line };
        assert_eq!(format.line(&line), "[7] [\x1b[0;93mWRN\x1b[0m] Server is ready");
    }
}
