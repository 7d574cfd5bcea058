//! The `remotes` of leaf nodes: servers that are called. Source: nats-server `opts.go:parseRemoteLeafNodes`.

use std::collections::BTreeSet;

use super::super::field::{Field, quoted};
use super::super::problem::{Position, Problem};
use super::super::report::Report;
use super::super::tree::{Node, Value};
use super::super::url::Url;
use super::leafnodes::LeafNodes;
use super::{Key, checked, leaf_proxy, permissions, tls};

/// What of one remote bears on other keys.
#[derive(Default)]
pub struct Remote {
    pub urls: Vec<Url>,
    /// Where the URLs stand.
    urls_at: Option<Position>,
    account: String,
    credentials: String,
    nkey: String,
    pub has_tls: bool,
    disabled: bool,
    proxy: Option<leaf_proxy::Proxy>,
}

const KEYS: &[Key<Remote>] = &[
    Key { names: &["no_randomize", "dont_randomize"], read: checked::boolean },
    Key { names: &["url", "urls"], read: urls },
    Key {
        names: &["account", "local"],
        read: |field, remote, report| {
            field.string(report).unwrap_or_default().clone_into(&mut remote.account)
        },
    },
    Key { names: &["creds", "credentials"], read: credentials },
    Key { names: &["nkey", "seed"], read: nkey },
    Key {
        names: &["tls"],
        read: |field, remote, report| remote.has_tls = tls::read(field, tls::Peers::Any, report).is_some(),
    },
    Key { names: &["hub"], read: checked::boolean },
    Key { names: &["deny_imports", "deny_import"], read: denied },
    Key { names: &["deny_exports", "deny_export"], read: denied },
    Key {
        names: &["ws_compress", "ws_compression", "websocket_compress", "websocket_compression"],
        read: checked::boolean,
    },
    Key { names: &["ws_no_masking", "websocket_no_masking"], read: checked::boolean },
    Key { names: &["jetstream_cluster_migrate", "js_cluster_migrate"], read: migrate },
    Key { names: &["isolate_leafnode_interest", "isolate"], read: checked::boolean },
    Key { names: &["request_isolation"], read: checked::boolean },
    Key { names: &["compression"], read: checked::compression },
    Key {
        names: &["first_info_timeout"],
        read: |field, _, report| {
            field.duration(field.key, report);
        },
    },
    Key {
        names: &["dial_timeout"],
        read: |field, _, report| {
            field.duration(field.key, report);
        },
    },
    Key {
        names: &["disabled"],
        read: |field, remote, report| remote.disabled = field.boolean(report).unwrap_or_default(),
    },
    Key { names: &["proxy"], read: |field, remote, report| remote.proxy = leaf_proxy::read(field, report) },
    Key { names: &["ignore_discovered_servers"], read: checked::boolean },
];

pub fn read(field: &Field<'_>, block: &mut LeafNodes, report: &mut Report) {
    let Value::Array(nodes) = &field.node.value else {
        let found = field.node.value.type_name();
        return report.refuse(field.at(), format!("Expected remotes field to be an array, got {found}"));
    };
    let mut names = BTreeSet::new();
    for node in nodes.iter() {
        let Value::Map(map) = &node.value else {
            let shown = node.value.shown();
            let said = format!("Expected remote leafnode entry to be a map/struct, got {shown}");
            report.refuse(&node.at, said);
            continue;
        };
        let mut remote = Remote::default();
        super::read(map, KEYS, &mut remote, report);
        if let Some(proxy) = &remote.proxy
            && let Err(said) = proxy.check(&remote)
        {
            report.refuse(&proxy.at, said);
            continue;
        }
        block.calls |= !remote.disabled;
        if !names.insert(remote.name(Url::whole, &remote.nkey)) {
            remote.refuse_twice(node, report);
        }
    }
}

impl Remote {
    /// By which remotes are told apart. Source: nats-server `opts.go:generateRemoteLeafOptsName`.
    fn name(&self, shown: fn(&Url) -> String, nkey: &str) -> String {
        let urls: Vec<String> = self.urls.iter().map(|url| quoted(&shown(url))).collect();
        let account = if self.account.is_empty() { "$G" } else { &self.account };
        let mut name = format!("urls=[{}], account={}", urls.join(" "), quoted(account));
        if !self.credentials.is_empty() {
            name.push_str(&format!(", credentials={}", quoted(&self.credentials)));
        } else if !nkey.is_empty() {
            name.push_str(&format!(", nkey={}", quoted(nkey)));
        }
        name
    }

    fn refuse_twice(&self, node: &Node, report: &mut Report) {
        let nkey = if self.nkey.is_empty() { "" } else { "[REDACTED]" };
        let said = format!("duplicate remote {}", self.name(Url::redacted, nkey));
        report.refuse(self.urls_at.as_ref().unwrap_or(&node.at), said);
    }
}

fn urls(field: &Field<'_>, remote: &mut Remote, report: &mut Report) {
    remote.urls_at = Some(field.at().clone());
    match &field.node.value {
        Value::Array(_) => remote.urls = checked::urls(field, "leafnode", report),
        Value::String(_) => remote.urls.extend(checked::url(field, "leafnode", report)),
        other => {
            let shown = other.shown();
            let said = format!("Expected remote leafnode url to be an array or string, got {shown}");
            report.refuse(field.at(), said);
        }
    }
}

const BOTH: &str = "Remote leafnode can not have both creds and nkey defined";

fn credentials(field: &Field<'_>, remote: &mut Remote, report: &mut Report) {
    field.string(report).unwrap_or_default().clone_into(&mut remote.credentials);
    if !remote.nkey.is_empty() {
        report.refuse(field.at(), BOTH);
    }
}

fn nkey(field: &Field<'_>, remote: &mut Remote, report: &mut Report) {
    let Some(seed) = field.string(report) else { return };
    if !(seed.starts_with("SU") && nkeys::KeyPair::from_seed(seed).is_ok()) {
        let shown = quoted(seed);
        return report.refuse(field.at(), format!("Remote leafnode nkey is not a valid seed: {shown}"));
    }
    seed.clone_into(&mut remote.nkey);
    if !remote.credentials.is_empty() {
        report.refuse(field.at(), BOTH);
    }
}

fn denied(field: &Field<'_>, _: &mut Remote, report: &mut Report) {
    permissions::subjects(field.node, Some(field.at()), false, report);
}

/// On or off, or a map, of which one key is looked at.
fn migrate(field: &Field<'_>, _: &mut Remote, report: &mut Report) {
    match &field.node.value {
        Value::Bool(_) => {}
        Value::Map(map) => {
            let key = "leader_migrate_delay";
            if let Some(node) = map.get(key) {
                let delay = Field { key, node, blamed: Some(field.at()) };
                delay.duration("leader_migrate_delay", report);
            }
        }
        other => {
            let found = other.type_name();
            let said = format!("Expected boolean or map for jetstream_cluster_migrate, got {found}");
            // nats-server has lost the place by then.
            report.problems.push(Problem::whole(said));
        }
    }
}
