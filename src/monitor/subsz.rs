//! `/subsz`, also `/subscriptionsz`: subscriptions and how they are found. Source: nats-server
//! `monitor.go:Subsz`. A message that reaches another shard is looked up there too, and counted.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Serialize;
use shard::inspection::{InterestFigures, Interested, Piece, Question, SubscriptionFigures};
use shard::subject;

use super::Monitor;
use super::arguments::{Arguments, Refusal};
use super::number::{Float, is_zero, ratio};
use super::page::{Fault, Page, pretty};

#[derive(Serialize)]
struct Subsz {
    server_id: String,
    now: String,
    num_subscriptions: usize,
    num_cache: usize,
    num_inserts: u64,
    num_removes: u64,
    num_matches: u64,
    cache_hit_rate: Float,
    max_fanout: usize,
    avg_fanout: Float,
    total: usize,
    offset: usize,
    limit: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscriptions_list: Vec<Subscription>,
}

/// A subscription as the pages show it.
#[derive(Serialize)]
pub struct Subscription {
    #[serde(skip_serializing_if = "str::is_empty")]
    account: Box<str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    account_tag: Box<str>,
    subject: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    qgroup: String,
    sid: String,
    msgs: u64,
    #[serde(skip_serializing_if = "is_zero")]
    max: u64,
    cid: u64,
}

impl Subscription {
    /// With or without its account.
    pub fn show(figures: SubscriptionFigures, with_account: bool) -> Subscription {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let account = if with_account { figures.account } else { Box::default() };
        Subscription {
            account_tag: account.clone(),
            account,
            subject: text(&figures.subject),
            qgroup: figures.queue.as_deref().map(text).unwrap_or_default(),
            sid: text(&figures.sid),
            msgs: figures.delivered,
            max: figures.max.into(),
            cid: figures.cid,
        }
    }
}

pub async fn page(monitor: &Monitor, arguments: &Arguments) -> Result<Page, Fault> {
    monitor.count("/subsz");
    let listed = arguments.switch("subs")?;
    let (offset, limit) = (arguments.offset()?, arguments.limit()?);
    let given = |name| Some(arguments.text(name)).filter(|text| !text.is_empty()).map(str::to_owned);
    let wanted = Interested { account: given("acc"), test: given("test").map(String::into_bytes) };
    if let Some(test) = &wanted.test
        && !subject::is_valid_literal(test)
    {
        let test = arguments.text("test");
        let said = format!("invalid test subject, must be valid publish subject: {test}");
        return Err(Refusal(said).into());
    }
    let sum = sum(monitor, wanted.account.as_deref()).await?;
    let (total, found) = if listed { list(monitor, wanted, offset, limit).await? } else { (0, Vec::new()) };
    let subsz = Subsz {
        server_id: monitor.identity.server_id.clone(),
        now: monitor.clock.show(shard::driver::monotonic()),
        num_subscriptions: sum.subscriptions,
        num_cache: sum.cached,
        num_inserts: sum.inserts,
        num_removes: sum.removes,
        num_matches: sum.lookups,
        cache_hit_rate: ratio(sum.hits as f64, sum.lookups as f64),
        max_fanout: sum.fanout_max,
        avg_fanout: ratio(sum.fanout_total as f64, sum.cached as f64),
        total,
        offset,
        limit,
        subscriptions_list: Vec::new(),
    };
    let make = move || {
        let shown = found.into_iter().map(|sub| Subscription::show(sub, true)).collect();
        pretty(&Subsz { subscriptions_list: shown, ..subsz })
    };
    Ok(Page::json(StatusCode::OK, monitor.executor.blocking(make).await))
}

/// The figures of an account, or of all, over all shards.
async fn sum(monitor: &Monitor, account: Option<&str>) -> Result<InterestFigures, Fault> {
    let mut sum = InterestFigures::default();
    let take = |_, piece| {
        if let Piece::Interest(more) = piece {
            sum = sum.and(more);
        }
    };
    monitor.ask_all(Question::Interest { account: account.map(str::to_owned) }, take).await?;
    Ok(sum)
}

/// How many subscriptions are wanted, and a page of them, shard by shard.
async fn list(
    monitor: &Monitor,
    wanted: Interested,
    offset: usize,
    limit: usize,
) -> Result<(usize, Vec<SubscriptionFigures>), Fault> {
    let mut counts = vec![0; monitor.shards.len()];
    let count = Question::Subscriptions { wanted: wanted.clone(), skip: 0, take: 0 };
    let take = |shard: usize, piece| {
        if let Piece::Counted(count) = piece {
            counts[shard] = count;
        }
    };
    monitor.ask_all(count, take).await?;
    let (mut skip, mut left) = (offset, limit);
    let mut questions = Vec::new();
    for (shard, count) in counts.iter().enumerate() {
        let here = count.saturating_sub(skip).min(left);
        if here > 0 {
            let wanted = wanted.clone();
            questions.push((shard, Question::Subscriptions { wanted, skip, take: here }));
            left -= here;
        }
        skip = skip.saturating_sub(*count);
    }
    let mut found: BTreeMap<usize, Vec<SubscriptionFigures>> = BTreeMap::new();
    let take = |shard, piece| {
        if let Piece::Subscriptions(piece) = piece {
            found.entry(shard).or_default().extend(piece);
        }
    };
    monitor.ask(questions.into_iter(), take).await?;
    Ok((counts.iter().sum(), found.into_values().flatten().collect()))
}
