//! What a seed decides before anything happens: how many shards, how small the rings, what goes wrong.

use std::sync::Arc;
use std::time::Duration;

use super::realm::Realm;
use crate::account::Directory;
use crate::driver::sim::{Dice, Faults};
use crate::session::admission::{Admission, Secret, Shared};
use crate::settings::{Limits, Placement, Settings};
use crate::shard_set::ShardSet;
use crate::turn::rotation::{QUOTAS, Quotas};

/// The token that clients show where credentials are wanted.
pub const TOKEN: &str = "sesame";

#[derive(Clone)]
pub struct Plan {
    pub seed: u64,
    pub shards: usize,
    pub lane_bytes: usize,
    pub settings: Arc<Settings>,
    /// Where the account's connections live, where there is one alone.
    pub members: Option<ShardSet>,
    pub realm: Arc<Realm>,
    pub reload: Option<Reload>,
    /// How often in a thousand steps connections are told to move.
    pub moves: usize,
    /// What a turn serves.
    pub quotas: Quotas,
    pub faults: Faults,
    pub clients: usize,
    /// What each client does before it leaves.
    pub operations: usize,
    /// How likely shards, the network and clients are to go on, relative to each other.
    pub weights: [usize; 3],
    /// How often in a thousand turns a shard is held after one, and for how long at most: nanoseconds.
    pub hold: usize,
    pub hold_max: u64,
    /// Nanoseconds that one step takes at most.
    pub step_max: u64,
    pub large_bodies: bool,
    /// Limits so tight that the server may cut any connection.
    pub tight: bool,
    /// When the server shuts down.
    pub shutdown: Shutdown,
}

/// Another realm takes the place of the first.
#[derive(Clone)]
pub struct Reload {
    /// So many steps after the start.
    pub after: u64,
    pub realm: Arc<Realm>,
    pub settings: Arc<Settings>,
}

/// Seeds from this one on have several accounts.
pub const BORDERS_FROM: u64 = 1_000_000;
/// From this one on there is one account again, and connections move while they run; from the second on there are
/// several accounts too.
pub const MOVES_FROM: u64 = 2_000_000;
pub const MOVES_AND_BORDERS_FROM: u64 = 3_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    Never,
    /// At the end, before its clients leave.
    Late,
    /// In the midst of it, after so many steps.
    After(u64),
}

impl Plan {
    pub fn draw(seed: u64) -> Plan {
        let dice = &mut Dice::new(seed);
        let shards = 1 + (seed % 4) as usize;
        let tight = dice.chance(150);
        let home = dice.chance(300);
        let pings = dice.chance(150);
        let mut limits = Limits {
            ping_interval: Duration::from_secs(3600),
            auth_timeout: Duration::from_secs(600),
            write_deadline: Duration::from_secs(3600),
            ..Limits::default()
        };
        if pings {
            limits.ping_interval = Duration::from_millis(5);
            limits.ping_max = if tight { 1 } else { u32::MAX - 1 };
        }
        if tight {
            limits.max_pending = *dice.pick(&[2 << 10, 16 << 10]);
            limits.write_deadline = Duration::from_millis(*dice.pick(&[5, 3_600_000]));
        } else if dice.chance(300) {
            // Readers are far behind soon, and never too far.
            limits.max_pending = 64 << 20;
        }
        let shared = dice.chance(500).then(|| Shared::Token(Secret::new(TOKEN)));
        let admission = Admission { shared, ..Admission::default() };
        let placement = if home { Placement::Home } else { Placement::Spread };
        let members = if home { dice.between(1, shards) } else { shards };
        let settings = Settings {
            limits,
            directory: Arc::new(Directory { admission, ..Directory::default() }),
            placement,
            headers: true,
            stall_fast_producers: dice.chance(800),
            ..Settings::default()
        };
        // Not drawn, so that what other seeds mean stays.
        let faults = Faults { prompt: seed % 1000 >= 900, ..Faults::draw(dice) };
        let plan = Plan {
            seed,
            shards,
            lane_bytes: *dice.pick(&[128, 256, 512, 1024, 4096, 65536]),
            settings: Arc::new(settings),
            members: Some(ShardSet::first(members)),
            realm: Arc::new(Realm::open()),
            reload: None,
            moves: 0,
            quotas: match seed % 3 {
                0 => QUOTAS,
                1 => Quotas { turn: 9, flood: 20, account: 4, connection: 2, prompt: 2, inbox: 4 << 10 },
                _ => Quotas { turn: 1, flood: 1, account: 1, connection: 1, prompt: 1, inbox: 512 },
            },
            clients: dice.between(2, 7),
            operations: dice.between(5, 40),
            weights: [dice.between(1, 4), dice.between(1, 6), dice.between(1, 4)],
            hold: *dice.pick(&[0, 10, 100]),
            hold_max: *dice.pick(&[10_000, 1_000_000]),
            step_max: *dice.pick(&[100, 1000, 20_000]),
            large_bodies: faults.window_min >= 512 && dice.chance(300),
            faults,
            tight,
            shutdown: match dice.below(8) {
                0 => Shutdown::After(dice.moment_between(0, 3000)),
                1 => Shutdown::Late,
                _ => Shutdown::Never,
            },
        };
        let plan = if seed >= MOVES_FROM { plan.with_moves(&mut Dice::new(seed ^ 5)) } else { plan };
        let has_borders = (BORDERS_FROM..MOVES_FROM).contains(&seed) || seed >= MOVES_AND_BORDERS_FROM;
        if has_borders { plan.with_borders(&mut Dice::new(seed ^ 3)) } else { plan }
    }

    /// The same with connections that move.
    fn with_moves(self, dice: &mut Dice) -> Plan {
        let settings = Arc::new(Settings { placement: Placement::Spread, ..(*self.settings).clone() });
        let members = Some(ShardSet::first(self.shards));
        Plan { settings, members, moves: *dice.pick(&[5, 30, 150]), ..self }
    }

    /// The same with several accounts.
    fn with_borders(self, dice: &mut Dice) -> Plan {
        let realm = Realm::draw(dice);
        let of = |realm: &Realm| {
            let directory = Arc::new(realm.directory());
            Arc::new(Settings { directory, ..(*self.settings).clone() })
        };
        let settings = of(&realm);
        let reload = (!self.tight && dice.chance(400)).then(|| {
            let changed = realm.changed(dice);
            Reload { after: dice.moment_between(50, 1000), settings: of(&changed), realm: Arc::new(changed) }
        });
        let operations = self.operations + dice.between(10, 40);
        let clients = dice.between(3, 9);
        Plan { members: None, settings, realm: Arc::new(realm), reload, operations, clients, ..self }
    }
}
