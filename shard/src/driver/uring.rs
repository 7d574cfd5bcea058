//! The driver over io_uring: one ring per shard, made on the shard's own thread; multishot accept and
//! receive, one `io_uring_enter` per turn. Needs Linux 6.1.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use rustix::net::Shutdown;

use super::buffers::{Buffers, LARGE, SMALL};
use super::flight::Flight;
use super::{Driver, Event, Piece, SMALL_BYTES_MAX, Socket, Wait, monotonic, socket};
use crate::deliver::Batch;
use crate::slot::Slot;

const SUBMISSIONS: u32 = 1024;
const COMPLETIONS: u32 = 8192;
/// Completions looked at in one turn.
const COMPLETIONS_PER_TURN: usize = 128;

/// Small buffers filled by one connection in a row, at the end of which there was none left, that are a flood.
const FLOOD_BUFFERS: u32 = 4;
/// What one who floods receives in a turn while others send little; for how many waits that holds.
const SHARED_BYTES: usize = 64 << 10;
const HURRY_WAITS: u32 = 64;

/// What a completion is about: the top byte of its user data; then 24 bits of generation, 32 of index.
const ACCEPT: u8 = 1;
const RECEIVE: u8 = 2;
const SEND: u8 = 3;
const WAKE: u8 = 4;
const CANCEL: u8 = 5;

fn tag(kind: u8, slot: Slot) -> u64 {
    u64::from(kind) << 56 | u64::from(slot.generation & 0xff_ffff) << 32 | u64::from(slot.index)
}

/// A connection as this driver holds it.
#[derive(Default)]
struct Link {
    fd: Option<OwnedFd>,
    slot: Slot,
    flight: Option<Box<Flight>>,
    /// A receive is with the kernel, or should be.
    receiving: bool,
    wanted: bool,
    /// The kernel ran out of buffers for it; or it is to receive again at the start of the next wait.
    starved: bool,
    /// Small buffers it has filled since it began to receive.
    filled: u32,
    /// It floods: it receives into one large buffer a turn.
    greedy: bool,
    ended: bool,
    closing: bool,
    detaching: bool,
}

pub struct Uring {
    // Before the buffers, so that it is dropped first: the kernel must not write to freed memory.
    ring: IoUring,
    buffers: Buffers,
    large_buffers: Buffers,
    /// Links that flood; and those the kernel had no buffer for in the last wait though they do not.
    greedy: usize,
    wanting: usize,
    /// Waits for which those who flood still receive less, for somebody does not.
    hurry: u32,
    links: Vec<Link>,
    listener: Arc<TcpListener>,
    accepting: bool,
    accept_wanted: bool,
    bell: Arc<OwnedFd>,
    /// Events that need no kernel.
    ready: Vec<Event>,
    /// Those to receive again at the start of the next wait; first those that got no buffer in the last one.
    starved: VecDeque<Slot>,
}

