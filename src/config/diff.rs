//! What a reload changes, and what it may not. Source: nats-server `reload.go:diffOptions`.

use std::sync::Arc;

use shard::session::admission::{ConnectionTypes, Secret};
use shard::session::permissions::Rules;

use super::field::shown_duration;
use super::options::{Account, Options, SYSTEM_ACCOUNT, User};

/// What differs between the options of a running server and new ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// A line each for the log, in nats-server's words.
    pub said: Vec<String>,
    /// The log must be set up anew.
    pub log: bool,
    pub max_connections: bool,
    pub pid_file: bool,
    pub ports_file_dir: bool,
}

/// How an option may change.
enum Rule {
    /// Said with its new value.
    Value(fn(&Options) -> String),
    /// Said without it.
    Named,
    /// Said in words of its own.
    Worded(fn(&Options) -> String),
    /// Not said.
    Silent,
    /// Refused; the name nats-server's message has for it, and the value to show.
    Fixed(fn(&Options) -> String),
}

struct Row {
    name: &'static str,
    same: fn(&Options, &Options) -> bool,
    rule: Rule,
}

macro_rules! row {
    ($name:literal, $($field:ident).+, $rule:expr) => {
        Row { name: $name, same: |one, other| one.$($field).+ == other.$($field).+, rule: $rule }
    };
}

macro_rules! shown {
    ($($field:ident).+) => {
        Rule::Value(|options| format!("{:?}", options.$($field).+))
    };
}

macro_rules! fixed {
    ($($field:ident).+) => {
        Rule::Fixed(|options| format!("{:?}", options.$($field).+))
    };
}

