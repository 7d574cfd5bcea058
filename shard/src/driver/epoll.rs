//! The driver over epoll, for where io_uring is barred. Readiness becomes completions: each `wait` tries what
//! is to be sent, then reads one buffer of every connection that has something.

use std::io::{self, IoSlice};
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketFlags};

use super::{Driver, Event, Piece, Socket, Wait, monotonic};
use crate::deliver::Batch;
use crate::slot::Slot;

const BUFFER_BYTES: usize = 16 << 10;
const BUFFERS: usize = 16;
const ACCEPTS_PER_WAIT: usize = 64;
/// Pieces of a batch given to the kernel in one call.
const VECTORS_MAX: usize = 64;

/// Data of the two descriptors that are no connection.
const LISTENER: u64 = u64::MAX;
const BELL: u64 = u64::MAX - 1;

/// What others ring to wake a shard.
pub fn eventfd() -> io::Result<OwnedFd> {
    Ok(rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}

#[derive(Default)]
struct Link {
    fd: Option<OwnedFd>,
    slot: Slot,
    flight: Option<(Batch, usize)>,
    /// What epoll was told to watch for.
    watched: EventFlags,
    receives: bool,
    /// The send under way waits for room.
    blocked: bool,
    ended: bool,
    detaching: bool,
}

pub struct Epoll {
    epoll: OwnedFd,
    listener: Arc<TcpListener>,
    listening: bool,
    bell: Arc<OwnedFd>,
    links: Vec<Link>,
    memory: Vec<u8>,
    spare: Vec<u16>,
    /// Connections whose batch has not been tried.
    fresh: Vec<Slot>,
    ready: Vec<Event>,
    seen: Vec<epoll::Event>,
}

fn data(slot: Slot) -> EventData {
    EventData::new_u64(u64::from(slot.generation) << 32 | u64::from(slot.index))
}

impl Epoll {
    pub fn new(listener: Arc<TcpListener>, bell: Arc<OwnedFd>) -> io::Result<Epoll> {
        listener.set_nonblocking(true)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), EventFlags::IN)?;
        Ok(Epoll {
            epoll,
            listener,
            listening: false,
            bell,
            links: Vec::new(),
            memory: vec![0; BUFFERS * BUFFER_BYTES],
            spare: (0..BUFFERS as u16).rev().collect(),
            fresh: Vec::new(),
            ready: Vec::new(),
            seen: Vec::with_capacity(256),
        })
    }

    /// The link of a slot, unless it is gone.
    fn link(&mut self, slot: Slot) -> Option<&mut Link> {
        self.links.get_mut(slot.index as usize).filter(|link| link.slot == slot && link.fd.is_some())
    }

    /// Tells epoll what to watch for, if that changed.
    fn watch(&mut self, slot: Slot) {
        let Some(link) = self.links.get_mut(slot.index as usize).filter(|link| link.slot == slot) else {
            return;
        };
        let Some(fd) = &link.fd else { return };
        let mut wanted = EventFlags::empty();
        wanted.set(EventFlags::IN, link.receives && !link.ended && !link.detaching);
        wanted.set(EventFlags::OUT, link.blocked);
        if wanted != link.watched {
            link.watched = wanted;
            let _ = epoll::modify(&self.epoll, fd, data(slot), wanted);
        }
    }

    /// Sends what it can; answers through `ready` when the batch is done.
    fn try_send(&mut self, slot: Slot) {
        let Some(link) = self.link(slot) else { return };
        let Some((batch, sent)) = &mut link.flight else { return };
        let fd = link.fd.as_ref().expect("a link has a socket");
        let len = batch.len();
        let result = loop {
            if *sent >= len {
                break Ok(());
            }
            match send_rest(fd, batch, *sent) {
                Ok(bytes) => *sent += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    link.blocked = true;
                    return self.watch(slot);
                }
                Err(error) => break Err(error),
            }
        };
        link.blocked = false;
        let (batch, _) = link.flight.take().expect("just looked at");
        self.ready.push(Event::Sent { slot, batch, result });
        self.watch(slot);
        self.finish_detaching(slot);
    }

    fn finish_detaching(&mut self, slot: Slot) {
        let Some(link) = self.links.get_mut(slot.index as usize).filter(|link| link.slot == slot) else {
            return;
        };
        if link.detaching && link.flight.is_none() {
            let Some(fd) = std::mem::take(link).fd else { return };
            let _ = epoll::delete(&self.epoll, &fd);
            self.ready.push(Event::Detached { slot, socket: Socket::Fd(fd) });
        }
    }

    fn receive(&mut self, slot: Slot, events: &mut Vec<Event>) {
        let Some(buffer) = self.spare.pop() else { return };
        let start = buffer as usize * BUFFER_BYTES;
        let room = &mut self.memory[start..start + BUFFER_BYTES];
        let link = self.links.get_mut(slot.index as usize).filter(|link| link.slot == slot);
        let Some((link, true)) = link.map(|link| {
            let reads = link.fd.is_some() && link.receives && !link.ended && !link.detaching;
            (link, reads)
        }) else {
            self.spare.push(buffer);
            return;
        };
        let fd = link.fd.as_ref().expect("just looked at");
        let error = match rustix::net::recv(fd, &mut *room, RecvFlags::DONTWAIT) {
            Ok((_, len)) if len > 0 => {
                events.push(Event::Received { slot, piece: Piece { buffer, len: len as u32 } });
                return;
            }
            Ok(_) => None,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {
                self.spare.push(buffer);
                return;
            }
            Err(error) => Some(error.into()),
        };
        self.spare.push(buffer);
        link.ended = true;
        events.push(Event::Ended { slot, error });
        self.watch(slot);
    }

    fn accept(&mut self, events: &mut Vec<Event>) {
        for _ in 0..ACCEPTS_PER_WAIT {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            match rustix::net::accept_with(&*self.listener, flags) {
                Ok(fd) => events.extend(super::uring::accepted(fd)),
                Err(rustix::io::Errno::AGAIN) => return,
                Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED) => {}
                Err(error) => {
                    self.listen(false);
                    events.push(Event::AcceptFailed(error.into()));
                    return;
                }
            }
        }
    }

    fn dispatch(&mut self, seen: epoll::Event, events: &mut Vec<Event>) {
        let flags = seen.flags;
        match seen.data.u64() {
            LISTENER => self.accept(events),
            BELL => {
                let _ = rustix::io::read(&*self.bell, &mut [0u8; 8]);
            }
            data => {
                let slot = Slot { index: data as u32, generation: (data >> 32) as u32 };
                if flags.intersects(EventFlags::OUT | EventFlags::ERR | EventFlags::HUP) {
                    self.try_send(slot);
                }
                if flags.intersects(EventFlags::IN | EventFlags::ERR | EventFlags::HUP) {
                    self.receive(slot, events);
                    self.give_up(slot, flags);
                }
            }
        }
    }

    /// A socket that is broken while nobody reads from it would be reported for ever: it is watched no more.
    fn give_up(&mut self, slot: Slot, flags: EventFlags) {
        let epoll = self.epoll.as_fd();
        let Some(link) = self.links.get_mut(slot.index as usize).filter(|link| link.slot == slot) else {
            return;
        };
        let idle = !link.blocked && (!link.receives || link.ended);
        if let (true, true, Some(fd)) = (flags.intersects(EventFlags::ERR | EventFlags::HUP), idle, &link.fd)
        {
            let _ = epoll::delete(epoll, fd);
        }
    }
}

