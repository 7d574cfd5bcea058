//! Options → running shards: which cores, which driver, the listener, the files that tell others.

use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;

use nkeys::KeyPair;
use shard::launch::{Gauges, Launch, Reporter, ShardHandle, launch, probe_uring};
use shard::settings::{DriverKind, Identity, Settings};
use shard::shard_set::SHARDS_MAX;

use crate::config::Options;
use crate::{logging, version};

/// A started server, as the control loop holds it.
pub struct Server {
    pub shards: Vec<ShardHandle>,
    pub gauges: Arc<Gauges>,
    pub address: String,
    listener: TcpListener,
    files: Vec<PathBuf>,
}

impl Server {
    /// Frees the port at once: io_uring lets go of the listener only some time after it was closed.
    pub fn stop_listening(&self) {
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
    }

    /// Removes the files that said where to find it.
    pub fn remove_files(&self) {
        self.files.iter().for_each(|file| drop(std::fs::remove_file(file)));
    }
}

/// Starts everything; what fails is fatal.
pub fn start(options: &Options, reporter: Reporter) -> Server {
    let server_id = KeyPair::new_server().public_key();
    let name = options.name.clone().unwrap_or_else(|| server_id.clone());
    tracing::info!("Starting corebus");
    tracing::info!("  Version:  {} (NATS {})", version::PRODUCT, version::NATS_LEVEL);
    tracing::info!("  Name:     {name}");
    tracing::info!("  ID:       {server_id}");
    if let Some(source) = &options.source {
        tracing::info!("Using configuration file: {} ({})", source.path.display(), source.digest);
    }
    let listener = listen(options);
    let port = listener.local_addr().map_or(0, |address| address.port());
    let own = listener.try_clone().unwrap_or_else(|error| logging::fatal(&error.to_string()));
    let cpus = cpus(options);
    let driver = driver(options);
    tracing::info!(
        "  Shards:   {} on {}",
        cpus.len(),
        if driver == DriverKind::Uring { "io_uring" } else { "epoll" }
    );
    let settings = Arc::new(Settings {
        identity: Identity {
            server_id,
            server_name: name,
            nats_version: version::NATS_LEVEL.to_owned(),
            product_version: version::PRODUCT.to_owned(),
            git_commit: String::new(),
            host: options.host.clone(),
            port,
        },
        limits: options.limits.clone(),
        credentials: options.authorization.credentials(),
        placement: options.placement,
        tracing: options.tracing,
        headers: options.headers,
        stall_fast_producers: options.stall_fast_producers,
    });
    let gauges = Arc::new(Gauges::new(cpus.len()));
    let started = launch(Launch { settings, driver, cpus, listener, gauges: gauges.clone(), reporter });
    let shards = started.unwrap_or_else(|error| logging::fatal(&format!("Cannot start shards: {error}")));
    let address = match options.host.contains(':') {
        true => format!("[{}]:{port}", options.host),
        false => format!("{}:{port}", options.host),
    };
    let files = write_files(options, &address);
    Server { shards, gauges, address, listener: own, files }
}

fn listen(options: &Options) -> TcpListener {
    let host = options.host.trim_matches(['[', ']']);
    let addresses = (host, options.port.unwrap_or(0)).to_socket_addrs();
    let bound = addresses.and_then(|addresses| bind(&addresses.collect::<Vec<_>>()));
    bound.unwrap_or_else(|error| {
        let port = options.port.unwrap_or(0);
        logging::fatal(&format!("Error listening on port: {host}:{port}, {error:?}: {error}"))
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

/// One entry a shard: the CPU it is pinned to. More shards than CPUs are not pinned.
fn cpus(options: &Options) -> Vec<Option<usize>> {
    let allowed: Vec<usize> = match rustix::thread::sched_getaffinity(None) {
        Ok(set) => (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect(),
        Err(_) => Vec::new(),
    };
    let parallelism = std::thread::available_parallelism().map_or(1, usize::from);
    let shards = options.shards.unwrap_or(parallelism).min(SHARDS_MAX);
    // With a CPU quota below the number of CPUs, pinning would leave the scheduler no choice.
    let pinned = shards > 1 && shards <= allowed.len() && parallelism == allowed.len();
    (0..shards).map(|shard| pinned.then(|| allowed[shard])).collect()
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

fn write_files(options: &Options, address: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut write = |path: PathBuf, text: String| {
        if let Err(error) = replace(&path, &text) {
            logging::fatal(&format!("Could not write {}: {error}", path.display()));
        }
        files.push(path);
    };
    if let Some(path) = &options.pid_file {
        write(path.clone(), std::process::id().to_string());
    }
    if let Some(dir) = &options.ports_file_dir {
        let program = std::env::args().next().unwrap_or_default();
        let program =
            std::path::Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = dir.join(format!("{program}_{}.ports", std::process::id()));
        let host = address.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:");
        write(path, format!("{{\"nats\":[\"nats://{host}\"]}}"));
    }
    files
}

/// Writes a file so that nobody sees half of it.
fn replace(path: &std::path::Path, text: &str) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    std::fs::write(&temporary, text)?;
    std::fs::rename(&temporary, path)
}