impl Uring {
    /// Makes the ring on the calling thread, which must be the only one to use it. `bell` is an eventfd.
    pub fn new(listener: Arc<TcpListener>, bell: Arc<OwnedFd>) -> io::Result<Uring> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_coop_taskrun()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)?;
        let buffers = Buffers::register(&ring.submitter(), SMALL)?;
        let large_buffers = Buffers::register(&ring.submitter(), LARGE)?;
        let mut uring = Uring {
            ring,
            buffers,
            large_buffers,
            greedy: 0,
            wanting: 0,
            hurry: 0,
            links: Vec::new(),
            listener,
            accepting: false,
            accept_wanted: false,
            bell,
            ready: Vec::new(),
            starved: VecDeque::new(),
        };
        uring.arm_bell();
        Ok(uring)
    }

    fn push(&mut self, entry: squeue::Entry) {
        loop {
            // SAFETY: every entry points at memory that lives until its completion: flights are boxed and
            // kept in their link, receive buffers belong to `buffers`.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return;
            }
            // Full: hand the kernel what there is. A busy kernel is asked again.
            let _ = self.ring.submit();
        }
    }

    fn arm_bell(&mut self) {
        let fd = Fd(self.bell.as_raw_fd());
        let entry = opcode::PollAdd::new(fd, libc::POLLIN as u32).multi(true).build();
        self.push(entry.user_data(tag(WAKE, Slot::default())));
    }

    fn arm_accept(&mut self) {
        let entry = opcode::AcceptMulti::new(Fd(self.listener.as_raw_fd()))
            .flags(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)
            .build();
        self.push(entry.user_data(tag(ACCEPT, Slot::default())));
        self.accepting = true;
    }

    fn arm_receive(&mut self, index: u32) {
        let link = &mut self.links[index as usize];
        let (Some(fd), false) = (&link.fd, link.receiving || link.ended || link.closing) else { return };
        let entry = if link.greedy {
            let bytes = if self.hurry > 0 { SHARED_BYTES } else { LARGE.bytes };
            opcode::Recv::new(Fd(fd.as_raw_fd()), std::ptr::null_mut(), bytes as u32)
                .buf_group(LARGE.group)
                .build()
                .flags(squeue::Flags::BUFFER_SELECT)
        } else {
            opcode::RecvMulti::new(Fd(fd.as_raw_fd()), SMALL.group).build()
        };
        link.receiving = true;
        link.starved = false;
        link.filled = 0;
        let entry = entry.user_data(tag(RECEIVE, link.slot));
        self.push(entry);
    }

    fn buffers_of(&self, piece: &Piece) -> &Buffers {
        if piece.buffer >= LARGE.first { &self.large_buffers } else { &self.buffers }
    }

    /// Gives the kernel buffers, and receives again for those it had none for.
    fn feed_starved(&mut self) {
        if self.wanting > 0 {
            self.buffers.ran_out(self.wanting);
            self.wanting = 0;
        }
        self.hurry = self.hurry.saturating_sub(1);
        self.buffers.lend_as_needed();
        self.large_buffers.lend(self.greedy);
        let mut starved = std::mem::take(&mut self.starved);
        for slot in starved.drain(..) {
            let link = &mut self.links[slot.index as usize];
            if link.slot == slot && link.starved {
                link.starved = false;
                if link.wanted {
                    self.arm_receive(slot.index);
                }
            }
        }
        self.starved = starved;
    }

    fn cancel_receive(&mut self, slot: Slot) {
        if self.links[slot.index as usize].receiving {
            let entry = opcode::AsyncCancel::new(tag(RECEIVE, slot)).build();
            self.push(entry.user_data(tag(CANCEL, slot)));
        }
    }

    fn launch(&mut self, index: u32) {
        let link = &mut self.links[index as usize];
        let (Some(fd), Some(flight)) = (&link.fd, &mut link.flight) else {
            unreachable!("a send without socket or batch")
        };
        let entry = flight.entry(Fd(fd.as_raw_fd())).user_data(tag(SEND, link.slot));
        self.push(entry);
    }

    fn complete(&mut self, entry: &cqueue::Entry, events: &mut Vec<Event>) {
        let data = entry.user_data();
        let index = data as u32;
        match (data >> 56) as u8 {
            ACCEPT => self.accepted(entry, events),
            RECEIVE => self.received(entry, index, events),
            SEND => self.sent(entry, index, events),
            WAKE if !cqueue::more(entry.flags()) => self.arm_bell(),
            _ => {}
        }
    }

    fn accepted(&mut self, entry: &cqueue::Entry, events: &mut Vec<Event>) {
        if !cqueue::more(entry.flags()) {
            self.accepting = false;
        }
        match check(entry.result()) {
            Ok(fd) => {
                // SAFETY: the kernel just gave us this descriptor.
                let fd = unsafe { OwnedFd::from_raw_fd(fd as RawFd) };
                if let Some(event) = accepted(fd) {
                    events.push(event);
                }
                if !self.accepting && self.accept_wanted {
                    self.arm_accept();
                }
            }
            Err(error) if error.raw_os_error() == Some(libc::ECANCELED) => {}
            Err(error) => events.push(Event::AcceptFailed(error)),
        }
    }

    fn received(&mut self, entry: &cqueue::Entry, index: u32, events: &mut Vec<Event>) {
        let link = &mut self.links[index as usize];
        let slot = link.slot;
        if !cqueue::more(entry.flags()) {
            link.receiving = false;
        }
        match check(entry.result()) {
            Ok(0) => {
                link.ended = true;
                if !link.closing {
                    events.push(Event::Ended { slot, error: None });
                }
            }
            Ok(len) => {
                let buffer = cqueue::buffer_select(entry.flags()).expect("received into a buffer");
                if buffer >= LARGE.first {
                    self.large_buffers.taken();
                    if (len as usize) < SMALL.bytes && link.greedy {
                        link.greedy = false;
                        self.greedy -= 1;
                    }
                } else {
                    self.buffers.taken();
                    link.filled += u32::from(len as usize == SMALL.bytes);
                    if len <= SMALL_BYTES_MAX {
                        self.hurry = HURRY_WAITS;
                    }
                }
                events.push(Event::Received { slot, piece: Piece { buffer, len } });
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::ENOBUFS) => {
                    link.starved = true;
                    self.starved.push_front(slot);
                    if link.filled >= FLOOD_BUFFERS && !link.greedy {
                        link.greedy = true;
                        self.greedy += 1;
                    } else if !link.greedy {
                        self.wanting += 1;
                    }
                }
                Some(libc::ECANCELED) => {}
                _ => {
                    link.ended = true;
                    if !link.closing {
                        events.push(Event::Ended { slot, error: Some(error) });
                    }
                }
            },
        }
        let link = &mut self.links[index as usize];
        if !link.receiving && link.wanted && !link.starved {
            if link.greedy {
                // Later: the shard may have enough of it for now.
                link.starved = true;
                self.starved.push_back(slot);
            } else {
                self.arm_receive(index);
            }
        }
        self.settle(index, events);
    }

    fn sent(&mut self, entry: &cqueue::Entry, index: u32, events: &mut Vec<Event>) {
        let link = &mut self.links[index as usize];
        let slot = link.slot;
        let flight = link.flight.as_mut().expect("a send under way");
        let result = match check(entry.result()) {
            Ok(bytes) => match flight.advance(bytes as usize) {
                true => Ok(()),
                false if link.closing => Err(io::ErrorKind::ConnectionAborted.into()),
                false => return self.launch(index),
            },
            Err(error) if error.raw_os_error() == Some(libc::EINTR) => return self.launch(index),
            Err(error) => Err(error),
        };
        let batch = link.flight.take().expect("a send under way").into_batch();
        events.push(Event::Sent { slot, batch, result });
        self.settle(index, events);
    }

    /// Closes or gives away a link that was to be, once nothing is under way on it.
    fn settle(&mut self, index: u32, events: &mut Vec<Event>) {
        let link = &mut self.links[index as usize];
        if !(link.closing || link.detaching) || link.receiving || link.flight.is_some() {
            return;
        }
        let slot = link.slot;
        let fd = link.fd.take();
        let closing = link.closing;
        self.greedy -= usize::from(link.greedy);
        *link = Link::default();
        match fd {
            Some(_) if closing => events.push(Event::Closed { slot }),
            Some(fd) => events.push(Event::Detached { slot, socket: Socket::Fd(fd) }),
            None => {}
        }
    }
}

