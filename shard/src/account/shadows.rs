//! Subscriptions of one account that stand in another, whose stream is imported.

use std::sync::Arc;

use super::{AccountId, Snapshot};
use crate::interest::SubId;

/// What stands in the exporter's account, and for whom.
#[derive(Clone, Debug)]
pub struct Shadow {
    pub importer: AccountId,
    pub snapshot: Arc<Snapshot>,
    /// The place among the importer's stream imports.
    pub import: u32,
    pub exporter: AccountId,
    /// What stands there: a subscription in the exporter's account.
    pub sub: SubId,
    /// What it stands for: a subscription in the importer's.
    pub master: SubId,
    /// The connection both belong to.
    pub owner: u32,
    /// What it stands for is to be checked against its owner's permissions.
    pub filtered: bool,
    /// The next shadow of the same master; `interest::NONE` at the end.
    pub next: u32,
}

/// All of one shard, by handle.
#[derive(Default)]
pub struct Shadows {
    places: Vec<Option<Shadow>>,
    free: Vec<u32>,
}

impl Shadows {
    pub fn insert(&mut self, shadow: Shadow) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.places[place as usize] = Some(shadow);
                place
            }
            None => {
                self.places.push(Some(shadow));
                (self.places.len() - 1) as u32
            }
        }
    }

    pub fn remove(&mut self, place: u32) -> Shadow {
        self.free.push(place);
        self.places[place as usize].take().expect("a shadow lies here")
    }

    pub fn get(&self, place: u32) -> &Shadow {
        self.places[place as usize].as_ref().expect("a shadow lies here")
    }

    pub fn is_empty(&self) -> bool {
        self.places.len() == self.free.len()
    }
}
