//! Subscriptions of the server's own: what is published on them is a call, kept until the end of the turn and then
//! answered by the room it is for. Messages of the server's own go out from here too.

use std::sync::atomic::Ordering;

use super::core::{Core, partners, tell};
use super::desk::{Delivery, payload};
use super::publish::{Passage, carry};
use super::subscribe;
use crate::account::AccountId;
use crate::interest::{HOUSE, SubId};
use crate::launch::{ASKED_MAX, Report};
use crate::proto::text::quoted;
use crate::slot::Slot;

/// Who answers a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The control core, which knows its service by this number.
    Control(u32),
}

/// One subscription of the server's own.
struct Post {
    account: AccountId,
    sub: SubId,
    service: Service,
}

/// Calls and those who answer them.
#[derive(Default)]
pub struct House {
    /// By the number in a subscription's `max`, which it needs for nothing else.
    posts: Vec<Option<Post>>,
    free: Vec<u32>,
    calls: Calls,
}

/// Calls one behind the other in one buffer: nothing is allocated for one once the buffer has grown.
#[derive(Default)]
pub struct Calls {
    heads: Vec<Head>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Head {
    account: AccountId,
    service: Service,
    begin: usize,
    subject_len: usize,
    reply_len: usize,
    header_len: usize,
    payload_len: usize,
}

/// A message to the server itself.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub account: AccountId,
    pub service: Service,
    pub subject: &'a [u8],
    pub reply: &'a [u8],
    /// The whole header block; empty where there is none.
    pub headers: &'a [u8],
    pub body: &'a [u8],
}

impl Calls {
    pub fn iter(&self) -> impl Iterator<Item = Call<'_>> {
        self.heads.iter().map(|head| {
            let (subject, rest) = self.bytes[head.begin..].split_at(head.subject_len);
            let (reply, rest) = rest.split_at(head.reply_len);
            let (headers, body) = rest[..head.payload_len].split_at(head.header_len);
            Call { account: head.account, service: head.service, subject, reply, headers, body }
        })
    }
}

impl House {
    /// Keeps a call.
    #[cold]
    pub fn call(&mut self, post: u32, delivery: &Delivery<'_>) {
        let Some(Post { account, service, .. }) = &self.posts[post as usize] else { return };
        let payload = payload(delivery.tail);
        let Calls { heads, bytes } = &mut self.calls;
        heads.push(Head {
            account: *account,
            service: *service,
            begin: bytes.len(),
            subject_len: delivery.subject.len(),
            reply_len: delivery.reply_len,
            header_len: delivery.header_len.unwrap_or(0) as usize,
            payload_len: payload.len(),
        });
        bytes.extend_from_slice(delivery.subject);
        bytes.extend_from_slice(&delivery.tail[..delivery.reply_len]);
        bytes.extend_from_slice(payload);
    }

    fn add(&mut self, post: Post) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.posts[place as usize] = Some(post);
                place
            }
            None => {
                self.posts.push(Some(post));
                (self.posts.len() - 1) as u32
            }
        }
    }
}

/// Subscribes the server itself; the pattern must be valid.
pub fn attend(core: &mut Core, account: AccountId, pattern: &[u8], service: Service) -> SubId {
    core.account_mut(account);
    let Core { accounts, mesh, desk, .. } = core;
    let record = &mut accounts[account as usize];
    let partners = partners(record, mesh);
    let sub =
        record.interest.add(HOUSE, pattern, None, b"", &mut |change| tell(mesh, partners, account, &change));
    record.interest.table.sub_mut(sub).max = desk.house.add(Post { account, sub, service });
    if !record.snapshot.stream_imports.is_empty() {
        subscribe::cast_shadows(core, account, sub);
    }
    sub
}

/// After a reload: what accounts import is looked at anew.
pub fn reconsider(core: &mut Core) {
    let posts: Vec<(AccountId, SubId)> =
        core.desk.house.posts.iter().flatten().map(|post| (post.account, post.sub)).collect();
    for (account, sub) in posts {
        subscribe::import_again(core, account, sub);
    }
}

/// Has the calls of this turn answered; what is called meanwhile too.
pub fn step(core: &mut Core) {
    while !core.desk.house.calls.heads.is_empty() {
        let mut calls = std::mem::take(&mut core.desk.house.calls);
        for call in calls.iter() {
            match call.service {
                Service::Control(service) => ask_control(core, service, &call),
            }
        }
        calls.heads.clear();
        calls.bytes.clear();
        if core.desk.house.calls.heads.is_empty() {
            core.desk.house.calls = calls;
        }
    }
}

fn ask_control(core: &Core, service: u32, call: &Call<'_>) {
    if core.gauges.asked.fetch_add(1, Ordering::Relaxed) >= ASKED_MAX {
        core.gauges.asked.fetch_sub(1, Ordering::Relaxed);
        tracing::debug!("Request on {} dropped: too many wait", quoted(call.subject));
        return;
    }
    (core.reporter)(Report::Asked {
        service,
        account: call.account,
        subject: call.subject.into(),
        reply: call.reply.into(),
        headers: call.headers.into(),
        body: call.body.into(),
    });
}

/// Publishes a message of the server's own. Answers whether anybody got it.
pub fn publish(
    core: &mut Core,
    account: AccountId,
    subject: &[u8],
    reply: &[u8],
    headers: &[u8],
    body: &[u8],
) -> bool {
    let mut tail = core.take_scratch();
    write_tail(&mut tail, reply, headers, body);
    let delivery = Delivery {
        subject,
        reply_len: reply.len(),
        header_len: (!headers.is_empty()).then_some(headers.len() as u32),
        tail: &tail,
        payload_len: headers.len() + body.len(),
        from: core.mesh.me(),
        no_echo: None,
        is_imported: false,
        tracing: core.settings.tracing,
        shared: None,
    };
    let delivered = carry(core, Passage { account, origin: Slot::NOBODY, hops: 0, delivery }, None, false);
    core.put_scratch(tail);
    // There is nobody to slow down.
    core.desk.slow_reader = false;
    delivered
}

/// The form messages have on their way. See `proto::client::Message::tail`.
fn write_tail(out: &mut Vec<u8>, reply: &[u8], headers: &[u8], body: &[u8]) {
    if !reply.is_empty() {
        out.extend_from_slice(reply);
        out.push(b' ');
    }
    let mut number = itoa::Buffer::new();
    if !headers.is_empty() {
        out.extend_from_slice(number.format(headers.len()).as_bytes());
        out.push(b' ');
    }
    out.extend_from_slice(number.format(headers.len() + body.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(headers);
    out.extend_from_slice(body);
    out.extend_from_slice(b"\r\n");
}
