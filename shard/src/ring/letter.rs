//! What shards say to each other, and its form in a ring: a fixed head, then the variable parts. Hot path
//! for `Message`. Letters never leave the process, so a malformed one is a bug of ours and panics.

use crate::interest::Change;
use crate::session::Handover;
use crate::session::transit::Transfer;
use crate::shard_set::ShardId;
use crate::slot::Slot;

/// Times a queue message may come back because its member had left, before it is dropped.
pub const HOPS_MAX: u8 = 8;

/// One letter, borrowed from the ring it lies in, or about to be written to one.
pub enum Letter<'a> {
    Message(Message<'a>),
    /// The sender's interest changed.
    Interest {
        account: u32,
        change: Change<'a>,
    },
    /// Answer with `BarrierDone` once all letters before this one are done.
    Barrier {
        slot: Slot,
    },
    BarrierDone {
        slot: Slot,
    },
    /// The request of this connection found nobody at this shard.
    NoResponder {
        slot: Slot,
        request: Request,
        subject: &'a [u8],
        reply: &'a [u8],
    },
    /// This connection publishes faster than one of its readers reads.
    Stall {
        slot: Slot,
    },
    /// A connection for the receiver to keep.
    Handover(Box<Handover>),
    /// About a connection that moves while it runs.
    Transfer(Box<Transfer>),
    /// A member of a queue group at another shard, of which that does not tell itself; `add` or take back.
    Extra {
        account: u32,
        shard: ShardId,
        subject: &'a [u8],
        queue: &'a [u8],
        add: bool,
    },
    /// What the sender sent before this one was for the old place of a connection, what it sends from now on is for
    /// the new.
    Switched {
        slot: Slot,
    },
}

/// A request whose publisher is told when nobody got it: when so many shards have said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Tells the requests of a connection apart; never 0.
    pub number: u32,
    /// Letters that carried it at first; 0 where its publisher's shard keeps count, for they were of several
    /// accounts.
    pub letters: u8,
}

/// A published message on its way to another shard: it goes there once, however many want it.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub account: u32,
    /// The publisher, on the shard the letter comes from.
    pub origin: Slot,
    /// The receiver's plain subscriptions get it.
    pub plain: bool,
    /// Its publisher wants to hear if nobody gets it, and nobody has yet.
    pub request: Option<Request>,
    /// It comes back to its publisher's shard: the queue group's members where it went had left.
    pub returned: bool,
    /// It is a request of another account, or a response to one.
    pub imported: bool,
    /// It is a response that the receiver awaits, for another account.
    pub response: bool,
    pub hops: u8,
    /// Queue groups of which the receiver must serve one member each, as `QueueNames` holds them; with a
    /// response, what is to be told of who gave it.
    pub queues: &'a [u8],
    pub subject: &'a [u8],
    /// The tail begins with the reply.
    pub reply_len: u32,
    pub header_len: Option<u32>,
    /// See `proto::client::Message::tail`.
    pub tail: &'a [u8],
}

/// Queue names packed one behind the other.
#[derive(Default)]
pub struct QueueNames(Vec<u8>);

impl QueueNames {
    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn push(&mut self, name: &[u8]) {
        self.0.extend_from_slice(&(name.len() as u32).to_le_bytes());
        self.0.extend_from_slice(name);
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The names in what `QueueNames` packed.
pub fn queue_names(mut packed: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = packed.split_first_chunk::<4>()?;
        let (name, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        packed = rest;
        Some(name)
    })
}

const HEAD_BYTES: usize = 40;
const NO_HEADERS: u32 = u32::MAX;

const MESSAGE: u8 = 1;
const INTEREST: u8 = 2;
const BARRIER: u8 = 3;
const BARRIER_DONE: u8 = 4;
const NO_RESPONDER: u8 = 5;
const STALL: u8 = 6;
const HANDOVER: u8 = 7;
/// A letter too long for the ring, on the heap.
const OVERSIZE: u8 = 8;
const TRANSFER: u8 = 9;
const EXTRA: u8 = 10;
const SWITCHED: u8 = 11;

const PLAIN: u8 = 1;
const RETURNED: u8 = 2;
const IMPORTED: u8 = 4;
const RESPONSE: u8 = 8;
const QUEUED: u8 = 1;

/// The fixed head: one kind's fields share their places with another's.
struct Head {
    kind: u8,
    flags: u8,
    hops: u8,
    request: Option<Request>,
    account: u32,
    slot: Slot,
    /// Lengths of the parts that follow, in order.
    lens: [u32; 3],
    /// Whatever else the kind has.
    extra: [u32; 2],
}

impl Head {
    fn new(kind: u8, slot: Slot) -> Head {
        Head { kind, flags: 0, hops: 0, request: None, account: 0, slot, lens: [0; 3], extra: [0; 2] }
    }

