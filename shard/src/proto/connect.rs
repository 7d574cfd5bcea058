//! The CONNECT document. Keys are matched without regard to case and unknown ones ignored, absent ones keep
//! what held before, a wrong type refuses the whole. Source: nats-server `client.go:ClientOpts`.

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
    /// Takes over what a CONNECT document says; on an error nothing is changed.
    pub fn merge(&mut self, json: &[u8]) -> Result<(), String> {
        let document: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let fields = match document {
            Value::Null => return Ok(()),
            Value::Object(fields) => fields,
            other => return Err(format!("cannot read a {} as CONNECT", kind(&other))),
        };
        let mut next = self.clone();
        for (key, value) in &fields {
            next.set(&key.to_ascii_lowercase(), value)
                .map_err(|()| format!("cannot read a {} as the field {key:?} of CONNECT", kind(value)))?;
        }
        *self = next;
        Ok(())
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<(), ()> {
        if value.is_null() {
            return Ok(());
        }
        match key {
            "verbose" => flag(&mut self.verbose, value),
            "pedantic" => flag(&mut self.pedantic, value),
            "echo" => flag(&mut self.echo, value),
            "headers" => flag(&mut self.headers, value),
            "no_responders" => flag(&mut self.no_responders, value),
            "tls_required" => flag(&mut self.tls_required, value),
            "new_account" => flag(&mut self.new_account, value),
            "protocol" => {
                self.protocol = value.as_i64().ok_or(())?;
                Ok(())
            }
            "auth_token" => text(&mut self.token, value),
            "user" => text(&mut self.user, value),
            "pass" => text(&mut self.password, value),
            "name" => text(&mut self.name, value),
            "lang" => text(&mut self.lang, value),
            "version" => text(&mut self.version, value),
            "account" => text(&mut self.account, value),
            "nkey" | "jwt" | "sig" | "remote_account" | "proxy_sig" => text(&mut String::new(), value),
            _ => Ok(()),
        }
    }
}

fn flag(field: &mut bool, value: &Value) -> Result<(), ()> {
    *field = value.as_bool().ok_or(())?;
    Ok(())
}

fn text(field: &mut String, value: &Value) -> Result<(), ()> {
    *field = value.as_str().ok_or(())?.to_owned();
    Ok(())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
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
