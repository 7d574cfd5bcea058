//! The `proxy` of a remote: an HTTP proxy through which the server is called. Source: nats-server
//! `opts.go:parseRemoteLeafNodes`, `leafnode.go:validateLeafNodeProxyOptions`.

use super::super::field::{Field, quoted};
use super::super::problem::Position;
use super::super::report::Report;
use super::super::tree::Value;
use super::super::url;
use super::leaf_remotes::Remote;
use super::{Key, tls};

pub struct Proxy {
    pub at: Position,
    url: String,
    username: String,
    password: String,
    /// Nanoseconds.
    timeout: i64,
    tls: Option<tls::Tls>,
}

const KEYS: &[Key<Proxy>] = &[
    Key { names: &["url"], read: |field, proxy, report| text(field, &mut proxy.url, report) },
    Key { names: &["username"], read: |field, proxy, report| text(field, &mut proxy.username, report) },
    Key { names: &["password"], read: |field, proxy, report| text(field, &mut proxy.password, report) },
    Key {
        names: &["timeout"],
        read: |field, proxy, report| {
            proxy.timeout = field.duration("proxy timeout", report).unwrap_or_default()
        },
    },
    Key { names: &["tls"], read: proxy_tls },
];

/// Keys of a `tls` block that mean something where only a proxy is called.
const TLS_KEYS: &[&str] = &[
    "cert_file",
    "key_file",
    "ca_file",
    "insecure",
    "cipher_suites",
    "allow_insecure_cipher_suites",
    "curve_preferences",
    "min_version",
    "timeout",
    "cert_store",
    "cert_match_by",
    "cert_match",
    "cert_match_skip_invalid",
    "ca_certs_match",
    "certs",
    "certificates",
];

/// Reads the block; `None` where something is wrong with a value of it.
pub fn read(field: &Field<'_>, report: &mut Report) -> Option<Proxy> {
    let before = report.problems.len();
    let map = field.map_or("Expected proxy to be a map, got ", report)?;
    let mut proxy = Proxy {
        at: field.at().clone(),
        url: String::new(),
        username: String::new(),
        password: String::new(),
        timeout: 0,
        tls: None,
    };
    super::read(map, KEYS, &mut proxy, report);
    (report.problems.len() == before).then_some(proxy)
}

fn text(field: &Field<'_>, into: &mut String, report: &mut Report) {
    field.string(report).unwrap_or_default().clone_into(into);
}

fn proxy_tls(field: &Field<'_>, proxy: &mut Proxy, report: &mut Report) {
    let before = report.problems.len();
    if let Value::Map(map) = &field.node.value {
        for (name, node) in map.iter() {
            if !TLS_KEYS.contains(&name.to_lowercase().as_str()) {
                report.refuse(&node.at, format!("{} is not supported for proxy TLS", quoted(name)));
            }
        }
    }
    if report.problems.len() == before {
        proxy.tls = tls::read(field, tls::Peers::Any, report);
    }
}

impl Proxy {
    /// What must hold between keys.
    pub fn check(&self, remote: &Remote) -> Result<(), String> {
        if self.url.is_empty() {
            let alone = self.username.is_empty()
                && self.password.is_empty()
                && self.timeout == 0
                && self.tls.is_none();
            return match alone {
                true => Ok(()),
                false => Err("proxy URL must be specified when other proxy options are set".to_owned()),
            };
        }
        let url = url::parse(&self.url).map_err(|error| format!("invalid proxy URL: {error}"))?;
        let scheme = &url.scheme;
        if scheme != "http" && scheme != "https" {
            return Err(format!("proxy URL scheme must be http or https, got: {scheme}"));
        }
        if url.host.is_empty() {
            return Err("proxy URL must specify a host".to_owned());
        }
        if self.tls.is_some() && scheme != "https" {
            return Err(format!("proxy TLS configuration requires an https proxy URL, got: {scheme}"));
        }
        if self.timeout < 0 {
            return Err("proxy timeout must be >= 0".to_owned());
        }
        if self.tls.as_ref().is_some_and(|tls| tls.timeout < 0.0) {
            return Err("proxy TLS timeout must be >= 0".to_owned());
        }
        if self.username.is_empty() != self.password.is_empty() {
            return Err("proxy username and password must both be specified or both be empty".to_owned());
        }
        match remote.urls.iter().find(|url| url.scheme == "wss") {
            Some(url) if !remote.has_tls => Err(format!(
                "proxy is configured but remote URL {} requires TLS and no TLS configuration is provided. When \
                 using proxy with TLS endpoints, ensure TLS is properly configured for the leafnode remote",
                url.redacted()
            )),
            _ => Ok(()),
        }
    }
}
