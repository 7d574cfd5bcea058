//! The HTML around the plots.

use std::fmt::Write;

use crate::contest::{Layout, label};
use crate::figures::Metric;
use crate::history::Record;
use crate::table::number;

use super::svg::escape;
use super::{Chapter, plot};

const STYLE: &str = include_str!("style.css");
const TABLE: [(Metric, &str); 9] = [
    (Metric::Rate, "per second"),
    (Metric::MegabytesPerSecond, "MB/s"),
    (Metric::ServerCpuUs, "CPU µs"),
    (Metric::P50Us, "p50 µs"),
    (Metric::P90Us, "p90"),
    (Metric::P99Us, "p99"),
    (Metric::P999Us, "p99.9"),
    (Metric::ResidentMb, "RSS MB"),
    (Metric::BytesEach, "bytes each"),
];

pub fn page(last: &Record, chapters: &[Chapter<'_>]) -> String {
    let mut body = String::new();
    let machine = escape(&last.machine.to_string());
    let (commit, date) = (escape(&last.commit), escape(&last.date));
    let _ = write!(body, "<header><h1>corebus measured</h1><p>{machine}<br>{commit}, {date}</p>");
    let _ = write!(body, "{}</header>", legend(chapters));
    section(&mut body, "CPU beside the peer", "Left is better; a tick is the target.", || {
        plot::ratios(chapters, Metric::ServerCpuUs, "Server CPU per operation, times the peer")
    });
    section(&mut body, "Rate beside the peer", "Right is better; a tick is the target.", || {
        plot::ratios(chapters, Metric::Rate, "Operations per second, times the peer")
    });
    body.push_str("<h2>Scenario by scenario</h2><div class=\"cards\">");
    chapters.iter().for_each(|chapter| card(&mut body, chapter));
    body.push_str("</div><h2>All figures</h2>");
    table(&mut body, chapters);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>corebus measured</title>\
         <style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )
}

fn section(body: &mut String, title: &str, note: &str, plot: impl FnOnce() -> Option<String>) {
    if let Some(plot) = plot() {
        let _ = write!(body, "<h2>{title}</h2><p class=\"note\">{note}</p><div class=\"wide\">{plot}</div>");
    }
}

/// Each layout's colour.
fn legend(chapters: &[Chapter<'_>]) -> String {
    let mut text = "<ul class=\"legend\">".to_owned();
    let mut shown: Vec<&Layout> = Vec::new();
    for record in chapters.iter().flat_map(|chapter| &chapter.latest) {
        if shown.contains(&&record.layout) {
            continue;
        }
        shown.push(&record.layout);
        let name = escape(&label(&record.server, &record.version, &record.layout));
        let _ = write!(text, "<li><i class=\"{}\"></i>{name}</li>", plot::class(&record.layout));
    }
    text + "</ul>"
}

fn card(body: &mut String, chapter: &Chapter<'_>) {
    let scenario = crate::scenario::ALL.iter().find(|scenario| scenario.name == chapter.scenario);
    let about = scenario.map_or("", |scenario| scenario.about);
    let (name, operation) = (escape(chapter.scenario), escape(chapter.operation));
    let _ = write!(body, "<section><h3>{name}</h3><p class=\"note\">{}</p>", escape(about));
    body.push_str(&plot::bars(chapter, Metric::ServerCpuUs, &format!("server CPU, µs per {operation}")));
    if chapter.has(Metric::Rate) {
        body.push_str(&plot::bars(chapter, Metric::Rate, "rate, per second"));
    }
    if chapter.has(Metric::BytesEach) {
        body.push_str(&plot::bars(chapter, Metric::BytesEach, &format!("memory, bytes per {operation}")));
    }
    if chapter.has(Metric::P50Us) {
        body.push_str(&plot::percentiles(chapter, "latency, µs"));
    }
    body.push_str(&plot::trend(chapter, "CPU beside the peer, over time").unwrap_or_default());
    body.push_str("</section>");
}

fn table(body: &mut String, chapters: &[Chapter<'_>]) {
    body.push_str("<div class=\"wide\"><table><thead><tr><th>scenario</th><th>server</th>");
    TABLE.iter().for_each(|(_, head)| body.push_str(&format!("<th>{head}</th>")));
    body.push_str("</tr></thead><tbody>");
    for chapter in chapters {
        for record in &chapter.latest {
            let server = escape(&label(&record.server, &record.version, &record.layout));
            let _ = write!(body, "<tr><td>{}</td><td>{server}</td>", escape(chapter.scenario));
            for (metric, _) in TABLE {
                let cell = record.median.get(metric).map_or("–".to_owned(), |value| number(value, metric));
                let _ = write!(body, "<td>{cell}</td>");
            }
            body.push_str("</tr>");
        }
    }
    body.push_str("</tbody></table></div>");
}
