//! Who a connection says it is.

use data_encoding::BASE64URL_NOPAD;
use nkeys::{KeyPair, KeyPairType};
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};

/// What every connection says, whoever it is.
const CONNECT: &str = "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false,\"name\":\"perf\",\
    \"lang\":\"perf\",\"version\":\"1\",\"protocol\":1,\"echo\":true,\"headers\":true,\"no_responders\":true";

#[derive(Debug)]
pub enum Login {
    Anonymous,
    Password { user: String, password: String },
    Nkey(Box<KeyPair>),
}

impl Login {
    pub fn password(user: impl Into<String>, password: impl Into<String>) -> Login {
        Login::Password { user: user.into(), password: password.into() }
    }

    /// The server's INFO has to be read before CONNECT is written: what it holds is to be signed.
    pub fn needs_info(&self) -> bool {
        matches!(self, Login::Nkey(_))
    }

    /// The line of CONNECT. `info` is the JSON of the server's INFO; it may be empty where it is not needed.
    pub fn connect(&self, info: &str) -> Outcome<String> {
        Ok(match self {
            Login::Anonymous => format!("{CONNECT}}}\r\n"),
            Login::Password { user, password } => {
                format!("{CONNECT},\"user\":{},\"pass\":{}}}\r\n", json!(user), json!(password))
            }
            Login::Nkey(pair) => {
                format!(
                    "{CONNECT},\"nkey\":\"{}\",\"sig\":\"{}\"}}\r\n",
                    pair.public_key(),
                    sign(pair, info)?
                )
            }
        })
    }
}

/// The same key in every run. It guards nothing but servers under test.
pub fn user_key() -> Box<KeyPair> {
    let pair = KeyPair::new_from_raw(KeyPairType::User, *b"perf opens servers under test ..");
    Box::new(pair.expect("32 bytes are a seed"))
}

/// In base64 for URLs, without padding: what nats-server's `auth.go:processClientOrLeafAuthentication` tries first.
fn sign(pair: &KeyPair, info: &str) -> Outcome<String> {
    let info: Value = serde_json::from_str(info.trim())
        .map_err(|error| Failure::new(format!("the server's INFO is not JSON: {error}")))?;
    let nonce = info["nonce"].as_str();
    let nonce = nonce.ok_or_else(|| Failure::new("the server's INFO has no nonce to sign"))?;
    let signature = pair.sign(nonce.as_bytes());
    let signature =
        signature.map_err(|error| Failure::new(format!("the nonce cannot be signed: {error}")))?;
    Ok(BASE64URL_NOPAD.encode(&signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(login: &Login, info: &str) -> Value {
        let line = login.connect(info).expect("a CONNECT");
        let json = line.strip_prefix("CONNECT ").and_then(|rest| rest.strip_suffix("\r\n"));
        serde_json::from_str(json.expect("a line")).expect("JSON")
    }

    #[test]
    fn a_password_is_quoted_as_json() {
        let told = options(&Login::password("a \"b\"", "c\\d"), "");
        assert_eq!((&told["user"], &told["pass"]), (&json!("a \"b\""), &json!("c\\d")));
        assert_eq!(told["headers"], json!(true));
        assert_eq!(options(&Login::Anonymous, "").get("user"), None);
    }

    #[test]
    fn a_key_signs_the_nonce_that_it_was_given() {
        let login = Login::Nkey(user_key());
        let told = options(&login, "{\"nonce\":\"abc\"}");
        let public = KeyPair::from_public_key(told["nkey"].as_str().expect("a key")).expect("a public key");
        let signature =
            BASE64URL_NOPAD.decode(told["sig"].as_str().expect("text").as_bytes()).expect("base64");
        assert!(public.verify(b"abc", &signature).is_ok());
        assert!(public.verify(b"abd", &signature).is_err());
        assert!(login.connect("{}").is_err(), "nothing to sign");
    }
}
