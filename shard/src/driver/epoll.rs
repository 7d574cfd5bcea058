//! The driver over epoll, for kernels and sandboxes without io_uring: level-triggered, one `epoll_wait` per
//! turn, sends tried at its start.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::task::Poll;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketFlags};

use super::socket::send_at_once;
use super::uring::accepted;
use super::{Driver, Event, Piece, Socket, Wait, monotonic};
use crate::deliver::Batch;
use crate::slot::Slot;

const BUFFER_BYTES: usize = 16 << 10;
const BUFFERS: usize = 16;
/// Descriptors one wait hears of.
const WOKEN_PER_TURN: usize = 128;
const ACCEPTS_PER_TURN: usize = 64;
/// Pieces of a batch handed to the kernel at once.
const VECTORS: usize = 64;

/// What epoll says about descriptors that are no connection's; no slot has these numbers.
const LISTENER: u64 = u64::MAX;
const BELL: u64 = u64::MAX - 1;

/// Trouble is reported whether asked for or not; receiving and sending tell what it is.
const TROUBLE: EventFlags = EventFlags::ERR.union(EventFlags::HUP);

fn pack(slot: Slot) -> u64 {
    u64::from(slot.generation) << 32 | u64::from(slot.index)
}

fn unpack(data: u64) -> Slot {
    Slot { index: data as u32, generation: (data >> 32) as u32 }
}

