//! Who floods delays others by turns, not by its backlog. Turns and operations are counted, never time.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crossbeam_channel::Sender;

use crate::account::AccountId;
use crate::driver::Wait;
use crate::driver::sim::{Faults, Network, Read, Sim, WireId};
use crate::launch::{Gauges, Order};
use crate::ring::mesh::{Doorbell, meshes};
use crate::session::Connection;
use crate::settings::Settings;
use crate::turn::rotation::{QUOTAS, Quotas, Rotation};
use crate::turn::{Core, Shard};

/// Operations of one piece of a flood; pieces a client has under way at least.
const FLOOD: usize = 1000;
const UNDER_WAY: usize = 256 << 10;

/// One shard, and clients in accounts.
struct Stage {
    network: Rc<RefCell<Network>>,
    shard: Shard<Sim>,
    wires: Vec<WireId>,
    _orders: Sender<Order>,
}

impl Stage {
    fn new(accounts: &[AccountId]) -> Stage {
        let faults = Faults {
            partial: 0,
            buffers: 64,
            accept_fails: 0,
            delay: 0,
            delay_max: 0,
            window_min: 1 << 30,
            window_max: 1 << 30,
            events_max: 1024,
            prompt: false,
            lost_send: None,
        };
        let network = Rc::new(RefCell::new(Network::new(1, faults, 1)));
        let doorbells: Arc<[Doorbell]> = Arc::new([Doorbell::new(Box::new(|| ()))]);
        let mesh = meshes(doorbells, 1 << 16).remove(0);
        let settings = Arc::new(Settings { stall_fast_producers: false, ..Settings::default() });
        let core = Core::new(settings, mesh, Arc::new(Gauges::new(1)), Arc::new(|_| {}));
        let (orders, receiver) = crossbeam_channel::unbounded();
        let shard = Shard::new(core, Sim::new(network.clone(), 0), receiver);
        let mut stage = Stage { network, shard, wires: Vec::new(), _orders: orders };
        for account in accounts {
            let wire = stage.network.borrow_mut().connect();
            stage.wires.push(wire);
            stage.turn();
            stage.turn();
            stage.shard.core.account_mut(*account);
            stage.connection(wire).account = *account;
            stage.read(wire);
        }
        stage
    }

    /// The connections came one after the other.
    fn connection(&mut self, wire: WireId) -> &mut Connection {
        self.shard.core.desk.connections.at(wire)
    }

    fn write(&self, wire: WireId, bytes: &[u8]) {
        self.network.borrow_mut().write(wire, bytes);
    }

    fn read(&self, wire: WireId) -> String {
        let mut bytes = Vec::new();
        while let Read::Bytes(more) = self.network.borrow_mut().read(wire) {
            bytes.extend(more);
        }
        String::from_utf8(bytes).unwrap()
    }

    /// The network carries some of what there is, then the shard has a turn.
    fn turn(&mut self) {
        for _ in 0..8 {
            for wire in &self.wires {
                let mut network = self.network.borrow_mut();
                if network.can_move(*wire) {
                    network.move_on(*wire);
                }
            }
        }
        self.shard.turn(Wait::Poll).unwrap();
    }

    fn flood(&self, wires: &[WireId]) {
        for wire in wires {
            while self.network.borrow().under_way(*wire) < UNDER_WAY {
                self.write(*wire, &b"PUB flood 2\r\nhi\r\n".repeat(FLOOD));
            }
        }
    }

    fn published(&mut self, wires: &[WireId]) -> u64 {
        wires.iter().map(|wire| self.connection(*wire).in_messages).sum()
    }

    /// Turns until the client has read a PONG.
    fn turns_until_pong(&mut self, wire: WireId, flooding: &[WireId]) -> usize {
        let mut heard = String::new();
        for turns in 1..100 {
            self.flood(flooding);
            self.turn();
            flooding.iter().for_each(|wire| drop(self.read(*wire)));
            heard += &self.read(wire);
            if heard.contains("PONG\r\n") {
                return turns;
            }
        }
        panic!("no PONG in a hundred turns, but {heard:?}");
    }
}

