//! The state of one shard, apart from its kernel.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::awaiting::Awaiting;
use super::desk::Desk;
use super::inspect::Inspection;
use super::load::Load;
use super::responders::OpenRequest;
use super::rotation::{QUOTAS, Rotation};
use super::transit::Relocation;
use crate::account::{Account, AccountId, Snapshot};
use crate::interest::Change;
use crate::launch::{Gauges, Reporter};
use crate::proto::client::Rules;
use crate::ring::letter::{Letter, QueueNames};
use crate::ring::mesh::Mesh;
use crate::session::ClosedConnections;
use crate::settings::{Placement, Settings};
use crate::shard_set::{ShardId, ShardSet};

/// Larger buffers are not kept.
const SCRATCH_BYTES_MAX: usize = 1 << 20;

pub struct Core {
    pub settings: Arc<Settings>,
    /// Directories that were adopted so far.
    pub adopted: u64,
    pub rules: Rules,
    pub accounts: Vec<Account>,
    pub desk: Desk,
    /// Connections with input that waits, and whose turn it is.
    pub rotation: Rotation,
    pub mesh: Mesh,
    pub gauges: Arc<Gauges>,
    pub reporter: Reporter,
    pub lame_duck: bool,
    pub stopping: bool,
    /// A source of chance for queue groups: fair, not secret.
    pub chance: Chance,
    pub queue_names: QueueNames,
    /// Which queue goes to which shard, for the message under way.
    pub queue_picks: Vec<(u16, u32)>,
    /// Services of other accounts that the message under way is to ask.
    pub services_met: Vec<u32>,
    /// The request under way, if services are asked with it and its publisher is to be told if nobody is there.
    pub open_request: Option<OpenRequest>,
    /// Buffers for what is written anew of a message, taken and put back.
    pub scratches: Vec<Vec<u8>>,
    /// Responses of other accounts' services that are awaited here.
    pub awaiting: Awaiting,
    /// The last look at sends that take too long.
    pub swept_at: u64,
    /// Connections that have ended, remembered for monitoring.
    pub closed: ClosedConnections,
    /// What the control core wants to know and has not been told in full.
    pub inspections: VecDeque<Inspection>,
    pub turns: u64,
    /// What this shard has to do, as it was measured last.
    pub load: Load,
    /// Connections that are wished elsewhere, and how many are about to leave.
    pub relocations: Vec<Relocation>,
    pub leaving: usize,
}

impl Core {
    pub fn new(settings: Arc<Settings>, mesh: Mesh, gauges: Arc<Gauges>, reporter: Reporter) -> Core {
        let seed = 0x9e37_79b9_7f4a_7c15 ^ ((u64::from(mesh.me()) + 1) << 32);
        let mut core = Core {
            rules: Rules { max_control_line: 0, max_payload: 0, headers: false },
            settings: settings.clone(),
            adopted: 0,
            accounts: Vec::new(),
            desk: Desk::default(),
            rotation: Rotation::new(QUOTAS),
            mesh,
            gauges,
            reporter,
            lame_duck: false,
            stopping: false,
            chance: Chance::seeded(seed),
            queue_names: QueueNames::default(),
            queue_picks: Vec::new(),
            services_met: Vec::new(),
            open_request: None,
            scratches: Vec::new(),
            awaiting: Awaiting::default(),
            swept_at: 0,
            closed: ClosedConnections::default(),
            inspections: VecDeque::new(),
            turns: 0,
            load: Load::default(),
            relocations: Vec::new(),
            leaving: 0,
        };
        core.adopt(settings);
        core
    }

    /// Uses these settings from now on. What connections have by them is not looked at here.
    pub fn adopt(&mut self, settings: Arc<Settings>) {
        let limits = &settings.limits;
        self.rules.max_control_line = limits.max_control_line;
        self.rules.max_payload = limits.max_payload;
        self.desk.max_pending = limits.max_pending;
        self.closed.set_max(settings.max_closed_clients);
        self.adopted += u64::from(!Arc::ptr_eq(&self.settings.directory, &settings.directory));
        self.settings = settings;
        self.adopt_accounts();
    }

