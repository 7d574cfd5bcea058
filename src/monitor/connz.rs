//! `/connz`: connections, open and closed. Source: nats-server `monitor.go:Connz`.
//!
//! Shards are asked twice: which connections there are, in the shortest form; then all about those of the page.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;
use std::time::Duration;

use hyper::StatusCode;
use serde::Serialize;
use shard::account::GLOBAL_ACCOUNT;
use shard::inspection::{ConnectionFigures, Handle, Measures, Piece, Question, Selection, Sighting, SortBy};
use shard::proto::text::Reason;

use super::Monitor;
use super::arguments::{Arguments, Refusal};
use super::clock::{Clock, show_uptime};
use super::number::is_zero;
use super::page::{Fault, Page, pretty};
use super::subsz::Subscription;
use crate::config::shown_duration;

/// What is asked for.
struct Wanted {
    selection: Selection,
    account: String,
    offset: usize,
    limit: usize,
    /// User names are shown.
    auth: bool,
    listing: Listing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Listing {
    None,
    Subjects,
    Details,
}

#[derive(Serialize)]
struct Connz {
    server_id: String,
    now: String,
    num_connections: usize,
    total: usize,
    offset: usize,
    limit: usize,
    connections: Option<Vec<Connection>>,
}

#[derive(Serialize)]
struct Connection {
    cid: u64,
    kind: &'static str,
    r#type: &'static str,
    ip: String,
    port: u16,
    start: String,
    last_activity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    rtt: String,
    uptime: String,
    idle: String,
    pending_bytes: usize,
    in_msgs: u64,
    out_msgs: u64,
    in_bytes: u64,
    out_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    stalls: u64,
    subscriptions: usize,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: Box<str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    lang: Box<str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: Box<str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    authorized_user: Box<str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    account: Box<str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscriptions_list: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscriptions_list_detail: Vec<Subscription>,
    #[serde(skip_serializing_if = "str::is_empty")]
    name_tag: Box<str>,
}

pub async fn page(monitor: &Monitor, arguments: &Arguments) -> Result<Page, Fault> {
    let mut wanted = Wanted::read(arguments)?;
    monitor.count("/connz");
    wanted.check()?;
    let now = shard::driver::monotonic();
    wanted.selection.now = now;
    let mut connz = Connz {
        server_id: String::new(),
        now: monitor.clock.show(now),
        num_connections: 0,
        total: 0,
        offset: wanted.offset,
        limit: wanted.limit,
        connections: None,
    };
    match wanted.account.as_str() {
        "" => {}
        // As nats-server has it: those that were closed carry the names of other accounts alone.
        GLOBAL_ACCOUNT => wanted.selection.closed = false,
        // An account that is not there: nothing at all, not even an empty list.
        name if !monitor.has_account(name) => return Ok(Page::json(StatusCode::OK, pretty(&connz))),
        _ => {}
    }
    wanted.selection.account = Some(wanted.account.clone()).filter(|name| !name.is_empty());
    connz.server_id = monitor.identity.server_id.clone();
    let (sightings, total) = sight(monitor, &wanted.selection).await?;
    connz.total = total;
    let figures = describe(monitor, chosen(&wanted, sightings), wanted.listing != Listing::None).await?;
    connz.num_connections = figures.len();
    let clock = monitor.clock;
    let make = move || {
        let shown = figures.into_iter().map(|figures| Connection::show(figures, &clock, now, &wanted));
        connz.connections = Some(shown.collect());
        pretty(&connz)
    };
    Ok(Page::json(StatusCode::OK, monitor.executor.blocking(make).await))
}

/// The connections wanted, each with its shard, and how many there are before any filter.
async fn sight(monitor: &Monitor, selection: &Selection) -> Result<(Vec<(usize, Sighting)>, usize), Fault> {
    let mut sightings = Vec::new();
    let (mut open, mut closed) = (0, 0);
    let question = Question::Sightings(selection.clone());
    let take = |shard, piece| match piece {
        Piece::Sightings(piece) => sightings.extend(piece.into_iter().map(|sighting| (shard, sighting))),
        Piece::Held { open: here_open, closed: here_closed } => {
            open += here_open;
            closed += here_closed;
        }
        _ => {}
    };
    monitor.ask_all(question, take).await?;
    let max = monitor.options.borrow().max_closed_clients;
    if closed > max {
        // Each shard remembers as many as all together may: the oldest over all are left out.
        let (mut kept, still_open): (Vec<_>, Vec<_>) =
            sightings.into_iter().partition(|(_, sighting)| sighting.closed_at.is_some());
        kept.sort_unstable_by_key(|(_, sighting)| Reverse(sighting.closed_at));
        kept.truncate(max);
        kept.extend(still_open);
        sightings = kept;
        closed = max;
    }
    let total = if selection.open { open } else { 0 } + if selection.closed { closed } else { 0 };
    Ok((sightings, total))
}

/// Those of the page, in its order.
fn chosen(wanted: &Wanted, mut sightings: Vec<(usize, Sighting)>) -> Vec<(usize, Sighting)> {
    let rises = matches!(wanted.selection.sort, SortBy::Cid | SortBy::Uptime | SortBy::Reason);
    sightings.sort_unstable_by(|(_, one), (_, other)| {
        let order = one.key.cmp(&other.key);
        let order = if rises { order } else { order.reverse() };
        order.then(one.cid.cmp(&other.cid))
    });
    // One that closes, or moves to another shard, while the shards are asked is seen twice.
    sightings.dedup_by(|(_, one), (_, other)| one.cid.cmp(&other.cid) == Ordering::Equal);
    sightings.into_iter().skip(wanted.offset).take(wanted.limit).collect()
}

/// All about the connections given, in their order; those that went meanwhile are left out.
async fn describe(
    monitor: &Monitor,
    chosen: Vec<(usize, Sighting)>,
    subscriptions: bool,
) -> Result<Vec<ConnectionFigures>, Fault> {
    let mut handles: HashMap<usize, Vec<Handle>> = HashMap::new();
    for (shard, sighting) in &chosen {
        handles.entry(*shard).or_default().push(sighting.handle);
    }
    let questions = handles.into_iter();
    let questions =
        questions.map(|(shard, handles)| (shard, Question::Connections { handles, subscriptions }));
    let mut found = HashMap::with_capacity(chosen.len());
    let take = |_, piece| {
        if let Piece::Connections(piece) = piece {
            found.extend(piece.into_iter().map(|figures| (figures.measures.cid, figures)));
        }
    };
    monitor.ask(questions, take).await?;
    Ok(chosen.iter().filter_map(|(_, sighting)| found.remove(&sighting.cid)).collect())
}

impl Wanted {
    /// Source: nats-server `monitor.go:HandleConnz`.
    fn read(arguments: &Arguments) -> Result<Wanted, Refusal> {
        let auth = arguments.switch("auth")?;
        let listing = if arguments.text("subs").eq_ignore_ascii_case("detail") {
            Listing::Details
        } else if arguments.switch("subs")? {
            Listing::Subjects
        } else {
            Listing::None
        };
        let (offset, limit) = (arguments.offset()?, arguments.limit()?);
        let cid = Some(arguments.unsigned("cid")?).filter(|cid| *cid > 0);
        let state = arguments.text("state");
        let (open, closed) = match state.to_lowercase().as_str() {
            "" | "open" => (true, false),
            "closed" => (false, true),
            "any" | "all" => (true, true),
            _ => return Err(Refusal(format!("Error decoding state for {state}"))),
        };
        let sort = sort_by(arguments.text("sort"));
        let user = Some(arguments.text("user")).filter(|user| !user.is_empty()).map(str::to_owned);
        let sort = sort.map_err(Refusal);
        let selection = Selection { open, closed, cid, user, account: None, sort: sort?, now: 0 };
        let limit = if cid.is_some() { 1 } else { limit };
        let account = arguments.text("acc").to_owned();
        Ok(Wanted { selection, account, offset, limit, auth, listing })
    }

