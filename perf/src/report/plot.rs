//! The plots: ratios to the peer, bars, latency by percentile, ratio over time.

use crate::budget::{Target, targets};
use crate::contest::{Layout, label};
use crate::figures::Metric;
use crate::history::Record;
use crate::table::number;

use super::Chapter;
use super::svg::{Anchor, Drawing, LogScale};

const CARD_WIDTH: f64 = 420.0;

/// The class that gives a layout its colour everywhere.
pub fn class(layout: &Layout) -> &'static str {
    match layout {
        Layout::Peer => "peer",
        Layout::Corebus { shards: 1, .. } => "one",
        Layout::Corebus { placement, .. } if placement == "spread" => "spread",
        Layout::Corebus { .. } => "home",
    }
}

/// One line for each scenario, one dot for each layout of corebus: its number divided by the peer's. A tick shows
/// the target.
pub fn ratios(chapters: &[Chapter<'_>], metric: Metric, title: &str) -> Option<String> {
    const LABELS: f64 = 210.0;
    const WIDTH: f64 = 900.0;
    const ROW: f64 = 24.0;
    const TOP: f64 = 34.0;
    let rows: Vec<_> = (chapters.iter())
        .map(|chapter| (chapter, ratios_of(chapter, metric)))
        .filter(|(_, ratios)| !ratios.is_empty())
        .collect();
    let all = rows.iter().flat_map(|(_, ratios)| ratios.iter().map(|(_, ratio, _)| *ratio)).chain([1.0]);
    let scale = LogScale::around(all, LABELS + 10.0, WIDTH - 20.0);
    let bottom = TOP + ROW * rows.len() as f64;
    let mut drawing = Drawing::default();
    for tick in scale.ticks() {
        let class = if tick == 1.0 { "unity" } else { "grid" };
        drawing.line(class, (scale.at(tick), TOP - 6.0), (scale.at(tick), bottom));
        drawing.text("tick", (scale.at(tick), TOP - 12.0), Anchor::Middle, &format!("{tick}×"));
    }
    for (row, (chapter, ratios)) in rows.iter().enumerate() {
        let y = TOP + ROW * (row as f64 + 0.5);
        drawing.text("label", (LABELS, y + 4.0), Anchor::End, chapter.scenario);
        drawing.line("grid", (LABELS + 10.0, y), (WIDTH - 20.0, y));
        for (record, ratio, target) in ratios {
            if let Some(target) = target {
                let x = scale.at(target.bound);
                let class = format!("{} target", class(&record.layout));
                drawing.line(&class, (x, y - 8.0), (x, y + 8.0));
            }
            let verdict = target.map_or(String::new(), |target| {
                let met = if target.met_by(*ratio) { "met" } else { "missed" };
                format!(", target {} {} {met}", target.sign(), target.bound)
            });
            let tip = format!("{}: {ratio:.2} times the peer{verdict}", name(record));
            drawing.dot(class(&record.layout), (scale.at(*ratio), y), &tip);
        }
    }
    (!rows.is_empty()).then(|| drawing.finish(WIDTH, bottom + 6.0, title))
}

type Ratio<'a> = (&'a Record, f64, Option<Target>);

fn ratios_of<'a>(chapter: &Chapter<'a>, metric: Metric) -> Vec<Ratio<'a>> {
    let Some(peer) = chapter.peer() else { return Vec::new() };
    let own = chapter.latest.iter().copied().filter(|record| record.layout != Layout::Peer);
    own.filter_map(|record| {
        let ratio = record.median.ratio(&peer.median, metric).filter(|ratio| *ratio > 0.0)?;
        let targets =
            if record.scale == 1.0 { targets(chapter.scenario, &record.layout) } else { Vec::new() };
        Some((record, ratio, targets.into_iter().find(|target| target.metric == metric)))
    })
    .collect()
}

/// A bar for each server.
pub fn bars(chapter: &Chapter<'_>, metric: Metric, title: &str) -> String {
    const LABELS: f64 = 150.0;
    const ROW: f64 = 22.0;
    const TOP: f64 = 20.0;
    const NUMBERS: f64 = 90.0;
    let values = chapter.latest.iter().filter_map(|record| Some((*record, record.median.get(metric)?)));
    let values: Vec<_> = values.collect();
    let most = values.iter().fold(f64::MIN_POSITIVE, |most, (_, value)| most.max(*value));
    let mut drawing = Drawing::default();
    drawing.text("title", (0.0, 12.0), Anchor::Start, title);
    for (row, (record, value)) in values.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        let length = value / most * (CARD_WIDTH - LABELS - NUMBERS);
        drawing.text("label", (LABELS - 8.0, y + 14.0), Anchor::End, &short_name(record));
        drawing.bar(class(&record.layout), (LABELS, y + 3.0), length, ROW - 7.0);
        let value = number(*value, metric);
        drawing.text("value", (LABELS + length + 6.0, y + 14.0), Anchor::Start, &value);
    }
    drawing.finish(CARD_WIDTH, TOP + ROW * values.len() as f64 + 4.0, title)
}

