//! Answers what the control core wants to know, a slice of one question per turn: a hundred thousand
//! connections are looked through in some fifty turns, none of which a client notices.

use std::vec::IntoIter;

use super::core::Core;
use crate::account::AccountId;
use crate::driver::thread_cpu;
use crate::inspection::{
    ConnectionFigures, Handle, InterestFigures, Interested, Piece, Question, Reply, Selection, ShardFigures,
    Sighting,
};
use crate::interest::{Matched, SubId};

/// Places looked at in one turn, each a few dozen nanoseconds.
const PLACES_MAX: usize = 2048;
/// Connections or subscriptions described in one turn, each some hundred nanoseconds.
const DESCRIBED_MAX: usize = 256;

/// A question and how far its answer is.
pub struct Inspection {
    reply: Reply,
    progress: Progress,
}

enum Progress {
    Shard,
    Interest { account: Option<String>, next: usize },
    Open { selection: Selection, next: u32, open: usize },
    Closed { selection: Selection, next: u64, open: usize },
    Connections { handles: IntoIter<Handle>, subscriptions: bool, listing: Option<Box<Listing>> },
    Count { wanted: Interested, skip: usize, take: usize },
    Walk { wanted: Interested, skip: usize, take: usize, account: usize, next: SubId },
    Listed { found: IntoIter<(AccountId, SubId)> },
    Done,
}

/// A connection whose subscriptions are being described.
struct Listing {
    figures: ConnectionFigures,
    account: AccountId,
    owner: u32,
    subs: IntoIter<SubId>,
}

impl Inspection {
    pub fn new(question: Question, reply: Reply) -> Inspection {
        let progress = match question {
            Question::Shard => Progress::Shard,
            Question::Interest { account } => Progress::Interest { account, next: 0 },
            Question::Sightings(selection) => Progress::Open { selection, next: 0, open: 0 },
            Question::Connections { handles, subscriptions } => {
                Progress::Connections { handles: handles.into_iter(), subscriptions, listing: None }
            }
            Question::Subscriptions { wanted, skip, take } => Progress::Count { wanted, skip, take },
        };
        Inspection { reply, progress }
    }
}

/// Answers a slice of the first question, and puts it behind the others if that was not all.
pub fn step(core: &mut Core) {
    let Some(Inspection { reply, progress }) = core.inspections.pop_front() else { return };
    let (piece, progress) = advance(core, progress);
    if piece.is_some_and(|piece| !reply(piece)) {
        return;
    }
    match progress {
        Progress::Done => drop(reply(Piece::End)),
        progress => core.inspections.push_back(Inspection { reply, progress }),
    }
}

fn advance(core: &mut Core, progress: Progress) -> (Option<Piece>, Progress) {
    match progress {
        Progress::Shard => (Some(Piece::Shard(Box::new(shard(core)))), Progress::Done),
        Progress::Interest { account, next } => interest(core, account, next),
        Progress::Open { selection, next, open } => sight_open(core, selection, next, open),
        Progress::Closed { selection, next, open } => sight_closed(core, selection, next, open),
        Progress::Connections { handles, subscriptions, listing } => {
            describe(core, handles, subscriptions, listing)
        }
        Progress::Count { wanted, skip, take } => count(core, wanted, skip, take),
        Progress::Walk { wanted, skip, take, account, next } => {
            walk(core, wanted, (skip, take), account, next)
        }
        Progress::Listed { found } => list(core, found),
        Progress::Done => (None, Progress::Done),
    }
}

fn shard(core: &Core) -> ShardFigures {
    let desk = &core.desk;
    ShardFigures {
        in_messages: desk.in_messages,
        in_bytes: desk.in_bytes,
        out_messages: desk.out_messages,
        out_bytes: desk.out_bytes,
        slow_consumers: desk.slow_consumers,
        stale_connections: desk.stale_connections,
        stalls: desk.stalls,
        turns: core.turns,
        letters: core.mesh.sent,
        cpu: thread_cpu(),
    }
}

