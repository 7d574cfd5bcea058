//! Options → the directory of accounts and users that every shard is given.
//!
//! ```text
//! Options → Registry::compile → Directory: snapshots by handle, admission, the system account
//! ```

mod admission;
mod borders;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use shard::account::mapping::Mappings;
use shard::account::snapshot::Home;
use shard::account::{AccountId, Directory, GLOBAL, GLOBAL_ACCOUNT, Snapshot};

use crate::config::{Mapping, Options, SYSTEM_ACCOUNT};

/// All accounts there have been since the start. They keep their handles over reloads, and their counts of clients;
/// one that is gone keeps its place, empty.
pub struct Registry {
    handles: HashMap<String, AccountId>,
    /// By handle.
    known: Vec<Known>,
    /// Who everybody is where only the system account has users: one name for all reloads, so that nobody has to
    /// leave.
    everybody: Option<String>,
}

struct Known {
    name: String,
    clients: Arc<AtomicUsize>,
    home: Arc<Home>,
}

impl Registry {
    pub fn new() -> Registry {
        let mut registry = Registry { handles: HashMap::new(), known: Vec::new(), everybody: None };
        assert_eq!(registry.handle(GLOBAL_ACCOUNT), GLOBAL);
        registry
    }

    /// Compiles options in which nothing was found to be wrong. What may be wrong with them as a whole is said in
    /// nats-server's words. Source: nats-server `server.go:configureAccounts`.
    pub fn compile(&mut self, options: &Options) -> Result<Directory, String> {
        let system = system_account(options)?;
        for account in options.accounts.iter() {
            self.handle(&account.name);
        }
        let system = system.map(|name| self.handle(name));
        let mut snapshots: Vec<Snapshot> = self.known.iter().map(Known::gone).collect();
        for handle in [Some(GLOBAL), system].into_iter().flatten() {
            snapshots[handle as usize].is_gone = false;
        }
        snapshots[GLOBAL as usize].mappings = mappings(&options.mappings)?;
        for account in options.accounts.iter() {
            let snapshot = &mut snapshots[self.handles[&account.name] as usize];
            snapshot.is_gone = false;
            snapshot.limits = account.limits.clone();
            snapshot.mappings = mappings(&account.mappings)?;
        }
        borders::open(&options.accounts, &self.handles, &mut snapshots)?;
        let everybody = admission::lets_everybody_in(options).then(|| {
            let name = self.everybody.get_or_insert_with(admission::unlikely_name);
            name.as_str()
        });
        let admission = admission::compile(options, &self.handles, everybody);
        Ok(Directory { accounts: snapshots.into_iter().map(Arc::new).collect(), admission, system })
    }

    /// The account's handle, a new one where it was not heard of before.
    fn handle(&mut self, name: &str) -> AccountId {
        if let Some(handle) = self.handles.get(name) {
            return *handle;
        }
        let handle = AccountId::try_from(self.known.len()).expect("names of accounts fit into memory");
        self.known.push(Known { name: name.to_owned(), clients: Arc::default(), home: Arc::default() });
        self.handles.insert(name.to_owned(), handle);
        handle
    }
}

impl Known {
    fn gone(&self) -> Snapshot {
        let (name, clients, home) = (self.name.clone(), self.clients.clone(), self.home.clone());
        Snapshot { name, clients, home, is_gone: true, ..Snapshot::default() }
    }
}

/// Source: nats-server `server.go:configureAccounts`, `Start`.
fn system_account(options: &Options) -> Result<Option<&str>, String> {
    match options.system_account() {
        Some(name) if name == GLOBAL_ACCOUNT => Ok(Some(name)),
        Some(name) => match options.accounts.iter().any(|account| account.name == name) {
            true => Ok(Some(name)),
            false => Err("error resolving system account: account missing".to_owned()),
        },
        None => Ok((!options.no_system_account).then_some(SYSTEM_ACCOUNT)),
    }
}

fn mappings(mappings: &[Mapping]) -> Result<Mappings, String> {
    let mappings = mappings.iter().map(|mapping| (mapping.source.clone(), mapping.destinations.clone()));
    Mappings::new(mappings.collect())
}