/// An eventfd that never blocks, to ring a driver with.
pub fn eventfd() -> io::Result<OwnedFd> {
    Ok(rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}

/// A send under way.
struct Outgoing {
    batch: Batch,
    /// Bytes of the batch sent so far, and in all.
    sent: usize,
    len: usize,
    /// The socket took no more when last tried.
    blocked: bool,
}

impl Outgoing {
    fn new(batch: Batch, sent: usize) -> Outgoing {
        let len = batch.len();
        Outgoing { batch, sent, len, blocked: false }
    }

    /// Sends until all is sent or the socket takes no more.
    fn push(&mut self, fd: BorrowedFd<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.len {
            match self.push_some(fd) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(bytes) => self.sent += bytes,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn push_some(&self, fd: BorrowedFd<'_>) -> rustix::io::Result<usize> {
        if self.batch.rest.is_empty() {
            return rustix::net::send(fd, &self.batch.first[self.sent..], SendFlags::NOSIGNAL);
        }
        let mut vectors = [IoSlice::new(&[]); VECTORS];
        let count = gather(&self.batch, self.sent, &mut vectors);
        let mut nothing = SendAncillaryBuffer::default();
        rustix::net::sendmsg(fd, &vectors[..count], &mut nothing, SendFlags::NOSIGNAL)
    }
}

/// Fills `vectors` with what follows the first `skip` bytes of the batch; answers how many it filled.
fn gather<'a>(batch: &'a Batch, mut skip: usize, vectors: &mut [IoSlice<'a>]) -> usize {
    let mut count = 0;
    for piece in batch.pieces() {
        if count == vectors.len() {
            break;
        }
        let skipped = skip.min(piece.len());
        skip -= skipped;
        if skipped < piece.len() {
            vectors[count] = IoSlice::new(&piece[skipped..]);
            count += 1;
        }
    }
    count
}

/// A connection as this driver holds it.
struct Link {
    fd: OwnedFd,
    slot: Slot,
    outgoing: Option<Outgoing>,
    /// What epoll watches for; empty means that epoll does not have the socket at all, for it would
    /// report trouble over and over.
    watched: EventFlags,
    wanted: bool,
    ended: bool,
    /// Waits in `readable`.
    queued: bool,
    finishing: bool,
    detaching: bool,
}

impl Link {
    fn new(slot: Slot, fd: OwnedFd) -> Link {
        Link {
            fd,
            slot,
            outgoing: None,
            watched: EventFlags::empty(),
            wanted: true,
            ended: false,
            queued: false,
            finishing: false,
            detaching: false,
        }
    }

    fn receives(&self) -> bool {
        self.wanted && !self.ended && !self.detaching
    }

    fn blocked(&self) -> bool {
        self.outgoing.as_ref().is_some_and(|outgoing| outgoing.blocked)
    }

    /// Makes epoll watch for what this link waits for.
    fn watch(&mut self, epoll: &OwnedFd) -> rustix::io::Result<()> {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, self.receives());
        flags.set(EventFlags::OUT, self.blocked());
        let data = EventData::new_u64(pack(self.slot));
        if flags == self.watched {
            return Ok(());
        } else if flags.is_empty() {
            epoll::delete(epoll, &self.fd)?;
        } else if self.watched.is_empty() {
            epoll::add(epoll, &self.fd, data, flags)?;
        } else {
            epoll::modify(epoll, &self.fd, data, flags)?;
        }
        self.watched = flags;
        Ok(())
    }

    /// Ends the send under way, if any.
    fn sent(&mut self, result: io::Result<()>) -> Option<Event> {
        let batch = self.outgoing.take()?.batch;
        if self.finishing {
            let _ = rustix::net::shutdown(&self.fd, Shutdown::Write);
        }
        Some(Event::Sent { slot: self.slot, batch, result })
    }

    /// Notes that nothing more will be received.
    fn end(&mut self, error: Option<io::Error>) -> Option<Event> {
        let first = !self.ended && !self.detaching;
        self.ended = true;
        first.then_some(Event::Ended { slot: self.slot, error })
    }
}

/// The receive buffers.
struct Buffers {
    memory: Box<[u8]>,
    spare: Vec<u16>,
}

impl Buffers {
    fn new() -> Buffers {
        let memory = vec![0; BUFFERS * BUFFER_BYTES].into_boxed_slice();
        Buffers { memory, spare: (0..BUFFERS as u16).rev().collect() }
    }

    /// Receives into a spare buffer, which must be there; `None` when the peer sends no more.
    fn receive(&mut self, fd: &OwnedFd) -> rustix::io::Result<Option<Piece>> {
        let Some(&buffer) = self.spare.last() else { return Err(Errno::AGAIN) };
        let start = buffer as usize * BUFFER_BYTES;
        let room = &mut self.memory[start..start + BUFFER_BYTES];
        let (len, _) = rustix::net::recv(fd, room, RecvFlags::empty())?;
        if len == 0 {
            return Ok(None);
        }
        self.spare.pop();
        Ok(Some(Piece { buffer, len: len as u32 }))
    }
}

pub struct Epoll {
    epoll: OwnedFd,
    buffers: Buffers,
    links: Vec<Option<Link>>,
    listener: Arc<TcpListener>,
    listening: bool,
    bell: Arc<OwnedFd>,
    /// What happened and was not yet told.
    ready: Vec<Event>,
    /// Sends not yet tried.
    untried: Vec<Slot>,
    /// Links with something to receive, the longest waiting first: nobody starves for want of buffers.
    readable: VecDeque<Slot>,
    woken: Vec<epoll::Event>,
}

impl Epoll {
    /// `bell` is an eventfd: ringing it ends a wait. Several drivers may share a listener.
    pub fn new(listener: Arc<TcpListener>, bell: Arc<OwnedFd>) -> io::Result<Epoll> {
        listener.set_nonblocking(true)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), EventFlags::IN)?;
        Ok(Epoll {
            epoll,
            buffers: Buffers::new(),
            links: Vec::new(),
            listener,
            listening: false,
            bell,
            ready: Vec::new(),
            untried: Vec::new(),
            readable: VecDeque::new(),
            woken: Vec::with_capacity(WOKEN_PER_TURN),
        })
    }

    /// Has epoll watch for what the link now waits for. When epoll refuses, the connection is of no use.
    fn watch(&mut self, slot: Slot) {
        let Some(link) = find(&mut self.links, slot) else { return };
        let Err(error) = link.watch(&self.epoll) else { return };
        self.ready.extend(link.sent(Err(error.into())));
        self.ready.extend(link.end(Some(error.into())));
    }

    /// Sends what the socket takes.
    fn push(&mut self, slot: Slot) {
        let Some(link) = find(&mut self.links, slot) else { return };
        let Some(outgoing) = &mut link.outgoing else { return };
        match outgoing.push(link.fd.as_fd()) {
            Poll::Pending => outgoing.blocked = true,
            Poll::Ready(result) => self.ready.extend(link.sent(result)),
        }
        self.watch(slot);
        self.settle(slot);
    }

    /// Receives one buffer's worth.
    fn receive(&mut self, slot: Slot) {
        let Some(link) = find(&mut self.links, slot) else { return };
        link.queued = false;
        if !link.receives() {
            return;
        }
        let end = match self.buffers.receive(&link.fd) {
            Ok(Some(piece)) => return self.ready.push(Event::Received { slot, piece }),
            Err(Errno::AGAIN | Errno::INTR) => return,
            Ok(None) => None,
            Err(error) => Some(error.into()),
        };
        self.ready.extend(link.end(end));
        self.watch(slot);
    }

    /// Receives as far as there are buffers; the rest stays queued.
    fn receive_all(&mut self) {
        while !self.buffers.spare.is_empty()
            && let Some(slot) = self.readable.pop_front()
        {
            self.receive(slot);
        }
    }

    /// Gives away a link that was to be, once nothing is under way on it.
    fn settle(&mut self, slot: Slot) {
        let Some(link) = find(&mut self.links, slot) else { return };
        if !link.detaching || link.outgoing.is_some() {
            return;
        }
        if let Some(link) = self.links[slot.index as usize].take() {
            self.unwatch(&link);
            self.ready.push(Event::Detached { slot, socket: Socket::Fd(link.fd) });
        }
    }

    /// Takes a link that goes out of epoll, where someone else's copy of the socket would keep it.
    fn unwatch(&self, link: &Link) {
        if !link.watched.is_empty() {
            let _ = epoll::delete(&self.epoll, &link.fd);
        }
    }

    fn accept(&mut self) {
        const FLAGS: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);
        for _ in 0..ACCEPTS_PER_TURN {
            match rustix::net::accept_with(&*self.listener, FLAGS) {
                Ok(fd) => self.ready.extend(accepted(fd)),
                Err(Errno::AGAIN) => return,
                // The peer is gone already, or a signal came.
                Err(Errno::CONNABORTED | Errno::INTR) => {}
                Err(error) => {
                    self.listen(false);
                    return self.ready.push(Event::AcceptFailed(error.into()));
                }
            }
        }
    }

    /// Notes what a connection is ready for; sends at once.
    fn woken(&mut self, slot: Slot, flags: EventFlags) {
        let Some(link) = find(&mut self.links, slot) else { return };
        if flags.intersects(EventFlags::IN | TROUBLE) && link.receives() && !link.queued {
            link.queued = true;
            self.readable.push_back(slot);
        }
        if flags.intersects(EventFlags::OUT | TROUBLE) && link.blocked() {
            self.push(slot);
        }
    }

    fn silence(&self) {
        // Nothing to read is as good as read.
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
    }
}

