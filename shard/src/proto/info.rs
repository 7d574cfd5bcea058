//! The INFO line. Source: nats-server `server.go:Info`.

use serde_json::{Map, Value};

use crate::settings::{Credentials, Settings};

/// What differs from connection to connection, or from moment to moment.
#[derive(Debug, Default, Clone)]
pub struct Occasion<'a> {
    pub cid: u64,
    pub client_ip: &'a str,
    /// The server is in lame duck mode.
    pub lame_duck: bool,
    /// The answer to the first PING after CONNECT names the account.
    pub account: Option<&'a str>,
}

/// The whole line, with its line end.
pub fn line(settings: &Settings, occasion: &Occasion<'_>) -> Vec<u8> {
    let identity = &settings.identity;
    let mut fields = Map::new();
    let mut set = |key: &str, value: Value| {
        fields.insert(key.to_owned(), value);
    };
    set("server_id", identity.server_id.as_str().into());
    set("server_name", identity.server_name.as_str().into());
    set("version", identity.nats_version.as_str().into());
    set("proto", 1.into());
    if !identity.git_commit.is_empty() {
        set("git_commit", identity.git_commit.as_str().into());
    }
    set("corebus", identity.product_version.as_str().into());
    set("host", identity.host.as_str().into());
    set("port", identity.port.into());
    set("headers", settings.headers.into());
    if !matches!(settings.credentials, Credentials::None) {
        set("auth_required", true.into());
    }
    set("max_payload", settings.limits.max_payload.into());
    set("client_id", occasion.cid.into());
    set("client_ip", occasion.client_ip.into());
    if occasion.lame_duck {
        set("ldm", true.into());
    }
    if let Some(account) = occasion.account {
        set("connect_info", true.into());
        set("remote_account", account.into());
    }
    let mut line = b"INFO ".to_vec();
    line.extend_from_slice(Value::Object(fields).to_string().as_bytes());
    line.extend_from_slice(b" \r\n");
    line
}
