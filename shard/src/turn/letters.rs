//! Letters from other shards.

use super::core::Core;
use super::{moves, operations, publish, responders, transit};
use crate::driver::Driver;
use crate::ring::letter::{Letter, unpack_oversize};
use crate::shard_set::ShardId;

/// Serves all letters that had come when it looked, of every shard, before any input of clients that came
/// with or after them: what a client may know of, this shard knows too.
pub fn drain(core: &mut Core, driver: &mut impl Driver) {
    let mut inbound = core.mesh.take_inbound();
    for from in &mut inbound {
        from.letters.observe();
    }
    for from in &mut inbound {
        while let Some(bytes) = from.letters.pop() {
            match unpack_oversize(bytes) {
                None => serve(core, driver, from.from, Letter::read(bytes)),
                Some(letter) => serve(core, driver, from.from, Letter::read(&letter)),
            }
        }
        from.letters.release();
    }
    core.mesh.put_inbound(inbound);
}

fn serve(core: &mut Core, driver: &mut impl Driver, from: ShardId, letter: Letter<'_>) {
    match letter {
        Letter::Message(message) => {
            publish::receive(core, from, &message);
            if !core.desk.spent.is_empty() {
                publish::retire_spent(core);
            }
        }
        Letter::Interest { account, change } => {
            core.account_mut(account).interest.set_remote(from, &change);
        }
        Letter::Barrier { slot } => core.mesh.send(from, Letter::BarrierDone { slot }),
        Letter::BarrierDone { slot } => operations::barrier_done(core, slot, from),
        Letter::NoResponder { slot, request, subject, reply } => {
            responders::goes_on(core, slot, request, 0, subject, reply);
        }
        Letter::Stall { slot } => publish::stall(core, slot),
        Letter::Transfer(transfer) => transit::serve(core, driver, from, *transfer),
        Letter::Extra { account, shard, subject, queue, add } => {
            if shard != core.mesh.me() {
                core.account_mut(account).interest.add_extra(shard, subject, queue, add);
            }
        }
        Letter::Switched { slot } => transit::switched(core, driver, from, slot),
        Letter::Handover(handover) => moves::adopt(core, driver, *handover),
    }
}
