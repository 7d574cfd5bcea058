//! The control core: signals in, orders to shards out, reports back. It sleeps when nothing happens.

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use shard::launch::{Order, Report};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::boot::{self, Server};
use crate::config::Options;
use crate::logging;

/// How long shards may take to close everything.
const SHUTDOWN_MAX: Duration = Duration::from_secs(3);

enum Happening {
    Signal(i32),
    Shard(Report),
}

/// Runs a server from start to end and answers the process's exit code.
pub fn run(options: &Options) -> io::Result<i32> {
    let (sender, happenings) = unbounded();
    watch_signals(sender.clone())?;
    let reporter = move |report| drop(sender.send(Happening::Shard(report)));
    let server = boot::start(options, std::sync::Arc::new(reporter));
    let mut control = Control { server, happenings, ready: 0, stopped: 0 };
    Ok(control.serve(options))
}

fn watch_signals(sender: Sender<Happening>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2, SIGHUP])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if sender.send(Happening::Signal(signal)).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

struct Control {
    server: Server,
    happenings: Receiver<Happening>,
    ready: usize,
    stopped: usize,
}

impl Control {
    fn serve(&mut self, options: &Options) -> i32 {
        while let Ok(happening) = self.happenings.recv() {
            match happening {
                Happening::Shard(report) => self.report(report),
                Happening::Signal(SIGUSR2) => {
                    return self.lame_duck(options);
                }
                Happening::Signal(signal) => {
                    if let Some(code) = self.signal(signal) {
                        return code;
                    }
                }
            }
        }
        0
    }

    fn report(&mut self, report: Report) {
        match report {
            Report::Ready { .. } => {
                self.ready += 1;
                if self.ready == self.server.shards.len() {
                    tracing::info!("Listening for client connections on {}", self.server.address);
                    tracing::info!("Server is ready");
                }
            }
            Report::Failed { shard, error } => logging::fatal(&format!("Shard {shard}: {error}")),
            Report::Stopped { .. } => self.stopped += 1,
        }
    }

    /// Answers the exit code if the signal ends the server.
    fn signal(&mut self, signal: i32) -> Option<i32> {
        match signal {
            SIGUSR1 => logging::reopen(),
            SIGHUP => tracing::error!("Reload is not supported yet: configuration files"),
            SIGQUIT => {
                self.shutdown();
                return Some(2);
            }
            signal => {
                let name = if signal == SIGINT { "interrupt" } else { "terminated" };
                tracing::info!("Trapped {name:?} signal");
                self.shutdown();
                return Some(0);
            }
        }
        None
    }

    fn shutdown(&mut self) {
        tracing::info!("Initiating Shutdown...");
        self.order(&Order::Shutdown);
        self.server.stop_listening();
        let deadline = Instant::now() + SHUTDOWN_MAX;
        while self.stopped < self.server.shards.len() {
            match self.happenings.recv_deadline(deadline) {
                Ok(Happening::Shard(report)) => self.report(report),
                Ok(Happening::Signal(_)) => {}
                Err(_) => break,
            }
        }
        self.server.remove_files();
        tracing::info!("Server Exiting..");
    }

    fn order(&self, order: &Order) {
        self.server.shards.iter().for_each(|shard| shard.order(order.clone()));
    }

    /// Source: nats-server `server.go:lameDuckMode`.
    fn lame_duck(&mut self, options: &Options) -> i32 {
        tracing::info!("Entering lame duck mode, stop accepting new clients");
        self.order(&Order::StopListening);
        self.server.stop_listening();
        let clients = self.server.gauges.clients_total();
        if clients > 0 {
            self.order(&Order::AnnounceLameDuck);
            if let Some(code) = self.rest(options.lame_duck_grace_period) {
                return code;
            }
            tracing::info!("Closing existing clients");
            let (interval, batch) =
                schedule(options.lame_duck_duration, options.lame_duck_grace_period, clients);
            let mut next = 0;
            while self.server.gauges.clients_total() > 0 {
                for _ in 0..batch {
                    self.close_one(&mut next);
                }
                if let Some(code) = self.rest(interval) {
                    return code;
                }
            }
        }
        self.shutdown();
        0
    }

    /// Closes a client of the next shard that has one.
    fn close_one(&self, next: &mut usize) {
        let shards = &self.server.shards;
        for _ in 0..shards.len() {
            let shard = *next % shards.len();
            *next += 1;
            if self.server.gauges.clients[shard].load(std::sync::atomic::Ordering::Relaxed) > 0 {
                return shards[shard].order(Order::CloseClients(1));
            }
        }
    }

    /// Waits, unless a signal ends the server meanwhile.
    fn rest(&mut self, time: Duration) -> Option<i32> {
        let deadline = Instant::now() + time;
        loop {
            match self.happenings.recv_deadline(deadline) {
                Ok(Happening::Shard(report)) => self.report(report),
                Ok(Happening::Signal(SIGUSR2)) => {}
                Ok(Happening::Signal(signal)) => {
                    if let Some(code) = self.signal(signal) {
                        return Some(code);
                    }
                }
                Err(_) => return None,
            }
        }
    }
}

/// The pause between closings and how many are closed at once, so that all are closed in what the grace
/// period leaves of the duration. Source: nats-server `server.go:lameDuckMode`.
fn schedule(duration: Duration, grace: Duration, clients: usize) -> (Duration, usize) {
    let left = duration.saturating_sub(grace).max(Duration::from_millis(1));
    let interval = (left / clients.max(1) as u32).min(Duration::from_secs(1));
    if interval >= Duration::from_millis(1) {
        return (interval, 1);
    }
    let steps = (left.as_millis() as usize).max(1);
    (Duration::from_millis(1), clients.div_ceil(steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closings_are_spread_over_what_is_left() {
        let seconds = Duration::from_secs;
        assert_eq!(schedule(seconds(120), seconds(10), 10), (seconds(1), 1));
        assert_eq!(schedule(seconds(120), seconds(10), 1100), (Duration::from_millis(100), 1));
        let (interval, batch) = schedule(seconds(2), seconds(1), 50_000);
        assert_eq!((interval, batch), (Duration::from_millis(1), 50));
    }
}
