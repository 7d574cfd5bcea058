//! Who may come in, and as whom. Source: nats-server `auth.go:configureAuthorization`,
//! `server.go:configureAccounts`.

use std::collections::HashMap;
use std::sync::Arc;

use nkeys::KeyPair;
use shard::account::{AccountId, GLOBAL};
use shard::session::admission::{Admission, ConnectionTypes, Secret, Shared, User};
use shard::session::permissions::{Permissions, Rules};

use crate::config::{self, Options};

/// Whether all accounts there are are `$G` and the system account, and nothing is said of how to come in: then
/// everybody gets into `$G`, and only users of the system account prove who they are.
pub fn lets_everybody_in(options: &Options) -> bool {
    options.system_account().is_some()
        && options.accounts.len() == 1
        && options.no_auth_user.is_none()
        && !options.authorization.is_given
}

/// A name that no user has.
pub fn unlikely_name() -> String {
    format!("nats-{}", &KeyPair::new_user().public_key()[8..16])
}

/// `everybody` is the user that everybody is, where there is one.
pub fn compile(
    options: &Options,
    handles: &HashMap<String, AccountId>,
    everybody: Option<&str>,
) -> Admission {
    let given = &options.authorization;
    let mut entrants = Entrants::default();
    for account in options.accounts.iter() {
        let handle = handles[&account.name];
        entrants.add(&account.users, handle, account.default_permissions.as_ref());
    }
    entrants.add(given.users(), GLOBAL, given.default_permissions.as_ref());
    let mut admission = entrants.admission;
    if let Some(name) = everybody {
        let name = name.to_owned();
        let password = Some(Secret::new(&name[6..]));
        let (account, permissions, allowed) = (GLOBAL, None, ConnectionTypes::ALL);
        let user = User { name: name.clone(), password, account, permissions, allowed };
        admission.users.insert(name, Arc::new(user));
    }
    admission.has_list = !admission.users.is_empty() || !admission.nkeys.is_empty();
    admission.no_auth_user = everybody.map(str::to_owned).or_else(|| options.no_auth_user.clone());
    admission.shared = match (&given.token, &given.user) {
        (Some(token), _) => Some(Shared::Token(Secret::new(token))),
        // Beside users a name is looked for among them alone.
        (None, Some(name)) if admission.users.is_empty() => {
            let password = Secret::new(given.password.as_deref().unwrap_or_default());
            Some(Shared::User { name: name.clone(), password })
        }
        _ => None,
    };
    admission
}

/// Users so far; those of the same rules share what is compiled of them.
#[derive(Default)]
struct Entrants {
    admission: Admission,
    permissions: HashMap<*const Rules, Arc<Permissions>>,
}

impl Entrants {
    /// A user's own permissions replace the default ones whole.
    fn add(&mut self, users: &[config::User], account: AccountId, default: Option<&Arc<Rules>>) {
        for user in users {
            let rules = user.permissions.as_ref().or(default);
            let permissions = rules.map(|rules| {
                let compiled = self.permissions.entry(Arc::as_ptr(rules));
                compiled.or_insert_with(|| Arc::new(Permissions::new(Rules::clone(rules)))).clone()
            });
            let (name, allowed) = (user.name.clone(), user.allowed);
            let list = match user.password {
                Some(_) => &mut self.admission.users,
                None => &mut self.admission.nkeys,
            };
            let password = user.password.clone();
            list.insert(name.clone(), Arc::new(User { name, password, account, permissions, allowed }));
        }
    }
}
