//! CONNECT: who a connection is, and what that lets it do; after a reload, whether it still may.
//! Source: nats-server `client.go:processConnect`, `registerWithAccount`, `reload.go:reloadAuthorization`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::core::Core;
use super::subscribe::{self, remove_subscriptions};
use super::{moves, operations, services};
use crate::account::{AccountId, Directory, GLOBAL, Snapshot};
use crate::launch::Report;
use crate::proto::connect::Connect;
use crate::proto::text::{self, Reason};
use crate::session::admission::{ConnectionTypes, Judgement, Secret, Shared, User};
use crate::session::connection::{Cause, Waiting};
use crate::session::permissions::{Permissions, ReplyGrants};
use crate::session::{Connection, Pause};
use crate::settings::Settings;
use crate::slot::Slot;

/// Connections of this listener.
const KIND: ConnectionTypes = ConnectionTypes::STANDARD;

pub fn connect(core: &mut Core, index: u32, json: &[u8]) {
    let connection = core.desk.connections.at(index);
    if std::mem::take(&mut connection.is_default) {
        // It did not say this itself.
        connection.connect.user = String::new();
        connection.connect.nkey = String::new();
    }
    if let Err(error) = connection.connect.merge(json) {
        return operations::close_with_log(core, index, &error, Reason::ProtocolViolation);
    }
    let again = connection.connected;
    connection.connected = true;
    connection.active_at = core.desk.now;
    // A first guess, until a PING is answered.
    connection.rtt = (core.desk.now - connection.opened_at).max(1);
    connection.adopt_options(core.settings.headers);
    if again {
        // It may be someone else now: what it subscribed to before goes.
        remove_subscriptions(core, index);
    }
    let connection = core.desk.connections.at(index);
    let admission = &core.settings.directory.admission;
    let judgement = admission.judge(&connection.connect, connection.nonce.as_deref(), KIND);
    connection.is_default = connection.connect.is_silent() && matches!(judgement, Judgement::User(_));
    connection.connect.signature = String::new();
    let cause = if again { Cause::ConnectAgain } else { Cause::Connect };
    judged(core, index, judgement, cause);
}

/// A first operation that is no CONNECT, where one must show something: it may be that whoever shows nothing is
/// somebody; else it is cut. Source: nats-server `parser.go:parse`.
pub fn enter_silently(core: &mut Core, index: u32) {
    let admission = &core.settings.directory.admission;
    let user = admission.no_auth_user.as_ref().and_then(|name| admission.users.get(name)).cloned();
    let Some(user) = user.filter(|user| user.allowed.contains(KIND)) else { return violation(core, index) };
    let connection = core.desk.connections.at(index);
    connection.connected = true;
    connection.is_default = true;
    if enter(core, index, user.account, Some(user), Cause::Connect) {
        moves::settle(core, index);
    }
}

fn judged(core: &mut Core, index: u32, judgement: Judgement, cause: Cause) {
    let Connect { account, new_account, .. } = &*core.desk.connections.at(index).connect;
    if *new_account || !account.is_empty() {
        return violation(core, index);
    }
    match judgement {
        Judgement::Refused => violation(core, index),
        Judgement::Hashed(hashed) => {
            let shard = core.mesh.me() as usize;
            let connection = core.desk.connections.at(index);
            connection.waiting = Some(Box::new(Waiting { hashed: hashed.clone(), cause }));
            let slot = connection.slot;
            mark!("password checked elsewhere");
            core.desk.pause(index, Pause::Password);
            (core.reporter)(Report::CheckPassword { shard, slot, hashed });
        }
        Judgement::User(user) => {
            if enter(core, index, user.account, Some(user), cause) {
                finish(core, index, cause);
            }
        }
        Judgement::Guest | Judgement::Sharer => {
            if enter(core, index, GLOBAL, None, cause) {
                finish(core, index, cause);
            }
        }
    }
}

/// The control core has found out whether the password is right.
pub fn password_checked(core: &mut Core, slot: Slot, is_right: bool) {
    let Some(connection) = core.desk.connections.get(slot) else { return };
    let Some(waiting) = connection.waiting.take() else { return };
    if connection.closing.is_some() {
        return;
    }
    let Waiting { hashed, cause } = *waiting;
    let before = connection.account;
    core.desk.unpause(slot, Pause::Password);
    // A reload may have come in between: who it is now is what counts.
    let admission = &core.settings.directory.admission;
    let wanted = Secret::Bcrypt(hashed.hash);
    let judgement = match &hashed.user {
        Some(user) => match admission.users.get(&user.name) {
            Some(now) if now.password.as_ref() == Some(&wanted) => Judgement::User(now.clone()),
            _ => Judgement::Refused,
        },
        None => match &admission.shared {
            Some(Shared::Token(now) | Shared::User { password: now, .. }) if *now == wanted => {
                Judgement::Sharer
            }
            _ => Judgement::Refused,
        },
    };
    match judgement {
        _ if !is_right => violation(core, slot.index),
        judgement if cause == Cause::Reload && judgement.account() != before => {
            core.desk.doom(slot, Reason::ClientClosed);
        }
        judgement => judged(core, slot.index, judgement, cause),
    }
}

