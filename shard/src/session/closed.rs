//! Connections that have ended, as monitoring remembers them. Source: nats-server `ring.go`.

use std::collections::VecDeque;

use crate::inspection::ConnectionFigures;

/// Subscriptions remembered of one connection, and over all of a shard: nobody may fill the memory by coming
/// and going. nats-server has no such bound.
pub const CLOSED_SUBSCRIPTIONS_MAX: usize = 1024;
const LISTED_MAX: usize = 64 * 1024;

/// The last of them, oldest first.
#[derive(Default)]
pub struct ClosedConnections {
    kept: VecDeque<ConnectionFigures>,
    /// The number of the first one kept: they are numbered in the order they ended.
    first: u64,
    /// Those before this number have lost their lists.
    stripped: u64,
    /// Subscriptions in all lists.
    listed: usize,
    max: usize,
}

impl ClosedConnections {
    /// Keeps no more than this from now on.
    pub fn set_max(&mut self, max: usize) {
        self.max = max;
        self.drop_oldest();
    }

    pub fn push(&mut self, figures: ConnectionFigures) {
        self.listed += figures.listed.len();
        self.kept.push_back(figures);
        self.drop_oldest();
        while self.listed > LISTED_MAX {
            let oldest = self.stripped.max(self.first);
            self.stripped = oldest + 1;
            let Some(figures) = self.kept.get_mut((oldest - self.first) as usize) else { break };
            self.listed -= std::mem::take(&mut figures.listed).len();
        }
    }

    pub fn len(&self) -> usize {
        self.kept.len()
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The numbers of those kept.
    pub fn numbers(&self) -> std::ops::Range<u64> {
        self.first..self.first + self.kept.len() as u64
    }

    /// One by its number, unless it was forgotten.
    pub fn get(&self, number: u64) -> Option<&ConnectionFigures> {
        self.kept.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn drop_oldest(&mut self) {
        while self.kept.len() > self.max {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.listed -= oldest.listed.len();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspection::SubscriptionFigures;
    use crate::session::Connection;

    fn figures(cid: u64, subscriptions: usize) -> ConnectionFigures {
        let subscription = SubscriptionFigures {
            account: "$G".into(),
            subject: b"a".as_slice().into(),
            queue: None,
            sid: b"1".as_slice().into(),
            delivered: 0,
            max: 0,
            cid,
        };
        let connection = Connection::new(cid, "127.0.0.1:1".parse().unwrap(), 0, 0);
        ConnectionFigures { listed: vec![subscription; subscriptions], ..connection.figures("$G") }
    }

    #[test]
    fn the_last_are_kept_by_number() {
        let mut closed = ClosedConnections::default();
        closed.set_max(3);
        (1..=5).for_each(|cid| closed.push(figures(cid, 0)));
        assert_eq!(closed.numbers(), 2..5);
        assert!(closed.get(1).is_none() && closed.get(5).is_none());
        assert_eq!(closed.get(2).unwrap().measures.cid, 3);
        closed.set_max(0);
        assert!(closed.is_empty() && closed.get(4).is_none());
        closed.push(figures(6, 1));
        assert!(closed.is_empty() && closed.listed == 0);
    }

    #[test]
    fn lists_have_a_bound_over_all() {
        let mut closed = ClosedConnections::default();
        closed.set_max(1000);
        (0..100).for_each(|cid| closed.push(figures(cid, CLOSED_SUBSCRIPTIONS_MAX)));
        assert_eq!((closed.len(), closed.listed), (100, LISTED_MAX));
        assert!(closed.get(35).unwrap().listed.is_empty());
        assert_eq!(closed.get(36).unwrap().listed.len(), CLOSED_SUBSCRIPTIONS_MAX);
        closed.set_max(10);
        assert_eq!(closed.listed, 10 * CLOSED_SUBSCRIPTIONS_MAX);
    }
}
