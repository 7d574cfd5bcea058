//! Messages of one account for subscriptions of others, which import its stream.

use super::core::Core;
use super::desk::Delivery;
use super::publish::Passage;
use crate::account::shadows::Shadow;
use crate::interest::Target;

/// Gives the message under way to those whose shadows it met, each under the subject its account knows it by.
/// Answers whether it was taken. Source: nats-server `client.go:processMsgResults`.
pub fn deliver(core: &mut Core, passage: &mut Passage<'_>) -> bool {
    let met = std::mem::take(&mut core.desk.shadowed);
    let mut renamed = core.take_scratch();
    let mut delivered = false;
    for shadow in &met {
        let Shadow { importer, ref snapshot, import, master, owner, .. } = *core.desk.shadows.get(*shadow);
        let Delivery { subject, reply_len, header_len, tail, payload_len, tracing, .. } = passage.delivery;
        let account = &mut core.accounts[importer as usize];
        renamed.clear();
        snapshot.stream_imports[import as usize].rename(subject, &mut renamed);
        let mut delivery = Delivery {
            subject: &renamed,
            reply_len,
            header_len,
            tail,
            payload_len,
            from: passage.delivery.from,
            no_echo: passage.delivery.no_echo,
            is_imported: true,
            tracing,
            shared: passage.delivery.shared.take(),
        };
        let table = &mut account.interest.table;
        delivered |= core.desk.deliver(importer, table, Target { sub: master, owner }, &mut delivery);
        passage.delivery.shared = delivery.shared;
    }
    core.put_scratch(renamed);
    core.desk.shadowed = met;
    core.desk.shadowed.clear();
    delivered
}
