//! A server's life: ready, lame duck, shutdown.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_channel::Receiver;
use futures_lite::{future, pin};
use shard::launch::{Order, Report};
use shard::shard_set::ShardId;

use super::executor::Executor;
use super::passwords::Checker;
use super::placement::{Move, Placement};
use super::reports::Happening;
use super::signals::{Wish, wish};
use crate::accounts::Registry;
use crate::boot::Server;
use crate::cli::Arguments;
use crate::config::Options;
use crate::logging;
use crate::monitor::Running;

/// How long shards may take to close everything.
const SHUTDOWN_MAX: Duration = Duration::from_secs(3);

pub struct Life {
    pub(super) server: Server,
    pub(super) arguments: Arguments,
    /// As they are now: a reload replaces them.
    pub(super) options: Options,
    pub(super) executor: Executor,
    happenings: Receiver<Happening>,
    pub(super) monitor: Option<Running>,
    pub(super) registry: Registry,
    passwords: Checker,
    placement: Placement,
    ready: usize,
    stopped: usize,
}

impl Life {
    pub fn new(
        server: Server,
        arguments: Arguments,
        options: Options,
        executor: Executor,
        happenings: Receiver<Happening>,
        monitor: Option<Running>,
        (registry, passwords): (Registry, Checker),
    ) -> Life {
        let placement = Placement::new(server.shards.len());
        let (ready, stopped) = (0, 0);
        Life {
            server,
            arguments,
            options,
            executor,
            happenings,
            monitor,
            registry,
            passwords,
            placement,
            ready,
            stopped,
        }
    }

    /// Answers the process's exit code.
    pub async fn live(mut self) -> i32 {
        loop {
            match self.happening().await {
                Happening::Shard(report) => self.report(report),
                Happening::Signal(signal) => match wish(signal) {
                    Wish::LameDuck => {
                        tracing::info!("Trapped \"user defined signal 2\" signal");
                        return self.lame_duck().await;
                    }
                    wish => {
                        if let Some(code) = self.fulfil(wish).await {
                            return code;
                        }
                    }
                },
            }
        }
    }

    async fn happening(&self) -> Happening {
        match self.happenings.recv().await {
            Ok(happening) => happening,
            // The signals' thread and the shards have a sender each.
            Err(_) => future::pending().await,
        }
    }

    fn report(&mut self, report: Report) {
        match report {
            Report::Ready { .. } => {
                self.ready += 1;
                if self.ready == self.server.shards.len() {
                    tracing::info!("Listening for client connections on {}", self.server.address);
                    tracing::info!("Server is ready");
                    self.monitor.iter().for_each(Running::ready);
                }
            }
            Report::Failed { shard, error } => logging::fatal(&format!("Shard {shard}: {error}")),
            Report::Stopped { .. } => self.stopped += 1,
            Report::Asked { subject, .. } => {
                self.server.gauges.asked.fetch_sub(1, Ordering::Relaxed);
                tracing::debug!("No service on {}", String::from_utf8_lossy(&subject));
            }
            Report::Busy { shard, busy, accounts, clients } => {
                if let Some(wish) = self.placement.hear(shard, busy, &accounts, Instant::now()) {
                    self.relocate(&wish, clients);
                }
            }
            Report::CheckPassword { shard, slot, hashed } => {
                let shards = Arc::clone(&self.server.shards);
                self.passwords.check(hashed, move |is_right| {
                    shards[shard].order(Order::PasswordChecked { slot, is_right });
                });
            }
        }
    }

    /// Has connections moved to where there is more room.
    fn relocate(&self, wish: &Move, clients: usize) {
        let accounts = &self.server.settings.directory.accounts;
        match *wish {
            Move::Account { account, to } => {
                let snapshot = &accounts[account as usize];
                tracing::debug!("Account {:?} moves to shard {to}", snapshot.name);
                snapshot.home.set(Some(to as ShardId));
                for (_, shard) in self.server.shards.iter().enumerate().filter(|(shard, _)| *shard != to) {
                    shard.order(Order::Relocate { account, to: to as ShardId, count: usize::MAX });
                }
            }
            Move::Half { account, from, to } => {
                let snapshot = &accounts[account as usize];
                tracing::debug!("Account {:?} spreads from shard {from} to shard {to}", snapshot.name);
                snapshot.home.set(None);
                let count = clients.div_ceil(2);
                self.server.shards[from].order(Order::Relocate { account, to: to as ShardId, count });
            }
        }
    }

