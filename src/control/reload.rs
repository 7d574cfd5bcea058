//! SIGHUP: the configuration file is read again, and what changed is changed, on live connections too. A
//! configuration with anything wrong in it changes nothing. Source: nats-server `reload.go`.

use std::sync::Arc;
use std::time::Duration;

use futures_lite::future;
use shard::launch::{Acknowledgement, Order};

use super::life::Life;
use crate::config::{self, Options};
use crate::{boot, logging};

/// How long shards may take to say that they have changed. They need a turn; one that hangs holds up no other.
const ACKNOWLEDGE_MAX: Duration = Duration::from_secs(2);

/// Whether anything differs that accounts and users are compiled from.
fn needs_other_directory(old: &Options, new: &Options) -> bool {
    old.authorization != new.authorization
        || old.accounts != new.accounts
        || old.mappings != new.mappings
        || old.no_auth_user != new.no_auth_user
        || old.system_account() != new.system_account()
        || old.no_system_account != new.no_system_account
}

impl Life {
    pub(super) async fn reload(&mut self) {
        if let Err(error) = self.try_reload().await {
            tracing::error!("Failed to reload server configuration: {error}");
        }
    }

    async fn try_reload(&mut self) -> Result<(), String> {
        if self.arguments.config.is_none() {
            return Err("can only reload config when a file is provided using -c or --config".to_owned());
        }
        let mut new = self.arguments.configure(&config::environment)?.options;
        if new.port.is_none() {
            // Any free port: the one it has will do.
            new.port = self.options.port;
        }
        let changes = config::diff(&self.options, &new)?;
        let directory = match needs_other_directory(&self.options, &new) {
            true => Arc::new(self.registry.compile(&new)?),
            false => Arc::clone(&self.server.settings.directory),
        };
        // What can fail comes first, so that all is changed or nothing.
        if changes.log {
            logging::reconfigure(logging::Log::of(&new)).map_err(|error| error.to_string())?;
        }
        if changes.pid_file
            && let Err(error) = self.server.files.write_pid(&new)
        {
            tracing::error!("{error}");
        }
        if changes.ports_file_dir
            && let Err(error) =
                self.server.files.write_ports(&new, &self.server.address, self.server.monitoring.as_deref())
        {
            tracing::error!("{error}");
        }
        let identity = self.server.settings.identity.clone();
        self.server.settings = Arc::new(boot::settings(identity, &new, directory));
        self.order(&Order::Settings(self.server.settings.clone()));
        // Who reads in the log that something has changed finds it so: a client that comes then may be taken in
        // by one shard and kept by another.
        self.acknowledged().await;
        if changes.max_connections && self.close_excess(&new) {
            self.acknowledged().await;
        }
        changes.said.iter().for_each(|line| tracing::info!("{line}"));
        let digest = new.source.as_ref().map(|source| format!("({})", source.digest)).unwrap_or_default();
        self.monitor.iter().for_each(|monitor| monitor.adopt(&new, &self.server.settings.directory));
        self.options = new;
        tracing::info!("Reloaded server configuration {digest}");
        Ok(())
    }

    /// Returns when all orders given so far are in effect on every shard.
    async fn acknowledged(&self) {
        let (sender, said) = async_channel::unbounded();
        let acknowledgement: Acknowledgement = Arc::new(move || {
            let _ = sender.try_send(());
        });
        self.order(&Order::Acknowledge(acknowledgement));
        let all = async {
            for _ in self.server.shards.iter() {
                // It fails when those who have not said so have ended.
                if said.recv().await.is_err() {
                    return;
                }
            }
        };
        future::or(all, self.executor.sleep(ACKNOWLEDGE_MAX)).await;
    }

    /// Closes as many clients as are more than may be now, each shard its share; answers whether there are any.
    fn close_excess(&self, options: &Options) -> bool {
        let gauges = &self.server.gauges;
        let mut excess = gauges.clients_total().saturating_sub(options.limits.max_connections);
        if excess == 0 {
            return false;
        }
        let closed = excess;
        for (shard, clients) in self.server.shards.iter().zip(&gauges.clients) {
            let share = clients.load(std::sync::atomic::Ordering::Relaxed).min(excess);
            excess -= share;
            if share > 0 {
                shard.order(Order::CloseExcess(share));
            }
        }
        tracing::info!("Closed {closed} connections to fall within max_connections");
        true
    }
}
