//! The log, in nats-server's format: `[pid] 2006/01/02 15:04:05.000000 [INF] text`. Events come through
//! `tracing`; a thread of its own writes them, so that no shard ever waits for a disk or a terminal.
//! Source: nats-server `logger/log.go`.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use jiff::Zoned;
use jiff::tz::TimeZone;
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

/// Lines waiting to be written; further ones are counted and dropped.
const LINES_MAX: usize = 16 * 1024;

static WRITER: OnceLock<Sender<Entry>> = OnceLock::new();
static DROPPED: AtomicU64 = AtomicU64::new(0);

enum Entry {
    Line {
        label: &'static str,
        text: String,
    },
    Reopen,
    /// Everything before it is written when the sender is told.
    Flush(Sender<()>),
}

/// How and where to write.
pub struct Log {
    pub file: Option<PathBuf>,
    pub time: bool,
    pub utc: bool,
    pub debug: bool,
    pub trace: bool,
}

impl Log {
    pub fn of(options: &crate::config::Options) -> Log {
        Log {
            file: options.log_file.clone(),
            time: options.log_time,
            utc: options.log_utc,
            debug: options.tracing.debug,
            trace: options.tracing.trace,
        }
    }
}

/// Refuses: the log cannot be changed while it runs yet.
pub fn reconfigure(_log: Log) -> io::Result<()> {
    Err(io::Error::other("changing the log is not supported yet"))
}

/// Starts the log. It lasts as long as the process.
pub fn start(log: Log) -> io::Result<JoinHandle<()>> {
    let (sender, entries) = bounded(LINES_MAX);
    let output = Output::open(&log)?;
    let level = match (log.trace, log.debug) {
        (true, _) => Level::TRACE,
        (false, true) => Level::DEBUG,
        (false, false) => Level::INFO,
    };
    let sink = Sink { level, debug: log.debug };
    let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || write(output, &entries))?;
    let _ = WRITER.set(sender);
    tracing::subscriber::set_global_default(sink).map_err(io::Error::other)?;
    Ok(thread)
}

/// Writes a last line and ends the process with code 1.
pub fn fatal(text: &str) -> ! {
    send(Entry::Line { label: "FTL", text: text.to_owned() });
    flush();
    std::process::exit(1);
}

/// Returns when all that was logged so far is written.
pub fn flush() {
    let (done, written) = bounded(1);
    if let Some(writer) = WRITER.get()
        && writer.send(Entry::Flush(done)).is_ok()
    {
        let _ = written.recv_timeout(std::time::Duration::from_secs(2));
    }
}

/// Opens the file anew, for it may have been moved away.
pub fn reopen() {
    send(Entry::Reopen);
}

fn send(entry: Entry) {
    if let Some(writer) = WRITER.get()
        && let Err(TrySendError::Full(_)) = writer.try_send(entry)
    {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

struct Sink {
    level: Level,
    debug: bool,
}

impl Subscriber for Sink {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let ours = metadata.target().starts_with("shard") || metadata.target().starts_with("corebus");
        ours && *metadata.level() <= self.level && (*metadata.level() != Level::DEBUG || self.debug)
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(&mut Message(&mut text));
        let label = match *event.metadata().level() {
            Level::ERROR => "ERR",
            Level::WARN => "WRN",
            Level::INFO => "INF",
            Level::DEBUG => "DBG",
            Level::TRACE => "TRC",
        };
        send(Entry::Line { label, text });
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Message<'a>(&'a mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}

/// Where lines go.
struct Output {
    path: Option<PathBuf>,
    file: Option<File>,
    colours: bool,
    time: bool,
    zone: TimeZone,
    pid: u32,
}

impl Output {
    fn open(log: &Log) -> io::Result<Output> {
        let file = log.file.as_ref().map(open).transpose()?;
        Ok(Output {
            colours: file.is_none() && io::stderr().is_terminal(),
            path: log.file.clone(),
            file,
            time: log.time,
            zone: if log.utc { TimeZone::UTC } else { TimeZone::system() },
            pid: std::process::id(),
        })
    }

    fn line(&self, label: &str, text: &str) -> String {
        let now = Zoned::new(jiff::Timestamp::now(), self.zone.clone());
        let time = if self.time { now.strftime("%Y/%m/%d %H:%M:%S.%6f ").to_string() } else { String::new() };
        let label = match (self.colours, label) {
            (false, label) => format!("[{label}]"),
            (true, "INF") => "[\x1b[32mINF\x1b[0m]".to_owned(),
            (true, "DBG") => "[\x1b[36mDBG\x1b[0m]".to_owned(),
            (true, "WRN") => "[\x1b[0;93mWRN\x1b[0m]".to_owned(),
            (true, "TRC") => "[\x1b[33mTRC\x1b[0m]".to_owned(),
            (true, label) => format!("[\x1b[31m{label}\x1b[0m]"),
        };
        format!("[{}] {time}{label} {text}\n", self.pid)
    }

    /// A log that cannot be written is no reason to stop serving.
    fn put(&mut self, text: &str) {
        let _ = match &mut self.file {
            Some(file) => file.write_all(text.as_bytes()),
            None => io::stderr().write_all(text.as_bytes()),
        };
    }
}

fn open(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn write(mut output: Output, entries: &Receiver<Entry>) {
    let mut batch = String::new();
    while let Ok(entry) = entries.recv() {
        let mut next = Some(entry);
        let mut told = Vec::new();
        while let Some(entry) = next {
            match entry {
                Entry::Line { label, text } => batch.push_str(&output.line(label, &text)),
                Entry::Flush(done) => told.push(done),
                Entry::Reopen => {
                    output.put(&batch);
                    batch.clear();
                    reopen_file(&mut output, &mut batch);
                }
            }
            next = if batch.len() < 1 << 16 { entries.try_recv().ok() } else { None };
        }
        match DROPPED.swap(0, Ordering::Relaxed) {
            0 => {}
            lost => batch.push_str(&output.line("WRN", &format!("{lost} log lines were dropped"))),
        }
        output.put(&batch);
        batch.clear();
        for done in told {
            let _ = done.send(());
        }
    }
}

/// Source: nats-server `log.go:ReOpenLogFile`.
fn reopen_file(output: &mut Output, batch: &mut String) {
    let Some(path) = &output.path else {
        batch.push_str(&output.line("INF", "File log re-open ignored, not a file logger"));
        return;
    };
    match open(path) {
        Ok(file) => {
            output.file = Some(file);
            batch.push_str(&output.line("INF", "File log re-opened"));
        }
        Err(error) => {
            batch.push_str(&output.line("ERR", &format!("Unable to re-open the log file: {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_look_like_nats_servers() {
        let log = Log { file: None, time: true, utc: true, debug: false, trace: false };
        let mut output = Output::open(&log).unwrap();
        output.colours = false;
        let line = output.line("INF", "Server is ready");
        let pid = format!("[{}] ", std::process::id());
        let rest = line.strip_prefix(&pid).unwrap();
        let shape: String =
            rest.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
        assert_eq!(shape, "0000/00/00 00:00:00.000000 [INF] Server is ready\n");
        output.time = false;
        assert_eq!(output.line("ERR", "x"), format!("{pid}[ERR] x\n"));
    }
}
