//! Who lives where, with `placement: auto`: when a shard has much to do and another has room, an account moves
//! there, or half the connections of one that is too large for a core. Decides; moves nothing itself.

use std::time::{Duration, Instant};

use shard::account::AccountId;

/// Of a thousand parts of a shard's time: from so many on it has too much to do, if another has so many fewer.
const BUSY_MIN: u32 = 700;
const DIFFERENCE_MIN: u32 = 300;
/// What is moved must have shown its effect before anything else is.
const REST: Duration = Duration::from_secs(1);
/// What was said so long ago is not so any more.
const STALE: Duration = Duration::from_millis(600);
/// An account with less of its shard's work than this part in a hundred is not worth the trouble.
const SHARE_MIN: u64 = 5;

/// What shards have said of themselves.
pub struct Placement {
    shards: Vec<Seen>,
    decided_at: Option<Instant>,
}

#[derive(Clone, Default)]
struct Seen {
    at: Option<Instant>,
    busy: u32,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Move {
    /// All connections of the account, wherever they are, and those to come.
    Account { account: AccountId, to: usize },
    /// Half of those here; those to come go where there are fewest.
    Half { account: AccountId, from: usize, to: usize },
}

impl Placement {
    pub fn new(shards: usize) -> Placement {
        Placement { shards: vec![Seen::default(); shards], decided_at: None }
    }

    /// A shard says that it has much to do, and for whom, the most first. Answers what is to be done about it.
    pub fn hear(
        &mut self,
        shard: usize,
        busy: u32,
        accounts: &[(AccountId, u64)],
        now: Instant,
    ) -> Option<Move> {
        self.shards[shard] = Seen { at: Some(now), busy };
        let is_resting = self.decided_at.is_some_and(|at| now - at < REST);
        let (to, least) = self.idlest(now);
        let difference = busy.saturating_sub(least);
        if is_resting || busy < BUSY_MIN || difference < DIFFERENCE_MIN || to == shard {
            return None;
        }
        let total: u64 = accounts.iter().map(|(_, work)| work).sum();
        let worthy = accounts.iter().filter(|(_, work)| work * 100 >= total * SHARE_MIN);
        let worthy: Vec<(AccountId, u64)> = worthy.copied().collect();
        let wish = match worthy.as_slice() {
            [] => return None,
            [(account, _)] => Move::Half { account: *account, from: shard, to },
            several => {
                // Nearest to half the difference, so that the other does not have too much then.
                let part = |work: u64| work * u64::from(busy) / total;
                let wanted = u64::from(difference) / 2;
                let fitting = several.iter().filter(|(_, work)| part(*work) < u64::from(difference));
                let (account, _) = *fitting.min_by_key(|(_, work)| part(*work).abs_diff(wanted))?;
                Move::Account { account, to }
            }
        };
        self.decided_at = Some(now);
        Some(wish)
    }

    /// The shard that has the least to do.
    fn idlest(&self, now: Instant) -> (usize, u32) {
        let busy = |seen: &Seen| if seen.at.is_some_and(|at| now - at < STALE) { seen.busy } else { 0 };
        let shards = self.shards.iter().map(busy).enumerate();
        shards.min_by_key(|(_, busy)| *busy).expect("there is a shard")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_that_evens_most_moves_and_then_there_is_rest() {
        let now = Instant::now();
        let mut placement = Placement::new(2);
        let accounts = [(7, 60), (8, 30), (9, 9), (10, 1)];
        assert_eq!(placement.hear(0, 600, &accounts, now), None, "it has room");
        let wish = placement.hear(0, 1000, &accounts, now);
        assert_eq!(wish, Some(Move::Account { account: 7, to: 1 }));
        assert_eq!(placement.hear(0, 1000, &accounts, now + REST / 2), None, "too soon");
        let later = now + 2 * REST;
        assert_eq!(placement.hear(1, 800, &[(7, 1)], later), Some(Move::Half { account: 7, from: 1, to: 0 }));
        let later = later + 2 * REST;
        assert_eq!(placement.hear(0, 600, &accounts, later), None);
        assert_eq!(placement.hear(1, 850, &[(7, 1), (8, 1)], later), None, "no other has so much less");
    }

    #[test]
    fn one_shard_keeps_what_it_has() {
        let mut placement = Placement::new(1);
        assert_eq!(placement.hear(0, 1000, &[(0, 1)], Instant::now()), None);
    }
}
