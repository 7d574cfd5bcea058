//! The thread that writes, and the queue to it.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::Log;
use super::format::{Line, Severity};
use super::output::Output;

/// Lines waiting to be written; further ones are counted and dropped.
const LINES_MAX: usize = 16 * 1024;

/// Entries served before what was gathered is written, so that a flush is never far away.
const BATCH_ENTRIES_MAX: usize = 1024;

static WRITER: OnceLock<Sender<Entry>> = OnceLock::new();
static DROPPED: AtomicU64 = AtomicU64::new(0);

pub enum Entry {
    Line(Line),
    Reopen,
    /// What follows goes elsewhere, if that can be opened.
    Replace {
        log: Box<Log>,
        answer: Sender<io::Result<()>>,
    },
    /// Everything before it is written when the sender is told.
    Flush(Sender<()>),
}

impl Entry {
    pub fn line(severity: Severity, text: String) -> Entry {
        Entry::Line(Line::now(severity, text))
    }
}

/// Opens the output and starts writing to it.
pub fn start(log: &Log) -> io::Result<()> {
    let (sender, entries) = bounded(LINES_MAX);
    let output = Output::open(log)?;
    std::thread::Builder::new().name("log".to_owned()).spawn(move || write(output, &entries))?;
    let _ = WRITER.set(sender);
    Ok(())
}

/// Hands an entry over without waiting: where the queue is full it is dropped and counted.
pub fn send(entry: Entry) {
    if let Some(writer) = WRITER.get()
        && let Err(TrySendError::Full(_)) = writer.try_send(entry)
    {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Hands an entry over, waiting for room. Answers whether it was taken.
pub fn send_within(entry: Entry, wait_max: Duration) -> bool {
    WRITER.get().is_some_and(|writer| writer.send_timeout(entry, wait_max).is_ok())
}

fn write(mut output: Output, entries: &Receiver<Entry>) {
    while let Ok(entry) = entries.recv() {
        let mut next = Some(entry);
        let mut told = Vec::new();
        for left in (0..BATCH_ENTRIES_MAX).rev() {
            match next {
                Some(Entry::Line(line)) => output.add(&line),
                Some(Entry::Flush(done)) => told.push(done),
                Some(Entry::Reopen) => output.reopen(),
                Some(Entry::Replace { log, answer }) => {
                    output.finish();
                    let opened = Output::open(&log).map(|opened| output = opened);
                    let _ = answer.send(opened);
                }
                None => break,
            }
            next = if left > 0 { entries.try_recv().ok() } else { None };
        }
        match DROPPED.swap(0, Ordering::Relaxed) {
            0 => {}
            lost => output.add(&Line::now(Severity::Warning, format!("{lost} log lines were dropped"))),
        }
        output.finish();
        for done in told {
            let _ = done.send(());
        }
    }
}
