//! Who may come in, and as whom. Source: nats-server `auth.go:processClientOrLeafAuthentication`.

use std::collections::HashMap;
use std::sync::Arc;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use nkeys::KeyPair;

use super::permissions::Permissions;
use crate::account::{AccountId, GLOBAL};
use crate::proto::connect::Connect;

/// All ways in. With none, everybody is let into `$G`.
#[derive(Debug, Default)]
pub struct Admission {
    /// By name.
    pub users: HashMap<String, Arc<User>>,
    /// By public key ("U…").
    pub nkeys: HashMap<String, Arc<User>>,
    /// What everybody shares; not beside users or keys.
    pub shared: Option<Shared>,
    /// Who is let in without a word: a user's name, or a key.
    pub no_auth_user: Option<String>,
    /// Users or keys are configured, be it none.
    pub has_list: bool,
}

/// What a CONNECT amounts to.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// Nobody is asked.
    Guest,
    /// What everybody shares was shown.
    Sharer,
    User(Arc<User>),
    Refused,
    /// It depends on whether the password matches the hash, which takes too long to be found out here.
    Hashed(Hashed),
}

/// A password and the bcrypt hash it must match, and who it is if it does.
#[derive(Clone, PartialEq)]
pub struct Hashed {
    pub password: String,
    pub hash: String,
    pub user: Option<Arc<User>>,
}

/// Never tells the password.
impl std::fmt::Debug for Hashed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Hashed")
    }
}

impl Admission {
    /// Whether CONNECT must show something.
    pub fn is_required(&self) -> bool {
        self.has_list || self.shared.is_some()
    }

    /// Whether INFO must bring something to be signed.
    pub fn wants_signatures(&self) -> bool {
        !self.nkeys.is_empty()
    }

    /// Whether one who shows nothing is let in as somebody.
    pub fn default_user(&self) -> Option<&Arc<User>> {
        let name = self.no_auth_user.as_ref()?;
        self.nkeys.get(name).or_else(|| self.users.get(name))
    }

    /// Judges a CONNECT. `nonce` is what this connection's INFO gave to be signed.
    pub fn judge(&self, connect: &Connect, nonce: Option<&str>, kind: ConnectionTypes) -> Judgement {
        if !self.is_required() {
            return Judgement::Guest;
        }
        let Connect { user, password, token, nkey, signature, .. } = connect;
        let is_silent = connect.is_silent();
        let named = if is_silent {
            self.default_user()
        } else if !self.nkeys.is_empty() && !nkey.is_empty() {
            self.nkeys.get(nkey)
        } else if !user.is_empty() {
            self.users.get(user)
        } else {
            None
        };
        if let Some(named) = named {
            if !named.allowed.contains(kind) {
                return Judgement::Refused;
            }
            let is_default = self.no_auth_user.as_ref() == Some(&named.name);
            return match &named.password {
                _ if is_silent => Judgement::User(named.clone()),
                None if is_default || is_signed(&named.name, nonce, signature) => {
                    Judgement::User(named.clone())
                }
                None => Judgement::Refused,
                Some(wanted) => compare(wanted, password, Some(named)),
            };
        }
        match &self.shared {
            Some(Shared::Token(wanted)) => compare(wanted, token, None),
            Some(Shared::User { name, password: wanted }) if same(user, name) => {
                compare(wanted, password, None)
            }
            _ => Judgement::Refused,
        }
    }
}

fn compare(wanted: &Secret, given: &str, user: Option<&Arc<User>>) -> Judgement {
    match wanted {
        Secret::Bcrypt(hash) => {
            let (password, hash) = (given.to_owned(), hash.clone());
            Judgement::Hashed(Hashed { password, hash, user: user.cloned() })
        }
        Secret::Plain(wanted) if !same(given, wanted) => Judgement::Refused,
        Secret::Plain(_) => user.map_or(Judgement::Sharer, |user| Judgement::User(user.clone())),
    }
}

/// Compares in a time that does not depend on where the two differ.
fn same(given: &str, wanted: &str) -> bool {
    let (given, wanted) = (given.as_bytes(), wanted.as_bytes());
    let mut difference = given.len() ^ wanted.len();
    for (index, byte) in wanted.iter().enumerate() {
        difference |= usize::from(given.get(index).copied().unwrap_or(!byte) ^ byte);
    }
    difference == 0
}

