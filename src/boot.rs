//! Options → running shards: which cores, which driver, the listener, the files that tell others.

use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::Arc;

use nkeys::KeyPair;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shard::account::Directory;
use shard::launch::{Gauges, Launch, Reporter, ShardHandle, launch, probe_uring};
use shard::settings::{DriverKind, Identity, Settings};
use shard::shard_set::SHARDS_MAX;

use crate::config::Options;
use crate::files::Files;
use crate::{logging, version};

/// A started server, as the control core holds it.
pub struct Server {
    pub shards: Arc<Vec<ShardHandle>>,
    pub driver: DriverKind,
    /// By shard: the CPU it is pinned to.
    pub cpus: Vec<Option<usize>>,
    pub gauges: Arc<Gauges>,
    /// What the shards were told last.
    pub settings: Arc<Settings>,
    pub address: String,
    /// Where monitoring listens, if it does.
    pub monitoring: Option<String>,
    pub files: Files,
    listener: TcpListener,
}

impl Server {
    /// Frees the port at once: io_uring lets go of the listener only some time after it was closed.
    pub fn stop_listening(&self) {
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
    }
}

/// What is settled before anything runs: the listener is bound, cores and driver are chosen.
pub struct Plan {
    pub driver: DriverKind,
    identity: Identity,
    cpus: Vec<Option<usize>>,
    /// A core that no shard is pinned to.
    spare_cpu: Option<usize>,
    listener: TcpListener,
}

impl Plan {
    /// Settles it and says so in the log; what fails is fatal.
    pub fn make(options: &Options) -> Plan {
        raise_descriptors();
        let server_id = KeyPair::new_server().public_key();
        let server_name = options.name.clone().unwrap_or_else(|| server_id.clone());
        tracing::info!("Starting corebus");
        tracing::info!("  Version:  {} (NATS {})", version::PRODUCT, version::NATS_LEVEL);
        tracing::info!("  Git:      [{}]", version::GIT_COMMIT.unwrap_or("not set"));
        tracing::info!("  Name:     {server_name}");
        tracing::info!("  ID:       {server_id}");
        // Source: nats-server `auth.go:checkAuthforWarnings`.
        if options.has_plain_password() {
            tracing::warn!("Plaintext passwords detected, use nkeys or bcrypt");
        }
        if let Some(source) = &options.source {
            tracing::info!("Using configuration file: {} ({})", source.path.display(), source.digest);
        }
        let listener = listen(options);
        let allowed = allowed_cpus();
        let cpus = cpus(options, &allowed);
        let driver = driver(options);
        tracing::info!(
            "  Shards:   {} on {}",
            cpus.len(),
            if driver == DriverKind::Uring { "io_uring" } else { "epoll" }
        );
        let identity = Identity {
            server_id,
            server_name,
            nats_version: version::NATS_LEVEL.to_owned(),
            product_version: version::PRODUCT.to_owned(),
            git_commit: version::GIT_COMMIT.unwrap_or_default().to_owned(),
            host: options.host.clone(),
            port: listener.local_addr().map_or(0, |address| address.port()),
        };
        Plan { driver, identity, spare_cpu: spare_cpu(&allowed, &cpus), cpus, listener }
    }

    /// Moves the calling thread, and those it starts later, to a core without a shard, if there is one.
    pub fn leave_shards_alone(&self) {
        if let Some(cpu) = self.spare_cpu {
            let mut cpus = rustix::thread::CpuSet::new();
            cpus.set(cpu);
            // Where this is barred, the scheduler places it.
            let _ = rustix::thread::sched_setaffinity(None, &cpus);
        }
    }

    /// Starts the shards and writes the files that tell others; what fails is fatal.
    pub fn start(
        self,
        options: &Options,
        directory: Directory,
        reporter: Reporter,
        monitoring: Option<String>,
    ) -> Server {
        let own = self.listener.try_clone().unwrap_or_else(|error| logging::fatal(&error.to_string()));
        let port = self.identity.port;
        let settings = Arc::new(settings(self.identity, options, Arc::new(directory)));
        let gauges = Arc::new(Gauges::new(self.cpus.len()));
        let started = launch(Launch {
            settings: settings.clone(),
            driver: self.driver,
            cpus: self.cpus.clone(),
            listener: self.listener,
            gauges: gauges.clone(),
            reporter,
        });
        let shards = started.unwrap_or_else(|error| logging::fatal(&format!("Cannot start shards: {error}")));
        let address = match options.host.contains(':') {
            true => format!("[{}]:{port}", options.host),
            false => format!("{}:{port}", options.host),
        };
        let mut files = Files::default();
        let written = files
            .write_pid(options)
            .and_then(|()| files.write_ports(options, &address, monitoring.as_deref()));
        written.unwrap_or_else(|error| logging::fatal(&error));
        Server {
            shards: Arc::new(shards),
            driver: self.driver,
            cpus: self.cpus,
            gauges,
            settings,
            address,
            monitoring,
            files,
            listener: own,
        }
    }
}