/// Every option there is: one that is missing here could change without anybody noticing, so the test below
/// counts them.
const ROWS: &[Row] = &[
    row!("digest", source, Rule::Silent),
    row!("trace_verbose", tracing.verbose, shown!(tracing.verbose)),
    row!("trace_headers", tracing.headers_only, shown!(tracing.headers_only)),
    row!("trace", tracing.trace, shown!(tracing.trace)),
    row!("debug", tracing.debug, shown!(tracing.debug)),
    row!("max_traced_msg_len", tracing.max_traced_msg_len, shown!(tracing.max_traced_msg_len)),
    row!("logtime", log_time, shown!(log_time)),
    row!("logtime_utc", log_utc, shown!(log_utc)),
    row!(
        "log_file",
        log_file,
        Rule::Value(|options| options
            .log_file
            .as_ref()
            .map_or_else(String::new, |file| file.display().to_string()))
    ),
    row!("LogSizeLimit", log_size_limit, fixed!(log_size_limit)),
    row!("LogMaxFiles", log_max_num, fixed!(log_max_num)),
    row!("syslog", syslog.local, shown!(syslog.local)),
    row!(
        "remote_syslog",
        syslog.remote,
        Rule::Value(|options| options.syslog.remote.clone().unwrap_or_default())
    ),
    row!("connect_error_reports", connect_error_reports, shown!(connect_error_reports)),
    row!("reconnect_error_reports", reconnect_error_reports, shown!(reconnect_error_reports)),
    row!("authorization username", authorization.user, Rule::Named),
    row!("authorization password", authorization.password, Rule::Named),
    row!("authorization token", authorization.token, Rule::Named),
    row!("authorization block", authorization.is_given, Rule::Silent),
    Row { name: "authorization users", same: |old, new| same_users(old, new, false), rule: Rule::Named },
    Row { name: "authorization nkey users", same: |old, new| same_users(old, new, true), rule: Rule::Named },
    Row { name: "accounts", same: same_accounts, rule: Rule::Named },
    Row {
        name: "NoAuthUser",
        same: same_no_auth_user,
        rule: Rule::Fixed(|options| options.no_auth_user.clone().unwrap_or_default()),
    },
    Row {
        name: "SystemAccount",
        same: same_system_account,
        rule: Rule::Fixed(|options| options.system_account().unwrap_or_default().to_owned()),
    },
    row!("NoSystemAccount", no_system_account, fixed!(no_system_account)),
    row!(
        "authorization timeout",
        limits.auth_timeout,
        Rule::Value(|options| options.limits.auth_timeout.as_secs_f64().to_string())
    ),
    row!("tags", tags, Rule::Named),
    row!("metadata", metadata, Rule::Named),
    row!(
        "max_connections",
        limits.max_connections,
        // nats-server keeps 0 as -1.
        Rule::Value(|options| match options.limits.max_connections {
            0 => "-1".to_owned(),
            max => max.to_string(),
        })
    ),
    row!(
        "pid_file",
        pid_file,
        Rule::Value(|options| options
            .pid_file
            .as_ref()
            .map_or_else(String::new, |file| file.display().to_string()))
    ),
    row!(
        "ports_file_dir",
        ports_file_dir,
        Rule::Value(|options| options
            .ports_file_dir
            .as_ref()
            .map_or_else(String::new, |dir| dir.display().to_string()))
    ),
    row!("max_control_line", limits.max_control_line, shown!(limits.max_control_line)),
    row!("max_payload", limits.max_payload, shown!(limits.max_payload)),
    row!(
        "ping_interval",
        limits.ping_interval,
        Rule::Value(|options| shown_duration(options.limits.ping_interval))
    ),
    row!("ping_max", limits.ping_max, shown!(limits.ping_max)),
    row!(
        "write_deadline",
        limits.write_deadline,
        Rule::Value(|options| shown_duration(options.limits.write_deadline))
    ),
    row!(
        "no_fast_producer_stall",
        stall_fast_producers,
        Rule::Worded(|options| {
            let not = if options.stall_fast_producers { "" } else { "not " };
            format!("fast producers will {not}be stalled")
        })
    ),
    row!("Host", host, Rule::Fixed(|options| options.host.clone())),
    row!("Port", port, Rule::Fixed(|options| options.port.unwrap_or_default().to_string())),
    row!("ServerName", name, Rule::Fixed(|options| options.name.clone().unwrap_or_default())),
    row!("NoHeaderSupport", headers, Rule::Fixed(|options| (!options.headers).to_string())),
    row!("MaxSubs", limits.max_subscriptions, fixed!(limits.max_subscriptions)),
    row!("MaxSubTokens", limits.max_subscription_tokens, fixed!(limits.max_subscription_tokens)),
    row!("MaxPending", limits.max_pending, fixed!(limits.max_pending)),
    row!("MaxClosedClients", max_closed_clients, fixed!(max_closed_clients)),
    row!(
        "LameDuckDuration",
        lame_duck_duration,
        Rule::Fixed(|options| shown_duration(options.lame_duck_duration))
    ),
    row!(
        "LameDuckGracePeriod",
        lame_duck_grace_period,
        Rule::Fixed(|options| shown_duration(options.lame_duck_grace_period))
    ),
    row!("HTTPHost", http_host, Rule::Fixed(|options| options.http_host.clone())),
    row!("HTTPPort", http_port, fixed!(http_port)),
    row!("HTTPBasePath", http_base_path, Rule::Fixed(|options| options.http_base_path.clone())),
    row!("shards", shards, fixed!(shards)),
    row!("cpus", cpus, fixed!(cpus)),
    row!("driver", driver, fixed!(driver)),
    row!("placement", placement, fixed!(placement)),
];

/// Compares; the error is why the new options cannot be had while running.
pub fn diff(old: &Options, new: &Options) -> Result<Changes, String> {
    let mut changes = Changes::default();
    for Row { name, same, rule } in ROWS {
        if same(old, new) {
            continue;
        }
        match rule {
            Rule::Fixed(show) => {
                let (old, new) = (show(old), show(new));
                return Err(format!("config reload not supported for {name}: old={old}, new={new}"));
            }
            Rule::Value(show) => changes.said.push(format!("Reloaded: {name} = {}", show(new))),
            Rule::Worded(word) => changes.said.push(format!("Reloaded: {}", word(new))),
            Rule::Named => changes.said.push(format!("Reloaded: {name}")),
            Rule::Silent => {}
        }
    }
    changes.log = old.tracing != new.tracing
        || old.log_file != new.log_file
        || (old.log_time, old.log_utc) != (new.log_time, new.log_utc)
        || old.syslog != new.syslog;
    changes.max_connections = old.limits.max_connections != new.limits.max_connections;
    changes.pid_file = old.pid_file != new.pid_file;
    changes.ports_file_dir = old.ports_file_dir != new.ports_file_dir;
    Ok(changes)
}

