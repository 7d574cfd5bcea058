//! How much a shard has to do, and for whom, where placement is automatic: measured four times a second while it is
//! awake, told where it is much.

use super::core::Core;
use crate::account::AccountId;
use crate::driver::thread_cpu;
use crate::launch::Report;
use crate::settings::Placement;

/// Between two looks: nanoseconds.
const PERIOD: u64 = 250_000_000;
/// Of a thousand parts of its time: a shard with less to do says nothing.
const BUSY_MIN: u32 = 500;
/// Accounts that are named.
const ACCOUNTS_MAX: usize = 16;

/// The last look.
#[derive(Default)]
pub struct Load {
    at: u64,
    cpu: u64,
    /// Of a thousand parts of its time, how many its thread has used.
    pub busy: u32,
}

/// Looks, if it is time.
pub fn look(core: &mut Core) {
    if core.settings.placement != Placement::Auto {
        return;
    }
    let now = core.desk.now;
    let Load { at, cpu: before, .. } = core.load;
    if now < at + PERIOD {
        return;
    }
    let cpu = thread_cpu();
    let busy = ((cpu - before).saturating_mul(1000) / (now - at).max(1)).min(1000) as u32;
    core.load = Load { at: now, cpu, busy };
    let is_fresh = at > 0 && now - at < 2 * PERIOD;
    if !is_fresh || busy < BUSY_MIN {
        core.accounts.iter_mut().filter(|account| account.work > 0).for_each(|account| account.work = 0);
        return;
    }
    let mut accounts: Vec<(AccountId, u64)> = Vec::new();
    for (id, account) in core.accounts.iter_mut().enumerate().filter(|(_, account)| account.work > 0) {
        accounts.push((id as AccountId, std::mem::take(&mut account.work)));
    }
    accounts.sort_unstable_by_key(|(_, work)| std::cmp::Reverse(*work));
    accounts.truncate(ACCOUNTS_MAX);
    let clients = core.gauges.clients[core.mesh.me() as usize].load(std::sync::atomic::Ordering::Relaxed);
    (core.reporter)(Report::Busy { shard: core.mesh.me() as usize, busy, accounts, clients });
}
