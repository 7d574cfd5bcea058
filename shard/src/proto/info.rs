//! The INFO line. Source: nats-server `server.go:Info`.

use serde_json::{Map, Value};

use crate::settings::Settings;

/// What differs from connection to connection, or from moment to moment.
#[derive(Debug, Default, Clone)]
pub struct Occasion<'a> {
    pub cid: u64,
    pub client_ip: &'a str,
    /// Bytes of one message, as far as is known of this client.
    pub max_payload: usize,
    /// The server is in lame duck mode.
    pub lame_duck: bool,
    /// What a key is to sign.
    pub nonce: Option<&'a str>,
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
    if settings.directory.admission.is_required() {
        set("auth_required", true.into());
    }
    set("max_payload", occasion.max_payload.into());
    set("client_id", occasion.cid.into());
    set("client_ip", occasion.client_ip.into());
    if let Some(nonce) = occasion.nonce {
        set("nonce", nonce.into());
    }
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

/// Checks an INFO that a client sent: it means nothing, but what it knows must be of the right type.
/// Source: nats-server `client.go:processInfo`.
pub fn check(json: &[u8]) -> Result<(), String> {
    let fields: Map<String, Value> =
        serde_json::from_str(&String::from_utf8_lossy(json)).map_err(|error| error.to_string())?;
    for (key, value) in &fields {
        let right = match key.to_ascii_lowercase().as_str() {
            "proto" | "port" | "max_payload" | "client_id" => value.is_i64() || value.is_null(),
            "headers" | "auth_required" | "tls_required" | "tls_verify" | "tls_available" | "jetstream"
            | "ldm" => value.is_boolean() || value.is_null(),
            "server_id" | "server_name" | "version" | "go" | "host" | "nonce" | "cluster" => {
                value.is_string() || value.is_null()
            }
            _ => true,
        };
        if !right {
            return Err(format!("the field {key:?} of INFO has the wrong type"));
        }
    }
    Ok(())
}