/// Adds up accounts while there is room in this turn; to add one up is to look through its cache.
fn interest(core: &Core, wanted: Option<String>, mut next: usize) -> (Option<Piece>, Progress) {
    let mut sum = InterestFigures::default();
    let mut looks = PLACES_MAX;
    while looks > 0 {
        let Some(account) = core.accounts.get(next) else {
            return (Some(Piece::Interest(sum)), Progress::Done);
        };
        next += 1;
        looks = looks.saturating_sub(1 + account.interest.kept());
        if wanted.as_ref().is_none_or(|wanted| wanted == account.name()) {
            sum = sum.and(account.interest.figures());
        }
    }
    (Some(Piece::Interest(sum)), Progress::Interest { account: wanted, next })
}

/// Open connections are looked at even where closed ones alone are wanted: they are to be counted.
fn sight_open(
    core: &mut Core,
    selection: Selection,
    next: u32,
    mut open: usize,
) -> (Option<Piece>, Progress) {
    let places = core.desk.connections.places();
    let end = places.min(next.saturating_add(PLACES_MAX as u32));
    let mut sightings = Vec::new();
    for place in next..end {
        let Some(connection) = core.desk.connections.lodger(place) else { continue };
        if connection.closing.is_some() || connection.is_guest() {
            continue;
        }
        open += 1;
        let (cid, account) = (connection.cid, core.accounts[connection.account as usize].name());
        if selection.open && wants(&selection, cid, connection.connect.shown_user(), account) {
            let key = connection.measures().key(selection.sort, None, selection.now);
            let handle = Handle::Open(connection.slot);
            sightings.push(Sighting { handle, cid, key, closed_at: None });
        }
    }
    let progress = match end == places {
        false => Progress::Open { selection, next: end, open },
        true => Progress::Closed { selection, next: core.closed.numbers().start, open },
    };
    (some(sightings, Piece::Sightings), progress)
}

fn sight_closed(core: &Core, selection: Selection, next: u64, open: usize) -> (Option<Piece>, Progress) {
    let closed = core.closed.len();
    let kept = core.closed.numbers();
    let next = next.max(kept.start);
    let end = kept.end.min(next.saturating_add(PLACES_MAX as u64));
    if !selection.closed || next >= kept.end {
        return (Some(Piece::Held { open, closed }), Progress::Done);
    }
    let mut sightings = Vec::new();
    for number in next..end {
        let Some(figures) = core.closed.get(number) else { continue };
        let measures = &figures.measures;
        if wants(&selection, measures.cid, &figures.user, &figures.account) {
            let key = measures.key(selection.sort, figures.reason, selection.now);
            let handle = Handle::Closed(number);
            sightings.push(Sighting { handle, cid: measures.cid, key, closed_at: measures.closed_at });
        }
    }
    (some(sightings, Piece::Sightings), Progress::Closed { selection, next: end, open })
}

fn wants(selection: &Selection, cid: u64, user: &str, account: &str) -> bool {
    selection.cid.is_none_or(|wanted| wanted == cid)
        && selection.account.as_ref().is_none_or(|wanted| wanted == account)
        && selection.user.as_ref().is_none_or(|wanted| wanted == user)
}

fn describe(
    core: &mut Core,
    mut handles: IntoIter<Handle>,
    subscriptions: bool,
    mut listing: Option<Box<Listing>>,
) -> (Option<Piece>, Progress) {
    let mut described = Vec::new();
    let mut left = DESCRIBED_MAX;
    while left > 0 {
        if let Some(mut under_way) = listing.take() {
            list_subscriptions(core, &mut under_way, &mut left);
            if under_way.subs.as_slice().is_empty() {
                described.push(under_way.figures);
            } else {
                listing = Some(under_way);
            }
            continue;
        }
        let Some(handle) = handles.next() else {
            return (some(described, Piece::Connections), Progress::Done);
        };
        left -= 1;
        match handle {
            Handle::Closed(number) => {
                let Some(figures) = core.closed.get(number) else { continue };
                let listed = if subscriptions { figures.listed.clone() } else { Vec::new() };
                left = left.saturating_sub(listed.len());
                described.push(figures.with(listed));
            }
            Handle::Open(slot) => {
                let Some(connection) = core.desk.connections.get(slot) else { continue };
                if connection.closing.is_some() {
                    continue;
                }
                let account = connection.account;
                let figures = connection.figures(core.accounts[account as usize].name());
                if subscriptions && !connection.sids.is_empty() {
                    let subs = connection.sids.iter().collect::<Vec<_>>().into_iter();
                    listing = Some(Box::new(Listing { figures, account, owner: slot.index, subs }));
                } else {
                    described.push(figures);
                }
            }
        }
    }
    (some(described, Piece::Connections), Progress::Connections { handles, subscriptions, listing })
}