    /// What only makes sense together with something else.
    fn check(&self) -> Result<(), Refusal> {
        let Selection { open, closed, sort, .. } = self.selection;
        let name = match sort {
            SortBy::Stop if open || !closed => "stop",
            SortBy::Reason if open || !closed => "reason",
            _ => return Ok(()),
        };
        Err(Refusal(format!("sort by {name} only valid on closed connections")))
    }
}

/// Source: nats-server `monitor_sort_opts.go`.
fn sort_by(name: &str) -> Result<SortBy, String> {
    Ok(match name {
        "" | "cid" | "start" => SortBy::Cid,
        "subs" => SortBy::Subscriptions,
        "pending" => SortBy::Pending,
        "msgs_to" => SortBy::MessagesTo,
        "msgs_from" => SortBy::MessagesFrom,
        "bytes_to" => SortBy::BytesTo,
        "bytes_from" => SortBy::BytesFrom,
        "last" => SortBy::LastActivity,
        "idle" => SortBy::Idle,
        "uptime" => SortBy::Uptime,
        "stop" => SortBy::Stop,
        "reason" => SortBy::Reason,
        "rtt" => SortBy::Rtt,
        other => return Err(format!("invalid sorting option: {other}")),
    })
}

impl Connection {
    /// Source: nats-server `monitor.go:ConnInfo.fill`.
    fn show(figures: ConnectionFigures, clock: &Clock, now: u64, wanted: &Wanted) -> Connection {
        let ConnectionFigures { measures, reason, peer, name, lang, version, user, account, listed } =
            figures;
        let Measures { opened_at, active_at, closed_at, rtt, .. } = measures;
        let until = closed_at.unwrap_or(now);
        let since = |moment| show_uptime(Duration::from_nanos(until.saturating_sub(moment)));
        let elsewhere = *account != *GLOBAL_ACCOUNT;
        let shown = |is_shown: bool, text: &str| if is_shown { text.into() } else { Box::default() };
        let details = wanted.listing == Listing::Details;
        let (subjects, details) = match details {
            true => (
                Vec::new(),
                listed.into_iter().map(|sub| Subscription::show(sub, reason.is_some())).collect(),
            ),
            false => {
                let subject = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                (listed.iter().map(|sub| subject(&sub.subject)).collect(), Vec::new())
            }
        };
        Connection {
            cid: measures.cid,
            kind: "Client",
            r#type: "nats",
            ip: peer.ip().to_string(),
            port: peer.port(),
            start: clock.show(opened_at),
            last_activity: clock.show(active_at),
            stop: closed_at.map(|moment| clock.show(moment)),
            reason: reason.map(Reason::text),
            rtt: show_rtt(rtt),
            uptime: since(opened_at),
            idle: since(active_at),
            pending_bytes: measures.pending,
            in_msgs: measures.in_messages,
            out_msgs: measures.out_messages,
            in_bytes: measures.in_bytes,
            out_bytes: measures.out_bytes,
            stalls: measures.stalls,
            subscriptions: measures.subscriptions,
            name,
            lang,
            version,
            authorized_user: shown(wanted.auth, &user),
            account: shown(wanted.auth && elsewhere, &account),
            subscriptions_list: subjects,
            subscriptions_list_detail: details,
            name_tag: shown(wanted.auth && (elsewhere || reason.is_none()), &account),
        }
    }
}

/// Source: nats-server `monitor.go:getRTT`.
fn show_rtt(nanoseconds: u64) -> String {
    let shown = match nanoseconds {
        1_001..1_000_000 => nanoseconds / 1000 * 1000,
        other => other,
    };
    shown_duration(Duration::from_nanos(shown))
}
