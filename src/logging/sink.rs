//! Where `tracing` hands its events over. Debug and trace are switched apart from each other, at any time.

use std::fmt::Write as _;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use super::format::Severity;
use super::writer::{self, Entry};

static DEBUG: AtomicBool = AtomicBool::new(false);
static TRACE: AtomicBool = AtomicBool::new(false);

/// Takes all events of this process from now on.
pub fn start(debug: bool, trace: bool) -> io::Result<()> {
    set_level(debug, trace);
    tracing::subscriber::set_global_default(Sink).map_err(io::Error::other)
}

/// What is not wanted costs its caller one load and a branch.
pub fn set_level(debug: bool, trace: bool) {
    DEBUG.store(debug, Ordering::Relaxed);
    TRACE.store(trace, Ordering::Relaxed);
    // Each place that logs remembers whether it is wanted.
    tracing::callsite::rebuild_interest_cache();
}

struct Sink;

impl Subscriber for Sink {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let ours = metadata.target().starts_with("shard") || metadata.target().starts_with("corebus");
        ours && match *metadata.level() {
            Level::DEBUG => DEBUG.load(Ordering::Relaxed),
            Level::TRACE => TRACE.load(Ordering::Relaxed),
            _ => true,
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match (TRACE.load(Ordering::Relaxed), DEBUG.load(Ordering::Relaxed)) {
            (true, _) => LevelFilter::TRACE,
            (false, true) => LevelFilter::DEBUG,
            (false, false) => LevelFilter::INFO,
        })
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(&mut Message(&mut text));
        let severity = match *event.metadata().level() {
            Level::ERROR => Severity::Error,
            Level::WARN => Severity::Warning,
            Level::INFO => Severity::Notice,
            Level::DEBUG => Severity::Debug,
            Level::TRACE => Severity::Trace,
        };
        writer::send(Entry::line(severity, text));
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