/// The link a slot means, if it is still there.
fn find(links: &mut [Option<Link>], slot: Slot) -> Option<&mut Link> {
    links.get_mut(slot.index as usize)?.as_mut().filter(|link| link.slot == slot)
}

/// How long epoll may sleep; `None` is for ever.
fn timeout(wait: Wait) -> Option<Timespec> {
    let left = match wait {
        Wait::Poll => 0,
        Wait::Until(None) => return None,
        Wait::Until(Some(deadline)) => deadline.saturating_sub(monotonic()),
    };
    Some(Timespec { tv_sec: (left / 1_000_000_000) as _, tv_nsec: (left % 1_000_000_000) as _ })
}

impl Driver for Epoll {
    fn listen(&mut self, on: bool) {
        if on == self.listening {
            return;
        }
        self.listening = on;
        if !on {
            let _ = epoll::delete(&self.epoll, &self.listener);
            return;
        }
        // One shard is woken per connection, not all that share the listener.
        let flags = EventFlags::IN | EventFlags::EXCLUSIVE;
        if let Err(error) = epoll::add(&self.epoll, &self.listener, EventData::new_u64(LISTENER), flags) {
            self.listening = false;
            self.ready.push(Event::AcceptFailed(error.into()));
        }
    }

    fn open(&mut self, slot: Slot, socket: Socket) {
        let index = slot.index as usize;
        if self.links.len() <= index {
            self.links.resize_with(index + 1, || None);
        }
        let mut link = Link::new(slot, socket.into_fd());
        if let Err(error) = rustix::io::ioctl_fionbio(&link.fd, true) {
            self.ready.extend(link.end(Some(error.into())));
        }
        self.links[index] = Some(link);
        self.watch(slot);
    }