/// Puts a connection into its account with what its user may do. Answers whether there was room.
fn enter(core: &mut Core, index: u32, account: AccountId, user: Option<Arc<User>>, cause: Cause) -> bool {
    let snapshot = Arc::clone(&core.account_mut(account).snapshot);
    let connection = core.desk.connections.at(index);
    if connection.is_default
        && let Some(user) = &user
    {
        // From now on it is called so. Source: nats-server `auth.go:processClientOrLeafAuthentication`.
        let name =
            if user.password.is_some() { &mut connection.connect.user } else { &mut connection.connect.nkey };
        name.clone_from(&user.name);
    }
    let connection = core.desk.connections.at(index);
    let moves = !connection.registered || connection.account != account;
    if moves {
        unregister(core, index);
        services::give_up(core, index);
        let connection = core.desk.connections.at(index);
        connection.account = account;
        connection.registered = true;
        let before = snapshot.clients.fetch_add(1, Ordering::Relaxed);
        if snapshot.limits.max_connections.is_some_and(|max| before >= max) {
            refuse_room(core, index);
            return false;
        }
    }
    let settings = Arc::clone(&core.settings);
    let adopted = core.adopted;
    let connection = core.desk.connections.at(index);
    if !connection.is_leaving() {
        // One that leaves is looked at again where it goes.
        connection.adopted = adopted;
    }
    let permissions = user.as_ref().and_then(|user| user.permissions.clone());
    connection.user = user;
    connection.permit(permissions);
    connection.max_payload = max_payload(&settings, snapshot.limits.max_payload);
    connection.awaits_connect = false;
    if cause == Cause::Connect {
        connection.introduce(&snapshot.name);
    }
    keeps_bounds(core, index)
}

/// Cuts a connection that has all the subscriptions it may have, or more. Source: nats-server
/// `client.go:applyAccountLimits`.
fn keeps_bounds(core: &mut Core, index: u32) -> bool {
    let Core { accounts, desk, settings, .. } = core;
    let connection = desk.connections.at(index);
    let snapshot = &accounts[connection.account as usize].snapshot;
    if !is_full(settings, snapshot, connection.sids.len()) {
        return true;
    }
    let (slot, label) = (connection.slot, connection.label());
    tracing::error!("{label} - {}", text::MAXIMUM_SUBSCRIPTIONS_EXCEEDED);
    desk.write_error(index, text::MAXIMUM_SUBSCRIPTIONS_EXCEEDED);
    desk.doom(slot, Reason::MaximumSubscriptionsExceeded);
    false
}

/// Whether a connection with so many subscriptions may have no more.
pub fn is_full(settings: &Settings, snapshot: &Snapshot, subscriptions: usize) -> bool {
    let server = Some(settings.limits.max_subscriptions).filter(|max| *max > 0);
    [server, snapshot.limits.max_subscriptions].into_iter().flatten().any(|max| subscriptions >= max)
}

/// The rest of CONNECT, once it is known who it is.
fn finish(core: &mut Core, index: u32, cause: Cause) {
    if cause == Cause::Reload {
        return subscribe::reconsider(core, index);
    }
    let connection = core.desk.connections.at(index);
    let slot = connection.slot;
    if !(0..=1).contains(&connection.connect.protocol) {
        core.desk.write_error(index, text::INVALID_CLIENT_PROTOCOL);
        tracing::error!("{} - {}", core.desk.connections.at(index).label(), text::INVALID_CLIENT_PROTOCOL);
        return core.desk.doom(slot, Reason::BadClientProtocolVersion);
    }
    if connection.no_responders && !connection.headers {
        core.desk.write_error(index, text::NO_RESPONDERS_REQUIRES_HEADERS);
        let label = core.desk.connections.at(index).label();
        tracing::error!("{label} - {}", text::NO_RESPONDERS_REQUIRES_HEADERS);
        return core.desk.doom(slot, Reason::NoRespondersRequiresHeaders);
    }
    let verbose = connection.verbose;
    if cause == Cause::Connect {
        let first_ping = super::timers::first_ping_after(&core.settings.limits);
        core.desk.set_ping_alarm(core.desk.now + first_ping, slot);
    }
    if verbose {
        core.desk.write_ok(index);
    }
    moves::settle(core, index);
}

