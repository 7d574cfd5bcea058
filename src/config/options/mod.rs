//! All that a start needs to know, from flags and configuration files.

mod accounts;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shard::session::admission::Secret;
use shard::session::permissions::Rules;
use shard::settings::{DriverKind, Limits, Placement, Tracing};

pub use accounts::{Account, Export, Import, Mapping, User};

/// How clients prove who they are.
#[derive(Clone, Default, PartialEq)]
pub struct Authorization {
    /// There is such a block.
    pub is_given: bool,
    pub user: Option<String>,
    pub password: Option<String>,
    pub token: Option<String>,
    /// Users of `$G`; `None` where no list is given.
    pub users: Option<Arc<Vec<User>>>,
    /// Those of the users of this list that have none of their own.
    pub default_permissions: Option<Arc<Rules>>,
}

impl Authorization {
    /// The users of the list.
    pub fn users(&self) -> &[User] {
        self.users.as_ref().map_or(&[], |users| users)
    }
}

/// Where lines of the log go besides, or instead of, a file.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Syslog {
    pub local: bool,
    /// `udp://host:port` and the like.
    pub remote: Option<String>,
}

/// The file that options came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    pub path: PathBuf,
    /// See `digest`.
    pub digest: String,
}

#[derive(Clone, PartialEq)]
pub struct Options {
    pub source: Option<Source>,
    pub host: String,
    /// `None`: one that is free.
    pub port: Option<u16>,
    pub name: Option<String>,
    pub pid_file: Option<PathBuf>,
    pub ports_file_dir: Option<PathBuf>,

    pub log_file: Option<PathBuf>,
    /// Bytes after which the log file is rotated; 0 means never.
    pub log_size_limit: i64,
    /// Rotated files kept; 0 means all.
    pub log_max_num: i64,
    pub log_time: bool,
    pub log_utc: bool,
    pub syslog: Syslog,
    pub tracing: Tracing,
    pub connect_error_reports: i64,
    pub reconnect_error_reports: i64,

    pub authorization: Authorization,
    /// All accounts but `$G` and a system account that nothing is said of.
    pub accounts: Arc<Vec<Account>>,
    /// Those of `$G`, in the order they are looked at.
    pub mappings: Arc<Vec<Mapping>>,
    /// Who is let in without a word: a user's name, or a key.
    pub no_auth_user: Option<String>,
    pub system_account: Option<String>,
    pub no_system_account: bool,
    pub limits: Limits,
    pub headers: bool,
    pub stall_fast_producers: bool,
    /// Closed connections remembered for monitoring.
    pub max_closed_clients: usize,
    pub lame_duck_duration: Duration,
    pub lame_duck_grace_period: Duration,

    /// Where monitoring listens: an empty host is the server's own, port -1 any free one.
    pub http_host: String,
    pub http_port: i64,
    pub http_base_path: String,
    pub tags: Vec<String>,
    pub metadata: BTreeMap<String, String>,

    /// corebus's own: cores and how connections are placed on them.
    pub shards: Option<usize>,
    pub cpus: Option<Vec<usize>>,
    pub driver: Option<DriverKind>,
    pub placement: Placement,
}

/// The system account where none is named. Source: nats-server `accounts.go:DEFAULT_SYSTEM_ACCOUNT`.
pub const SYSTEM_ACCOUNT: &str = "$SYS";

impl Options {
    /// The system account that is meant: the one named, else one of the accounts that has its usual name. Source:
    /// nats-server `server.go:configureAccounts`.
    pub fn system_account(&self) -> Option<&str> {
        let usual = || self.accounts.iter().map(|account| account.name.as_str());
        self.system_account.as_deref().or_else(|| usual().find(|name| *name == SYSTEM_ACCOUNT))
    }

    /// All users with the names of their accounts (none is `$G`) and the permissions they have.
    pub fn users(&self) -> impl Iterator<Item = (Option<&str>, &User, Option<&Arc<Rules>>)> {
        let listed = self.authorization.users().iter().map(|user| {
            (None, user, user.permissions.as_ref().or(self.authorization.default_permissions.as_ref()))
        });
        let in_accounts = self.accounts.iter().flat_map(|account| {
            let default = account.default_permissions.as_ref();
            let name = Some(account.name.as_str());
            account.users.iter().map(move |user| (name, user, user.permissions.as_ref().or(default)))
        });
        listed.chain(in_accounts)
    }

    /// Whether a password or token is there to be read. Source: nats-server `auth.go:checkAuthforWarnings`.
    pub fn has_plain_password(&self) -> bool {
        let is_plain = |secret: &Secret| matches!(secret, Secret::Plain(_));
        self.authorization.password.as_ref().is_some_and(|password| is_plain(&Secret::new(password)))
            || self.users().any(|(_, user, _)| user.password.as_ref().is_some_and(is_plain))
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            source: None,
            host: "0.0.0.0".to_owned(),
            port: Some(4222),
            name: None,
            pid_file: None,
            ports_file_dir: None,
            log_file: None,
            log_size_limit: 0,
            log_max_num: 0,
            log_time: true,
            log_utc: false,
            syslog: Syslog::default(),
            tracing: Tracing::default(),
            connect_error_reports: 3600,
            reconnect_error_reports: 1,
            authorization: Authorization::default(),
            accounts: Arc::default(),
            mappings: Arc::default(),
            no_auth_user: None,
            system_account: None,
            no_system_account: false,
            limits: Limits::default(),
            headers: true,
            stall_fast_producers: true,
            max_closed_clients: 10_000,
            lame_duck_duration: Duration::from_secs(120),
            lame_duck_grace_period: Duration::from_secs(10),
            http_host: String::new(),
            http_port: 0,
            http_base_path: String::new(),
            tags: Vec::new(),
            metadata: BTreeMap::new(),
            shards: None,
            cpus: None,
            driver: None,
            placement: Placement::default(),
        }
    }
}
