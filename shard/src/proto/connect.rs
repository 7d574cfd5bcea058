//! The CONNECT document. Keys are matched without regard to case and unknown ones ignored, absent ones keep
//! what held before, a wrong type refuses the whole. Source: nats-server `client.go:ClientOpts`.

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;

use super::text::quoted;

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
    /// The public key it says it has.
    pub nkey: String,
    /// The nonce of INFO, signed with that key, in base64.
    pub signature: String,
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
            nkey: String::new(),
            signature: String::new(),
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
        read.and_then(|()| document.end()).map_err(|error| fault(&error))?;
        *self = next;
        Ok(())
    }

    /// Whether it shows nothing of who it is.
    pub fn is_silent(&self) -> bool {
        let Connect { user, password, token, nkey, .. } = self;
        user.is_empty() && password.is_empty() && token.is_empty() && nkey.is_empty()
    }

    /// What monitoring calls the user. Source: nats-server `client.go:getRawAuthUser`.
    pub fn shown_user(&self) -> &str {
        match (self.nkey.as_str(), self.user.as_str(), self.token.as_str()) {
            ("", "", "") => "",
            ("", "", _) => "[REDACTED]",
            ("", user, _) => user,
            (nkey, _, _) => public(nkey),
        }
    }

    fn set<'de, A: MapAccess<'de>>(&mut self, key: &str, values: &mut A) -> Result<(), A::Error> {
        match key {
            "verbose" => take(&mut self.verbose, key, values),
            "pedantic" => take(&mut self.pedantic, key, values),
            "echo" => take(&mut self.echo, key, values),
            "headers" => take(&mut self.headers, key, values),
            "no_responders" => take(&mut self.no_responders, key, values),
            "tls_required" => take(&mut self.tls_required, key, values),
            "new_account" => take(&mut self.new_account, key, values),
            "protocol" => take(&mut self.protocol, key, values),
            "auth_token" => take(&mut self.token, key, values),
            "user" => take(&mut self.user, key, values),
            "pass" => take(&mut self.password, key, values),
            "nkey" => take(&mut self.nkey, key, values),
            "name" => take(&mut self.name, key, values),
            "lang" => take(&mut self.lang, key, values),
            "version" => take(&mut self.version, key, values),
            "account" => take(&mut self.account, key, values),
            "sig" => take(&mut self.signature, key, values),
            "jwt" | "remote_account" | "proxy_sig" => take(&mut String::new(), key, values),
            _ => values.next_value::<IgnoredAny>().map(drop),
        }
    }

    /// Who it says it is, for the log. Source: nats-server `client.go:getAuthUser`.
    pub fn claimant(&self) -> Option<String> {
        Some(match self {
            Connect { nkey, .. } if !nkey.is_empty() => format!("Nkey {}", quoted(public(nkey).as_bytes())),
            Connect { user, .. } if !user.is_empty() => format!("User {}", quoted(user.as_bytes())),
            Connect { token, .. } if !token.is_empty() => format!("Token {REDACTED}"),
            _ => return None,
        })
    }

    /// The same in short, for every line of the log about it. Source: nats-server
    /// `client.go:getAuthUserLabel`.
    pub fn user_label(&self) -> Option<String> {
        Some(match self {
            Connect { nkey, .. } if !nkey.is_empty() => format!("nkey:{}", public(nkey)),
            Connect { user, .. } if !user.is_empty() => format!("user:{user}"),
            Connect { token, .. } if !token.is_empty() => "token".to_owned(),
            _ => return None,
        })
    }
}

/// What stands for a secret in the log, quotes included.
const REDACTED: &str = "\"[REDACTED]\"";

/// A key that somebody took the seed for is not shown.
fn public(nkey: &str) -> &str {
    if nkey.starts_with('S') { "[REDACTED]" } else { nkey }
}

/// A type of a field, as Go calls it.
trait Typed: Sized {
    const NAME: &str;
    fn of(value: &Value) -> Option<Self>;
}

impl Typed for bool {
    const NAME: &str = "bool";
    fn of(value: &Value) -> Option<bool> {
        value.as_bool()
    }
}

impl Typed for i64 {
    const NAME: &str = "int";
    fn of(value: &Value) -> Option<i64> {
        value.as_i64()
    }
}

impl Typed for String {
    const NAME: &str = "string";
    fn of(value: &Value) -> Option<String> {
        value.as_str().map(str::to_owned)
    }
}