/// It counts among its account's connections no more.
pub fn unregister(core: &mut Core, index: u32) {
    let connection = core.desk.connections.at(index);
    if std::mem::take(&mut connection.registered) {
        let account = &core.accounts[connection.account as usize];
        account.snapshot.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

pub fn violation(core: &mut Core, index: u32) {
    let connection = core.desk.connections.at(index);
    let slot = connection.slot;
    let label = connection.label();
    match connection.connect.claimant() {
        Some(claimant) => tracing::error!("{label} - authentication error - {claimant}"),
        None => tracing::error!("{label} - authentication error"),
    }
    core.desk.write_error(index, text::AUTHORIZATION_VIOLATION);
    core.desk.doom(slot, Reason::AuthenticationFailure);
}

/// The smaller of the server's bound and the account's.
pub fn max_payload(settings: &Settings, account: Option<usize>) -> usize {
    let server = settings.limits.max_payload;
    account.map_or(server, |account| account.min(server))
}

/// The directory has changed: those who would no longer be let in are cut, the others have what their users may
/// do now.
pub fn reconsider(core: &mut Core, before: &Directory, slots: Vec<Slot>) {
    let needed = core.needs_credentials();
    for slot in slots {
        let connection = core.desk.connections.at(slot.index);
        if connection.connected && !connection.awaits_connect {
            reconsider_one(core, before, slot);
            continue;
        }
        if needed && !connection.awaits_connect {
            let timeout = core.settings.limits.auth_timeout.as_nanos() as u64;
            core.desk.set_alarm(core.desk.now + timeout, super::desk::Alarm::Authentication, slot);
        }
        core.desk.connections.at(slot.index).awaits_connect |= needed;
    }
}

/// Cuts connections of accounts that may have fewer now, as many as are too many over all shards.
pub fn close_excess(core: &mut Core, slots: &[Slot]) {
    for slot in slots {
        let Core { accounts, desk, .. } = core;
        let Some(connection) = desk.connections.get(*slot) else { continue };
        let snapshot = &accounts[connection.account as usize].snapshot;
        let Some(max) = snapshot.limits.max_connections else { continue };
        if !connection.registered || connection.closing.is_some() || connection.is_leaving() {
            continue;
        }
        // Whoever takes it off the count is the one to cut it: other shards look at the same time.
        let fewer = |clients: usize| (clients > max).then(|| clients - 1);
        if snapshot.clients.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok() {
            mark!("account has too many connections");
            connection.registered = false;
            refuse_room(core, slot.index);
        }
    }
}

fn refuse_room(core: &mut Core, index: u32) {
    let connection = core.desk.connections.at(index);
    let (slot, label) = (connection.slot, connection.label());
    tracing::error!("{label} - {}", text::MAXIMUM_ACCOUNT_CONNECTIONS_EXCEEDED);
    core.desk.write_error(index, text::MAXIMUM_ACCOUNT_CONNECTIONS_EXCEEDED);
    core.desk.doom(slot, Reason::MaximumAccountConnectionsExceeded);
}

/// A connection has come from another shard: a reload may have passed it on its way.
pub fn look_again(core: &mut Core, slot: Slot) {
    let Some(connection) = core.desk.connections.get(slot) else { return };
    if connection.closing.is_none() && connection.adopted != core.adopted {
        mark!("reload met on the way");
        let directory = Arc::clone(&core.settings.directory);
        reconsider_one(core, &directory, slot);
    }
}

fn reconsider_one(core: &mut Core, before: &Directory, slot: Slot) {
    let index = slot.index;
    let connection = core.desk.connections.at(index);
    let is_leaving = connection.is_leaving();
    match judge_again(connection, &core.settings, before) {
        Judgement::Refused => violation(core, index),
        Judgement::Hashed(_) if is_leaving => {}
        Judgement::Hashed(hashed) => {
            subscribe::import_all_again(core, index);
            judged(core, index, Judgement::Hashed(hashed), Cause::Reload);
        }
        // It comes again, and is told where it belongs then.
        judgement if judgement.account() != connection.account => core.desk.doom(slot, Reason::ClientClosed),
        judgement => judged(core, index, judgement, Cause::Reload),
    }
}

/// The account's bound of a message, or the server's, may be another one now.
pub fn refresh_bounds(core: &mut Core, index: u32) {
    let connection = core.desk.connections.at(index);
    let account = core.accounts[connection.account as usize].snapshot.limits.max_payload;
    connection.max_payload = max_payload(&core.settings, account);
}

/// As at its CONNECT, but what was proven then, and is what is still wanted, needs no other proof.
fn judge_again(connection: &Connection, settings: &Settings, before: &Directory) -> Judgement {
    let admission = &settings.directory.admission;
    if connection.is_default {
        return admission.judge(&Connect::default(), None, KIND);
    }
    if let Some(was) = &connection.user {
        let list = if was.password.is_some() { &admission.users } else { &admission.nkeys };
        return match list.get(&was.name) {
            Some(now) if now.password == was.password && now.allowed.contains(KIND) => {
                Judgement::User(now.clone())
            }
            Some(now) if now.password.is_none() => Judgement::Refused,
            _ => admission.judge(&connection.connect, None, KIND),
        };
    }
    let shared = &admission.shared;
    if shared.is_some() && *shared == before.admission.shared && !admission.has_list {
        return Judgement::Sharer;
    }
    admission.judge(&connection.connect, None, KIND)
}

impl Connection {
    /// From now on these permissions hold. What it may publish by requests it got stays, if that right does.
    fn permit(&mut self, permissions: Option<Arc<Permissions>>) {
        let responses = permissions.as_ref().and_then(|permissions| permissions.responses());
        let before = self.permissions.as_ref().and_then(|permissions| permissions.responses());
        if responses.is_none() {
            self.grants = None;
        } else if responses != before || self.grants.is_none() {
            self.grants = Some(Box::new(ReplyGrants::default()));
        }
        self.permissions = permissions;
    }
}
