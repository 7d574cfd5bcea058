//! What a service is told of who asks it, or metrics of who answered. Source: nats-server
//! `client.go:getClientInfo`, `events.go:ClientInfo`.

use serde::Serialize;

use super::core::Core;
use crate::account::AccountId;
use crate::slot::Slot;

/// The header that carries it. A client's own is taken out at every border.
pub const HEADER: &[u8] = b"Nats-Request-Info";

#[derive(Debug, Clone, Default, Serialize)]
pub struct Info {
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    host: String,
    #[serde(skip_serializing_if = "is_zero")]
    id: u64,
    #[serde(rename = "acc", skip_serializing_if = "String::is_empty")]
    account: String,
    #[serde(rename = "svc", skip_serializing_if = "String::is_empty")]
    service: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    lang: String,
    #[serde(rename = "ver", skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub rtt: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    server: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    client_type: &'static str,
    /// It says all there is.
    #[serde(skip)]
    is_shared: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Info {
    /// About a connection of this shard; `all` for those who want to be known, else its account and the way to
    /// it alone.
    pub fn new(core: &mut Core, slot: Slot, account: AccountId, all: bool) -> Info {
        let account = core.accounts[account as usize].name().to_owned();
        let Some(connection) = core.desk.connections.get(slot) else {
            return Info { account, ..Info::default() };
        };
        let short = Info { account, rtt: connection.rtt, is_shared: all, ..Info::default() };
        if !all {
            return short;
        }
        let opened_at = connection.opened_at;
        let connect = &connection.connect;
        let info = Info {
            host: connection.peer.ip().to_string(),
            id: connection.cid,
            user: connect.shown_user().to_owned(),
            name: connect.name.clone(),
            lang: connect.lang.clone(),
            version: connect.version.clone(),
            server: core.settings.identity.server_name.clone(),
            kind: "Client",
            client_type: "nats",
            ..short
        };
        Info { start: Some(moment(core.wall(opened_at))), ..info }
    }

    /// What is told at a border: at the first what is so of who asks, later what was told before, and who asks
    /// in between.
    pub fn at_border(
        core: &mut Core,
        slot: Slot,
        account: AccountId,
        share: bool,
        is_system: bool,
        before: Option<&Info>,
    ) -> Info {
        let mut info = match before {
            None => Info::new(core, slot, account, share),
            Some(before) => {
                Info { service: core.accounts[account as usize].name().to_owned(), ..before.clone() }
            }
        };
        if !info.is_shared && (share || is_system) {
            info.server.clone_from(&core.settings.identity.server_name);
        }
        info
    }

    pub fn of_responder(core: &mut Core, slot: Slot, account: AccountId) -> Info {
        Info::new(core, slot, account, true)
    }

    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("plain values become JSON")
    }
}

/// A moment, in nanoseconds since 1970, as Go writes it.
pub fn moment(nanoseconds: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanoseconds))
        .map_or_else(|_| String::new(), |it| it.to_string())
}
