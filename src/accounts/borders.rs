//! What accounts give to and take from each other. Source: nats-server `accounts.go:addMappedStreamImportWithClaim`,
//! `addServiceImport`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use shard::account::snapshot::Service;
use shard::account::{AccountId, ServiceImport, Snapshot, StreamImport};

use crate::config::{Account, Export};

/// Source: nats-server `const.go:DEFAULT_SERVICE_EXPORT_RESPONSE_THRESHOLD`.
const THRESHOLD: Duration = Duration::from_secs(120);

/// Fills in the imports of all snapshots, and who is whose neighbour.
pub fn open(
    accounts: &[Account],
    handles: &HashMap<String, AccountId>,
    snapshots: &mut [Snapshot],
) -> Result<(), String> {
    let mut services = Services::new(accounts, handles);
    for account in accounts {
        let importer = handles[&account.name];
        let mut imported = Vec::new();
        for import in &account.imports {
            let exporter = handles[&import.account];
            let snapshot = &mut snapshots[importer as usize];
            if import.is_service {
                let service = services.get(exporter, &import.export);
                imported.push(ServiceImport::new(service, &import.to, &import.subject, import.share)?);
            } else {
                snapshot.stream_imports.push(StreamImport::new(exporter, &import.subject, &import.to)?);
            }
            if importer != exporter {
                snapshot.neighbours.push(exporter);
                snapshots[exporter as usize].neighbours.push(importer);
            }
        }
        snapshots[importer as usize].service_imports = imported.into_iter().collect();
    }
    for snapshot in snapshots {
        snapshot.neighbours.sort_unstable();
        snapshot.neighbours.dedup();
    }
    Ok(())
}

/// Exported services by account and subject; one that nobody imports is not made.
struct Services<'a> {
    exports: HashMap<(AccountId, &'a str), &'a Export>,
    made: HashMap<(AccountId, &'a str), Arc<Service>>,
}

impl<'a> Services<'a> {
    fn new(accounts: &'a [Account], handles: &HashMap<String, AccountId>) -> Services<'a> {
        let of_account = |account: &'a Account| {
            let handle = handles[&account.name];
            let services = account.exports.iter().filter(|export| export.is_service);
            services.map(move |export| ((handle, export.subject.as_str()), export))
        };
        Services { exports: accounts.iter().flat_map(of_account).collect(), made: HashMap::new() }
    }

    /// The same one for all who import it.
    fn get(&mut self, account: AccountId, subject: &str) -> Arc<Service> {
        let export = self.exports.get(&(account, subject)).expect("an import was found to be exported");
        let make = || {
            Arc::new(Service {
                account,
                subject: export.subject.clone(),
                response: export.response,
                threshold: export.threshold.unwrap_or(THRESHOLD),
                latency: export.latency.clone(),
            })
        };
        self.made.entry((account, export.subject.as_str())).or_insert_with(make).clone()
    }
}
