//! Who is served next, and how much of it: deficit round robin over accounts, and over connections within each.
//! Pure: it knows neither what waits nor what serving it means, only what it cost.
//!
//! Costs are in *work*: one for an operation and one for each delivery it causes, and one more for each 256
//! bytes of either. See `desk::Desk::work`.

use std::collections::VecDeque;

use crate::account::AccountId;
use crate::slot::Slot;

/// Work done at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// In one turn, for all who wait in line.
    pub turn: u64,
    /// The same while nobody sends little: those who flood had better be served at length.
    pub flood: u64,
    /// For an account, before the next one's turn.
    pub account: u64,
    /// For a connection, before the next one of its account.
    pub connection: u64,
    /// For an account in one turn, in small pieces that need not wait in line.
    pub prompt: u64,
    /// Bytes of a connection that are kept before no more are received.
    pub inbox: usize,
}

/// A turn is some 0.3 ms of serving, one of floods alone four times that. A quota amortises what it costs to go from
/// one connection to the next.
pub const QUOTAS: Quotas =
    Quotas { turn: 4096, flood: 16384, account: 512, connection: 256, prompt: 256, inbox: 64 << 10 };

/// Who is to be served, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub account: AccountId,
    pub slot: Slot,
    pub quota: u64,
    /// What the connection has had beyond its quota.
    debt: u64,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<(Slot, u64)>,
    /// Work this account may cause before it is the next one's turn; below zero for a large fan-out.
    credit: i64,
    /// Work done in small pieces in the turn of that number.
    prompt: (u64, u64),
}

pub struct Rotation {
    quotas: Quotas,
    lines: Vec<Line>,
    /// Accounts with somebody in line.
    accounts: VecDeque<AccountId>,
    /// The turn in which the last small piece came.
    hurried_at: u64,
}

/// Turns after a small piece for which turns are short.
const HURRY_TURNS: u64 = 64;

impl Rotation {
    pub fn new(quotas: Quotas) -> Rotation {
        Rotation { quotas, lines: Vec::new(), accounts: VecDeque::new(), hurried_at: 0 }
    }

    /// What may be served in the turn of that number to those in line.
    pub fn turn_quota(&self, turn: u64) -> u64 {
        let is_hurried = turn < self.hurried_at + HURRY_TURNS;
        if is_hurried { self.quotas.turn } else { self.quotas.flood }
    }

    pub fn inbox_bytes_max(&self) -> usize {
        self.quotas.inbox
    }

    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// A connection that is not in line goes to the end of its account's.
    pub fn join(&mut self, account: AccountId, slot: Slot) {
        self.join_with(account, slot, 0);
    }

    fn join_with(&mut self, account: AccountId, slot: Slot, debt: u64) {
        let quota = self.quotas.account as i64;
        let line = self.line(account);
        let is_new = line.waiting.is_empty();
        line.waiting.push_back((slot, debt));
        if is_new {
            line.credit = line.credit.min(0) + quota;
            self.accounts.push_back(account);
        }
    }

    /// Takes the next one out of its line. `served` must follow.
    pub fn next(&mut self) -> Option<Share> {
        let Quotas { account: account_quota, connection: connection_quota, .. } = self.quotas;
        loop {
            let account = *self.accounts.front()?;
            let is_alone = self.accounts.len() == 1;
            let line = &mut self.lines[account as usize];
            if line.credit <= 0 {
                line.credit += account_quota as i64;
                if line.credit <= 0 && is_alone {
                    // Nobody is kept waiting by what it had.
                    line.credit = account_quota as i64;
                } else if line.credit <= 0 {
                    self.accounts.rotate_left(1);
                    continue;
                }
            }
            let is_alone = line.waiting.len() == 1;
            let (slot, debt) = line.waiting.pop_front().expect("an account in rotation has a line");
            if debt >= connection_quota && !is_alone {
                line.waiting.push_back((slot, debt - connection_quota));
                continue;
            }
            let quota = (connection_quota - debt.min(connection_quota - 1)).min(line.credit as u64);
            return Some(Share { account, slot, quota, debt });
        }
    }

    /// What it cost to serve a share, and whether the connection is to go on.
    pub fn served(&mut self, share: Share, work: u64, goes_on: bool) {
        let Share { account, slot, quota, .. } = share;
        let line = &mut self.lines[account as usize];
        line.credit -= work as i64;
        if goes_on {
            line.waiting.push_back((slot, work.saturating_sub(quota)));
        }
        if line.waiting.is_empty() {
            line.credit = line.credit.min(0);
            self.accounts.pop_front();
        } else if line.credit <= 0 {
            line.credit += self.quotas.account as i64;
            self.accounts.rotate_left(1);
        }
    }

