//! One account as it was configured: compiled on the control core, replaced whole, never changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use super::AccountId;
use super::imports::StreamImport;
use super::mapping::Mappings;
use super::services::ServiceImports;
use crate::interest::Matched;
use crate::shard_set::ShardId;

/// What connections and messages of one account meet.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub name: String,
    /// It was there before a reload and is no longer: nobody may be in it.
    pub is_gone: bool,
    pub limits: Limits,
    pub mappings: Mappings,
    pub stream_imports: Vec<StreamImport>,
    pub service_imports: ServiceImports,
    /// Handles of the accounts whose messages its subscriptions may see, or that see its own, by imports.
    pub neighbours: Vec<AccountId>,
    /// Its client connections over all shards; kept over reloads.
    pub clients: Arc<AtomicUsize>,
    /// Where its connections go where placement is automatic; kept over reloads.
    pub home: Arc<Home>,
}

/// Where connections of an account go.
#[derive(Debug)]
pub struct Home(AtomicU32);

impl Default for Home {
    fn default() -> Home {
        Home(AtomicU32::new(Home::UNKNOWN))
    }
}

impl Home {
    const UNKNOWN: u32 = u32::MAX;
    const EVERYWHERE: u32 = u32::MAX - 1;

    /// The shard; the one proposed, where nothing is settled. `None`: whichever has the fewest.
    pub fn get_or_settle(&self, propose: impl FnOnce() -> ShardId) -> Option<ShardId> {
        match self.0.load(Ordering::Relaxed) {
            Home::EVERYWHERE => None,
            Home::UNKNOWN => {
                let proposed = u32::from(propose());
                let order = Ordering::Relaxed;
                match self.0.compare_exchange(Home::UNKNOWN, proposed, order, order) {
                    Ok(_) => Some(proposed as ShardId),
                    Err(settled) => Some(settled as ShardId),
                }
            }
            shard => Some(shard as ShardId),
        }
    }

    /// Moves it; `None`: its connections are spread.
    pub fn set(&self, shard: Option<ShardId>) {
        self.0.store(shard.map_or(Home::EVERYWHERE, u32::from), Ordering::Relaxed);
    }
}

impl Snapshot {
    /// Notes what of a message on this subject leads out of the account, or elsewhere in it.
    pub fn find(&self, subject: &[u8], matched: &mut Matched) {
        matched.mapping = self.mappings.find(subject).map(|place| place as u32);
        self.service_imports.find(subject, &mut matched.services);
    }
}

/// Bounds of an account; `None` is no bound of its own. Source: nats-server `opts.go:parseAccountLimits`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Client connections over all shards.
    pub max_connections: Option<usize>,
    /// Subscriptions of one connection.
    pub max_subscriptions: Option<usize>,
    /// Bytes of one message, headers included.
    pub max_payload: Option<usize>,
    /// Leaf node connections.
    pub max_leafnodes: Option<usize>,
}

/// A service that an account exports: one `Arc` of it for all who import it, by which requests that come round
/// in a circle are known. Source: nats-server `accounts.go:serviceExport`.
#[derive(Debug)]
pub struct Service {
    pub account: AccountId,
    /// The pattern of the export.
    pub subject: String,
    pub response: Response,
    /// How long a response is waited for.
    pub threshold: Duration,
    pub latency: Option<Latency>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Response {
    #[default]
    Singleton,
    Stream,
    Chunked,
}

/// How long requests take is published. Source: nats-server `accounts.go:serviceLatency`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    /// Where, in the exporter's account.
    pub subject: String,
    pub sampling: Sampling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// Of a hundred requests so many.
    Percent(u8),
    /// Those whose headers ask for it.
    Headers,
}
