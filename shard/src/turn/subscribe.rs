//! Subscriptions come and go, with their shadows in accounts whose streams are imported.
//! Source: nats-server `client.go:processSubEx`, `addShadowSubscriptions`, `unsubscribe`.

use std::sync::Arc;

use super::core::{Core, partners, tell};
use super::operations::{active, barrier};
use super::{admit, services, trace};
use crate::account::AccountId;
use crate::account::shadows::Shadow;
use crate::interest::{NONE, Role, SubId};
use crate::proto::text::{self, quoted};
use crate::session::connection::Answer;
use crate::subject;

/// Source: nats-server `client.go:processSubEx`.
pub fn subscribe(core: &mut Core, index: u32, subject: &[u8], queue: Option<&[u8]>, sid: &[u8]) {
    active(core, index);
    let connection = core.desk.connections.at(index);
    let permissions = connection.permissions.as_ref();
    let is_denied = permissions.is_some_and(|permissions| !permissions.may_subscribe(subject, queue));
    if is_denied || queue == Some(text::SYSTEM_QUEUE) {
        let violation = text::subscription_violation(subject, queue);
        let queue = queue.map(|queue| format!(", Queue: {}", quoted(queue))).unwrap_or_default();
        let said = format!("Subscription Violation - Subject {}{queue}", quoted(subject));
        return refused(core, index, &violation, &said, sid);
    }
    let filtered = permissions.is_some_and(|permissions| permissions.must_filter(subject, queue.is_some()));
    let tokens_max = core.settings.limits.max_subscription_tokens;
    if tokens_max > 0 && subject.split(|byte| *byte == b'.').count() > tokens_max {
        let said = format!("Subscription Violation Too Many Tokens - Subject {}", quoted(subject));
        return refused(core, index, &text::too_many_tokens(subject), &said, sid);
    }
    let Core { accounts, desk, mesh, settings, .. } = core;
    let connection = desk.connections.at(index);
    let account_id = connection.account;
    let account = &mut accounts[account_id as usize];
    if admit::is_full(settings, &account.snapshot, connection.sids.len()) {
        tracing::error!("{} - {}", connection.label(), text::MAXIMUM_SUBSCRIPTIONS_EXCEEDED);
        return desk.write_error(index, text::MAXIMUM_SUBSCRIPTIONS_EXCEEDED);
    }
    let verbose = connection.verbose;
    if connection.sids.find(&account.interest.table, sid).is_none() {
        if !subject::is_valid_pattern(subject) {
            return desk.write_error(index, text::INVALID_SUBJECT);
        }
        let partners = partners(account, mesh);
        let sub = account.interest.add(index, subject, queue, sid, &mut |change| {
            tell(mesh, partners, account_id, &change);
        });
        account.interest.table.sub_mut(sub).filtered = filtered;
        connection.sids.insert(&account.interest.table, sub);
        // Also where nothing was told now: the first subscription's letter may still be on its way.
        connection.touched = connection.touched.union(partners);
        if !account.snapshot.stream_imports.is_empty() {
            cast_shadows(core, account_id, sub);
        }
    }
    if verbose {
        barrier(core, index, Answer::Ok);
    }
}

/// Tells the client of its violation, and the log of what is `said` there.
fn refused(core: &mut Core, index: u32, violation: &str, said: &str, sid: &[u8]) {
    core.desk.write_error(index, violation);
    let label = core.desk.connections.at(index).label();
    tracing::error!("{label} - {said}, SID {}", String::from_utf8_lossy(sid));
}

/// Source: nats-server `client.go:processUnsub`.
pub fn unsubscribe(core: &mut Core, index: u32, sid: &[u8], max: Option<u32>) {
    active(core, index);
    let connection = core.desk.connections.at(index);
    let (account, verbose) = (connection.account, connection.verbose);
    let table = &mut core.accounts[account as usize].interest.table;
    let found = connection.sids.find(table, sid);
    if let Some(sub) = found {
        let max = max.unwrap_or(0);
        let record = table.sub_mut(sub);
        if u64::from(max) > record.delivered {
            record.max = max;
        } else {
            remove_subscription(core, account, index, sub);
        }
    }
    if verbose {
        core.desk.write_ok(index);
    }
}

