//! One client connection on a blocking socket: just enough of the protocol to load a server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use crate::failure::{Failure, Outcome, fail};
use crate::frame::{Event, Scanner};
use crate::login::Login;

/// How long a server may stay silent where an answer is due, before the run is called failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that has been greeted.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    pub scanner: Scanner,
}

impl Client {
    /// Connects from any address and waits until the server has taken CONNECT.
    pub fn open(server: SocketAddr, login: &Login) -> Outcome<Client> {
        Client::open_from(server, None, login).map(|(client, _)| client)
    }

    /// Connects from the given loopback address, which matters when one address runs out of ports. Also gives the
    /// server's INFO.
    pub fn open_from(
        server: SocketAddr,
        source: Option<Ipv4Addr>,
        login: &Login,
    ) -> Outcome<(Client, String)> {
        let stream = dial(server, source)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut client = Client { stream, scanner: Scanner::default() };
        let mut info = String::new();
        if login.needs_info() {
            client.until(|event| keep_info(&event, &mut info))?;
        }
        let greeting = login.connect(&info)? + "PING\r\n";
        client.write(greeting.as_bytes())?;
        client.until(|event| {
            keep_info(&event, &mut info);
            event == Event::Pong
        })?;
        Ok((client, info))
    }

    /// Blocks until the kernel has taken all of it.
    pub fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// One read into `buffer`, waiting for bytes if there are none; gives how many came. A PING is answered.
    pub fn read(&mut self, buffer: &mut [u8], mut see: impl FnMut(Event<'_>)) -> Outcome<usize> {
        let length = self.stream.read(buffer)?;
        if length == 0 {
            return fail!("the server closed a connection");
        }
        let mut pinged = false;
        self.scanner.feed(&buffer[..length], |event| match event {
            Event::Ping => pinged = true,
            event => see(event),
        })?;
        if pinged {
            self.write(b"PONG\r\n")?;
        }
        Ok(length)
    }

    /// A second handle to the same socket, to write or to shut it down while another thread reads.
    pub fn writer(&self) -> Outcome<TcpStream> {
        Ok(self.stream.try_clone()?)
    }

    /// Subscribes; the server has taken it only after a `barrier`.
    pub fn subscribe(&mut self, subject: &str, group: Option<&str>, sid: u32) -> Outcome<()> {
        let group = group.map_or(String::new(), |group| format!("{group} "));
        self.write(format!("SUB {subject} {group}{sid}\r\n").as_bytes())
    }

    /// PING and its PONG: all that was sent before has been served, all that was due before has come.
    pub fn barrier(&mut self) -> Outcome<()> {
        self.write(b"PING\r\n")?;
        self.until(|event| event == Event::Pong)
    }

    /// Reads on until an event for which `is_last` is true has come, and whatever came with it.
    fn until(&mut self, mut is_last: impl FnMut(Event<'_>) -> bool) -> Outcome<()> {
        let mut buffer = [0; 16 * 1024];
        let mut came = false;
        while !came {
            self.read(&mut buffer, |event| came |= is_last(event))?;
        }
        Ok(())
    }

    /// Lets go of the connection.
    pub fn close(self) {
        // It may be gone already, which is as good.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// The first INFO, without its verb; true when there is one.
fn keep_info(event: &Event<'_>, info: &mut String) -> bool {
    if let (Event::Info(line), true) = (event, info.is_empty()) {
        *info = String::from_utf8_lossy(&line[5..]).into_owned();
    }
    !info.is_empty()
}

fn dial(server: SocketAddr, source: Option<Ipv4Addr>) -> Outcome<TcpStream> {
    let refused = |error: rustix::io::Errno| Failure::new(format!("cannot connect to {server}: {error}"));
    let family = if server.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None).map_err(refused)?;
    if let Some(source) = source {
        bind(&socket, &SocketAddrV4::new(source, 0)).map_err(refused)?;
    }
    connect(&socket, &server).map_err(refused)?;
    Ok(TcpStream::from(socket))
}

/// A source address for each of many connections. Each address of 127.0.0.0/8 has its own ports, so nothing runs
/// short, not even while the ports of closed connections rest; and the kernel finds a free port at once.
pub fn next_source() -> Ipv4Addr {
    /// Far below the number of ephemeral ports that an address has by default, 28,232.
    const CONNECTIONS_PER_ADDRESS: u32 = 1_000;
    const ADDRESSES: u32 = 65_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let given = GIVEN.fetch_add(1, Ordering::Relaxed);
    // Another run a moment ago left its own ports to rest: processes begin at different addresses.
    let index = (given / CONNECTIONS_PER_ADDRESS + std::process::id().wrapping_mul(97)) % ADDRESSES;
    let [.., high, low] = (index + 2).to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_left_before_its_ports_run_short() {
        let mut sources: Vec<_> = (0..30_000).map(|_| next_source()).collect();
        assert!(sources.iter().all(Ipv4Addr::is_loopback));
        sources.sort_unstable();
        let most = sources.chunk_by(|one, next| one == next).map(<[_]>::len).max();
        assert_eq!(most, Some(1_000));
    }
}