    fn pause(&mut self, slot: Slot) {
        if let Some(link) = find(&mut self.links, slot) {
            link.wanted = false;
            self.watch(slot);
        }
    }

    fn resume(&mut self, slot: Slot) {
        if let Some(link) = find(&mut self.links, slot) {
            link.wanted = true;
            self.watch(slot);
        }
    }

    fn send(&mut self, slot: Slot, batch: Batch, prompt: bool) -> Option<Batch> {
        let Some(link) = find(&mut self.links, slot) else { unreachable!("a send without socket") };
        debug_assert!(link.outgoing.is_none(), "one send at a time");
        let mut sent = 0;
        if prompt {
            match send_at_once(&link.fd, &batch) {
                Ok(bytes) if bytes == batch.len() => return Some(batch),
                Ok(bytes) => sent = bytes,
                // What is wrong shows again when it is tried.
                Err(_) => {}
            }
        }
        link.outgoing = Some(Outgoing::new(batch, sent));
        self.untried.push(slot);
        None
    }

    fn finish(&mut self, slot: Slot) {
        let Some(link) = find(&mut self.links, slot) else { return };
        link.finishing = true;
        if link.outgoing.is_none() {
            let _ = rustix::net::shutdown(&link.fd, Shutdown::Write);
        }
    }

    fn close(&mut self, slot: Slot) {
        if find(&mut self.links, slot).is_none() {
            return;
        }
        let Some(mut link) = self.links[slot.index as usize].take() else { return };
        self.unwatch(&link);
        self.ready.extend(link.sent(Err(io::ErrorKind::ConnectionAborted.into())));
        let _ = rustix::net::shutdown(&link.fd, Shutdown::Both);
        self.ready.push(Event::Closed { slot });
    }

    fn detach(&mut self, slot: Slot) {
        if let Some(link) = find(&mut self.links, slot) {
            link.detaching = true;
            self.watch(slot);
            self.settle(slot);
        }
    }