/// Prepares an accepted socket; a peer that is gone already is nothing to speak of.
pub(super) fn accepted(fd: OwnedFd) -> Option<Event> {
    let peer: SocketAddr = rustix::net::getpeername(&fd).ok()??.try_into().ok()?;
    let _ = rustix::net::sockopt::set_tcp_nodelay(&fd, true);
    Some(Event::Accepted { socket: Socket::Fd(fd), peer })
}

fn check(result: i32) -> io::Result<u32> {
    u32::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}

impl Driver for Uring {
    fn listen(&mut self, on: bool) {
        self.accept_wanted = on;
        if on && !self.accepting {
            self.arm_accept();
        } else if !on && self.accepting {
            let entry = opcode::AsyncCancel::new(tag(ACCEPT, Slot::default())).build();
            self.push(entry.user_data(tag(CANCEL, Slot::default())));
        }
    }

    fn open(&mut self, slot: Slot, socket: Socket) {
        if self.links.len() <= slot.index as usize {
            self.links.resize_with(slot.index as usize + 1, Link::default);
        }
        self.links[slot.index as usize] =
            Link { fd: Some(socket.into_fd()), slot, wanted: true, ..Link::default() };
        self.arm_receive(slot.index);
    }

    fn pause(&mut self, slot: Slot) {
        self.links[slot.index as usize].wanted = false;
        self.cancel_receive(slot);
    }

    fn resume(&mut self, slot: Slot) {
        let link = &mut self.links[slot.index as usize];
        link.wanted = true;
        if !link.receiving && !link.starved {
            // Later: what is to be sent now goes before what the kernel has gathered meanwhile is received.
            link.starved = true;
            self.starved.push_back(slot);
        }
    }

    fn send(&mut self, slot: Slot, batch: Batch, prompt: bool) -> Option<Batch> {
        let link = &mut self.links[slot.index as usize];
        let mut sent = 0;
        if prompt && let Some(fd) = &link.fd {
            match socket::send_at_once(fd, &batch) {
                Ok(bytes) if bytes == batch.len() => return Some(batch),
                Ok(bytes) => sent = bytes,
                // What is wrong shows again on the ring.
                Err(_) => {}
            }
        }
        link.flight = Some(Flight::new(batch, sent));
        self.launch(slot.index);
        None
    }

    fn finish(&mut self, slot: Slot) {
        if let Some(fd) = &self.links[slot.index as usize].fd {
            let _ = rustix::net::shutdown(fd, Shutdown::Write);
        }
    }

