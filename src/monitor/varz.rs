//! `/varz`: the server as a whole. Source: nats-server `monitor.go:Varz`, and a block `corebus` of our own.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use hyper::StatusCode;
use serde::Serialize;
use shard::inspection::{Piece, Question, ShardFigures};
use shard::settings::DriverKind;

use super::Monitor;
use super::clock::show_uptime;
use super::number::{Float, is_zero};
use super::page::{Fault, Page, pretty};
use super::process::resident_bytes;

#[derive(Serialize)]
struct Varz {
    server_id: String,
    server_name: String,
    version: String,
    proto: u8,
    #[serde(skip_serializing_if = "String::is_empty")]
    git_commit: String,
    /// The language's version in nats-server; there is none here, but clients want the field.
    go: &'static str,
    host: String,
    port: u16,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    auth_required: bool,
    max_connections: i64,
    #[serde(skip_serializing_if = "is_zero")]
    max_subscriptions: u64,
    /// Nanoseconds, as every duration here.
    ping_interval: u64,
    ping_max: u32,
    http_host: String,
    http_port: u16,
    http_base_path: String,
    https_port: u16,
    auth_timeout: Float,
    max_control_line: usize,
    max_payload: usize,
    max_pending: usize,
    cluster: Unbuilt,
    gateway: Unbuilt,
    leaf: Unbuilt,
    mqtt: Unbuilt,
    websocket: Unbuilt,
    jetstream: Unbuilt,
    tls_timeout: Float,
    write_deadline: u64,
    start: String,
    now: String,
    uptime: String,
    mem: u64,
    cores: usize,
    gomaxprocs: usize,
    cpu: Float,
    connections: usize,
    total_connections: u64,
    routes: usize,
    remotes: usize,
    leafnodes: usize,
    in_msgs: u64,
    in_bytes: u64,
    in_client_msgs: u64,
    in_client_bytes: u64,
    out_msgs: u64,
    out_bytes: u64,
    out_client_msgs: u64,
    out_client_bytes: u64,
    slow_consumers: u64,
    stale_connections: u64,
    stalled_clients: u64,
    subscriptions: usize,
    http_req_stats: BTreeMap<&'static str, u64>,
    config_load_time: String,
    config_digest: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    slow_consumer_stats: ByKind,
    stale_connection_stats: ByKind,
    disk_io_wait_stats: DiskWaits,
    corebus: Corebus,
}

/// A part of a server that is not there.
#[derive(Serialize)]
struct Unbuilt {}

/// Kinds of connections; there are clients alone.
#[derive(Serialize)]
struct ByKind {
    clients: u64,
    routes: u64,
    gateways: u64,
    leafs: u64,
}

/// Nothing here waits for its turn at the disk.
#[derive(Serialize, Default)]
struct DiskWaits {
    waiters: u64,
    waits: u64,
    wait_time: u64,
    max_wait_time: u64,
}

#[derive(Serialize)]
struct Corebus {
    version: String,
    driver: &'static str,
    shards: Vec<Shard>,
}

/// One shard, since the start where it counts something.
#[derive(Serialize)]
struct Shard {
    shard: usize,
    /// The CPU it is pinned to.
    cpu: Option<usize>,
    connections: usize,
    subscriptions: usize,
    in_msgs: u64,
    in_bytes: u64,
    out_msgs: u64,
    out_bytes: u64,
    slow_consumers: u64,
    stale_connections: u64,
    stalled_clients: u64,
    turns: u64,
    letters: u64,
    /// CPU time its thread has used.
    cpu_seconds: f64,
}

pub async fn page(monitor: &Monitor) -> Result<Page, Fault> {
    monitor.count("/varz");
    // Each with its subscriptions.
    let mut shards = vec![(ShardFigures::default(), 0); monitor.shards.len()];
    let take = |shard: usize, piece| {
        if let Piece::Shard(figures) = piece {
            shards[shard].0 = *figures;
        }
    };
    monitor.ask_all(Question::Shard, take).await?;
    let take = |shard: usize, piece| {
        if let Piece::Interest(interest) = piece {
            shards[shard].1 += interest.subscriptions;
        }
    };
    monitor.ask_all(Question::Interest { account: None }, take).await?;
    Ok(Page::json(StatusCode::OK, pretty(&varz(monitor, &shards))))
}

