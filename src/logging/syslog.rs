//! Lines to a syslog daemon, here or elsewhere. Source: Go's `log/syslog`, nats-server `logger/syslog.go`.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::cause;
use super::format::{Line, Severity};

/// Where the daemon of this machine listens, one of them.
const LOCAL_PATHS: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/// The facilities nats-server uses: daemon on this machine, and, surprisingly, kernel elsewhere.
const DAEMON: u8 = 3;
const KERNEL: u8 = 0;

/// How long a server elsewhere may take to accept.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(5);

pub struct Syslog {
    peer: Peer,
    facility: u8,
    tag: String,
    host: String,
    zone: TimeZone,
    /// Gone after an error, until it can be made again.
    connection: Option<Connection>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Peer {
    Local(Vec<PathBuf>),
    Udp(String),
    Tcp(String),
    Unix(PathBuf),
}

enum Connection {
    Datagram(UnixDatagram),
    Stream(UnixStream),
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Syslog {
    /// The daemon of this machine.
    pub fn local() -> io::Result<Syslog> {
        Syslog::connected(Peer::Local(LOCAL_PATHS.map(PathBuf::from).to_vec()), DAEMON)
    }

    /// The server that `udp://host:port`, `tcp://host:port` or `unix:///path` names.
    pub fn remote(url: &str) -> io::Result<Syslog> {
        Syslog::connected(peer(url).map_err(io::Error::other)?, KERNEL)
    }

    fn connected(peer: Peer, facility: u8) -> io::Result<Syslog> {
        let connection = peer
            .connect()
            .map_err(|error| io::Error::other(format!("error connecting to syslog: {error:?}")))?;
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Ok(Syslog {
            peer,
            facility,
            tag: tag(),
            host: match host.trim() {
                "" => "localhost".to_owned(),
                host => host.to_owned(),
            },
            zone: TimeZone::system(),
            connection: Some(connection),
        })
    }

    /// Sends a line; on an error once more, over a new connection. Then it is lost.
    pub fn send(&mut self, line: &Line) {
        let bytes = self.message(line);
        if let Some(connection) = &mut self.connection
            && connection.write(bytes.as_bytes()).is_ok()
        {
            return;
        }
        self.connection = self.peer.connect().ok();
        if let Some(connection) = &mut self.connection
            && connection.write(bytes.as_bytes()).is_err()
        {
            self.connection = None;
        }
    }

    /// `<PRI>TIMESTAMP HOST TAG[PID]: TEXT`; on this machine with the old form of the time and no host.
    fn message(&self, line: &Line) -> String {
        let priority = self.facility * 8 + level(line.severity);
        let at = Zoned::new(line.at, self.zone.clone());
        let (tag, pid, text) = (&self.tag, std::process::id(), &line.text);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        match self.peer {
            Peer::Local(_) | Peer::Unix(_) => {
                let at = at.strftime("%b %e %H:%M:%S");
                format!("<{priority}>{at} {tag}[{pid}]: {text}{end}")
            }
            Peer::Udp(_) | Peer::Tcp(_) => {
                let utc = at.offset().is_zero();
                let at = at.strftime(if utc { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%:z" });
                format!("<{priority}>{at} {} {tag}[{pid}]: {text}{end}", self.host)
            }
        }
    }
}

/// Source: nats-server `logger/syslog.go`, where a trace is a notice.
fn level(severity: Severity) -> u8 {
    match severity {
        Severity::Fatal => 2,
        Severity::Error => 3,
        Severity::Warning => 4,
        Severity::Notice | Severity::Trace => 5,
        Severity::Debug => 7,
    }
}

/// What the program was called as, without its folder.
fn tag() -> String {
    let called = std::env::args().next().unwrap_or_default();
    called.rsplit('/').find(|part| !part.is_empty()).unwrap_or("corebus").to_owned()
}

/// Source: nats-server `logger/syslog.go:getNetworkAndAddr`.
fn peer(url: &str) -> Result<Peer, String> {
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        _ => (String::new(), url),
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
        None => ("", rest),
    };
    let host = authority.rsplit('@').next().unwrap_or_default().to_owned();
    match scheme.as_str() {
        "udp" => Ok(Peer::Udp(host)),
        "tcp" => Ok(Peer::Tcp(host)),
        "unix" => Ok(Peer::Unix(path.split(['?', '#']).next().unwrap_or_default().into())),
        other => Err(format!("error invalid network type: {other:?}")),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

impl Peer {
    /// The error is in Go's words.
    fn connect(&self) -> Result<Connection, String> {
        match self {
            Peer::Local(paths) => connect_local(paths).ok_or("Unix syslog delivery error".to_owned()),
            Peer::Unix(path) => UnixStream::connect(path)
                .map(Connection::Stream)
                .map_err(|error| format!("dial unix {}: connect: {}", path.display(), cause(&error))),
            Peer::Udp(host) => dial("udp", host, |address| {
                let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                Ok(Connection::Udp(socket))
            }),
            Peer::Tcp(host) => dial("tcp", host, |address| {
                let stream = TcpStream::connect_timeout(&address, CONNECT_WAIT_MAX)?;
                stream.set_nodelay(true)?;
                Ok(Connection::Tcp(stream))
            }),
        }
    }
}

fn connect_local(paths: &[PathBuf]) -> Option<Connection> {
    let datagram = |path: &Path| {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path).map(|()| Connection::Datagram(socket))
    };
    let mut datagrams = paths.iter().filter_map(|path| datagram(path).ok());
    let mut streams = paths.iter().filter_map(|path| UnixStream::connect(path).ok());
    datagrams.next().or_else(|| streams.next().map(Connection::Stream))
}

/// Tries the addresses of `host:port` in turn.
fn dial(
    network: &str,
    host: &str,
    connect: impl Fn(SocketAddr) -> io::Result<Connection>,
) -> Result<Connection, String> {
    if host.is_empty() {
        return Err(format!("dial {network}: missing address"));
    }
    if !host.rsplit(']').next().is_some_and(|behind| behind.contains(':')) {
        return Err(format!("dial {network}: address {host}: missing port in address"));
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    // Go takes an empty name for this machine.
    let host = if name.is_empty() { format!("localhost{host}") } else { host.to_owned() };
    let addresses =
        host.to_socket_addrs().map_err(|_| format!("dial {network}: lookup {name}: no such host"))?;
    let mut last = format!("dial {network}: lookup {name}: no such host");
    for address in addresses {
        match connect(address) {
            Ok(connection) => return Ok(connection),
            Err(error) => last = format!("dial {network} {address}: connect: {}", cause(&error)),
        }
    }
    Err(last)
}

impl Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Connection::Datagram(socket) => socket.send(bytes).map(drop),
            Connection::Udp(socket) => socket.send(bytes).map(drop),
            Connection::Stream(stream) => stream.write_all(bytes),
            Connection::Tcp(stream) => stream.write_all(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    use super::super::scratch::Scratch;
    use super::*;

    fn line(severity: Severity) -> Line {
        let at = "2026-11-05T15:04:12Z".parse().unwrap();
        Line { at, severity, text: "Server is ready".to_owned() }
    }

    /// A message as it came, with what differs from run to run taken out.
    fn shape(syslog: &Syslog, bytes: &[u8]) -> String {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let program = format!("{}[{}]", syslog.tag, std::process::id());
        text.replace(&program, "TAG[PID]").replace(&format!(" {} ", syslog.host), " HOST ")
    }

    #[test]
    fn datagrams_to_a_server_have_its_form() {
        let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
        let url = format!("udp://{}", listener.local_addr().unwrap());
        let mut syslog = Syslog::remote(&url).unwrap();
        syslog.zone = TimeZone::UTC;
        let mut buffer = [0; 256];
        let levels = [
            (Severity::Fatal, 2),
            (Severity::Error, 3),
            (Severity::Warning, 4),
            (Severity::Notice, 5),
            (Severity::Trace, 5),
            (Severity::Debug, 7),
        ];
        for (severity, priority) in levels {
            syslog.send(&line(severity));
            let len = listener.recv(&mut buffer).unwrap();
            let want = format!("<{priority}>2026-11-05T15:04:12Z HOST TAG[PID]: Server is ready\n");
            assert_eq!(shape(&syslog, &buffer[..len]), want);
        }
        syslog.zone = TimeZone::fixed(jiff::tz::offset(2));
        syslog.send(&line(Severity::Notice));
        let len = listener.recv(&mut buffer).unwrap();
        assert!(shape(&syslog, &buffer[..len]).starts_with("<5>2026-11-05T17:04:12+02:00 HOST "));
    }

    #[test]
    fn the_daemon_here_is_found_behind_paths_that_are_none() {
        let scratch = Scratch::new();
        let path = scratch.path().join("log");
        let listener = UnixDatagram::bind(&path).unwrap();
        let paths = vec![scratch.path().join("none"), path];
        let mut syslog = Syslog::connected(Peer::Local(paths), DAEMON).unwrap();
        syslog.zone = TimeZone::UTC;
        syslog.send(&line(Severity::Error));
        let mut buffer = [0; 256];
        let len = listener.recv(&mut buffer).unwrap();
        assert_eq!(shape(&syslog, &buffer[..len]), "<27>Nov  5 15:04:12 TAG[PID]: Server is ready\n");
    }

    #[test]
    fn a_lost_connection_is_made_again() {
        let scratch = Scratch::new();
        let path = scratch.path().join("log");
        let listener = UnixListener::bind(&path).unwrap();
        let mut syslog = Syslog::remote(&format!("unix://{}", path.display())).unwrap();
        drop(listener.accept().unwrap());
        syslog.send(&line(Severity::Notice));
        let (mut stream, _) = listener.accept().unwrap();
        drop(syslog);
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("<5>") && text.ends_with("]: Server is ready\n"), "{text}");
    }

    #[test]
    fn a_stream_holds_a_line_each() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut syslog = Syslog::remote(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        syslog.send(&line(Severity::Notice));
        syslog.send(&line(Severity::Debug));
        drop(syslog);
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let priorities: Vec<_> = text.lines().map(|line| &line[..3]).collect();
        assert_eq!(priorities, ["<5>", "<7>"]);
    }

    #[test]
    fn what_cannot_be_reached_is_said_in_gos_words() {
        let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for (url, want) in [
            ("udp://", "error connecting to syslog: \"dial udp: missing address\"".to_owned()),
            ("udp:127.0.0.1:514", "error connecting to syslog: \"dial udp: missing address\"".to_owned()),
            (
                "tcp://localhost",
                "error connecting to syslog: \"dial tcp: address localhost: missing port in address\""
                    .to_owned(),
            ),
            (
                "unix:///nope/log",
                "error connecting to syslog: \"dial unix /nope/log: connect: no such file or directory\""
                    .to_owned(),
            ),
            (
                &format!("tcp://user:secret@{refused}/x"),
                format!("error connecting to syslog: \"dial tcp {refused}: connect: connection refused\""),
            ),
            ("http://x", "error invalid network type: \"http\"".to_owned()),
            ("x", "error invalid network type: \"\"".to_owned()),
        ] {
            let error = Syslog::remote(url).err().expect("it cannot be reached").to_string();
            assert_eq!(error, want, "{url}");
        }
    }
}