/// Takes a value over, unless it is null. The error does not tell the value, which may be a secret.
/// Source: Go's `json.UnmarshalTypeError`.
fn take<'de, T: Typed, A: MapAccess<'de>>(field: &mut T, key: &str, values: &mut A) -> Result<(), A::Error> {
    let value: Value = values.next_value()?;
    let found = match &value {
        Value::Null => return Ok(()),
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    *field = T::of(&value).ok_or_else(|| {
        let wanted = T::NAME;
        serde::de::Error::custom(format!(
            "json: cannot unmarshal {found} into Go struct field ClientOpts.{key} of type {wanted}"
        ))
    })?;
    Ok(())
}

/// What is wrong with a document, in Go's words where they are known.
fn fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match error.classify() {
        Category::Eof => "unexpected end of JSON input".to_owned(),
        Category::Data if text.starts_with("json: ") => {
            text.split(" at line ").next().unwrap_or_default().to_owned()
        }
        Category::Data => "json: cannot unmarshal it into Go value of type server.ClientOpts".to_owned(),
        Category::Io | Category::Syntax => text,
    }
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

/// A CONNECT document fit for a log: as it came, but for the values of fields that can hold a secret. What is
/// no document is not shown at all. Source: nats-server `client.go:removeSecretsFromTrace`, which shows a jwt.
pub fn redacted(json: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(json) else { return "[REDACTED]".to_owned() };
    if !text.trim_start().starts_with('{') || serde_json::from_str::<serde_json::Value>(text).is_err() {
        return "[REDACTED]".to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'"', &json[at..]) {
        let end = string_end(json, at + found);
        out.push_str(&text[at..end]);
        let name = serde_json::from_str::<String>(&text[at + found..end]).unwrap_or_default();
        at = end;
        let behind = skip_blanks(json, end);
        if json.get(behind) == Some(&b':') && is_secret(&name) {
            let value = skip_blanks(json, behind + 1);
            out.push_str(&text[end..value]);
            out.push_str(REDACTED);
            at = value_end(json, value);
        }
    }
    out.push_str(&text[at..]);
    out
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("auth_token")
        || name.starts_with("pass")
        || matches!(name.as_str(), "sig" | "proxy_sig" | "nkey" | "jwt")
}

fn skip_blanks(json: &[u8], from: usize) -> usize {
    let blanks = json[from..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    from + blanks
}

/// Behind the string that begins at `from`. The document is valid.
fn string_end(json: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < json.len() && json[at] != b'"' {
        at += if json[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(json.len())
}

/// Behind the value that begins at `from`. The document is valid.
fn value_end(json: &[u8], from: usize) -> usize {
    let mut at = from;
    let mut depth = 0;
    while at < json.len() {
        match json[at] {
            b'"' => at = string_end(json, at) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            byte if depth == 0 && byte.is_ascii_whitespace() => return at,
            _ => {}
        }
        at += 1;
    }
    at
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
    fn what_is_wrong_is_said_in_gos_words_and_without_the_value() {
        let error = |json: &str| Connect::default().merge(json.as_bytes()).unwrap_err();
        let wrong = "json: cannot unmarshal number into Go struct field ClientOpts.pass of type string";
        assert_eq!(error(r#"{"pass":4711}"#), wrong);
        let wrong = "json: cannot unmarshal string into Go struct field ClientOpts.verbose of type bool";
        assert_eq!(error(r#"{"verbose":"canary"}"#), wrong);
        assert_eq!(error(r#"{"verbose":"#), "unexpected end of JSON input");
        for json in [r#""canary""#, r#"{"pass":["canary"]}"#, r#"{"pass":"canary"x"#, r#"{"pass":canary}"#] {
            assert!(!error(json).contains("canary"), "{json}");
        }
    }

    #[test]
    fn secrets_do_not_reach_the_log() {
        let json = concat!(
            r#"{"user":"u","PASS" : "c\"a,}", "auth_token":4711,"sig":["c",{"d":"e"}],"#,
            r#""x":{"jwt":null,"nkey":"k"},"name":"pass"} "#
        );
        let hidden = concat!(
            r#"{"user":"u","PASS" : "[REDACTED]", "auth_token":"[REDACTED]","sig":"[REDACTED]","#,
            r#""x":{"jwt":"[REDACTED]","nkey":"[REDACTED]"},"name":"pass"} "#
        );
        assert_eq!(redacted(json.as_bytes()), hidden);
        assert_eq!(redacted(br#"{"p\u0061ss":"canary"}"#), r#"{"p\u0061ss":"[REDACTED]"}"#);
        for json in [&b"{\"pass\":\"canary\" "[..], b"pass=canary", b"\"canary\"", b"\xff\"pass\":\"canary\""]
        {
            assert_eq!(redacted(json), "[REDACTED]");
        }
    }

    #[test]
    fn a_claimant_is_told_without_secrets() {
        let of = |json: &str| {
            let mut connect = Connect::default();
            connect.merge(json.as_bytes()).unwrap();
            (connect.claimant().unwrap_or_default(), connect.user_label().unwrap_or_default())
        };
        let want = |claimant: &str, label: &str| (claimant.to_owned(), label.to_owned());
        assert_eq!(of(r#"{"user":"u","pass":"p","auth_token":"t"}"#), want("User \"u\"", "user:u"));
        assert_eq!(of(r#"{"auth_token":"t"}"#), want("Token \"[REDACTED]\"", "token"));
        assert_eq!(of(r#"{"nkey":"UA","user":"u"}"#), want("Nkey \"UA\"", "nkey:UA"));
        assert_eq!(of(r#"{"nkey":"SUA"}"#), want("Nkey \"[REDACTED]\"", "nkey:[REDACTED]"));
        assert_eq!(of("{}"), want("", ""));
    }
}