    /// Answers the exit code if the server has ended. Lame duck mode is no wish for in between.
    async fn fulfil(&mut self, wish: Wish) -> Option<i32> {
        match wish {
            Wish::LameDuck => {}
            Wish::ReopenLog => {
                tracing::info!("Trapped \"user defined signal 1\" signal");
                logging::reopen();
            }
            Wish::Reload => {
                tracing::info!("Trapped \"hangup\" signal");
                self.reload().await;
            }
            Wish::End { code, name } => {
                if let Some(name) = name {
                    tracing::info!("Trapped {name:?} signal");
                }
                self.shutdown().await;
                return Some(code);
            }
        }
        None
    }

    /// Whatever signal comes meanwhile, it is under way already.
    async fn shutdown(&mut self) {
        tracing::info!("Initiating Shutdown...");
        self.monitor = None;
        self.order(&Order::Shutdown);
        self.server.stop_listening();
        let end = self.executor.sleep(SHUTDOWN_MAX);
        pin!(end);
        while self.stopped < self.server.shards.len() {
            match self.until(&mut end).await {
                Some(Happening::Shard(report)) => self.report(report),
                Some(Happening::Signal(_)) => {}
                None => break,
            }
        }
        self.server.files.remove();
        tracing::info!("Server Exiting..");
    }

    pub(super) fn order(&self, order: &Order) {
        self.server.shards.iter().for_each(|shard| shard.order(order.clone()));
    }

    /// Source: nats-server `server.go:lameDuckMode`.
    async fn lame_duck(&mut self) -> i32 {
        tracing::info!("Entering lame duck mode, stop accepting new clients");
        self.order(&Order::StopListening);
        self.server.stop_listening();
        let clients = self.server.gauges.clients_total();
        if clients > 0 {
            self.order(&Order::AnnounceLameDuck);
            if let Some(code) = self.rest(self.options.lame_duck_grace_period).await {
                return code;
            }
            tracing::info!("Closing existing clients");
            let Options { lame_duck_duration, lame_duck_grace_period, .. } = self.options;
            let (interval, batch) = schedule(lame_duck_duration, lame_duck_grace_period, clients);
            let mut next = 0;
            while self.server.gauges.clients_total() > 0 {
                for _ in 0..batch {
                    self.close_one(&mut next);
                }
                if let Some(code) = self.rest(interval).await {
                    return code;
                }
            }
        }
        self.shutdown().await;
        0
    }

    /// Closes a client of the next shard that has one.
    fn close_one(&self, next: &mut usize) {
        let shards = &self.server.shards;
        for _ in 0..shards.len() {
            let shard = *next % shards.len();
            *next += 1;
            if self.server.gauges.clients[shard].load(Ordering::Relaxed) > 0 {
                return shards[shard].order(Order::CloseClients(1));
            }
        }
    }

    /// Waits, unless a signal ends the server meanwhile: then it answers the exit code.
    async fn rest(&mut self, time: Duration) -> Option<i32> {
        let end = self.executor.sleep(time);
        pin!(end);
        while let Some(happening) = self.until(&mut end).await {
            match happening {
                Happening::Shard(report) => self.report(report),
                Happening::Signal(signal) => {
                    if let Some(code) = self.fulfil(wish(signal)).await {
                        return Some(code);
                    }
                }
            }
        }
        None
    }

    /// What happens next, or nothing if the end comes first.
    async fn until(&self, end: impl Future<Output = ()>) -> Option<Happening> {
        let happening = async { Some(self.happening().await) };
        let over = async {
            end.await;
            None
        };
        future::or(happening, over).await
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