fn varz(monitor: &Monitor, shards: &[(ShardFigures, usize)]) -> Varz {
    let options = monitor.options.borrow();
    let limits = &options.limits;
    let identity = &monitor.identity;
    let sum = |figure: fn(&ShardFigures) -> u64| shards.iter().map(|(shard, _)| figure(shard)).sum::<u64>();
    let (in_msgs, in_bytes) = (sum(|shard| shard.in_messages), sum(|shard| shard.in_bytes));
    let (out_msgs, out_bytes) = (sum(|shard| shard.out_messages), sum(|shard| shard.out_bytes));
    let slow_consumers = sum(|shard| shard.slow_consumers);
    let stale_connections = sum(|shard| shard.stale_connections);
    let clients = |clients| ByKind { clients, routes: 0, gateways: 0, leafs: 0 };
    let host = if options.http_host.is_empty() { &options.host } else { &options.http_host };
    Varz {
        server_id: identity.server_id.clone(),
        server_name: identity.server_name.clone(),
        version: identity.nats_version.clone(),
        proto: 1,
        git_commit: identity.git_commit.clone(),
        go: "",
        host: identity.host.clone(),
        port: identity.port,
        auth_required: monitor.directory.borrow().admission.is_required(),
        // nats-server keeps 0 as -1.
        max_connections: match limits.max_connections {
            0 => -1,
            max => max as i64,
        },
        max_subscriptions: limits.max_subscriptions as u64,
        ping_interval: nanoseconds(limits.ping_interval),
        ping_max: limits.ping_max,
        http_host: host.clone(),
        http_port: monitor.port,
        http_base_path: options.http_base_path.clone(),
        https_port: 0,
        auth_timeout: Float(limits.auth_timeout.as_secs_f64()),
        max_control_line: limits.max_control_line,
        max_payload: limits.max_payload,
        max_pending: limits.max_pending,
        cluster: Unbuilt {},
        gateway: Unbuilt {},
        leaf: Unbuilt {},
        mqtt: Unbuilt {},
        websocket: Unbuilt {},
        jetstream: Unbuilt {},
        tls_timeout: Float(2.0),
        write_deadline: nanoseconds(limits.write_deadline),
        start: monitor.clock.started().to_string(),
        now: monitor.clock.show(shard::driver::monotonic()),
        uptime: show_uptime(monitor.clock.uptime()),
        mem: resident_bytes(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        gomaxprocs: shards.len(),
        cpu: Float(monitor.usage.borrow_mut().percent()),
        connections: monitor.gauges.clients_total(),
        total_connections: monitor.gauges.last_cid.load(Ordering::Relaxed),
        routes: 0,
        remotes: 0,
        leafnodes: 0,
        in_msgs,
        in_bytes,
        in_client_msgs: in_msgs,
        in_client_bytes: in_bytes,
        out_msgs,
        out_bytes,
        out_client_msgs: out_msgs,
        out_client_bytes: out_bytes,
        slow_consumers,
        stale_connections,
        stalled_clients: sum(|shard| shard.stalls),
        subscriptions: shards.iter().map(|(_, subscriptions)| subscriptions).sum(),
        http_req_stats: monitor.requests.borrow().clone(),
        config_load_time: monitor.options_loaded.get().to_string(),
        config_digest: options.source.as_ref().map(|source| source.digest.clone()).unwrap_or_default(),
        tags: options.tags.iter().map(|tag| tag.to_lowercase()).collect(),
        metadata: options.metadata.clone(),
        slow_consumer_stats: clients(slow_consumers),
        stale_connection_stats: clients(stale_connections),
        disk_io_wait_stats: DiskWaits::default(),
        corebus: corebus(monitor, shards),
    }
}

fn corebus(monitor: &Monitor, shards: &[(ShardFigures, usize)]) -> Corebus {
    let driver = match monitor.driver {
        DriverKind::Uring => "uring",
        DriverKind::Epoll => "epoll",
    };
    let show = |(shard, (figures, subscriptions)): (usize, &(ShardFigures, usize))| Shard {
        shard,
        cpu: monitor.cpus[shard],
        connections: monitor.gauges.clients[shard].load(Ordering::Relaxed),
        subscriptions: *subscriptions,
        in_msgs: figures.in_messages,
        in_bytes: figures.in_bytes,
        out_msgs: figures.out_messages,
        out_bytes: figures.out_bytes,
        slow_consumers: figures.slow_consumers,
        stale_connections: figures.stale_connections,
        stalled_clients: figures.stalls,
        turns: figures.turns,
        letters: figures.letters,
        cpu_seconds: figures.cpu as f64 / 1e9,
    };
    let shards = shards.iter().enumerate().map(show).collect();
    Corebus { version: monitor.identity.product_version.clone(), driver, shards }
}

fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
