//! How long services of other accounts take, published in their account. Source: nats-server
//! `accounts.go:ServiceLatency`, `shouldSample`, `sendTrackingLatency`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::awaiting::Awaited;
use super::core::Core;
use super::desk::Delivery;
use super::publish::{Passage, carry};
use super::requester::{Info, moment};
use crate::account::snapshot::{Response, Sampling, Service};
use crate::proto::headers;
use crate::slot::Slot;

const KIND: &str = "io.nats.server.metric.v1.service_latency";

/// A request that is measured.
#[derive(Debug)]
pub struct Tracked {
    share: bool,
    headers: Option<Headers>,
}

/// Headers that asked for it, under their canonical names.
type Headers = BTreeMap<String, Vec<String>>;

/// That a request is to be measured, and why.
pub struct Sample {
    headers: Option<Headers>,
    is_single: bool,
}

impl Sample {
    pub fn tracked(self, share: bool) -> Option<Box<Tracked>> {
        self.is_single.then(|| Box::new(Tracked { share, headers: self.headers }))
    }
}

#[derive(Serialize)]
struct Metric<'a> {
    r#type: &'static str,
    id: String,
    timestamp: String,
    status: u16,
    #[serde(rename = "description", skip_serializing_if = "str::is_empty")]
    error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    requestor: Option<Info>,
    #[serde(skip_serializing_if = "Option::is_none")]
    responder: Option<Value>,
    #[serde(rename = "header", skip_serializing_if = "Option::is_none")]
    headers: Option<&'a Headers>,
    start: String,
    service: u64,
    system: u64,
    total: u64,
}

/// Whether a request with these headers is measured.
pub fn sample(core: &mut Core, service: &Service, block: &[u8]) -> Option<Sample> {
    let latency = service.latency.as_ref()?;
    let is_single = service.response == Response::Singleton;
    if let Sampling::Percent(percent) = latency.sampling
        && (percent >= 100 || core.chance.below(100) < u32::from(percent))
    {
        return Some(Sample { headers: None, is_single });
    }
    triggers(block).map(|headers| Sample { headers: Some(headers), is_single })
}

/// Headers of tracing systems that say that a request is sampled.
fn triggers(block: &[u8]) -> Option<Headers> {
    const NAMES: [&str; 8] = [
        "Uber-Trace-Id",
        "Traceparent",
        "B3",
        "X-B3-Sampled",
        "X-B3-Traceid",
        "X-B3-Parentspanid",
        "X-B3-Spanid",
        "Tracestate",
    ];
    let mut found = Headers::new();
    for (name, value) in headers::fields(block) {
        if let Some(known) = NAMES.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name)) {
            found.entry((*known).to_owned()).or_default().push(String::from_utf8_lossy(value).into_owned());
        }
    }
    let first = |name: &str| found.get(name).and_then(|values| values.first()).map(String::as_str);
    let is_odd = |hex: &str| u8::from_str_radix(hex, 16).is_ok_and(|flags| flags & 1 == 1);
    let kept: &[&str] = if let Some(id) = first("Uber-Trace-Id") {
        let parts: Vec<&str> = id.split(':').collect();
        let sampled = parts.len() == 4 && (1..=2).contains(&parts[3].len()) && is_odd(parts[3]);
        return sampled.then(|| with_baggage(found, block));
    } else if let Some(sampled @ ("0" | "1")) = first("X-B3-Sampled") {
        if sampled == "0" {
            return None;
        }
        &NAMES[3..7]
    } else if found.contains_key("X-B3-Traceid") {
        &NAMES[3..7]
    } else if let Some(b3) = first("B3") {
        let parts: Vec<&str> = b3.split('-').collect();
        if (parts.len() > 2 && parts[2] == "0") || (parts.len() == 1 && parts[0] == "0") {
            return None;
        }
        &NAMES[2..3]
    } else {
        let parts: Vec<&str> = first("Traceparent")?.split('-').collect();
        if parts.len() != 4 || parts[3].len() != 2 || !is_odd(parts[3]) {
            return None;
        }
        &["Traceparent", "Tracestate"]
    };
    found.retain(|name, _| kept.contains(&name.as_str()));
    Some(found)
}

/// What Jaeger carries along is shown with its id.
fn with_baggage(mut found: Headers, block: &[u8]) -> Headers {
    const PREFIX: &[u8] = b"uberctx-";
    found.retain(|name, _| name == "Uber-Trace-Id");
    for (name, value) in headers::fields(block) {
        if name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX)) {
            let value = String::from_utf8_lossy(value).into_owned();
            found.entry(canonical(name)).or_default().push(value);
        }
    }
    found
}

/// A header's name as Go writes it: each word between dashes with a capital.
fn canonical(name: &[u8]) -> String {
    let words = name.split(|byte| *byte == b'-').map(|word| {
        let word = String::from_utf8_lossy(word).to_ascii_lowercase();
        let mut letters = word.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    });
    words.collect::<Vec<_>>().join("-")
}

/// A response has come: the first one ends the measurement. `info` is who gave it, where it came from another
/// shard.
pub fn measure(core: &mut Core, place: u32, passage: &Passage<'_>, info: &[u8]) {
    let entry = core.awaiting.at(place);
    let Some(tracked) = entry.tracked.take() else { return };
    let (service, origin, since, asker) =
        (Arc::clone(&entry.service), entry.origin, entry.since, entry.asker);
    if core.desk.connections.get(origin).is_none() {
        return;
    }
    let responder = match info.is_empty() {
        true => serde_json::to_value(Info::of_responder(core, passage.origin, passage.account)).ok(),
        false => serde_json::from_slice(info).ok(),
    };
    let responder_rtt =
        responder.as_ref().and_then(|info: &Value| info.get("rtt")?.as_u64()).unwrap_or_default();
    let requestor = Info::new(core, origin, asker, tracked.share);
    let taken = core.desk.now.saturating_sub(since);
    let metric = Metric {
        requestor: Some(requestor.clone()),
        responder,
        start: moment(core.wall(since.saturating_sub(requestor.rtt))),
        service: taken.saturating_sub(responder_rtt),
        total: requestor.rtt + taken,
        ..blank(core, &tracked, 200, "")
    };
    publish(core, &service, &metric);
}

