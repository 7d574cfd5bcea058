//! The face the shards show to the control core: starting them, orders down, reports up.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::settings::{DriverKind, Settings};

/// What the control core tells a shard. Orders are rare and may allocate.
#[derive(Clone)]
pub enum Order {
    /// Use these settings from now on.
    Settings(Arc<Settings>),
    /// Accept no further connection.
    StopListening,
    /// Send every client that understands it an INFO with `ldm: true`.
    AnnounceLameDuck,
    /// Close up to this many clients with the reason "Server Shutdown".
    CloseClients(usize),
    /// Close every client after flushing what it has been sent so far, then end the thread.
    Shutdown,
}

/// What a shard tells the control core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The shard's loop runs; it accepts connections.
    Ready { shard: usize },
    /// The shard could not start, or had to stop: the text is fit for a `[FTL]` line.
    Failed { shard: usize, error: String },
    /// The shard has closed everything and its thread is about to end.
    Stopped { shard: usize },
}

/// Figures every shard keeps for others to read at any time. Each is written by its owner alone.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Client connections per shard, as many as there are shards.
    pub clients: Vec<AtomicUsize>,
    /// The last client id given out, over all shards.
    pub last_cid: AtomicU64,
}

impl Gauges {
    pub fn new(shards: usize) -> Gauges {
        Gauges { clients: (0..shards).map(|_| AtomicUsize::new(0)).collect(), last_cid: AtomicU64::new(0) }
    }

    /// Client connections over all shards.
    pub fn clients_total(&self) -> usize {
        self.clients.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

/// Where reports go: called on the shard's thread, must not block.
pub type Reporter = Arc<dyn Fn(Report) + Send + Sync>;

/// How the shards are to be started.
pub struct Launch {
    pub settings: Arc<Settings>,
    pub driver: DriverKind,
    /// One entry a shard: the CPU to pin it to, or none.
    pub cpus: Vec<Option<usize>>,
    /// Bound and listening; shared by all shards.
    pub listener: TcpListener,
    pub gauges: Arc<Gauges>,
    pub reporter: Reporter,
}

/// One running shard, as the control core holds it.
pub struct ShardHandle {}

impl ShardHandle {
    /// Queues an order and wakes the shard.
    pub fn order(&self, _order: Order) {}

    /// Waits for the shard's thread to end.
    pub fn join(self) {}
}

/// Whether this kernel, and whatever sandbox we are in, lets us use every io_uring feature the uring
/// driver needs. The error says what is missing, fit for one log line.
pub fn probe_uring() -> Result<(), String> {
    Err("not built yet".into())
}

/// Starts all shards.
pub fn launch(_launch: Launch) -> io::Result<Vec<ShardHandle>> {
    Err(io::Error::other("not built yet"))
}