/// Latency in µs at p50, p90, p99 and p99.9, a curve for each server.
pub fn percentiles(chapter: &Chapter<'_>, title: &str) -> String {
    const HEIGHT: f64 = 190.0;
    const LEFT: f64 = 60.0;
    const METRICS: [Metric; 4] = [Metric::P50Us, Metric::P90Us, Metric::P99Us, Metric::P999Us];
    let curve = |record: &Record| METRICS.map(|metric| record.median.get(metric).unwrap_or(0.0));
    let all = chapter.latest.iter().flat_map(|record| curve(record));
    let scale = LogScale::around(all, HEIGHT - 26.0, 24.0);
    let x = |index: usize| LEFT + 30.0 + index as f64 * (CARD_WIDTH - LEFT - 70.0) / 3.0;
    let mut drawing = Drawing::default();
    drawing.text("title", (0.0, 12.0), Anchor::Start, title);
    for tick in scale.ticks() {
        drawing.line("grid", (LEFT, scale.at(tick)), (CARD_WIDTH, scale.at(tick)));
        let label = number(tick, Metric::Operations);
        drawing.text("tick", (LEFT - 6.0, scale.at(tick) + 4.0), Anchor::End, &label);
    }
    for (index, metric) in METRICS.iter().enumerate() {
        drawing.text("tick", (x(index), HEIGHT - 8.0), Anchor::Middle, metric.label());
    }
    for record in &chapter.latest {
        let points: Vec<_> =
            (0..).zip(curve(record)).map(|(index, value)| (x(index), scale.at(value))).collect();
        drawing.path(class(&record.layout), &points);
        for ((point, value), metric) in points.iter().zip(curve(record)).zip(METRICS) {
            let tip = format!("{}: {} {} µs", name(record), metric.label(), number(value, metric));
            drawing.dot(class(&record.layout), *point, &tip);
        }
    }
    drawing.finish(CARD_WIDTH, HEIGHT, title)
}

/// CPU beside the peer over all invocations, oldest left; `None` where there was only one.
pub fn trend(chapter: &Chapter<'_>, title: &str) -> Option<String> {
    const HEIGHT: f64 = 130.0;
    const LEFT: f64 = 60.0;
    let mut dates: Vec<&str> = chapter.all.iter().map(|record| record.date.as_str()).collect();
    dates.sort_unstable();
    dates.dedup();
    let ratios: Vec<_> = (dates.iter().enumerate())
        .flat_map(|(index, date)| {
            ratios_at(chapter, date).into_iter().map(move |(of, ratio)| (index, of, ratio))
        })
        .collect();
    let first = ratios.first()?.0;
    if ratios.iter().all(|(index, ..)| *index == first) {
        return None;
    }
    let all = ratios.iter().map(|(_, _, ratio)| *ratio).chain([1.0]);
    let scale = LogScale::around(all, HEIGHT - 10.0, 24.0);
    let step = (CARD_WIDTH - LEFT - 40.0) / (dates.len() - 1) as f64;
    let place = |index: usize, ratio: f64| (LEFT + 20.0 + index as f64 * step, scale.at(ratio));
    let mut drawing = Drawing::default();
    drawing.text("title", (0.0, 12.0), Anchor::Start, title);
    for tick in scale.ticks() {
        drawing.line("grid", (LEFT, scale.at(tick)), (CARD_WIDTH, scale.at(tick)));
        drawing.text("tick", (LEFT - 6.0, scale.at(tick) + 4.0), Anchor::End, &format!("{tick}×"));
    }
    for class_drawn in ["one", "home", "spread"] {
        let own = ratios.iter().filter(|(_, record, _)| class(&record.layout) == class_drawn);
        let points: Vec<_> = own.clone().map(|(index, _, ratio)| place(*index, *ratio)).collect();
        drawing.path(class_drawn, &points);
        for ((_, record, ratio), point) in own.zip(points) {
            let tip = format!("{} at {} ({}): {ratio:.2}", name(record), record.commit, record.date);
            drawing.dot(class_drawn, point, &tip);
        }
    }
    Some(drawing.finish(CARD_WIDTH, HEIGHT, title))
}

/// The CPU ratios that one invocation measured.
fn ratios_at<'a>(chapter: &Chapter<'a>, date: &str) -> Vec<(&'a Record, f64)> {
    let then: Vec<_> = chapter.all.iter().copied().filter(|record| record.date == date).collect();
    let Some(peer) = then.iter().find(|record| record.layout == Layout::Peer) else { return Vec::new() };
    let own = then.iter().filter(|record| record.layout != Layout::Peer);
    own.filter_map(|record| Some((*record, record.median.ratio(&peer.median, Metric::ServerCpuUs)?)))
        .collect()
}

fn name(record: &Record) -> String {
    label(&record.server, &record.version, &record.layout)
}

fn short_name(record: &Record) -> String {
    match &record.layout {
        Layout::Peer => name(record),
        layout => layout.to_string(),
    }
}