/// nats-server has lists for names and for keys.
fn same_users(old: &Options, new: &Options, keys: bool) -> bool {
    said_of_users(old, keys) == said_of_users(new, keys)
}

type Said<'a> = (Option<&'a str>, &'a str, Option<&'a Secret>, Option<&'a Arc<Rules>>, ConnectionTypes);

/// All of it, default permissions included.
fn said_of_users(options: &Options, keys: bool) -> Vec<Said<'_>> {
    let users = options.users().filter(|(_, user, _)| user.password.is_none() == keys);
    let said = users.map(|(account, user, rules)| {
        let User { name, password, permissions: _, allowed } = user;
        (account, name.as_str(), password.as_ref(), rules, *allowed)
    });
    said.collect()
}

/// Apart from users and their permissions.
fn same_accounts(old: &Options, new: &Options) -> bool {
    let same = |(old, new): (&Account, &Account)| {
        let Account { name, users: _, default_permissions: _, limits, exports, imports, mappings } = old;
        let of_new = (&new.name, &new.limits, &new.exports, &new.imports, &new.mappings);
        (name, limits, exports, imports, mappings) == of_new
    };
    old.mappings == new.mappings
        && old.accounts.len() == new.accounts.len()
        && old.accounts.iter().zip(new.accounts.iter()).all(same)
}

/// It may go together with the user of that name.
fn same_no_auth_user(old: &Options, new: &Options) -> bool {
    match (&old.no_auth_user, &new.no_auth_user) {
        (Some(old), None) => !new.users().any(|(_, user, _)| user.password.is_some() && user.name == *old),
        (old, new) => old == new,
    }
}