    fn adopt_accounts(&mut self) {
        let directory = Arc::clone(&self.settings.directory);
        for (id, snapshot) in directory.accounts.iter().enumerate() {
            self.account_mut(id as AccountId).adopt(Arc::clone(snapshot));
        }
        let shards = self.gauges.clients.len();
        let placement = self.settings.placement;
        let members = |id: usize| match placement {
            Placement::Spread | Placement::Auto => ShardSet::first(shards),
            Placement::Home => ShardSet::from_iter([(id % shards) as ShardId]),
        };
        let groups = joined(&directory.accounts);
        let mut audiences: Vec<ShardSet> = vec![ShardSet::EMPTY; groups.len()];
        for (id, group) in groups.iter().enumerate() {
            audiences[*group] = audiences[*group].union(members(id));
        }
        for (id, group) in groups.iter().enumerate() {
            let before = self.accounts[id].audience;
            self.accounts[id].members = members(id);
            self.accounts[id].audience = audiences[*group];
            let after = audiences[*group];
            let new = after.into_iter().filter(|shard| !before.contains(*shard)).collect();
            let old = before.into_iter().filter(|shard| !after.contains(*shard)).collect();
            self.tell_all(id as AccountId, new);
            self.take_back_all(id as AccountId, old);
        }
    }

    /// Tells shards that were told nothing so far of this shard's interest.
    fn tell_all(&mut self, id: AccountId, mut shards: ShardSet) {
        shards.remove(self.mesh.me());
        let Core { accounts, mesh, .. } = self;
        let table = &accounts[id as usize].interest.table;
        if !shards.is_empty() && !table.is_empty() {
            mark!("interest told to a new audience");
            table.tell_all(&mut |change| tell(mesh, shards, id, &change));
        }
    }

    /// Tells shards that are told nothing from now on that there is no interest: what they know would stay.
    fn take_back_all(&mut self, id: AccountId, mut shards: ShardSet) {
        shards.remove(self.mesh.me());
        let Core { accounts, mesh, .. } = self;
        let table = &accounts[id as usize].interest.table;
        if !shards.is_empty() && !table.is_empty() {
            mark!("interest taken back from an audience");
            table.tell_all(&mut |change| tell(mesh, shards, id, &Change { count: 0, ..change }));
        }
    }

    /// An account by its handle. Another shard may know of it before this one is told.
    pub fn account_mut(&mut self, id: AccountId) -> &mut Account {
        while self.accounts.len() <= id as usize {
            let unknown = Snapshot { is_gone: true, ..Snapshot::default() };
            self.accounts.push(Account::new(Arc::new(unknown)));
        }
        &mut self.accounts[id as usize]
    }

    pub fn needs_credentials(&self) -> bool {
        self.settings.directory.admission.is_required()
    }

    /// Nanoseconds since 1970 at a moment of the monotonic clock.
    pub fn wall(&self, at: u64) -> i64 {
        (at as i64).wrapping_add(self.settings.wall_offset)
    }

    /// A buffer to write in, to be given back.
    pub fn take_scratch(&mut self) -> Vec<u8> {
        self.scratches.pop().unwrap_or_default()
    }

    pub fn put_scratch(&mut self, mut scratch: Vec<u8>) {
        scratch.clear();
        if scratch.capacity() <= SCRATCH_BYTES_MAX {
            self.scratches.push(scratch);
        }
    }

    /// Notes that a connection left this shard.
    pub fn discount(&self) {
        self.gauges.clients[self.mesh.me() as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

/// For each account the number of its group: accounts that imports join, over however many others, are in one.
fn joined(accounts: &[Arc<Snapshot>]) -> Vec<usize> {
    let mut groups: Vec<usize> = (0..accounts.len()).collect();
    fn root(groups: &mut [usize], mut at: usize) -> usize {
        while groups[at] != at {
            groups[at] = groups[groups[at]];
            at = groups[at];
        }
        at
    }
    for (id, snapshot) in accounts.iter().enumerate() {
        for neighbour in &snapshot.neighbours {
            let (one, other) = (root(&mut groups, id), root(&mut groups, *neighbour as usize));
            groups[one.max(other)] = one.min(other);
        }
    }
    (0..accounts.len()).map(|id| root(&mut groups, id)).collect()
}

/// Other shards that hear of an account's interest.
pub fn partners(account: &Account, mesh: &Mesh) -> ShardSet {
    let mut partners = account.audience;
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