    fn wait(&mut self, wait: Wait, events: &mut Vec<Event>) -> io::Result<()> {
        let mut untried = std::mem::take(&mut self.untried);
        for slot in untried.drain(..) {
            self.push(slot);
        }
        self.untried = untried;
        let wait = if self.ready.is_empty() { wait } else { Wait::Poll };
        match epoll::wait(&self.epoll, spare_capacity(&mut self.woken), timeout(wait).as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut woken = std::mem::take(&mut self.woken);
        for event in woken.drain(..) {
            let (data, flags) = (event.data, event.flags);
            match data.u64() {
                LISTENER => self.accept(),
                BELL => self.silence(),
                data => self.woken(unpack(data), flags),
            }
        }
        self.woken = woken;
        self.receive_all();
        events.append(&mut self.ready);
        Ok(())
    }

    fn bytes(&self, piece: &Piece) -> &[u8] {
        let start = piece.buffer as usize * BUFFER_BYTES;
        &self.buffers.memory[start..start + piece.len as usize]
    }

    fn release(&mut self, piece: Piece) {
        self.buffers.spare.push(piece.buffer);
    }

    fn now(&self) -> u64 {
        monotonic()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::deliver::Chunk;

    /// Longer than anything here takes.
    const LONG: u64 = 5_000_000_000;
    const SHORT: u64 = 30_000_000;

    struct Rig {
        driver: Epoll,
        listener: Arc<TcpListener>,
        bell: Arc<OwnedFd>,
    }

    impl Rig {
        fn new() -> Rig {
            let listener = Arc::new(TcpListener::bind(("127.0.0.1", 0)).unwrap());
            let bell = Arc::new(eventfd().unwrap());
            let driver = Epoll::new(Arc::clone(&listener), Arc::clone(&bell)).unwrap();
            Rig { driver, listener, bell }
        }

        fn turn(&mut self, nanoseconds: u64) -> Vec<Event> {
            let mut events = Vec::new();
            let deadline = monotonic() + nanoseconds;
            self.driver.wait(Wait::Until(Some(deadline)), &mut events).unwrap();
            events
        }

        /// Connects and opens the accepted end.
        fn connect(&mut self, index: u32) -> (Slot, TcpStream) {
            let slot = Slot { index, generation: 1 };
            self.driver.listen(true);
            let peer = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
            peer.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
            let Some(Event::Accepted { socket, peer: address }) = self.turn(LONG).pop() else {
                panic!("not accepted")
            };
            assert_eq!(address, peer.local_addr().unwrap());
            self.driver.open(slot, socket);
            (slot, peer)
        }

        /// The bytes of an event that must be `Received`.
        fn bytes(&mut self, event: Option<Event>) -> Vec<u8> {
            let Some(Event::Received { piece, .. }) = event else { panic!("nothing received") };
            let bytes = self.driver.bytes(&piece).to_vec();
            self.driver.release(piece);
            bytes
        }
    }

    fn batch(chunks: usize, len: usize) -> Batch {
        let chunk = |at: usize| Chunk::Owned(vec![at as u8; len]);
        Batch { first: vec![b'f'; len], rest: (1..chunks).map(chunk).collect() }
    }

    fn contents(batch: &Batch) -> Vec<u8> {
        batch.pieces().flatten().copied().collect()
    }

    #[test]
    fn receives_then_ends_once() {
        let mut rig = Rig::new();
        let (_, mut peer) = rig.connect(3);
        peer.write_all(b"hello").unwrap();
        let event = rig.turn(LONG).pop();
        assert_eq!(rig.bytes(event), b"hello");
        drop(peer);
        assert!(matches!(rig.turn(LONG)[..], [Event::Ended { error: None, .. }]));
        assert!(rig.turn(SHORT).is_empty());
    }

    #[test]
    fn sends_many_pieces_without_waiting() {
        let mut rig = Rig::new();
        let (slot, mut peer) = rig.connect(0);
        assert!(rig.driver.send(slot, batch(200, 3), false).is_none());
        rig.driver.finish(slot);
        let mut events = Vec::new();
        rig.driver.wait(Wait::Until(None), &mut events).unwrap();
        let Some(Event::Sent { batch, result: Ok(()), .. }) = events.pop() else { panic!("not sent") };
        let mut got = Vec::new();
        peer.read_to_end(&mut got).unwrap();
        assert_eq!(got, contents(&batch));
    }

    #[test]
    fn goes_on_when_the_peer_reads() {
        let mut rig = Rig::new();
        let (slot, mut peer) = rig.connect(0);
        assert!(rig.driver.send(slot, batch(300, 100_000), true).is_none());
        rig.driver.finish(slot);
        assert!(rig.turn(SHORT).is_empty());
        let reader = std::thread::spawn(move || {
            let mut got = Vec::new();
            peer.read_to_end(&mut got).map(|_| got).unwrap()
        });
        let sent = loop {
            match rig.turn(LONG).pop() {
                Some(Event::Sent { batch, result, .. }) => break result.map(|()| batch).unwrap(),
                Some(_) => panic!("something else"),
                None => {}
            }
        };
        assert!(reader.join().unwrap() == contents(&sent));
    }

    #[test]
    fn close_fails_the_send_and_comes_last() {
        let mut rig = Rig::new();
        let (slot, _peer) = rig.connect(0);
        assert!(rig.driver.send(slot, batch(1, 30_000_000), false).is_none());
        assert!(rig.turn(SHORT).is_empty());
        rig.driver.close(slot);
        rig.driver.close(slot);
        let events = rig.turn(LONG);
        assert!(matches!(events[..], [Event::Sent { result: Err(_), .. }, Event::Closed { .. }]));
        assert!(rig.turn(SHORT).is_empty());
    }

    #[test]
    fn detach_lets_the_send_finish_and_keeps_what_is_unread() {
        let mut rig = Rig::new();
        let (slot, mut peer) = rig.connect(0);
        peer.write_all(b"unread").unwrap();
        assert!(rig.driver.send(slot, batch(1, 10), false).is_none());
        rig.driver.detach(slot);
        let mut events = rig.turn(LONG);
        let Some(Event::Detached { socket, .. }) = events.pop() else { panic!("not detached") };
        assert!(matches!(events[..], [Event::Sent { result: Ok(()), .. }]));
        let mut other = Rig::new();
        other.driver.open(Slot { index: 7, generation: 2 }, socket);
        let event = other.turn(LONG).pop();
        assert_eq!(other.bytes(event), b"unread");
        assert!(rig.turn(SHORT).is_empty());
    }

    #[test]
    fn a_paused_connection_is_silent_even_in_trouble() {
        let mut rig = Rig::new();
        let (slot, mut peer) = rig.connect(0);
        rig.driver.pause(slot);
        peer.write_all(b"later").unwrap();
        rustix::net::sockopt::set_socket_linger(&peer, Some(std::time::Duration::ZERO)).unwrap();
        drop(peer);
        let start = monotonic();
        assert!(rig.turn(SHORT).is_empty());
        assert!(monotonic() - start >= SHORT);
        rig.driver.resume(slot);
        let event = rig.turn(LONG).pop();
        assert_eq!(rig.bytes(event), b"later");
        assert!(matches!(rig.turn(LONG)[..], [Event::Ended { error: Some(_), .. }]));
        assert!(rig.turn(SHORT).is_empty());
    }

    #[test]
    fn nobody_starves_for_want_of_buffers() {
        let mut rig = Rig::new();
        let mut peers: Vec<_> = (0..40).map(|index| rig.connect(index).1).collect();
        for peer in &mut peers {
            peer.write_all(&vec![1; 10 * BUFFER_BYTES]).unwrap();
        }
        let mut heard = [0; 40];
        for turn in 0..3 {
            let events = rig.turn(LONG);
            assert_eq!(events.len(), BUFFERS, "turn {turn}");
            for event in events {
                let Event::Received { slot, piece } = event else { panic!("something else") };
                heard[slot.index as usize] += 1;
                rig.driver.release(piece);
            }
        }
        assert!(heard.iter().all(|&times| times >= 1), "{heard:?}");
    }

    #[test]
    fn a_stale_slot_reaches_nobody() {
        let mut rig = Rig::new();
        let (old, _peer) = rig.connect(0);
        rig.driver.close(old);
        assert!(matches!(rig.turn(LONG)[..], [Event::Closed { .. }]));
        let (_, mut peer) = rig.connect(1);
        let socket = rig.driver.links[1].take().unwrap();
        rig.driver.unwatch(&socket);
        rig.driver.open(Slot { index: 0, generation: 2 }, Socket::Fd(socket.fd));
        rig.driver.pause(old);
        rig.driver.close(old);
        peer.write_all(b"x").unwrap();
        let event = rig.turn(LONG).pop();
        assert_eq!(rig.bytes(event), b"x");
    }

    #[test]
    fn the_bell_ends_a_wait_once() {
        let mut rig = Rig::new();
        rustix::io::write(&rig.bell, &1u64.to_ne_bytes()).unwrap();
        let mut events = Vec::new();
        rig.driver.wait(Wait::Until(None), &mut events).unwrap();
        assert!(events.is_empty());
        let start = monotonic();
        assert!(rig.turn(SHORT).is_empty());
        assert!(monotonic() - start >= SHORT);
    }

    #[test]
    fn does_not_accept_unasked() {
        let mut rig = Rig::new();
        let _first = rig.connect(0);
        rig.driver.listen(false);
        let _second = TcpStream::connect(rig.listener.local_addr().unwrap()).unwrap();
        assert!(rig.turn(SHORT).is_empty());
        rig.driver.listen(true);
        assert!(matches!(rig.turn(LONG)[..], [Event::Accepted { .. }]));
    }
}