/// To name the usual one, or not to, is the same.
fn same_system_account(old: &Options, new: &Options) -> bool {
    let new = new.system_account.as_deref();
    old.system_account() == new
        || old.system_account.as_deref() == new
        || (old.system_account() == Some(SYSTEM_ACCOUNT) && new.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn says_what_changes() {
        let old = Options::default();
        let mut new = old.clone();
        assert_eq!(diff(&old, &new), Ok(Changes::default()));
        new.tracing.debug = true;
        new.authorization.password = Some("hidden".to_owned());
        new.limits.max_connections = 0;
        new.limits.ping_interval = Duration::from_secs(90);
        let changes = diff(&old, &new).unwrap();
        let want = [
            "Reloaded: debug = true",
            "Reloaded: authorization password",
            "Reloaded: max_connections = -1",
            "Reloaded: ping_interval = 1m30s",
        ];
        assert_eq!(changes.said, want);
        assert!(changes.log && changes.max_connections && !changes.pid_file);
    }

    #[test]
    fn refuses_what_cannot_change() {
        let old = Options::default();
        let new = Options { host: "127.0.0.1".to_owned(), ..old.clone() };
        let error = diff(&old, &new).unwrap_err();
        assert_eq!(error, "config reload not supported for Host: old=0.0.0.0, new=127.0.0.1");
    }

    /// Options of a text.
    fn read(text: &str) -> Options {
        let map = crate::config::parse_text(text, "test.conf", &|_| None).expect("it is read");
        let mut options = Options::default();
        let report = crate::config::read(&map, &mut options);
        assert!(report.is_clean(), "{report}");
        options
    }

    const BASE: &str = "accounts { A { users: [{user: a, password: p}] }, SYS {} }\nsystem_account: SYS\n";

    #[test]
    fn says_what_changes_in_accounts() {
        const KEY: &str = "UC6NLCN7AS34YOJVCYD4PJ3QB7QGLYG5B5IMBT25VW5K4TNUJODM7BOX";
        let users = "Reloaded: authorization users";
        for (inside, said) in [
            ("users: [{user: a, password: p}]", vec![]),
            ("users: [{user: a, password: x}]", vec![users]),
            ("users: [{user: a, password: p, permissions: {publish: x}}]", vec![users]),
            ("users: [{user: a, password: p}], default_permissions: {publish: x}", vec![users]),
            ("users: [{user: a, password: p, allowed_connection_types: MQTT}]", vec![users]),
            (
                &format!("users: [{{user: a, password: p}}, {{nkey: {KEY}}}]"),
                vec!["Reloaded: authorization nkey users"],
            ),
            ("users: [{user: a, password: p}], mappings: {b: c}", vec!["Reloaded: accounts"]),
            ("users: [{user: a, password: p}], exports: [{stream: b}]", vec!["Reloaded: accounts"]),
            ("users: [{user: a, password: p}], limits: {max_conn: 1}", vec!["Reloaded: accounts"]),
            ("exports: [{stream: b}]", vec![users, "Reloaded: accounts"]),
        ] {
            let new = read(&format!("accounts {{ A {{ {inside} }}, SYS {{}} }}\nsystem_account: SYS"));
            assert_eq!(
                diff(&read(BASE), &new).map(|changes| changes.said),
                Ok(said.iter().map(|said| said.to_string()).collect()),
                "{inside}"
            );
        }
        let moved = "accounts { B { users: [{user: a, password: p}] }, SYS {} }\nsystem_account: SYS";
        assert_eq!(diff(&read(BASE), &read(moved)).unwrap().said, [users, "Reloaded: accounts"]);
        let mapped = format!("{BASE}mappings: {{a: b}}");
        assert_eq!(diff(&read(BASE), &read(&mapped)).unwrap().said, ["Reloaded: accounts"]);
    }

    #[test]
    fn who_needs_no_word_and_who_is_the_system_stay() {
        let refused = |old: &str, new: &str| {
            diff(&read(old), &read(new))
                .err()
                .map(|error| error.replace("config reload not supported for ", ""))
        };
        let guest = format!("{BASE}no_auth_user: a");
        let without = "accounts { A { users: [{user: b, password: p}] }, SYS {} }\nsystem_account: SYS\n";
        assert_eq!(refused(BASE, &guest), Some("NoAuthUser: old=, new=a".to_owned()));
        assert_eq!(refused(&guest, BASE), Some("NoAuthUser: old=a, new=".to_owned()));
        assert_eq!(refused(&guest, without), None);
        let usual = "accounts { \"$SYS\": {} }";
        for (old, new, said) in [
            (usual, "debug: false", None),
            ("debug: false", usual, None),
            (BASE, usual, Some("SystemAccount: old=SYS, new=$SYS")),
            ("debug: false", BASE, Some("SystemAccount: old=, new=SYS")),
            ("debug: false", "no_system_account: true", Some("NoSystemAccount: old=false, new=true")),
        ] {
            assert_eq!(refused(old, new).as_deref(), said, "{old} {new}");
        }
    }

    /// Options that differ in anything differ in some row. Breaking an `Options` apart here makes whoever
    /// adds a field come by.
    #[test]
    fn knows_every_option() {
        let Options {
            source: _,
            host: _,
            port: _,
            name: _,
            pid_file: _,
            ports_file_dir: _,
            log_file: _,
            log_size_limit: _,
            log_max_num: _,
            log_time: _,
            log_utc: _,
            syslog: crate::config::options::Syslog { local: _, remote: _ },
            tracing:
                shard::settings::Tracing {
                    debug: _,
                    trace: _,
                    verbose: _,
                    headers_only: _,
                    max_traced_msg_len: _,
                },
            connect_error_reports: _,
            reconnect_error_reports: _,
            authorization:
                crate::config::options::Authorization {
                    is_given: _,
                    user: _,
                    password: _,
                    token: _,
                    users: _,
                    default_permissions: _,
                },
            accounts: _,
            mappings: _,
            no_auth_user: _,
            system_account: _,
            no_system_account: _,
            limits:
                shard::settings::Limits {
                    max_connections: _,
                    max_subscriptions: _,
                    max_control_line: _,
                    max_payload: _,
                    max_pending: _,
                    write_deadline: _,
                    ping_interval: _,
                    ping_max: _,
                    auth_timeout: _,
                    max_subscription_tokens: _,
                },
            headers: _,
            stall_fast_producers: _,
            max_closed_clients: _,
            lame_duck_duration: _,
            lame_duck_grace_period: _,
            http_host: _,
            http_port: _,
            http_base_path: _,
            tags: _,
            metadata: _,
            shards: _,
            cpus: _,
            driver: _,
            placement: _,
        } = Options::default();
        assert_eq!(ROWS.len(), 54);
    }
}
