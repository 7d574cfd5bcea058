//! Every account and everyone who may come in: one immutable whole, compiled on the control core, that each
//! shard is given behind an `Arc`.

use std::sync::Arc;

use super::{AccountId, GLOBAL_ACCOUNT, Snapshot};
use crate::session::admission::Admission;

/// Where it came from (configuration, JWT) is not known here.
#[derive(Debug)]
pub struct Directory {
    /// By handle. The first is `$G`. A handle keeps its name as long as the server runs.
    pub accounts: Vec<Arc<Snapshot>>,
    pub admission: Admission,
    pub system: Option<AccountId>,
}

/// The handle of `$G`.
pub const GLOBAL: AccountId = 0;

impl Directory {
    pub fn account(&self, id: AccountId) -> &Arc<Snapshot> {
        &self.accounts[id as usize]
    }
}

impl Default for Directory {
    /// `$G` alone, open to all.
    fn default() -> Directory {
        let global = Snapshot { name: GLOBAL_ACCOUNT.to_owned(), ..Snapshot::default() };
        Directory { accounts: vec![Arc::new(global)], admission: Admission::default(), system: None }
    }
}
