//! `/healthz`: whether the server can serve. Source: nats-server `monitor.go:healthz`.

use hyper::StatusCode;
use serde::Serialize;

use super::Monitor;
use super::arguments::Arguments;
use super::page::{Fault, Page};

#[derive(Serialize)]
struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Detail>,
}

#[derive(Serialize)]
struct Detail {
    r#type: &'static str,
    error: &'static str,
}

pub fn page(monitor: &Monitor, arguments: &Arguments) -> Result<Page, Fault> {
    monitor.count("/healthz");
    if arguments.switch("js-enabled")? {
        tracing::warn!("Healthcheck: js-enabled deprecated, use js-enabled-only instead");
    }
    // Without JetStream they ask for nothing more, but must be well formed.
    for name in ["js-enabled-only", "js-server-only", "js-meta-only"] {
        arguments.switch(name)?;
    }
    let details = arguments.switch("details")?;
    let given = |name| !arguments.text(name).is_empty();
    let fault = if given("stream") && !given("account") {
        let said = "\"account\" must not be empty when checking stream health";
        Some((StatusCode::BAD_REQUEST, "BAD_REQUEST", said))
    } else if given("consumer") && !given("stream") {
        let said = "\"stream\" must not be empty when checking consumer health";
        Some((StatusCode::BAD_REQUEST, "BAD_REQUEST", said))
    } else if !monitor.ready.get() {
        let said = "failed to be ready for connections: startup did not complete";
        Some((StatusCode::INTERNAL_SERVER_ERROR, "CONNECTION", said))
    } else {
        None
    };
    let (status, health) = match fault {
        None => (StatusCode::OK, Health { status: "ok", error: None, errors: Vec::new() }),
        Some((status, kind, error)) => {
            tracing::warn!("Healthcheck failed: {error:?}");
            let detail = Detail { r#type: kind, error };
            let health = match details {
                true => Health { status: "error", error: None, errors: vec![detail] },
                false => Health { status: "error", error: Some(error), errors: Vec::new() },
            };
            (status, health)
        }
    };
    // On one line, unlike all others.
    Ok(Page::json(status, serde_json::to_vec(&health).unwrap_or_default()))
}