/// Takes a subscription away from its owner and from the account's interest.
pub fn remove_subscription(core: &mut Core, account_id: AccountId, owner: u32, sub: SubId) {
    let connection = core.desk.connections.at(owner);
    connection.sids.remove(&core.accounts[account_id as usize].interest.table, sub);
    forget(core, account_id, owner, sub);
}

/// Takes all subscriptions of a connection away.
pub fn remove_subscriptions(core: &mut Core, index: u32) {
    let connection = core.desk.connections.at(index);
    let (account_id, subs) = (connection.account, connection.sids.take());
    for sub in subs {
        forget(core, account_id, index, sub);
    }
}

/// Takes a subscription, which its owner has forgotten, away from the account's interest.
fn forget(core: &mut Core, account_id: AccountId, owner: u32, sub: SubId) {
    if core.accounts[account_id as usize].interest.table.sub(sub).role == Role::Master {
        lift_shadows(core, account_id, sub);
    }
    let Core { accounts, desk, mesh, settings, .. } = core;
    let account = &mut accounts[account_id as usize];
    let connection = desk.connections.at(owner);
    if settings.tracing.trace {
        trace::removed(connection, account.interest.table.sub(sub).sid.as_bytes());
    }
    let partners = partners(account, mesh);
    connection.touched = connection.touched.union(partners);
    let awaits = connection.awaited != NONE;
    let pattern = if awaits { account.interest.table.pattern(sub) } else { Vec::new() };
    account.interest.remove(sub, &mut |change| tell(mesh, partners, account_id, &change));
    if awaits {
        services::give_up_reply(core, owner, &pattern);
    }
}

/// Takes a subscription of a connection that moves away without a word: others know where it is now.
pub fn take_away(core: &mut Core, account_id: AccountId, sub: SubId) {
    if core.accounts[account_id as usize].interest.table.sub(sub).role == Role::Master {
        lift_shadows(core, account_id, sub);
    }
    core.accounts[account_id as usize].interest.remove(sub, &mut |_| {});
}

/// For each stream import that the subscription would hear: one in the exporter's account that stands for it.
pub fn cast_shadows(core: &mut Core, importer: AccountId, master: SubId) {
    let Core { accounts, desk, mesh, .. } = core;
    let account = &accounts[importer as usize];
    let snapshot = Arc::clone(&account.snapshot);
    let table = &account.interest.table;
    let (pattern, owner, filtered) =
        (table.pattern(master), table.sub(master).owner, table.sub(master).filtered);
    let queue: Option<Vec<u8>> = table.queue_of(master).map(Into::into);
    let uncounted = table.sub(master).uncounted;
    let sid: Vec<u8> = table.sub(master).sid.as_bytes().into();
    for (import, stream) in snapshot.stream_imports.iter().enumerate() {
        let Some(there) = stream.shadow(&pattern).filter(|there| subject::is_valid_pattern(there)) else {
            continue;
        };
        mark!("shadow cast");
        let exporter = stream.exporter;
        let Some(account) = accounts.get_mut(exporter as usize) else { continue };
        let partners = partners(account, mesh);
        let sub = match queue.as_deref().filter(|_| uncounted) {
            Some(queue) => account.interest.add_uncounted(owner, &there, queue, &sid),
            None => account.interest.add(owner, &there, queue.as_deref(), &sid, &mut |change| {
                tell(mesh, partners, exporter, &change);
            }),
        };
        if let Some(connection) = desk.connections.lodger(owner) {
            tracing::debug!(
                "{} - Creating import subscription on {} from account {}",
                connection.label(),
                quoted(&there),
                quoted(account.name().as_bytes())
            );
            connection.touched = connection.touched.union(partners);
        }
        let record = account.interest.table.sub_mut(sub);
        record.role = Role::Shadow;
        let master_record = accounts[importer as usize].interest.table.sub_mut(master);
        let next = master_record.shadow;
        let shadow = desk.shadows.insert(Shadow {
            importer,
            snapshot: Arc::clone(&snapshot),
            import: import as u32,
            exporter,
            sub,
            master,
            owner,
            filtered,
            next,
        });
        master_record.role = Role::Master;
        master_record.shadow = shadow;
        accounts[exporter as usize].interest.table.sub_mut(sub).shadow = shadow;
    }
}

