//! The face the shards show to the control core: starting them, orders down, reports up.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};

use crate::account::AccountId;
use crate::driver::epoll::{Epoll, eventfd};
use crate::driver::uring::{self, Uring};
use crate::inspection::{Question, Reply};
use crate::ring::mesh::{Doorbell, Mesh, Wake, lane_bytes, meshes};
use crate::session::admission::Hashed;
use crate::settings::{DriverKind, Settings};
use crate::shard_set::ShardId;
use crate::slot::Slot;
use crate::turn::{Core, Shard};

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
    /// Close this many clients, for they are more than `max_connections` now allows.
    CloseExcess(usize),
    /// Say so once every order before this one is in effect.
    Acknowledge(Acknowledgement),
    /// Let up to so many connections of an account move to another shard, while they run.
    Relocate { account: AccountId, to: ShardId, count: usize },
    /// Whether the password that a connection waits for is right.
    PasswordChecked { slot: Slot, is_right: bool },
    /// Subscribe the control core to a pattern, which must be valid: what comes is told by `Report::Asked`.
    Attend { account: AccountId, pattern: Box<[u8]>, service: u32 },
    /// Publish a message of the server's own.
    Publish { account: AccountId, subject: Box<[u8]>, reply: Box<[u8]>, body: Box<[u8]> },
    /// Answer a question, in pieces; the last is `Piece::End`.
    Inspect(Question, Reply),
    /// Close every client after flushing what it has been sent so far, then end the thread.
    Shutdown,
}

/// How a shard says so: called on its thread, must not block.
pub type Acknowledgement = Arc<dyn Fn() + Send + Sync>;

/// What a shard tells the control core.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// The shard's loop runs; it accepts connections.
    Ready { shard: usize },
    /// The shard could not start, or had to stop: the text is fit for a `[FTL]` line.
    Failed { shard: usize, error: String },
    /// The shard has much to do: so many of a thousand parts of its time, and accounts with what they had done, the
    /// most first.
    Busy { shard: usize, busy: u32, accounts: Vec<(AccountId, u64)>, clients: usize },
    /// A message to the control core, by the number of its service; see `Order::Attend`.
    Asked {
        service: u32,
        account: AccountId,
        subject: Box<[u8]>,
        reply: Box<[u8]>,
        headers: Box<[u8]>,
        body: Box<[u8]>,
    },
    /// A connection waits for its password to be checked: `Order::PasswordChecked` is to follow.
    CheckPassword { shard: usize, slot: Slot, hashed: Hashed },
    /// The shard has closed everything and its thread is about to end.
    Stopped { shard: usize },
}

/// Figures for all to read at any time, changed only as connections come and go.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Client connections per shard, as many as there are shards.
    pub clients: Vec<AtomicUsize>,
    /// The last client id given out, over all shards.
    pub last_cid: AtomicU64,
    /// Messages to the control core that it has not taken yet.
    pub asked: AtomicUsize,
}

/// Messages to the control core that may wait for it; one more is dropped.
pub const ASKED_MAX: usize = 4096;

impl Gauges {
    pub fn new(shards: usize) -> Gauges {
        Gauges {
            clients: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            last_cid: AtomicU64::new(0),
            asked: AtomicUsize::new(0),
        }
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
pub struct ShardHandle {
    shard: usize,
    orders: Sender<Order>,
    doorbells: Arc<[Doorbell]>,
    thread: JoinHandle<()>,
}

impl ShardHandle {
    /// Queues an order and wakes the shard.
    pub fn order(&self, order: Order) {
        // A shard that has ended takes no orders, and needs none.
        let _ = self.orders.send(order);
        self.doorbells[self.shard].ring();
    }

    /// Waits for the shard's thread to end.
    pub fn join(self) {
        let _ = self.thread.join();
    }
}

/// Whether this kernel, and whatever sandbox we are in, lets us use every io_uring feature the uring
/// driver needs. The error says what is missing, fit for one log line.
pub fn probe_uring() -> Result<(), String> {
    uring::probe()
}

/// Starts all shards.
pub fn launch(launch: Launch) -> io::Result<Vec<ShardHandle>> {
    let shards = launch.cpus.len();
    let listener = Arc::new(launch.listener);
    let bells: Vec<Arc<OwnedFd>> = (0..shards).map(|_| eventfd().map(Arc::new)).collect::<io::Result<_>>()?;
    let doorbells: Arc<[Doorbell]> = bells.iter().map(|bell| Doorbell::new(waker(bell.clone()))).collect();
    let meshes = meshes(doorbells.clone(), lane_bytes(shards));
    let mut handles = Vec::new();
    for (shard, (mesh, bell)) in meshes.into_iter().zip(bells).enumerate() {
        let (sender, orders) = crossbeam_channel::unbounded();
        let start = Start {
            shard,
            cpu: launch.cpus[shard],
            driver: launch.driver,
            settings: launch.settings.clone(),
            gauges: launch.gauges.clone(),
            reporter: launch.reporter.clone(),
            listener: listener.clone(),
            bell,
            mesh,
            orders,
        };
        let thread = std::thread::Builder::new().name(format!("shard-{shard}")).spawn(move || start.run())?;
        handles.push(ShardHandle { shard, orders: sender, doorbells: doorbells.clone(), thread });
    }
    Ok(handles)
}

fn waker(bell: Arc<OwnedFd>) -> Wake {
    Box::new(move || {
        // It fails only when the counter is full: then the sleeper is awake.
        let _ = rustix::io::write(&*bell, &1u64.to_ne_bytes());
    })
}

/// All that a shard's thread begins with.
struct Start {
    shard: usize,
    cpu: Option<usize>,
    driver: DriverKind,
    settings: Arc<Settings>,
    gauges: Arc<Gauges>,
    reporter: Reporter,
    listener: Arc<TcpListener>,
    bell: Arc<OwnedFd>,
    mesh: Mesh,
    orders: Receiver<Order>,
}

impl Start {
    fn run(self) {
        let (shard, reporter) = (self.shard, self.reporter.clone());
        let report = match self.serve() {
            Ok(()) => Report::Stopped { shard },
            Err(error) => Report::Failed { shard, error: error.to_string() },
        };
        reporter(report);
    }

    fn serve(self) -> io::Result<()> {
        if let Some(cpu) = self.cpu {
            let mut cpus = rustix::thread::CpuSet::new();
            cpus.set(cpu);
            rustix::thread::sched_setaffinity(None, &cpus)?;
        }
        let Start { shard, driver, settings, gauges, reporter, listener, bell, mesh, orders, .. } = self;
        let core = Core::new(settings, mesh, gauges, reporter.clone());
        match driver {
            DriverKind::Uring => {
                let mut shard_loop = Shard::new(core, Uring::new(listener, bell)?, orders);
                reporter(Report::Ready { shard });
                shard_loop.run()
            }
            DriverKind::Epoll => {
                let mut shard_loop = Shard::new(core, Epoll::new(listener, bell)?, orders);
                reporter(Report::Ready { shard });
                shard_loop.run()
            }
        }
    }
}
