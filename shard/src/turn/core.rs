//! The state of one shard, apart from its kernel.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::desk::Desk;
use super::inspect::Inspection;
use crate::account::Account;
use crate::interest::Change;
use crate::launch::Gauges;
use crate::proto::client::Rules;
use crate::ring::letter::{Letter, QueueNames};
use crate::ring::mesh::Mesh;
use crate::session::ClosedConnections;
use crate::settings::{Credentials, Settings};
use crate::shard_set::ShardSet;

pub struct Core {
    pub settings: Arc<Settings>,
    pub rules: Rules,
    pub accounts: Vec<Account>,
    pub desk: Desk,
    pub mesh: Mesh,
    pub gauges: Arc<Gauges>,
    pub lame_duck: bool,
    pub stopping: bool,
    /// A source of chance for queue groups: fair, not secret.
    pub chance: Chance,
    pub queue_names: QueueNames,
    /// Which queue goes to which shard, for the message under way.
    pub queue_picks: Vec<(u16, u32)>,
    pub scratch: Vec<u8>,
    /// The last look at sends that take too long.
    pub swept_at: u64,
    /// Connections that have ended, remembered for monitoring.
    pub closed: ClosedConnections,
    /// What the control core wants to know and has not been told in full.
    pub inspections: VecDeque<Inspection>,
    pub turns: u64,
}

impl Core {
    pub fn new(settings: Arc<Settings>, accounts: Vec<Account>, mesh: Mesh, gauges: Arc<Gauges>) -> Core {
        let seed = 0x9e37_79b9_7f4a_7c15 ^ ((u64::from(mesh.me()) + 1) << 32);
        let mut core = Core {
            rules: Rules { max_control_line: 0, max_payload: 0, headers: false },
            settings: settings.clone(),
            accounts,
            desk: Desk::default(),
            mesh,
            gauges,
            lame_duck: false,
            stopping: false,
            chance: Chance::seeded(seed),
            queue_names: QueueNames::default(),
            queue_picks: Vec::new(),
            scratch: Vec::new(),
            swept_at: 0,
            closed: ClosedConnections::default(),
            inspections: VecDeque::new(),
            turns: 0,
        };
        core.adopt(settings);
        core
    }

    /// Uses these settings from now on.
    pub fn adopt(&mut self, settings: Arc<Settings>) {
        let limits = &settings.limits;
        self.rules.max_control_line = limits.max_control_line;
        self.rules.max_payload = limits.max_payload;
        self.desk.max_pending = limits.max_pending;
        self.closed.set_max(settings.max_closed_clients);
        self.settings = settings;
    }

    pub fn needs_credentials(&self) -> bool {
        !matches!(self.settings.credentials, Credentials::None)
    }

    /// Notes that a connection left this shard.
    pub fn discount(&self) {
        self.gauges.clients[self.mesh.me() as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

/// Other shards that hold connections of an account.
pub fn partners(account: &Account, mesh: &Mesh) -> ShardSet {
    let mut partners = account.members;
    partners.remove(mesh.me());
    partners
}

/// Tells the partners of a change of interest.
pub fn tell(mesh: &mut Mesh, partners: ShardSet, account: u32, change: &Change<'_>) {
    for shard in partners {
        let change = Change { subject: change.subject, queue: change.queue, count: change.count };
        mesh.send(shard, Letter::Interest { account, change });
    }
}

/// xorshift64*: a few instructions, good enough to spread load.
pub struct Chance(u64);

impl Chance {
    pub fn seeded(seed: u64) -> Chance {
        // The generator stands still at zero.
        Chance(seed | 1)
    }

    /// A number below `bound`, which is not 0.
    #[inline]
    pub fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        ((high * u64::from(bound)) >> 32) as u32
    }
}