/// What shards are told of the options.
pub fn settings(identity: Identity, options: &Options, directory: Arc<Directory>) -> Settings {
    Settings {
        identity,
        limits: options.limits.clone(),
        directory,
        wall_offset: wall_offset(),
        placement: options.placement,
        tracing: options.tracing,
        headers: options.headers,
        stall_fast_producers: options.stall_fast_producers,
        max_closed_clients: options.max_closed_clients,
    }
}

/// Nanoseconds from a moment of the monotonic clock to the time since 1970.
fn wall_offset() -> i64 {
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (wall.as_nanos() as i64).wrapping_sub(shard::driver::monotonic() as i64)
}

fn listen(options: &Options) -> TcpListener {
    let host = options.host.trim_matches(['[', ']']);
    let addresses = (host, options.port.unwrap_or(0)).to_socket_addrs();
    let bound = addresses.and_then(|addresses| bind(&addresses.collect::<Vec<_>>()));
    bound.unwrap_or_else(|error| {
        let port = options.port.unwrap_or(0);
        let cause = logging::cause(&error);
        logging::fatal(&format!(
            "Error listening on port: {host}:{port}, \"listen tcp {host}:{port}: bind: {cause}\""
        ))
    })
}

/// A port may be busy for a moment after a server that was killed: the kernel takes down its io_uring, which
/// holds the listener, after the process is gone.
fn bind(addresses: &[std::net::SocketAddr]) -> io::Result<TcpListener> {
    let mut tries = 50;
    loop {
        match TcpListener::bind(addresses) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {
                tries -= 1;
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            bound => return bound,
        }
    }
}

/// Lets the process have as many descriptors as it may, as a Go program does by itself: shells often begin with
/// 1024, far fewer than `max_connections`.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}

fn allowed_cpus() -> Vec<usize> {
    match rustix::thread::sched_getaffinity(None) {
        Ok(set) => (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect(),
        Err(_) => Vec::new(),
    }
}

/// One entry a shard: the CPU it is pinned to. More shards than CPUs are not pinned, unless to a list of CPUs.
fn cpus(options: &Options, allowed: &[usize]) -> Vec<Option<usize>> {
    if let Some(cpus) = &options.cpus {
        if let Some(missing) = cpus.iter().find(|cpu| !allowed.contains(cpu)) {
            logging::fatal(&format!("CPU {missing} is not among those this process may use: {allowed:?}"));
        }
        let shards = options.shards.unwrap_or(cpus.len());
        return (0..shards).map(|shard| Some(cpus[shard % cpus.len()])).collect();
    }
    let parallelism = std::thread::available_parallelism().map_or(1, usize::from);
    let shards = options.shards.unwrap_or(parallelism).min(SHARDS_MAX);
    // With a CPU quota below the number of CPUs, pinning would leave the scheduler no choice.
    let pinned = shards > 1 && shards <= allowed.len() && parallelism == allowed.len();
    (0..shards).map(|shard| pinned.then(|| allowed[shard])).collect()
}

/// Where the control core runs. On fewer than four cores the scheduler knows better; shards that are not
/// pinned would inherit the place of who starts them.
fn spare_cpu(allowed: &[usize], cpus: &[Option<usize>]) -> Option<usize> {
    if allowed.len() < 4 || cpus.contains(&None) {
        return None;
    }
    allowed.iter().copied().find(|cpu| !cpus.contains(&Some(*cpu)))
}

fn driver(options: &Options) -> DriverKind {
    match options.driver {
        Some(DriverKind::Epoll) => DriverKind::Epoll,
        wanted => match probe_uring() {
            Ok(()) => DriverKind::Uring,
            Err(error) if wanted.is_some() => logging::fatal(&error),
            Err(error) => {
                tracing::warn!("{error}; using epoll");
                DriverKind::Epoll
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_core_takes_what_shards_leave() {
        let pinned = |cpus: &[usize]| cpus.iter().copied().map(Some).collect::<Vec<_>>();
        assert_eq!(spare_cpu(&[0, 1, 2, 3], &pinned(&[0, 1, 2])), Some(3));
        assert_eq!(spare_cpu(&[4, 5, 6, 7], &pinned(&[4, 5])), Some(6));
        assert_eq!(spare_cpu(&[0, 1, 2, 3], &pinned(&[0, 1, 2, 3])), None);
        assert_eq!(spare_cpu(&[0, 1, 2], &pinned(&[0, 1])), None, "too few cores to give one away");
        assert_eq!(spare_cpu(&[0, 1, 2, 3], &[None]), None, "the shard would inherit it");
    }
}