/// Whether the key signed the nonce. The signature is base64, of one kind or the other.
fn is_signed(key: &str, nonce: Option<&str>, signature: &str) -> bool {
    let Some(nonce) = nonce.filter(|_| !signature.is_empty()) else { return false };
    let signature = signature.as_bytes();
    let decoded = BASE64URL_NOPAD.decode(signature).or_else(|_| BASE64.decode(signature));
    let (Ok(decoded), Ok(key)) = (decoded, KeyPair::from_public_key(key)) else { return false };
    key.verify(nonce.as_bytes(), &decoded).is_ok()
}

/// One secret for all, or one name and password; both lead into `$G`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shared {
    Token(Secret),
    User { name: String, password: Secret },
}

/// A password or token as it is configured.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    Plain(String),
    /// A bcrypt hash (`$2a$…`); checked away from the shard's thread.
    Bcrypt(String),
}

impl Secret {
    /// Source: nats-server `auth.go:isBcrypt`.
    pub fn new(text: &str) -> Secret {
        match text.starts_with("$2") {
            true => Secret::Bcrypt(text.to_owned()),
            false => Secret::Plain(text.to_owned()),
        }
    }
}

/// Never tells the secret.
impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret")
    }
}

/// Somebody who may come in.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// The name, or the public key.
    pub name: String,
    /// `None` for a key, which signs the nonce instead.
    pub password: Option<Secret>,
    pub account: AccountId,
    pub permissions: Option<Arc<Permissions>>,
    pub allowed: ConnectionTypes,
}

impl Judgement {
    /// The account it leads to, once nothing is left to be found out.
    pub fn account(&self) -> AccountId {
        match self {
            Judgement::User(user) => user.account,
            _ => GLOBAL,
        }
    }
}

/// How somebody may connect. Source: nats-server `jwt.go:convertAllowedConnectionTypes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionTypes(u8);

impl ConnectionTypes {
    pub const ALL: ConnectionTypes = ConnectionTypes(u8::MAX);
    pub const NONE: ConnectionTypes = ConnectionTypes(0);
    pub const STANDARD: ConnectionTypes = ConnectionTypes(1);
    pub const WEBSOCKET: ConnectionTypes = ConnectionTypes(2);
    pub const LEAFNODE: ConnectionTypes = ConnectionTypes(4);
    pub const LEAFNODE_WS: ConnectionTypes = ConnectionTypes(8);
    pub const MQTT: ConnectionTypes = ConnectionTypes(16);
    pub const MQTT_WS: ConnectionTypes = ConnectionTypes(32);
    pub const IN_PROCESS: ConnectionTypes = ConnectionTypes(64);

    pub fn with(self, other: ConnectionTypes) -> ConnectionTypes {
        ConnectionTypes(self.0 | other.0)
    }

    pub fn contains(self, other: ConnectionTypes) -> bool {
        self.0 & other.0 == other.0
    }

