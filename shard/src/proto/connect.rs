//! The CONNECT document. Keys are matched without regard to case and unknown ones ignored, absent ones keep
//! what held before, a wrong type refuses the whole. Source: nats-server `client.go:ClientOpts`.

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// What a client said of itself, and how it wants to be spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    pub verbose: bool,
    pub pedantic: bool,
    pub echo: bool,
    pub headers: bool,
    pub no_responders: bool,
    pub tls_required: bool,
    pub protocol: i64,
    pub token: String,
    pub user: String,
    pub password: String,
    pub name: String,
    pub lang: String,
    pub version: String,
    pub account: String,
    pub new_account: bool,
}

impl Default for Connect {
    /// What holds for a connection before its CONNECT.
    fn default() -> Connect {
        Connect {
            verbose: true,
            pedantic: true,
            echo: true,
            headers: false,
            no_responders: false,
            tls_required: false,
            protocol: 0,
            token: String::new(),
            user: String::new(),
            password: String::new(),
            name: String::new(),
            lang: String::new(),
            version: String::new(),
            account: String::new(),
            new_account: false,
        }
    }
}

impl Connect {
    /// Takes over what a CONNECT document says; on an error nothing is changed. Bytes that are no UTF-8 are
    /// replaced, fields nobody reads may be nested as deep as they like.
    pub fn merge(&mut self, json: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(json);
        let mut next = self.clone();
        let mut document = serde_json::Deserializer::from_str(&text);
        let read = serde::Deserializer::deserialize_any(&mut document, Merged(&mut next));
        read.and_then(|()| document.end()).map_err(|error| error.to_string())?;
        *self = next;
        Ok(())
    }

    /// What monitoring calls the user. Source: nats-server `client.go:getRawAuthUser`.
    pub fn shown_user(&self) -> &str {
        match (self.user.as_str(), self.token.as_str()) {
            ("", "") => "",
            ("", _) => "[REDACTED]",
            (user, _) => user,
        }
    }

    fn set<'de, A: MapAccess<'de>>(&mut self, key: &str, values: &mut A) -> Result<(), A::Error> {
        match key {
            "verbose" => take(&mut self.verbose, values),
            "pedantic" => take(&mut self.pedantic, values),
            "echo" => take(&mut self.echo, values),
            "headers" => take(&mut self.headers, values),
            "no_responders" => take(&mut self.no_responders, values),
            "tls_required" => take(&mut self.tls_required, values),
            "new_account" => take(&mut self.new_account, values),
            "protocol" => take(&mut self.protocol, values),
            "auth_token" => take(&mut self.token, values),
            "user" => take(&mut self.user, values),
            "pass" => take(&mut self.password, values),
            "name" => take(&mut self.name, values),
            "lang" => take(&mut self.lang, values),
            "version" => take(&mut self.version, values),
            "account" => take(&mut self.account, values),
            "nkey" | "jwt" | "sig" | "remote_account" | "proxy_sig" => take(&mut String::new(), values),
            _ => values.next_value::<IgnoredAny>().map(drop),
        }
    }
}

/// Takes a value over, unless it is null.
fn take<'de, T: Deserialize<'de>, A: MapAccess<'de>>(field: &mut T, values: &mut A) -> Result<(), A::Error> {
    if let Some(value) = values.next_value::<Option<T>>()? {
        *field = value;
    }
    Ok(())
}

/// Reads a document into a `Connect` that holds what held before.
struct Merged<'a>(&'a mut Connect);

impl<'de> Visitor<'de> for Merged<'_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("the object of a CONNECT")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(key) = fields.next_key::<String>()? {
            self.0.set(&key.to_ascii_lowercase(), &mut fields)?;
        }
        Ok(())
    }
}

/// A CONNECT document fit for a log: the values of every field that can hold a secret are hidden.
/// Field names: nats-server `client.go:removeSecretsFromTrace`.
pub fn redacted(json: &[u8]) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_slice(json) else {
        return "[REDACTED]".to_owned();
    };
    let mut out = String::from("{");
    for (index, (key, value)) in fields.iter().enumerate() {
        let name = key.to_ascii_lowercase();
        let secret = name.starts_with("auth_token")
            || name.starts_with("pass")
            || matches!(name.as_str(), "sig" | "proxy_sig" | "nkey" | "jwt");
        let comma = if index > 0 { "," } else { "" };
        let value = if secret { "\"[REDACTED]\"".to_owned() } else { value.to_string() };
        out.push_str(&format!("{comma}{}:{value}", Value::from(key.as_str())));
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_fields_keep_what_held() {
        let mut connect = Connect::default();
        connect.merge(br#"{"Verbose":false,"lang":"rust","unknown":[1],"pass":null}"#).unwrap();
        assert!(!connect.verbose && connect.pedantic && connect.echo);
        assert_eq!(connect.lang, "rust");
        connect.merge(b"{\"echo\":false}").unwrap();
        assert!(!connect.verbose && !connect.echo);
        connect.merge(b"null").unwrap();
    }

    #[test]
    fn wrong_documents_change_nothing() {
        let bad: [&[u8]; 8] =
            [b"", b"{", b"[]", b"{} x", b"{\"echo\":1}", b"{\"user\":7}", b"{\"protocol\":1.5}", b"\xff"];
        for json in bad {
            let mut connect = Connect::default();
            assert!(connect.merge(json).is_err(), "{json:?}");
            assert_eq!(connect, Connect::default());
        }
    }

    #[test]
    fn secrets_do_not_reach_the_log() {
        let text = redacted(br#"{"user":"u","PASS":"canary","auth_token":"canary","sig":"canary"}"#);
        assert!(text.contains("\"user\":\"u\"") && !text.contains("canary"), "{text}");
        assert!(!redacted(b"{\"pass\":\"canary\" ").contains("canary"));
    }
}