/// Takes away what stands for a subscription in other accounts.
pub fn lift_shadows(core: &mut Core, importer: AccountId, master: SubId) {
    let Core { accounts, desk, mesh, .. } = core;
    let record = accounts[importer as usize].interest.table.sub_mut(master);
    record.role = Role::Plain;
    let mut at = std::mem::replace(&mut record.shadow, NONE);
    while at != NONE {
        let Shadow { exporter, sub, owner, next, .. } = desk.shadows.remove(at);
        let account = &mut accounts[exporter as usize];
        let partners = partners(account, mesh);
        if let Some(connection) = desk.connections.lodger(owner) {
            connection.touched = connection.touched.union(partners);
        }
        account.interest.remove(sub, &mut |change| tell(mesh, partners, exporter, &change));
        at = next;
    }
}

/// After a reload: subscriptions that are no longer allowed go, and the client is told; imports are looked at
/// anew, unless its new shard will do so. Source: nats-server `client.go:processSubsOnConfigReload`.
pub fn reconsider(core: &mut Core, index: u32) {
    let connection = core.desk.connections.at(index);
    let account_id = connection.account;
    let permissions = connection.permissions.clone();
    let mut subs: Vec<SubId> = connection.sids.iter().collect();
    subs.sort_unstable();
    for sub in subs {
        let table = &core.accounts[account_id as usize].interest.table;
        let (pattern, queue) = (table.pattern(sub), table.queue_of(sub).map(<[u8]>::to_vec));
        let queue = queue.as_deref();
        let is_allowed =
            permissions.as_ref().is_none_or(|permissions| permissions.may_subscribe(&pattern, queue));
        if !is_allowed {
            withdraw(core, index, account_id, sub, &pattern, queue);
            continue;
        }
        let is_filtered = permissions
            .as_ref()
            .is_some_and(|permissions| permissions.must_filter(&pattern, queue.is_some()));
        core.accounts[account_id as usize].interest.table.sub_mut(sub).filtered = is_filtered;
        // One that leaves imports anew where it goes.
        if !core.desk.connections.at(index).is_leaving() {
            import_again(core, account_id, sub);
        }
    }
}

/// After a reload, for one of whom it is not known yet whether it may stay: what its account imports now holds at
/// once.
pub fn import_all_again(core: &mut Core, index: u32) {
    let connection = core.desk.connections.at(index);
    let account_id = connection.account;
    let mut subs: Vec<SubId> = connection.sids.iter().collect();
    subs.sort_unstable();
    for sub in subs {
        import_again(core, account_id, sub);
    }
}

pub fn import_again(core: &mut Core, account_id: AccountId, sub: SubId) {
    let account = &core.accounts[account_id as usize];
    let imports = !account.snapshot.stream_imports.is_empty();
    if account.interest.table.sub(sub).role == Role::Master {
        lift_shadows(core, account_id, sub);
    }
    if imports {
        cast_shadows(core, account_id, sub);
    }
}

fn withdraw(
    core: &mut Core,
    index: u32,
    account: AccountId,
    sub: SubId,
    pattern: &[u8],
    queue: Option<&[u8]>,
) {
    mark!("subscription withdrawn");
    let sid = core.accounts[account as usize].interest.table.sub(sub).sid.as_bytes().to_vec();
    remove_subscription(core, account, index, sub);
    core.desk.write_error(index, &text::subscription_withdrawn(pattern, queue, &sid));
    let connection = core.desk.connections.at(index);
    let who = connection.connect.claimant().unwrap_or_else(|| "User \"N/A\"".to_owned());
    let using = queue.map(|queue| format!(" using queue {}", quoted(queue))).unwrap_or_default();
    tracing::info!(
        "Removed sub {}{using} (sid {}) for {who} - not authorized",
        quoted(pattern),
        quoted(&sid)
    );
}