/// A request without a reply cannot be answered.
pub fn bad_request(core: &mut Core, service: &Arc<Service>, origin: Slot, sample: Sample, share: bool) {
    let tracked = Tracked { share, headers: sample.headers };
    let now = core.desk.now;
    failed(core, service, (&tracked, origin, now), 400, "Bad Request");
}

/// Nobody was there to answer.
pub fn undelivered(core: &mut Core, entry: &Awaited) {
    ended(core, entry, 503, "Service Unavailable");
}

/// No answer came in time.
pub fn timed_out(core: &mut Core, entry: &Awaited) {
    ended(core, entry, 504, "Service Timeout");
}

/// Who asked waits no more.
pub fn interest_lost(core: &mut Core, entry: &Awaited) {
    ended(core, entry, 408, "Request Timeout");
}

fn ended(core: &mut Core, entry: &Awaited, status: u16, error: &'static str) {
    if let Some(tracked) = &entry.tracked {
        failed(core, &entry.service, (tracked, entry.origin, entry.since), status, error);
    }
}

fn failed(
    core: &mut Core,
    service: &Arc<Service>,
    (tracked, origin, since): (&Tracked, Slot, u64),
    status: u16,
    error: &'static str,
) {
    let account = core.desk.connections.get(origin).map(|connection| connection.account);
    let requestor = account.map(|account| Info::new(core, origin, account, tracked.share));
    let rtt = requestor.as_ref().map_or(0, |info| info.rtt);
    let start = moment(core.wall(since.saturating_sub(rtt)));
    let metric = Metric { requestor, start, ..blank(core, tracked, status, error) };
    publish(core, service, &metric);
}

fn blank<'a>(core: &mut Core, tracked: &'a Tracked, status: u16, error: &'static str) -> Metric<'a> {
    Metric {
        r#type: KIND,
        id: core.awaiting.unique(),
        timestamp: moment(core.wall(core.desk.now)),
        status,
        error,
        requestor: None,
        responder: None,
        headers: tracked.headers.as_ref(),
        start: String::new(),
        service: 0,
        system: 0,
        total: 0,
    }
}

/// A message of the server's own, in the exporter's account.
fn publish(core: &mut Core, service: &Service, metric: &Metric<'_>) {
    let Some(latency) = &service.latency else { return };
    let json = serde_json::to_string(metric).expect("plain values become JSON");
    let tail = format!("{}\r\n{json}\r\n", json.len());
    let delivery = Delivery {
        subject: latency.subject.as_bytes(),
        reply_len: 0,
        header_len: None,
        tail: tail.as_bytes(),
        payload_len: json.len(),
        from: core.mesh.me(),
        no_echo: None,
        is_imported: false,
        tracing: core.settings.tracing,
        shared: None,
    };
    carry(core, Passage { account: service.account, origin: Slot::NOBODY, hops: 0, delivery }, None, false);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(fields: &str) -> Option<Vec<String>> {
        let block = format!("NATS/1.0\r\n{fields}\r\n\r\n");
        triggers(block.as_bytes()).map(|headers| headers.into_keys().collect())
    }

    /// Source: nats-server `accounts_test.go` and `accounts.go:shouldSample` for what each system sends.
    #[test]
    fn tracing_systems_ask_in_their_ways() {
        assert_eq!(
            asked("Uber-Trace-Id: 479fefe9525eddb:5adb976bfc1f95c1:479fefe9525eddb:1"),
            Some(["Uber-Trace-Id"].map(String::from).to_vec())
        );
        let baggage = asked("uber-trace-id: 1:2:3:1\r\nUBERCTX-some-key: v");
        assert_eq!(baggage, Some(["Uber-Trace-Id", "Uberctx-Some-Key"].map(String::from).to_vec()));
        for not in [
            "A: b",
            "Uber-Trace-Id: 479fefe9525eddb:5adb976bfc1f95c1:479fefe9525eddb:0",
            "Uber-Trace-Id: 1:2:3",
            "X-B3-Sampled: 0\r\nX-B3-TraceId: 80f198ee56343ba8",
            "B3: 0",
            "b3: 80f198ee-e457b5a2-0-05e3ac9a",
            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "traceparent: 00-01",
        ] {
            assert_eq!(asked(not), None, "{not}");
        }
        let b3 = asked("X-B3-Sampled: 1\r\nX-B3-TraceId: 80\r\nB3: 1\r\nOther: x");
        assert_eq!(b3, Some(["X-B3-Sampled", "X-B3-Traceid"].map(String::from).to_vec()));
        assert_eq!(asked("x-b3-traceid: 80"), Some(["X-B3-Traceid"].map(String::from).to_vec()));
        assert_eq!(asked("b3: 80f198ee-e457b5a2-1-05e3ac9a"), Some(["B3"].map(String::from).to_vec()));
        let context =
            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\ntracestate: a=b";
        assert_eq!(asked(context), Some(["Traceparent", "Tracestate"].map(String::from).to_vec()));
    }
}
