//! Subjects that an account maps to others. Source: nats-server `accounts.go:selectMappedSubject`.

use std::sync::Arc;

use super::core::Core;
use crate::account::AccountId;
use crate::account::mapping::Choice;

/// What a subject is mapped to, in a buffer to be given back; empty where the message is to be lost.
pub fn map(core: &mut Core, account: AccountId, subject: &[u8]) -> Option<Vec<u8>> {
    let account = &mut core.accounts[account as usize];
    let place = account.lookup(subject).0.mapping? as usize;
    let snapshot = Arc::clone(&account.snapshot);
    let chance = &mut core.chance;
    match snapshot.mappings.choose(place, "", &mut |bound| chance.below(bound)) {
        Choice::Keep => None,
        Choice::Lost => Some(core.take_scratch()),
        Choice::To(transform) => {
            let mut mapped = core.take_scratch();
            let chance = &mut core.chance;
            transform.apply(subject, &mut |bound| chance.below(bound), &mut mapped);
            Some(mapped)
        }
    }
}
