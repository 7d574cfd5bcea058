//! Where monitoring listens, and the connections to it: bounded in number, none able to hold another up.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};

use super::Monitor;
use super::arguments::Arguments;
use super::page::Page;
use super::path::{self, Way, base};
use super::wire::{Stage, State, Wire};
use crate::config::Options;
use crate::control::{Executor, Listener, Stream, Task};

/// Connections at a time. For one more, the one whose client keeps it waiting the longest gives way.
const CONNECTIONS_MAX: usize = 64;
/// Bytes of a request's head. nats-server takes a mebibyte; nothing asked here is that long.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// How long accepting rests after it failed, for want of descriptors for example.
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// A port may be busy for a moment after a server that was killed: tries, and the rest between them.
const BIND_TRIES: u32 = 50;
const BIND_REST: Duration = Duration::from_millis(10);

/// A bound port that nobody answers at yet.
pub struct Door {
    listener: Listener,
    address: SocketAddr,
    host: String,
}

impl Door {
    /// Binds what the options want, if they want monitoring, and says so in the log. The error is nats-server's
    /// text (`server.go:startMonitoring`).
    pub async fn bind(executor: &Executor, options: &Options) -> Result<Option<Door>, String> {
        if options.http_port == 0 {
            return Ok(None);
        }
        let host = if options.http_host.is_empty() { &options.host } else { &options.http_host };
        let port = u16::try_from(options.http_port.max(0)).unwrap_or(0);
        let bare = host.trim_matches(['[', ']']);
        let shown = joined(bare, port);
        let fault = |error: io::Error| {
            format!(
                "Can't start monitoring: can't listen to the monitor port: listen tcp {shown}: bind: {error}"
            )
        };
        let addresses: Vec<SocketAddr> = (bare, port).to_socket_addrs().map_err(fault)?.collect();
        let listener = bind(executor, &addresses).await.map_err(fault)?;
        let address = listener.address().map_err(fault)?;
        let door = Door { listener, address, host: bare.to_owned() };
        tracing::info!("Starting http monitor on {}", door.address());
        Ok(Some(door))
    }

    /// The host as configured, and the port that was really bound.
    pub fn address(&self) -> String {
        joined(&self.host, self.port())
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

fn joined(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

async fn bind(executor: &Executor, addresses: &[SocketAddr]) -> io::Result<Listener> {
    let mut tries = BIND_TRIES;
    loop {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            match executor.listen(*address) {
                Ok(listener) => return Ok(listener),
                Err(error) => last = error,
            }
        }
        if last.kind() != io::ErrorKind::AddrInUse || tries == 0 {
            return Err(last);
        }
        tries -= 1;
        executor.sleep(BIND_REST).await;
    }
}

/// A connection there is.
struct Place {
    state: Rc<State>,
    /// Dropped, it ends.
    _task: Task<()>,
}

/// Accepts and answers, without end.
pub async fn serve(door: Door, monitor: Rc<Monitor>) {
    let executor = monitor.executor.clone();
    let mut places: Vec<Place> = Vec::new();
    loop {
        let Ok((stream, _)) = door.listener.accept().await else {
            executor.sleep(ACCEPT_REST).await;
            continue;
        };
        // A connection that has ended let go of its state.
        places.retain(|place| Rc::strong_count(&place.state) > 1);
        if places.len() >= CONNECTIONS_MAX {
            let oldest = places.iter().enumerate().min_by_key(|(_, place)| place.state.waiting_since());
            if let Some((oldest, _)) = oldest {
                places.swap_remove(oldest);
            }
        }
        let state = Rc::new(State::new());
        let task = executor.spawn(converse(stream, monitor.clone(), state.clone()));
        places.push(Place { state, _task: task });
    }
}

/// Answers the requests of a connection until either side has enough.
async fn converse(stream: Stream, monitor: Rc<Monitor>, state: Rc<State>) {
    let wire = Wire::new(stream, monitor.executor.clone(), state.clone());
    let service = service_fn(|request| {
        let (monitor, state) = (monitor.clone(), state.clone());
        async move {
            state.enter(Stage::Page);
            let response = answer(&monitor, &request).await;
            state.enter(Stage::Answer);
            Ok::<_, Infallible>(response)
        }
    });
    let mut protocol = http1::Builder::new();
    protocol.max_buf_size(HEAD_BYTES_MAX).half_close(true).title_case_headers(true);
    if let Err(error) = protocol.serve_connection(wire, service).await {
        tracing::debug!("monitoring: {error}");
    }
}

async fn answer(monitor: &Monitor, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST) {
        return Page::without_host().into_response();
    }
    let base = base(&monitor.options.borrow().http_base_path);
    let query = request.uri().query();
    let page = match path::way(&base, request.uri().path()) {
        Way::Page(name) => monitor.page(&name, &Arguments::parse(query.unwrap_or_default())).await,
        Way::Elsewhere(path) => match query {
            Some(query) => Page::redirect(&format!("{path}?{query}")),
            None => Page::redirect(&path),
        },
    };
    page.into_response()
}