    fn close(&mut self, slot: Slot) {
        let link = &mut self.links[slot.index as usize];
        link.closing = true;
        link.wanted = false;
        if let Some(fd) = &link.fd
            && (link.receiving || link.flight.is_some())
        {
            // Ends the receive and the send that are with the kernel.
            let _ = rustix::net::shutdown(fd, Shutdown::Both);
            self.cancel_receive(slot);
        }
        let mut ready = std::mem::take(&mut self.ready);
        self.settle(slot.index, &mut ready);
        self.ready = ready;
    }

    fn detach(&mut self, slot: Slot) {
        let link = &mut self.links[slot.index as usize];
        link.detaching = true;
        link.wanted = false;
        self.cancel_receive(slot);
        let mut ready = std::mem::take(&mut self.ready);
        self.settle(slot.index, &mut ready);
        self.ready = ready;
    }

    fn wait(&mut self, wait: Wait, events: &mut Vec<Event>) -> io::Result<()> {
        self.feed_starved();
        let mut wait = wait;
        if !self.ready.is_empty() || !self.ring.completion().is_empty() {
            wait = Wait::Poll;
        }
        enter(&self.ring, wait)?;
        events.append(&mut self.ready);
        for _ in 0..COMPLETIONS_PER_TURN {
            let Some(entry) = self.ring.completion().next() else { break };
            self.complete(&entry, events);
        }
        Ok(())
    }

    fn bytes(&self, piece: &Piece) -> &[u8] {
        self.buffers_of(piece).bytes(piece)
    }

    fn release(&mut self, piece: Piece) {
        match piece.buffer >= LARGE.first {
            true => self.large_buffers.release(piece),
            false => self.buffers.release(piece),
        }
    }

    fn now(&self) -> u64 {
        monotonic()
    }
}

fn enter(ring: &IoUring, wait: Wait) -> io::Result<()> {
    const ENTER_GETEVENTS: u32 = 1;
    let submitter = ring.submitter();
    let result = match wait {
        Wait::Poll => {
            // SAFETY: this thread is the only one to touch the ring.
            let waiting = unsafe { ring.submission_shared() }.len() as u32;
            // SAFETY: no argument is passed.
            unsafe { submitter.enter::<libc::sigset_t>(waiting, 0, ENTER_GETEVENTS, None) }
        }
        Wait::Until(None) => submitter.submit_and_wait(1),
        Wait::Until(Some(deadline)) => {
            let left = deadline.saturating_sub(monotonic());
            let left = Timespec::new().sec(left / 1_000_000_000).nsec((left % 1_000_000_000) as u32);
            submitter.submit_with_args(1, &SubmitArgs::new().timespec(&left))
        }
    };
    match result {
        Ok(_) => Ok(()),
        // The time is over, a signal came, or completions must be read before more can be submitted.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR | libc::EBUSY)) => Ok(()),
        Err(error) => Err(error),
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        // Ends whatever is still with the kernel before the memory it points at goes.
        let _ = self.ring.submitter().register_sync_cancel(None, CancelBuilder::any());
        for link in &mut self.links {
            if let Some(flight) = link.flight.take() {
                Box::leak(flight);
            }
        }
    }
}

/// Whether this kernel and whatever sandbox we are in give us all this driver needs.
pub fn probe() -> Result<(), String> {
    let describe = |error: io::Error| format!("io_uring is not available: {error}");
    let listener = Arc::new(TcpListener::bind(("127.0.0.1", 0)).map_err(describe)?);
    let address = listener.local_addr().map_err(describe)?;
    let bell = super::epoll::eventfd().map_err(describe)?;
    let mut uring = Uring::new(listener, Arc::new(bell)).map_err(describe)?;
    // One connection, one byte: multishot accept and receive into a provided buffer must work, not just be
    // known by name.
    uring.listen(true);
    let mut peer = std::net::TcpStream::connect(address).map_err(describe)?;
    io::Write::write_all(&mut peer, b"x").map_err(describe)?;
    let deadline = monotonic() + 1_000_000_000;
    let mut events = Vec::new();
    while monotonic() < deadline {
        uring.wait(Wait::Until(Some(deadline)), &mut events).map_err(describe)?;
        for event in std::mem::take(&mut events) {
            match event {
                Event::Accepted { socket, .. } => uring.open(Slot { index: 0, generation: 1 }, socket),
                Event::Received { piece, .. } => {
                    let right = uring.bytes(&piece) == b"x";
                    uring.release(piece);
                    return right.then_some(()).ok_or("io_uring does not receive what was sent".to_owned());
                }
                Event::AcceptFailed(error) | Event::Ended { error: Some(error), .. } => {
                    return Err(describe(error));
                }
                _ => {}
            }
        }
    }
    Err("io_uring does not answer".to_owned())
}