/// Describes subscriptions while there is room in this turn; those that went meanwhile are left out.
fn list_subscriptions(core: &Core, listing: &mut Listing, left: &mut usize) {
    let account = &core.accounts[listing.account as usize];
    while *left > 0 {
        let Some(sub) = listing.subs.next() else { return };
        *left -= 1;
        if account.interest.table.get(sub).is_some_and(|record| record.owner == listing.owner) {
            listing.figures.listed.push(account.subscription(sub, listing.figures.measures.cid));
        }
    }
}

fn count(core: &mut Core, wanted: Interested, skip: usize, take: usize) -> (Option<Piece>, Progress) {
    let accounts = core.accounts.iter_mut().enumerate();
    let accounts =
        accounts.filter(|(_, account)| wanted.account.as_ref().is_none_or(|it| *it == account.name()));
    let Some(subject) = &wanted.test else {
        let total = accounts.map(|(_, account)| account.interest.table.len()).sum();
        let walk = Progress::Walk { wanted, skip, take, account: 0, next: 0 };
        return (Some(Piece::Counted(total)), if take > 0 { walk } else { Progress::Done });
    };
    // The trie finds them: nothing is to be looked through.
    let mut found = Vec::new();
    let mut matched = Matched::default();
    for (account, record) in accounts {
        record.interest.table.matches(subject, &mut matched);
        found.extend(matched.all().map(|target| (account as AccountId, target.sub)));
    }
    let total = found.len();
    let found = found.into_iter().skip(skip).take(take).collect::<Vec<_>>().into_iter();
    (Some(Piece::Counted(total)), if take > 0 { Progress::Listed { found } } else { Progress::Done })
}

fn walk(
    core: &mut Core,
    wanted: Interested,
    (mut skip, mut take): (usize, usize),
    mut account: usize,
    mut next: SubId,
) -> (Option<Piece>, Progress) {
    let mut found = Vec::new();
    let mut looks = PLACES_MAX;
    while looks > 0 && take > 0 && found.len() < DESCRIBED_MAX {
        let Some(record) = core.accounts.get(account) else {
            take = 0;
            break;
        };
        let table = &record.interest.table;
        let passed_over = wanted.account.as_ref().is_some_and(|wanted| *wanted != record.name());
        if passed_over || next >= table.handles_end() {
            (account, next) = (account + 1, 0);
            continue;
        }
        looks -= 1;
        if let Some(sub) = table.get(next) {
            if skip > 0 {
                skip -= 1;
            } else if let Some(owner) = core.desk.connections.lodger(sub.owner) {
                take -= 1;
                found.push(record.subscription(next, owner.cid));
            }
        }
        next += 1;
    }
    let progress = Progress::Walk { wanted, skip, take, account, next };
    (some(found, Piece::Subscriptions), if take > 0 { progress } else { Progress::Done })
}

fn list(core: &mut Core, mut found: IntoIter<(AccountId, SubId)>) -> (Option<Piece>, Progress) {
    let mut described = Vec::new();
    for (account, sub) in found.by_ref().take(DESCRIBED_MAX) {
        let account = &core.accounts[account as usize];
        let Some(record) = account.interest.table.get(sub) else { continue };
        if let Some(owner) = core.desk.connections.lodger(record.owner) {
            described.push(account.subscription(sub, owner.cid));
        }
    }
    let more = !found.as_slice().is_empty();
    let progress = if more { Progress::Listed { found } } else { Progress::Done };
    (some(described, Piece::Subscriptions), progress)
}

/// A piece, unless it would be empty.
fn some<T>(items: Vec<T>, piece: impl FnOnce(Vec<T>) -> Piece) -> Option<Piece> {
    (!items.is_empty()).then(|| piece(items))
}
