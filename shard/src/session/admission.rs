//! Who may come in, and as whom. Source: nats-server `auth.go:processClientOrLeafAuthentication`.

use std::collections::HashMap;
use std::sync::Arc;

use super::permissions::Permissions;
use crate::account::AccountId;

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