    #[inline]
    fn write(&self, out: &mut [u8]) {
        let Request { number, letters } = self.request.unwrap_or(Request { number: 0, letters: 0 });
        let first = u32::from_le_bytes([self.kind, self.flags, self.hops, letters]);
        let [one, two, three] = self.lens;
        let [four, five] = self.extra;
        let words =
            [first, self.account, self.slot.index, self.slot.generation, one, two, three, four, five, number];
        for (place, word) in out[..HEAD_BYTES].chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    }

    #[inline]
    fn read(bytes: &[u8]) -> Head {
        let word = |index: usize| {
            let place = &bytes[index * 4..index * 4 + 4];
            u32::from_le_bytes([place[0], place[1], place[2], place[3]])
        };
        Head {
            kind: bytes[0],
            flags: bytes[1],
            hops: bytes[2],
            request: (word(9) != 0).then(|| Request { number: word(9), letters: bytes[3] }),
            account: word(1),
            slot: Slot { index: word(2), generation: word(3) },
            lens: [word(4), word(5), word(6)],
            extra: [word(7), word(8)],
        }
    }

    fn set_pointer(&mut self, pointer: u64) {
        self.extra = [pointer as u32, (pointer >> 32) as u32];
    }

    fn pointer(&self) -> u64 {
        u64::from(self.extra[0]) | u64::from(self.extra[1]) << 32
    }
}

/// A letter taken apart for writing: how long it is and how to fill the room reserved for it.
pub struct Envelope<'a> {
    head: Head,
    parts: [&'a [u8]; 3],
}

impl<'a> Envelope<'a> {
    #[inline]
    pub fn new(letter: Letter<'a>) -> Envelope<'a> {
        let (mut head, parts): (Head, [&[u8]; 3]) = match letter {
            Letter::Message(message) => {
                let mut head = Head::new(MESSAGE, message.origin);
                head.flags = u8::from(message.plain) * PLAIN
                    + u8::from(message.returned) * RETURNED
                    + u8::from(message.imported) * IMPORTED
                    + u8::from(message.response) * RESPONSE;
                head.request = message.request;
                head.hops = message.hops;
                head.account = message.account;
                head.extra = [message.reply_len, message.header_len.unwrap_or(NO_HEADERS)];
                (head, [message.subject, message.tail, message.queues])
            }
            Letter::Interest { account, change } => {
                let mut head = Head::new(INTEREST, Slot::default());
                head.account = account;
                head.flags = if change.queue.is_some() { QUEUED } else { 0 };
                head.extra[0] = change.count;
                (head, [change.subject, change.queue.unwrap_or_default(), b""])
            }
            Letter::Barrier { slot } => (Head::new(BARRIER, slot), [b"", b"", b""]),
            Letter::BarrierDone { slot } => (Head::new(BARRIER_DONE, slot), [b"", b"", b""]),
            Letter::NoResponder { slot, request, subject, reply } => {
                let mut head = Head::new(NO_RESPONDER, slot);
                head.request = Some(request);
                (head, [subject, reply, b""])
            }
            Letter::Stall { slot } => (Head::new(STALL, slot), [b"", b"", b""]),
            Letter::Handover(handover) => {
                let mut head = Head::new(HANDOVER, Slot::default());
                head.set_pointer(Box::into_raw(handover) as u64);
                (head, [b"", b"", b""])
            }
            Letter::Transfer(transfer) => {
                let mut head = Head::new(TRANSFER, Slot::default());
                head.set_pointer(Box::into_raw(transfer) as u64);
                (head, [b"", b"", b""])
            }
            Letter::Extra { account, shard, subject, queue, add } => {
                let mut head = Head::new(EXTRA, Slot::default());
                head.account = account;
                head.flags = u8::from(add);
                head.extra[0] = u32::from(shard);
                (head, [subject, queue, b""])
            }
            Letter::Switched { slot } => (Head::new(SWITCHED, slot), [b"", b"", b""]),
        };
        head.lens = parts.map(|part| u32::try_from(part.len()).expect("messages are below 2 GiB"));
        Envelope { head, parts }
    }

    #[inline]
    pub fn byte_len(&self) -> usize {
        HEAD_BYTES + self.parts.iter().map(|part| part.len()).sum::<usize>()
    }

    #[inline]
    pub fn write(&self, out: &mut [u8]) {
        self.head.write(out);
        let mut rest = &mut out[HEAD_BYTES..];
        for part in self.parts {
            let (place, after) = rest.split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = after;
        }
    }

    pub fn to_bytes(&self) -> Box<[u8]> {
        let mut bytes = vec![0; self.byte_len()].into_boxed_slice();
        self.write(&mut bytes);
        bytes
    }
}

/// A short letter that stands for one too long for the ring.
pub fn oversize(letter: Box<[u8]>) -> Box<[u8]> {
    let mut head = Head::new(OVERSIZE, Slot::default());
    head.account = u32::try_from(letter.len()).expect("messages are below 2 GiB");
    head.set_pointer(Box::into_raw(letter).cast::<u8>() as u64);
    let mut bytes = vec![0; HEAD_BYTES].into_boxed_slice();
    head.write(&mut bytes);
    bytes
}

/// The letter that an oversize one stands for. Each may be unpacked once.
pub fn unpack_oversize(bytes: &[u8]) -> Option<Box<[u8]>> {
    if bytes[0] != OVERSIZE {
        return None;
    }
    let head = Head::read(bytes);
    let slice = std::ptr::slice_from_raw_parts_mut(head.pointer() as *mut u8, head.account as usize);
    // SAFETY: `oversize` leaked exactly this box, and the ring delivers each letter once.
    Some(unsafe { Box::from_raw(slice) })
}

impl<'a> Letter<'a> {
    /// Reads a letter that is not oversize. Each may be read once: a handover is taken out of it.
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Letter<'a> {
        let head = Head::read(bytes);
        let [first_len, second_len, third_len] = head.lens.map(|len| len as usize);
        let rest = &bytes[HEAD_BYTES..];
        let (first, rest) = rest.split_at(first_len);
        let (second, rest) = rest.split_at(second_len);
        let third = &rest[..third_len];
        match head.kind {
            MESSAGE => Letter::Message(Message {
                account: head.account,
                origin: head.slot,
                plain: head.flags & PLAIN != 0,
                request: head.request,
                returned: head.flags & RETURNED != 0,
                imported: head.flags & IMPORTED != 0,
                response: head.flags & RESPONSE != 0,
                hops: head.hops,
                queues: third,
                subject: first,
                reply_len: head.extra[0],
                header_len: (head.extra[1] != NO_HEADERS).then_some(head.extra[1]),
                tail: second,
            }),
            INTEREST => {
                let queue = (head.flags & QUEUED != 0).then_some(second);
                let change = Change { subject: first, queue, count: head.extra[0] };
                Letter::Interest { account: head.account, change }
            }
            BARRIER => Letter::Barrier { slot: head.slot },
            BARRIER_DONE => Letter::BarrierDone { slot: head.slot },
            NO_RESPONDER => {
                let request = head.request.expect("a request has a number");
                Letter::NoResponder { slot: head.slot, request, subject: first, reply: second }
            }
            STALL => Letter::Stall { slot: head.slot },
            HANDOVER => {
                // SAFETY: `Envelope::new` leaked exactly this box, and the ring delivers each letter once.
                Letter::Handover(unsafe { Box::from_raw(head.pointer() as *mut Handover) })
            }
            TRANSFER => {
                // SAFETY: `Envelope::new` leaked exactly this box, and the ring delivers each letter once.
                Letter::Transfer(unsafe { Box::from_raw(head.pointer() as *mut Transfer) })
            }
            EXTRA => Letter::Extra {
                account: head.account,
                shard: head.extra[0] as ShardId,
                subject: first,
                queue: second,
                add: head.flags != 0,
            },
            SWITCHED => Letter::Switched { slot: head.slot },
            kind => unreachable!("letter of kind {kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(letter: Letter<'_>, check: impl FnOnce(Letter<'_>)) {
        let bytes = Envelope::new(letter).to_bytes();
        assert!(unpack_oversize(&bytes).is_none());
        check(Letter::read(&bytes));
        let outer = oversize(bytes);
        assert!(unpack_oversize(&outer).is_some());
    }

    #[test]
    fn messages_come_back_as_they_were() {
        let mut queues = QueueNames::default();
        queues.push(b"one");
        queues.push(b"");
        queues.push(b"three");
        for header_len in [None, Some(0), Some(12)] {
            let message = Message {
                account: 7,
                origin: Slot { index: 1, generation: 2 },
                plain: true,
                request: header_len.map(|len| Request { number: len + 1, letters: 3 }),
                returned: header_len == Some(0),
                imported: header_len == Some(12),
                response: header_len.is_none(),
                hops: 3,
                queues: queues.as_bytes(),
                subject: b"a.b",
                reply_len: 1,
                header_len,
                tail: b"r 2\r\nhi\r\n",
            };
            there_and_back(Letter::Message(message), |letter| {
                let Letter::Message(read) = letter else { panic!() };
                assert_eq!((read.account, read.origin, read.hops), (7, message.origin, 3));
                assert_eq!((read.plain, read.request), (true, message.request));
                assert_eq!((read.imported, read.response), (message.imported, message.response));
                assert_eq!((read.subject, read.tail), (message.subject, message.tail));
                assert_eq!((read.reply_len, read.header_len), (1, header_len));
                let names: Vec<&[u8]> = queue_names(read.queues).collect();
                assert_eq!(names, [&b"one"[..], b"", b"three"]);
            });
        }
    }

    #[test]
    fn interest_comes_back_as_it_was() {
        for queue in [None, Some(&b"q"[..]), Some(b"")] {
            let change = Change { subject: b"a.>", queue, count: 5 };
            there_and_back(Letter::Interest { account: 1, change }, |letter| {
                let Letter::Interest { account, change } = letter else { panic!() };
                assert_eq!((account, change.subject, change.count), (1, &b"a.>"[..], 5));
                assert_eq!(change.queue, queue);
            });
        }
    }
}
