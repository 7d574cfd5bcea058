//! What the control core tells every shard before it starts, and again whenever it changes: one immutable
//! snapshot behind an `Arc`, swapped whole. Nothing here is written by a shard.

use std::sync::Arc;
use std::time::Duration;

use crate::account::Directory;

/// The bounds a client meets. Defaults are nats-server's (`server/const.go`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Client connections over all shards; 0 means none may connect.
    pub max_connections: usize,
    /// Subscriptions of one connection; 0 means no bound.
    pub max_subscriptions: usize,
    /// Bytes of one protocol line without its line end.
    pub max_control_line: usize,
    /// Bytes of one message, headers included.
    pub max_payload: usize,
    /// Bytes waiting for one connection before it counts as a slow consumer.
    pub max_pending: usize,
    /// How long one write to a client may take before it counts as a slow consumer.
    pub write_deadline: Duration,
    pub ping_interval: Duration,
    /// Unanswered PINGs before a connection is stale.
    pub ping_max: u32,
    /// From accept to a valid CONNECT, where credentials are required.
    pub auth_timeout: Duration,
    /// Tokens of a subscription's subject; 0 means no bound.
    pub max_subscription_tokens: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_connections: 64 * 1024,
            max_subscriptions: 0,
            max_control_line: 4096,
            max_payload: 1024 * 1024,
            max_pending: 64 * 1024 * 1024,
            write_deadline: Duration::from_secs(10),
            ping_interval: Duration::from_secs(120),
            ping_max: 2,
            auth_timeout: Duration::from_secs(2),
            max_subscription_tokens: 0,
        }
    }
}

/// Where an accepted connection lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// On the shard with the fewest connections.
    #[default]
    Spread,
    /// On the home shard of its account, handed there after CONNECT.
    Home,
    /// Likewise; the account's home is the least loaded shard when its first connection comes, and connections move
    /// while they run when a shard has too much to do.
    Auto,
}

/// Which body of the driver a shard runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriverKind {
    Uring,
    Epoll,
}

/// How much of the protocol is written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tracing {
    pub debug: bool,
    /// Protocol lines and payloads of clients.
    pub trace: bool,
    /// Those of the system account too.
    pub verbose: bool,
    /// Of a message's payload, show the headers alone.
    pub headers_only: bool,
    /// Bytes of a payload in the log; 0 means all of it.
    pub max_traced_msg_len: usize,
}

/// The server as its clients see it in INFO.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// A server nkey ("N…").
    pub server_id: String,
    pub server_name: String,
    /// The NATS level that clients check features against.
    pub nats_version: String,
    /// The product's own version.
    pub product_version: String,
    pub git_commit: String,
    /// As configured, not as resolved.
    pub host: String,
    /// The port that was really bound.
    pub port: u16,
}

/// One snapshot of all of it.
#[derive(Clone, Default)]
pub struct Settings {
    pub identity: Identity,
    pub limits: Limits,
    /// All accounts, and who may come in.
    pub directory: Arc<Directory>,
    /// Nanoseconds to add to a moment of the monotonic clock for the time since 1970.
    pub wall_offset: i64,
    pub placement: Placement,
    pub tracing: Tracing,
    /// Message headers are offered (`no_header_support` turns them off).
    pub headers: bool,
    /// A publisher that outruns a reader is slowed down (`no_fast_producer_stall` turns it off).
    pub stall_fast_producers: bool,
    /// Closed connections remembered for monitoring, over all shards.
    pub max_closed_clients: usize,
}