    /// A type by the name it has in configurations, in any case.
    pub fn named(name: &str) -> Option<ConnectionTypes> {
        Some(match name.to_ascii_uppercase().as_str() {
            "STANDARD" => ConnectionTypes::STANDARD,
            "WEBSOCKET" => ConnectionTypes::WEBSOCKET,
            "LEAFNODE" => ConnectionTypes::LEAFNODE,
            "LEAFNODE_WS" => ConnectionTypes::LEAFNODE_WS,
            "MQTT" => ConnectionTypes::MQTT,
            "MQTT_WS" => ConnectionTypes::MQTT_WS,
            "IN_PROCESS" => ConnectionTypes::IN_PROCESS,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(user: &str, password: &str, token: &str) -> Connect {
        let (user, password, token) = (user.to_owned(), password.to_owned(), token.to_owned());
        Connect { user, password, token, ..Connect::default() }
    }

    fn judge(admission: &Admission, connect: &Connect) -> Judgement {
        admission.judge(connect, Some("nonce"), ConnectionTypes::STANDARD)
    }

    fn user(name: &str, password: Option<&str>) -> Arc<User> {
        let password = password.map(Secret::new);
        let allowed = ConnectionTypes::ALL;
        Arc::new(User { name: name.to_owned(), password, account: 1, permissions: None, allowed })
    }

    #[test]
    fn only_the_shared_secret_passes() {
        let password = Secret::new("secret");
        let shared = Some(Shared::User { name: "u".to_owned(), password });
        let admission = Admission { shared, ..Admission::default() };
        assert_eq!(judge(&admission, &connect("u", "secret", "")), Judgement::Sharer);
        for (user, password) in [("u", "secre"), ("u", "secrets"), ("u", ""), ("", "secret"), ("x", "secret")]
        {
            let judgement = judge(&admission, &connect(user, password, ""));
            assert_eq!(judgement, Judgement::Refused, "{user} {password}");
        }
        let admission = Admission { shared: Some(Shared::Token(Secret::new("t"))), ..Admission::default() };
        assert_eq!(judge(&admission, &connect("", "", "t")), Judgement::Sharer);
        assert_eq!(judge(&admission, &connect("t", "t", "")), Judgement::Refused);
        assert_eq!(judge(&Admission::default(), &connect("any", "thing", "")), Judgement::Guest);
    }

    #[test]
    fn users_are_told_apart() {
        let (plain, hashed) = (user("plain", Some("p")), user("hashed", Some("$2a$04$x")));
        let users = [plain.clone(), hashed.clone()].map(|user| (user.name.clone(), user));
        let mut admission = Admission { users: users.into(), has_list: true, ..Admission::default() };
        assert_eq!(judge(&admission, &connect("plain", "p", "")), Judgement::User(plain.clone()));
        assert_eq!(judge(&admission, &connect("plain", "x", "")), Judgement::Refused);
        assert_eq!(judge(&admission, &connect("hashed", "$2a$04$x", "")).account(), GLOBAL);
        let judgement = judge(&admission, &connect("hashed", "p", ""));
        assert!(matches!(judgement, Judgement::Hashed(Hashed { user: Some(_), .. })));
        assert_eq!(judge(&admission, &Connect::default()), Judgement::Refused);
        admission.no_auth_user = Some("plain".to_owned());
        assert_eq!(judge(&admission, &Connect::default()), Judgement::User(plain));
        assert_eq!(judge(&admission, &connect("", "p", "")), Judgement::Refused, "it says something");
        assert!(!format!("{admission:?}").contains("$2a"));
    }

    #[test]
    fn a_key_must_sign_this_nonce() {
        let pair = KeyPair::new_user();
        let key = user(&pair.public_key(), None);
        let nkeys = [(key.name.clone(), key.clone())].into();
        let admission = Admission { nkeys, has_list: true, ..Admission::default() };
        let signed = |nonce: &str| Connect {
            nkey: key.name.clone(),
            signature: BASE64URL_NOPAD.encode(&pair.sign(nonce.as_bytes()).unwrap()),
            ..Connect::default()
        };
        assert_eq!(judge(&admission, &signed("nonce")), Judgement::User(key.clone()));
        assert_eq!(judge(&admission, &signed("other")), Judgement::Refused);
        let no_nonce = admission.judge(&signed("nonce"), None, ConnectionTypes::STANDARD);
        assert_eq!(no_nonce, Judgement::Refused);
        for length in 0..64 {
            let broken = &key.name[..length.min(key.name.len())];
            let nkey = format!("{broken}{}", "A".repeat(length.saturating_sub(broken.len())));
            if nkey != key.name {
                let judgement = judge(&admission, &Connect { nkey, ..signed("nonce") });
                assert_eq!(judgement, Judgement::Refused, "{length}");
            }
            let mut cut = signed("nonce");
            cut.signature.truncate(length);
            assert_eq!(judge(&admission, &cut), Judgement::Refused, "{length}");
        }
        let wrong_kind = User { allowed: ConnectionTypes::MQTT, ..(*key).clone() };
        let nkeys = [(key.name.clone(), Arc::new(wrong_kind))].into();
        let admission = Admission { nkeys, ..admission };
        assert_eq!(judge(&admission, &signed("nonce")), Judgement::Refused);
    }
}