fn send_rest(fd: &OwnedFd, batch: &Batch, sent: usize) -> io::Result<usize> {
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    if batch.rest.is_empty() {
        return Ok(rustix::net::send(fd, &batch.first[sent..], flags)?);
    }
    let mut skip = sent;
    let mut vectors = Vec::with_capacity(VECTORS_MAX);
    for piece in batch.pieces() {
        let skipped = skip.min(piece.len());
        skip -= skipped;
        if skipped < piece.len() && vectors.len() < VECTORS_MAX {
            vectors.push(IoSlice::new(&piece[skipped..]));
        }
    }
    Ok(rustix::net::sendmsg(fd, &vectors, &mut SendAncillaryBuffer::default(), flags)?)
}

impl Driver for Epoll {
    fn listen(&mut self, on: bool) {
        if on == self.listening {
            return;
        }
        self.listening = on;
        let _ = if on {
            let flags = EventFlags::IN | EventFlags::EXCLUSIVE;
            epoll::add(&self.epoll, &*self.listener, EventData::new_u64(LISTENER), flags)
        } else {
            epoll::delete(&self.epoll, &*self.listener)
        };
    }

    fn open(&mut self, slot: Slot, socket: Socket) {
        if self.links.len() <= slot.index as usize {
            self.links.resize_with(slot.index as usize + 1, Link::default);
        }
        let fd = socket.into_fd();
        let watched = EventFlags::IN;
        if epoll::add(&self.epoll, &fd, data(slot), watched).is_err() {
            self.ready.push(Event::Ended { slot, error: Some(io::ErrorKind::OutOfMemory.into()) });
        }
        self.links[slot.index as usize] =
            Link { fd: Some(fd), slot, watched, receives: true, ..Link::default() };
    }

