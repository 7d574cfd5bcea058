//! A shard's place in the simulation: whether it sleeps, who rang, and whether it spins.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;

use super::plan::Plan;
use crate::driver::Wait;
use crate::driver::sim::{Network, Sim};
use crate::launch::{Gauges, Order, Reporter};
use crate::ring::mesh::{Doorbell, meshes};
use crate::slot::Slot;
use crate::turn::core::Chance;
use crate::turn::rotation::Rotation;
use crate::turn::{Core, Shard};

/// Turns in a row without anything to do: one may follow what was done in the last.
const IDLE_TURNS_MAX: u32 = 4;

pub struct Seat {
    shard: Shard<Sim>,
    orders: Sender<Order>,
    doorbells: Arc<[Doorbell]>,
    me: usize,
    /// The driver was rung.
    rung: Arc<AtomicBool>,
    /// It sleeps, until the moment if there is one.
    asleep: Option<Option<u64>>,
    /// It gets no turn before this moment.
    pub held_until: u64,
    pub has_ended: bool,
    idle_turns: u32,
    last_turn: u64,
}

pub fn seats(
    plan: &Plan,
    network: &Rc<RefCell<Network>>,
    gauges: &Arc<Gauges>,
    reporter: &Reporter,
) -> Vec<Seat> {
    let bells: Vec<Arc<AtomicBool>> = (0..plan.shards).map(|_| Arc::default()).collect();
    let doorbell = |rung: &Arc<AtomicBool>| {
        let rung = Arc::clone(rung);
        Doorbell::new(Box::new(move || rung.store(true, Ordering::Relaxed)))
    };
    let doorbells: Arc<[Doorbell]> = bells.iter().map(doorbell).collect();
    let meshes = meshes(doorbells.clone(), plan.lane_bytes);
    let seat = |(me, (mesh, rung))| {
        let mut core = Core::new(plan.settings.clone(), mesh, gauges.clone(), reporter.clone());
        if let Some(members) = plan.members {
            core.accounts[0].members = members;
            core.accounts[0].audience = members;
        }
        core.chance = Chance::seeded(plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ me as u64);
        core.rotation = Rotation::new(plan.quotas);
        let (sender, orders) = crossbeam_channel::unbounded();
        Seat {
            shard: Shard::new(core, Sim::new(network.clone(), me), orders),
            orders: sender,
            doorbells: doorbells.clone(),
            me,
            rung,
            asleep: None,
            held_until: 0,
            has_ended: false,
            idle_turns: 0,
            last_turn: 0,
        }
    };
    meshes.into_iter().zip(bells).enumerate().map(seat).collect()
}

impl Seat {
    pub fn order(&self, order: Order) {
        self.orders.send(order).expect("the shard holds the other end");
        self.doorbells[self.me].ring();
    }

    pub fn can_step(&self, network: &Network, index: usize) -> bool {
        if self.has_ended || network.now < self.held_until {
            return false;
        }
        let Some(until) = self.asleep else { return true };
        let due = until.is_some_and(|until| until <= network.now);
        due || self.rung.load(Ordering::Relaxed) || network.has_completions(index)
    }

    /// The next moment at which it goes on by itself.
    pub fn next_at(&self, now: u64) -> Option<u64> {
        let until = self.asleep.flatten();
        [until, Some(self.held_until)].into_iter().flatten().filter(|at| *at > now && !self.has_ended).min()
    }

    /// A shard that is awake falls asleep or takes a turn at once, one that sleeps wakes and takes it.
    pub fn step(&mut self, network: &RefCell<Network>, index: usize) {
        let now = network.borrow().now;
        let due = self.asleep.flatten().is_some_and(|until| until <= now && now > self.last_turn);
        if self.asleep.take().is_none() {
            let patience = self.shard.patience();
            if let Wait::Until(until) = self.shard.fall_asleep(patience) {
                self.asleep = Some(until);
                return;
            }
        }
        let rung = self.rung.swap(false, Ordering::Relaxed);
        let busy =
            due || rung || network.borrow().has_completions(index) || self.has_letters() || self.has_orders();
        let busy = busy || !self.shard.core.rotation.is_empty();
        self.idle_turns = if busy { 0 } else { self.idle_turns + 1 };
        assert!(self.idle_turns <= IDLE_TURNS_MAX, "violation: shard {index} spins");
        self.last_turn = now;
        self.shard.wait_and_serve(Wait::Poll).expect("the simulated driver does not fail");
        let core = &self.shard.core;
        self.has_ended = core.stopping && core.desk.connections.is_empty();
    }

    fn has_orders(&self) -> bool {
        !self.shard.orders.is_empty()
    }

    fn has_letters(&mut self) -> bool {
        let mut inbound = self.shard.core.mesh.take_inbound();
        let some = inbound.iter_mut().any(|inbound| inbound.letters.has_more());
        self.shard.core.mesh.put_inbound(inbound);
        some
    }

    /// It has done all it was told, and no letter is on its way to it.
    pub fn is_quiet(&mut self) -> bool {
        self.shard.orders.is_empty() && !self.has_letters() && !self.shard.core.mesh.has_spilled()
    }

    /// Whether it awaits responses that a connection of its own asked for.
    pub fn awaits_for_clients(&self) -> bool {
        self.shard.core.awaiting.origins().any(|origin| origin != Slot::NOBODY)
    }

    /// Nothing may be left of any client.
    pub fn check_bare(&mut self, network: &Network, index: usize) {
        assert!(!self.has_letters(), "violation: shard {index} has not read its letters");
        let core = &mut self.shard.core;
        let desk = &core.desk;
        let lists = [
            ("connections", desk.connections.is_empty()),
            ("interest", core.accounts.iter().all(|account| account.interest.table.is_bare())),
            ("shadows", desk.shadows.is_empty()),
            ("responses awaited", core.awaiting.is_empty()),
            ("letters to send", !core.mesh.has_spilled()),
            ("sends under way", desk.flights == 0),
            ("dirty connections", desk.dirty.is_empty()),
            ("wishes", desk.wishes.is_empty()),
            ("doomed connections", desk.doomed.is_empty()),
            ("resumable connections", desk.resumable.is_empty()),
            ("connections in line", core.rotation.is_empty()),
            ("congested connections", desk.congested.is_empty()),
            ("spent subscriptions", desk.spent.is_empty()),
            ("alarms", desk.alarms.is_empty()),
            ("a driver's", network.is_bare(index)),
        ];
        for (what, none) in lists {
            assert!(none, "violation: {what} are left on shard {index}");
        }
    }

    pub fn describe(&self, now: u64) -> String {
        let core = &self.shard.core;
        let asleep = self.asleep.map(|until| until.map(|until| until as i64 - now as i64));
        let connections = core.desk.connections.iter().map(|connection| {
            let barrier = connection.barrier.as_ref().map(|barrier| barrier.awaited);
            format!("{} paused:{} barrier:{barrier:?}", connection.cid, connection.is_paused())
        });
        let connections: Vec<String> = connections.collect();
        let spilled = core.mesh.has_spilled();
        format!("shard {} asleep: {asleep:?} spilled: {spilled} {connections:?}", self.me)
    }
}
