//! Monitoring over HTTP: a page each of what the server is and does, with the paths, arguments and fields of
//! nats-server (`monitor.go`). It runs on the control core; what only shards know they are asked for.

mod arguments;
mod ask;
mod clock;
mod connz;
mod healthz;
mod listener;
mod number;
mod page;
mod path;
mod process;
mod root;
mod subsz;
mod varz;
mod wire;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use shard::account::Directory;
use shard::launch::{Gauges, ShardHandle};
use shard::settings::{DriverKind, Identity};

use crate::boot::Server;
use crate::config::Options;
use crate::control::{Executor, Task};
use arguments::Arguments;
use clock::Clock;
pub use listener::Door;
use page::Page;
use process::Usage;

/// What all pages are made from.
struct Monitor {
    executor: Executor,
    shards: Arc<Vec<ShardHandle>>,
    gauges: Arc<Gauges>,
    identity: Identity,
    driver: DriverKind,
    cpus: Vec<Option<usize>>,
    clock: Clock,
    /// Where it listens, after any free port was asked for.
    port: u16,
    options: RefCell<Options>,
    /// All accounts, and who may come in.
    directory: RefCell<Arc<Directory>>,
    options_loaded: Cell<Timestamp>,
    ready: Cell<bool>,
    /// Requests by path.
    requests: RefCell<BTreeMap<&'static str, u64>>,
    usage: RefCell<Usage>,
}

/// Monitoring while it runs; dropped, it listens no more and all its connections are closed.
pub struct Running {
    monitor: Rc<Monitor>,
    _listening: Task<()>,
}

impl Running {
    /// The server accepts clients.
    pub fn ready(&self) {
        self.monitor.ready.set(true);
    }

    /// Other options hold from now on.
    pub fn adopt(&self, options: &Options, directory: &Arc<Directory>) {
        self.monitor.directory.replace(directory.clone());
        self.monitor.options.replace(options.clone());
        self.monitor.options_loaded.set(Timestamp::now());
    }
}

impl Door {
    /// Starts to answer.
    pub fn open(self, executor: &Executor, server: &Server, options: &Options) -> Running {
        let clock = Clock::start();
        let monitor = Rc::new(Monitor {
            executor: executor.clone(),
            shards: server.shards.clone(),
            gauges: server.gauges.clone(),
            identity: server.settings.identity.clone(),
            driver: server.driver,
            cpus: server.cpus.clone(),
            clock,
            port: self.port(),
            options: RefCell::new(options.clone()),
            directory: RefCell::new(server.settings.directory.clone()),
            options_loaded: Cell::new(clock.started()),
            ready: Cell::new(false),
            requests: RefCell::default(),
            usage: RefCell::new(Usage::start()),
        });
        let listening = executor.spawn(listener::serve(self, monitor.clone()));
        Running { monitor, _listening: listening }
    }
}

impl Monitor {
    /// The page of a path below the base path. Whatever the method, as nats-server has it.
    async fn page(&self, path: &str, arguments: &Arguments) -> Page {
        let answer = match path {
            "/" => root::page(self),
            "/varz" => varz::page(self).await,
            "/connz" => connz::page(self, arguments).await,
            "/subsz" | "/subscriptionsz" => subsz::page(self, arguments).await,
            "/healthz" => healthz::page(self, arguments),
            _ => Ok(Page::missing()),
        };
        answer.unwrap_or_else(Page::from)
    }

    fn has_account(&self, name: &str) -> bool {
        let directory = self.directory.borrow();
        directory.accounts.iter().any(|account| account.name == name && !account.is_gone)
    }

    fn count(&self, path: &'static str) {
        *self.requests.borrow_mut().entry(path).or_default() += 1;
    }
}