    fn pause(&mut self, slot: Slot) {
        if let Some(link) = self.link(slot) {
            link.receives = false;
            self.watch(slot);
        }
    }

    fn resume(&mut self, slot: Slot) {
        if let Some(link) = self.link(slot) {
            link.receives = true;
            self.watch(slot);
        }
    }

    fn send(&mut self, slot: Slot, batch: Batch) {
        self.links[slot.index as usize].flight = Some((batch, 0));
        self.fresh.push(slot);
    }

    fn finish(&mut self, slot: Slot) {
        if let Some(link) = self.link(slot)
            && let Some(fd) = &link.fd
        {
            let _ = rustix::net::shutdown(fd, Shutdown::Write);
        }
    }

    fn close(&mut self, slot: Slot) {
        let Some(link) = self.link(slot) else { return };
        let link = std::mem::take(link);
        if let Some(fd) = &link.fd {
            let _ = epoll::delete(&self.epoll, fd);
            let _ = rustix::net::shutdown(fd, Shutdown::Both);
        }
        if let Some((batch, _)) = link.flight {
            let result = Err(io::ErrorKind::ConnectionAborted.into());
            self.ready.push(Event::Sent { slot, batch, result });
        }
        self.ready.push(Event::Closed { slot });
    }

    fn detach(&mut self, slot: Slot) {
        if let Some(link) = self.link(slot) {
            link.detaching = true;
            self.watch(slot);
            self.finish_detaching(slot);
        }
    }

    fn wait(&mut self, wait: Wait, events: &mut Vec<Event>) -> io::Result<()> {
        for slot in std::mem::take(&mut self.fresh) {
            self.try_send(slot);
        }
        let timeout = match wait {
            Wait::Until(_) if !self.ready.is_empty() => Some(0),
            Wait::Poll => Some(0),
            Wait::Until(None) => None,
            Wait::Until(Some(deadline)) => Some(deadline.saturating_sub(monotonic())),
        };
        let timeout = timeout.map(|nanos| Timespec {
            tv_sec: (nanos / 1_000_000_000) as i64,
            tv_nsec: (nanos % 1_000_000_000) as i64,
        });
        events.append(&mut self.ready);
        let mut seen = std::mem::take(&mut self.seen);
        seen.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut seen), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &seen {
            self.dispatch(*event, events);
        }
        self.seen = seen;
        events.append(&mut self.ready);
        Ok(())
    }

    fn bytes(&self, piece: &Piece) -> &[u8] {
        let start = piece.buffer as usize * BUFFER_BYTES;
        &self.memory[start..start + piece.len as usize]
    }

    fn release(&mut self, piece: Piece) {
        self.spare.push(piece.buffer);
    }

    fn now(&self) -> u64 {
        monotonic()
    }
}
