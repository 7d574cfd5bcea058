//! What a request is answered with.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::arguments::Refusal;
use super::ask::Unanswered;

pub struct Page {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

impl Page {
    /// Source: nats-server `monitor.go:handleResponse`.
    pub fn json(status: StatusCode, body: Vec<u8>) -> Page {
        let headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        ];
        Page { status, headers, body }
    }

    pub fn html(body: String) -> Page {
        Page { status: StatusCode::OK, headers: vec![(CONTENT_TYPE, HTML)], body: body.into_bytes() }
    }

    pub fn missing() -> Page {
        let sniff = (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let headers = vec![(CONTENT_TYPE, TEXT), sniff];
        Page { status: StatusCode::NOT_FOUND, headers, body: b"404 page not found\n".to_vec() }
    }

    /// To a path of this server.
    pub fn redirect(path: &str) -> Page {
        let Ok(location) = HeaderValue::from_str(path) else { return Page::missing() };
        let shown =
            path.replace('&', "&amp;").replace('"', "&#34;").replace('<', "&lt;").replace('>', "&gt;");
        let body = format!("<a href=\"{shown}\">Temporary Redirect</a>.\n\n");
        let headers = vec![(CONTENT_TYPE, HTML), (LOCATION, location)];
        Page { status: StatusCode::TEMPORARY_REDIRECT, headers, body: body.into_bytes() }
    }

    /// An HTTP/1.1 request must name a host. Source: Go's `net/http`.
    pub fn without_host() -> Page {
        let headers = vec![(CONTENT_TYPE, TEXT), (CONNECTION, HeaderValue::from_static("close"))];
        let body = b"400 Bad Request: missing required Host header".to_vec();
        Page { status: StatusCode::BAD_REQUEST, headers, body }
    }

    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.into()));
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}

/// Why there is no page.
pub enum Fault {
    Refused(Refusal),
    Unanswered,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        Fault::Refused(refusal)
    }
}

impl From<Unanswered> for Fault {
    fn from(_: Unanswered) -> Fault {
        Fault::Unanswered
    }
}

impl From<Fault> for Page {
    fn from(fault: Fault) -> Page {
        let (status, said) = match fault {
            Fault::Refused(Refusal(said)) => (StatusCode::BAD_REQUEST, said),
            Fault::Unanswered => (StatusCode::SERVICE_UNAVAILABLE, "a shard does not answer".to_owned()),
        };
        Page { status, headers: vec![(CONTENT_TYPE, TEXT)], body: said.into_bytes() }
    }
}

/// A value as the pages show it: indented by two.
pub fn pretty(value: &impl Serialize) -> Vec<u8> {
    // Nothing here has keys that are no text, the only thing that fails.
    serde_json::to_vec_pretty(value).unwrap_or_default()
}