    /// Work in small pieces that an account may still cause in this turn, out of line.
    #[inline]
    pub fn prompt_quota(&mut self, account: AccountId, turn: u64) -> u64 {
        let quota = self.quotas.prompt;
        let (last, work) = self.line(account).prompt;
        if last == turn { quota.saturating_sub(work) } else { quota }
    }

    /// What was served out of line. An account that has others in line pays for it there.
    #[inline]
    pub fn served_promptly(&mut self, account: AccountId, turn: u64, work: u64) {
        self.hurried_at = turn;
        let line = self.line(account);
        line.prompt = if line.prompt.0 == turn { (turn, line.prompt.1 + work) } else { (turn, work) };
        if !line.waiting.is_empty() {
            line.credit -= work as i64;
        }
    }

    #[inline]
    fn line(&mut self, account: AccountId) -> &mut Line {
        let index = account as usize;
        if self.lines.len() <= index {
            self.lines.resize_with(index + 1, Line::default);
        }
        &mut self.lines[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTAS: Quotas =
        Quotas { turn: 1000, flood: 2000, account: 100, connection: 50, prompt: 30, inbox: 0 };

    fn slot(index: u32) -> Slot {
        Slot { index, generation: 1 }
    }

    /// Serves so much work, each of it in operations of the cost that `cost` has for the connection; answers
    /// what each connection had. All go on for ever.
    fn serve(rotation: &mut Rotation, work: u64, cost: impl Fn(u32) -> u64) -> Vec<u64> {
        let mut had = vec![0; 16];
        while had.iter().sum::<u64>() < work {
            let share = rotation.next().expect("all go on");
            let cost = cost(share.slot.index);
            let done = share.quota.div_ceil(cost) * cost;
            had[share.slot.index as usize] += done;
            rotation.served(share, done, true);
        }
        had
    }

    fn about(had: u64, want: u64) -> bool {
        had.abs_diff(want) * 20 <= want
    }

    #[test]
    fn accounts_share_equally_whatever_their_connections_and_operations() {
        let mut rotation = Rotation::new(QUOTAS);
        (0..4).for_each(|index| rotation.join(1, slot(index)));
        rotation.join(2, slot(4));
        rotation.join(3, slot(5));
        rotation.join(3, slot(6));
        // Large fan-outs, small ones, and one of each in an account.
        let had = serve(&mut rotation, 3_000_000, |index| [3, 3, 3, 3, 7000, 900, 1][index as usize]);
        for (name, sum) in [("four", had[..4].iter().sum()), ("one", had[4]), ("two", had[5] + had[6])] {
            assert!(about(sum, 1_000_000), "{name}: {had:?}");
        }
        assert!(had[..4].iter().all(|had| about(*had, 250_000)), "{had:?}");
        assert!(about(had[5], 500_000) && about(had[6], 500_000), "{had:?}");
    }

    #[test]
    fn who_comes_is_next_but_for_those_before() {
        let mut rotation = Rotation::new(QUOTAS);
        (0..4).for_each(|index| rotation.join(1, slot(index)));
        serve(&mut rotation, 12_345, |_| 10);
        rotation.join(7, slot(9));
        let had = serve(&mut rotation, QUOTAS.account + QUOTAS.connection, |_| 10);
        assert!(had[9] > 0, "{had:?}");
    }

    #[test]
    fn one_that_waits_alone_owes_nothing() {
        let mut rotation = Rotation::new(QUOTAS);
        rotation.join(0, slot(0));
        let share = rotation.next().unwrap();
        rotation.served(share, 1 << 40, true);
        let share = rotation.next().unwrap();
        assert!(share.quota > 0 && share.slot == slot(0));
        rotation.served(share, 1, false);
        assert!(rotation.is_empty() && rotation.next().is_none());
    }

    #[test]
    fn small_pieces_out_of_line_are_bounded_and_paid_for() {
        let mut rotation = Rotation::new(QUOTAS);
        assert_eq!(rotation.prompt_quota(5, 1), 30);
        rotation.served_promptly(5, 1, 20);
        assert_eq!((rotation.prompt_quota(5, 1), rotation.prompt_quota(5, 2)), (10, 30));
        rotation.served_promptly(5, 1, 20);
        assert_eq!(rotation.prompt_quota(5, 1), 0);
        // Twice the quota of a round, which it has not in the first.
        rotation.join(5, slot(0));
        rotation.join(6, slot(1));
        rotation.served_promptly(5, 2, 200);
        let had = serve(&mut rotation, 300, |_| 10);
        assert!(had[1] >= had[0] + 100, "{had:?}");
    }
}