#[test]
fn a_ping_waits_for_turns_not_for_a_backlog() {
    // One floods, four of its account hear it five times; one more of its account is quiet, and one of another.
    let mut stage = Stage::new(&[1, 1, 1, 1, 1, 1, 2]);
    let (flooding, sibling, quiet) = ([0], 5, 6);
    for wire in 1..5 {
        (0..5).for_each(|sid| stage.write(wire, format!("SUB flood {sid}\r\n").as_bytes()));
    }
    for _ in 0..20 {
        stage.flood(&flooding);
        stage.turn();
    }
    let more = stage.connection(0).inbox.len() + stage.network.borrow().under_way(0);
    assert!(more > 100 << 10 && stage.connection(0).in_line, "there is a backlog: {more}");
    for wire in [quiet, sibling] {
        let before = stage.published(&flooding);
        stage.write(wire, b"PING\r\n");
        // One to serve it, one for the network to carry the answer.
        assert!(stage.turns_until_pong(wire, &flooding) <= 2);
        // What is no small piece waits in line, and is next there.
        let large = [b"PUB other 2\r\nhi\r\n".repeat(100), b"PING\r\n".to_vec()].concat();
        stage.write(wire, &large);
        assert!(stage.turns_until_pong(wire, &flooding) <= 3);
        let meanwhile = stage.published(&flooding) - before;
        // At first nobody was in a hurry; of the others no turn is long.
        let turns_max = QUOTAS.flood + 4 * QUOTAS.turn;
        assert!(meanwhile > 0 && meanwhile * 21 <= turns_max, "{meanwhile}");
    }
}

#[test]
fn accounts_have_equal_shares_of_a_turn() {
    let mut stage = Stage::new(&[1, 1, 1, 1, 2]);
    let all = [0, 1, 2, 3, 4];
    // So small that what is kept of a connection lasts for many turns.
    let quotas = Quotas { turn: 400, flood: 400, account: 50, connection: 25, prompt: 25, ..QUOTAS };
    stage.shard.core.rotation = Rotation::new(quotas);
    let (mut before, mut had, mut counted) = ([0; 5], [0; 5], 0);
    for turn in 0..400 {
        stage.flood(&all);
        let work = stage.shard.core.desk.work;
        stage.turn();
        let work = stage.shard.core.desk.work - work;
        assert!(work < quotas.turn + quotas.prompt, "turn {turn}: {work}");
        let now = all.map(|wire| stage.published(&[wire]));
        let served: [u64; 5] = std::array::from_fn(|wire| now[wire] - before[wire]);
        before = now;
        // Whoever has sent nothing more for the moment leaves its share to the others.
        if all.iter().all(|wire| stage.connection(*wire).in_line) {
            let (four, one) = (served[..4].iter().sum::<u64>(), served[4]);
            assert!(four.abs_diff(one) <= 2 * quotas.account, "turn {turn}: {served:?}");
            assert!(four + one + quotas.connection >= quotas.turn, "turn {turn}: {served:?}");
            had = std::array::from_fn(|wire| had[wire] + served[wire]);
            counted += 1;
        }
    }
    assert!(counted > 200, "{counted}");
    let four: u64 = had[..4].iter().sum();
    assert!(four.abs_diff(had[4]) * 20 <= had[4], "{had:?}");
    assert!(had[..4].iter().all(|had| had.abs_diff(four / 4) * 10 <= four / 4), "{had:?}");
}

/// Input that is kept for want of quota is bounded: who floods is not read.
#[test]
fn what_waits_is_bounded() {
    let mut stage = Stage::new(&[1, 1]);
    stage.write(1, b"SUB flood 1\r\n");
    for _ in 0..50 {
        stage.flood(&[0]);
        stage.turn();
        assert!(stage.connection(0).inbox.len() <= (64 << 10) + 64 * (4 << 10));
    }
    // All of it is served in the end, and the shard sleeps.
    let written = (stage.published(&[0]) / FLOOD as u64 + 100) * FLOOD as u64;
    for _ in 0..1000 {
        stage.turn();
        stage.read(1);
    }
    assert!(stage.shard.core.rotation.is_empty() && matches!(stage.shard.patience(), Wait::Until(_)));
    let published = stage.published(&[0]);
    assert!(published.is_multiple_of(FLOOD as u64) && published <= written, "{published}");
    assert!(!stage.connection(0).receive_paused);
}
