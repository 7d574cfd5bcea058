//! One simulation: all shards, the network and all clients take turns in an order drawn from the seed. A
//! shard that sleeps gets a turn only if it was rung, its time has come, or it has something to hear: a
//! wake-up that is lost is found by everyone waiting for ever.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::client::{Client, World};
use super::oracle::Oracle;
use super::plan::{Plan, Shutdown};
use super::seat::{Seat, seats};
use super::trace::Trace;
use super::workload;
use crate::driver::sim::{Dice, Network, WireId};
use crate::launch::{Gauges, Order, Report, Reporter};

/// Steps of one run at most, and the virtual time within which all that is waited for must come.
const STEPS_MAX: u64 = 5_000_000;
const PATIENCE: u64 = 60_000_000_000;

pub struct Run {
    pub(super) plan: Plan,
    pub(super) network: Rc<RefCell<Network>>,
    pub(super) seats: Vec<Seat>,
    gauges: Arc<Gauges>,
    pub(super) clients: Vec<Client>,
    pub(super) oracle: Oracle,
    pub(super) dice: Dice,
    pub(super) trace: Trace,
    pub(super) steps: u64,
    pub(super) reports: Reports,
    /// Passwords that are being checked, and when the result is told.
    pub(super) checks: Vec<(u64, Report)>,
    /// Shards that are still to be told of a reload, once it has begun.
    pub(super) untold: Option<Vec<usize>>,
    /// Decides who moves, and nothing else.
    pub(super) mover: Dice,
    pub(super) moves_left: usize,
}

/// What shards have said.
pub(super) type Reports = Arc<Mutex<Vec<Report>>>;

/// What a run amounted to.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub trace: Trace,
    pub steps: u64,
    pub published: usize,
    pub delivered: u64,
}

#[derive(Clone, Copy)]
enum Actor {
    Shard(usize),
    Wire(WireId),
    Reader(usize),
    Writer(usize),
}

impl Run {
    pub fn new(plan: Plan, aloud: bool) -> Run {
        let network = Network::new(plan.seed ^ 1, plan.faults.clone(), plan.shards);
        let network = Rc::new(RefCell::new(network));
        let gauges = Arc::new(Gauges::new(plan.shards));
        let mut oracle = Oracle::new(plan.tight, plan.realm.clone());
        oracle.moves = plan.moves > 0;
        let reports: Reports = Arc::default();
        let inbox = reports.clone();
        let reporter: Reporter = Arc::new(move |report| inbox.lock().unwrap().push(report));
        Run {
            seats: seats(&plan, &network, &gauges, &reporter),
            reports,
            checks: Vec::new(),
            untold: None,
            gauges,
            clients: (0..plan.clients).map(|index| Client::new(index, plan.operations)).collect(),
            oracle,
            dice: Dice::new(plan.seed ^ 2),
            mover: Dice::new(plan.seed ^ 7),
            moves_left: 100,
            trace: Trace::new(aloud),
            steps: 0,
            network,
            plan,
        }
    }

    /// Runs to the end; panics where anything does not hold.
    pub fn go(mut self) -> Outcome {
        if self.plan.realm.has_users() {
            self.trace.tell(0, &format!("{:#?}", self.plan.realm));
        }
        if !self.until_settled("the workload") {
            return self.shut_down();
        }
        self.end_reload();
        for stage in ["a PING of each", "another PING of each"] {
            self.with_clients(|client, world| client.ping(world));
            if !self.until_settled(stage) {
                return self.shut_down();
            }
        }
        self.oracle.settle();
        self.check_users();
        if self.plan.shutdown == Shutdown::Late {
            return self.shut_down();
        }
        self.say_goodbye();
        self.outcome()
    }

    fn outcome(&self) -> Outcome {
        Outcome {
            trace: self.trace,
            steps: self.steps,
            published: self.oracle.publications.len(),
            delivered: self.oracle.subs.iter().map(|sub| sub.delivered).sum(),
        }
    }

    /// Goes on until all clients have what they wait for; answers whether they got so far before shutdown.
    fn until_settled(&mut self, what: &str) -> bool {
        let deadline = self.network.borrow().now + PATIENCE;
        while !self.clients.iter().all(Client::is_settled) {
            if matches!(self.plan.shutdown, Shutdown::After(steps) if steps < self.steps) {
                return false;
            }
            let going = self.step();
            let late = self.network.borrow().now > deadline;
            assert!(
                going && !late,
                "violation: {what} never ends ({going} {late} {}): {}",
                self.network.borrow().now,
                self.describe()
            );
        }
        true
    }

    /// Every client leaves, and nothing may be left of any.
    fn say_goodbye(&mut self) {
        self.with_clients(|client, world| match world.dice.below(3) {
            0 => client.finish(world),
            1 => client.vanish(world, false),
            _ => client.vanish(world, true),
        });
        let mut asks = true;
        while self.step() {
            if asks && self.is_deserted() {
                asks = false;
                let waits = self.seats.iter_mut().any(|seat| seat.awaits_for_clients());
                // What one that moves has asked for is awaited where it was, until its threshold.
                let waits = waits && self.plan.moves == 0;
                assert!(!waits, "violation: responses are awaited for clients that are gone");
            }
        }
        assert!(self.clients.iter().all(|client| client.live.is_none()), "violation: a client is not let go");
        let network = self.network.borrow();
        for wire in network.wires() {
            assert!(network.is_dropped(wire), "violation: connection {wire} is never closed");
        }
        for (index, seat) in self.seats.iter_mut().enumerate() {
            seat.check_bare(&network, index);
        }
        assert_eq!(self.gauges.clients_total(), 0, "violation: clients are counted that are gone");
        let counts = self.plan.realm.clients.iter().map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counts.sum::<usize>(), 0, "violation: clients of accounts are counted that are gone");
    }

    /// Every client has left, and every shard knows.
    fn is_deserted(&mut self) -> bool {
        let network = self.network.borrow();
        let gone = self.clients.iter().all(|client| client.live.is_none());
        let dropped = gone && network.wires().all(|wire| network.is_dropped(wire));
        drop(network);
        dropped && self.seats.iter_mut().all(|seat| seat.is_quiet())
    }

    /// Every shard is told to shut down, one after the other, which it must.
    fn shut_down(&mut self) -> Outcome {
        self.oracle.may_cut = true;
        self.plan.reload = None;
        self.clients.iter_mut().for_each(|client| client.operations_left = 0);
        for index in 0..self.seats.len() {
            self.seats[index].order(Order::Shutdown);
            for _ in 0..self.dice.below(40) {
                self.step();
            }
        }
        while self.step() {}
        assert!(self.seats.iter().all(|seat| seat.has_ended), "violation: a shard does not end");
        self.network.borrow_mut().exit();
        while self.step() {}
        assert!(self.clients.iter().all(|client| client.live.is_none()), "violation: a client is not let go");
        self.outcome()
    }

    pub(super) fn with_clients(&mut self, mut act: impl FnMut(&mut Client, &mut World<'_>)) {
        let Run { network, oracle, dice, trace, plan, clients, .. } = self;
        let network = &mut network.borrow_mut();
        for client in clients {
            act(client, &mut World { network, oracle, dice, trace, plan });
        }
    }

    /// Lets one thing happen; answers whether anything could.
    pub(super) fn step(&mut self) -> bool {
        self.steps += 1;
        self.tell_checked();
        self.reload();
        self.relocate();
        assert!(self.steps < STEPS_MAX, "violation: it goes on for ever: {}", self.describe());
        let Some(actor) = self.choose() else { return self.let_time_pass() };
        match actor {
            Actor::Shard(index) => {
                let network = &self.network;
                self.seats[index].step(network, index);
                if self.dice.chance(self.plan.hold) {
                    mark!("shard held");
                    let hold = self.dice.moment_between(0, self.plan.hold_max);
                    self.seats[index].held_until = self.network.borrow().now + hold;
                }
            }
            Actor::Wire(wire) => self.network.borrow_mut().move_on(wire),
            Actor::Reader(index) => self.with_client(index, |client, world| client.read(world)),
            Actor::Writer(index) => self.with_client(index, workload::act),
        }
        let mut network = self.network.borrow_mut();
        network.now += self.dice.moment_between(0, self.plan.step_max);
        self.oracle.look_at(&network);
        true
    }

    fn with_client(&mut self, index: usize, act: impl FnOnce(&mut Client, &mut World<'_>)) {
        let Run { network, oracle, dice, trace, plan, clients, .. } = self;
        let network = &mut network.borrow_mut();
        act(&mut clients[index], &mut World { network, oracle, dice, trace, plan });
    }

    fn choose(&mut self) -> Option<Actor> {
        let network = self.network.borrow();
        let [shard, wire, client] = self.plan.weights;
        let seats = self.seats.iter().enumerate();
        let shards = seats.filter(|(index, seat)| seat.can_step(&network, *index));
        let shards = shards.map(|(index, _)| (Actor::Shard(index), shard));
        let wires = network.wires().filter(|wire| network.can_move(*wire));
        let wires = wires.map(|id| (Actor::Wire(id), wire));
        let clients = self.clients.iter();
        let readers = clients.clone().filter(|client| client.can_read(&network));
        let readers = readers.map(|reader| (Actor::Reader(reader.index), client));
        let writers = clients.filter(|client| client.can_write(&network));
        let writers = writers.map(|writer| (Actor::Writer(writer.index), client));
        let actors: Vec<(Actor, usize)> = shards.chain(wires).chain(readers).chain(writers).collect();
        let weight: usize = actors.iter().map(|(_, weight)| weight).sum();
        if weight == 0 {
            return None;
        }
        let mut dice = self.dice.below(weight);
        for (actor, weight) in actors {
            if dice < weight {
                return Some(actor);
            }
            dice -= weight;
        }
        unreachable!("the dice is below the weight")
    }

    /// Nothing can happen now: the clock jumps to the next moment at which something can.
    fn let_time_pass(&mut self) -> bool {
        let mut network = self.network.borrow_mut();
        let now = network.now;
        let seats = self.seats.iter().filter_map(|seat| seat.next_at(now));
        let clients = self.clients.iter().filter_map(|client| client.next_at(now));
        let checks = self.checks.iter().map(|(at, _)| *at).filter(|at| *at > now);
        let next = seats.chain(clients).chain(checks).chain(network.next_arrival()).min();
        if let Some(next) = next {
            mark!("time jumps");
            network.now = next;
            self.oracle.now = next;
        }
        next.is_some()
    }

    fn describe(&self) -> String {
        let waiting = self.clients.iter().filter(|client| !client.is_settled());
        let waiting = waiting.map(|client| {
            let live = client.live.as_ref();
            let live =
                live.map(|live| (live.id, live.wire, live.mode, live.expects.iter().take(3).collect()));
            let live: Option<(_, _, _, Vec<_>)> = live;
            format!("client {} with {} to do, {live:?}", client.index, client.operations_left)
        });
        let now = self.network.borrow().now;
        let seats = self.seats.iter().map(|seat| seat.describe(now));
        waiting.chain(seats).collect::<Vec<_>>().join("; ")
    }
}
