//! The `tls` block, which many blocks have. Source: nats-server `opts.go:parseTLS` and `GenTLSConfig`.

use super::super::certificates;
use super::super::field::{Field, parse_duration, quoted};
use super::super::report::Report;
use super::super::tree::Value;
use super::Key;
use super::cipher_suites::{CIPHER_SUITES, CURVES, INSECURE_CIPHER_SUITES};
use super::ocsp_peer;

/// Whose connections the block is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Peers {
    /// Clients, or one server that is called.
    Any,
    /// Servers of a cluster or of gateways, whose names are known.
    Known,
}

/// What of the block bears on other keys.
pub struct Tls {
    /// Seconds.
    pub timeout: f64,
    peers: Peers,
    cert_file: String,
    key_file: String,
    ca_file: String,
    pairs: Option<Vec<(String, String)>>,
    insecure_suites: Vec<String>,
    insecure_suites_allowed: bool,
}

const KEYS: &[Key<Tls>] = &[
    Key { names: &["cert_file"], read: |field, tls, report| file(field, &mut tls.cert_file, report) },
    Key { names: &["key_file"], read: |field, tls, report| file(field, &mut tls.key_file, report) },
    Key { names: &["ca_file"], read: |field, tls, report| file(field, &mut tls.ca_file, report) },
    Key {
        names: &["insecure"],
        read: |field, _, report| {
            switch(field, report);
        },
    },
    Key {
        names: &["verify"],
        read: |field, _, report| {
            switch(field, report);
        },
    },
    Key {
        names: &["verify_and_map"],
        read: |field, _, report| {
            switch(field, report);
        },
    },
    Key { names: &["verify_cert_and_check_known_urls"], read: check_known_urls },
    Key {
        names: &["allow_insecure_cipher_suites"],
        read: |field, tls, report| tls.insecure_suites_allowed = switch(field, report).unwrap_or_default(),
    },
    Key { names: &["cipher_suites"], read: cipher_suites },
    Key { names: &["curve_preferences"], read: curve_preferences },
    Key { names: &["timeout"], read: timeout },
    Key { names: &["connection_rate_limit"], read: connection_rate_limit },
    Key { names: &["pinned_certs"], read: pinned_certs },
    Key { names: &["cert_store"], read: cert_store },
    Key { names: &["cert_match_by"], read: cert_match_by },
    Key {
        names: &["cert_match"],
        read: |field, _, report| {
            filled(field, "cert_match", report);
        },
    },
    Key { names: &["ca_certs_match"], read: ca_certs_match },
    Key { names: &["handshake_first", "first", "immediate"], read: handshake_first },
    Key {
        names: &["cert_match_skip_invalid"],
        read: |field, _, report| {
            if !matches!(field.node.value, Value::Bool(_)) {
                report.refuse(field.at(), "expected 'cert_match_skip_invalid' to be a boolean");
            }
        },
    },
    Key { names: &["ocsp_peer"], read: ocsp_peer::read },
    Key { names: &["certs", "certificates"], read: certs },
    Key { names: &["min_version"], read: min_version },
];

/// A block of clients that is checked and bears on no other key.
pub fn checked<T>(field: &Field<'_>, _: &mut T, report: &mut Report) {
    read(field, Peers::Any, report);
}

/// The same of servers that know each other.
pub fn checked_between_servers<T>(field: &Field<'_>, _: &mut T, report: &mut Report) {
    read(field, Peers::Known, report);
}

/// Checks a block and the files it names; `None` where something is wrong.
pub fn read(field: &Field<'_>, peers: Peers, report: &mut Report) -> Option<Tls> {
    let before = report.problems.len();
    let map = field.map(report)?;
    let mut tls = Tls {
        timeout: 0.0,
        peers,
        cert_file: String::new(),
        key_file: String::new(),
        ca_file: String::new(),
        pairs: None,
        insecure_suites: Vec::new(),
        insecure_suites_allowed: false,
    };
    super::read_else(map, KEYS, &mut tls, report, |field, report| {
        let key = quoted(field.key);
        report.refuse(field.at(), format!("error parsing tls config, unknown field {key}"));
    });
    if report.problems.len() == before
        && let Err(said) = tls.agrees().and_then(|()| tls.load())
    {
        report.refuse(field.at(), said);
    }
    (report.problems.len() == before).then_some(tls)
}

impl Tls {
    /// What must hold between keys.
    fn agrees(&self) -> Result<(), String> {
        if self.pairs.as_ref().is_some_and(|pairs| !pairs.is_empty()) && !self.cert_file.is_empty() {
            return Err(
                "error parsing tls config, cannot combine 'cert_file' option with 'certs' option".to_owned()
            );
        }
        if !self.insecure_suites_allowed && !self.insecure_suites.is_empty() {
            return Err(format!(
                "insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: {}",
                self.insecure_suites.join(", ")
            ));
        }
        Ok(())
    }

    fn load(&self) -> Result<(), String> {
        match (self.cert_file.is_empty(), self.key_file.is_empty()) {
            (false, true) => return Err("missing 'key_file' in TLS configuration".to_owned()),
            (true, false) => return Err("missing 'cert_file' in TLS configuration".to_owned()),
            (false, false) => certificates::pair(&self.cert_file, &self.key_file)
                .map_err(|error| format!("error parsing X509 certificate/key pair: {error}"))?,
            (true, true) => {
                let pairs = self.pairs.as_deref().unwrap_or_default();
                for (place, (cert_file, key_file)) in pairs.iter().enumerate() {
                    certificates::pair(cert_file, key_file).map_err(|error| {
                        let (place, of) = (place + 1, pairs.len());
                        format!("error parsing X509 certificate/key pair {place}/{of}: {error}")
                    })?;
                }
            }
        }
        match self.ca_file.is_empty() {
            true => Ok(()),
            false => certificates::authorities(&self.ca_file),
        }
    }
}

fn wrong(field: &Field<'_>, said: &str, report: &mut Report) {
    report.refuse(field.at(), format!("error parsing tls config, {said}"));
}

fn file(field: &Field<'_>, into: &mut String, report: &mut Report) {
    match &field.node.value {
        Value::String(path) => path.clone_into(into),
        _ => wrong(field, &format!("expected '{}' to be filename", field.key.to_lowercase()), report),
    }
}

fn switch(field: &Field<'_>, report: &mut Report) -> Option<bool> {
    if let Value::Bool(yes) = field.node.value {
        return Some(yes);
    }
    wrong(field, &format!("expected '{}' to be a boolean", field.key.to_lowercase()), report);
    None
}

fn check_known_urls(field: &Field<'_>, tls: &mut Tls, report: &mut Report) {
    if switch(field, report) == Some(true) && tls.peers == Peers::Any {
        report.refuse(field.at(), "verify_cert_and_check_known_urls not supported in this context");
    }
}

/// Elements of a list that must have some.
fn names<'a>(field: &Field<'a>, report: &mut Report) -> Vec<Field<'a>> {
    let Some(nodes) = field.array(report) else { return Vec::new() };
    if nodes.is_empty() {
        wrong(field, &format!("'{}' cannot be empty", field.key.to_lowercase()), report);
    }
    nodes.iter().map(|node| field.element(node)).collect()
}

fn cipher_suites(field: &Field<'_>, tls: &mut Tls, report: &mut Report) {
    for element in names(field, report) {
        let Some(name) = element.string(report) else { return };
        if INSECURE_CIPHER_SUITES.contains(&name) {
            tls.insecure_suites.push(name.to_owned());
        } else if !CIPHER_SUITES.contains(&name) {
            return report.refuse(element.at(), format!("unrecognized cipher {name}"));
        }
    }
}

fn curve_preferences(field: &Field<'_>, _: &mut Tls, report: &mut Report) {
    for element in names(field, report) {
        let Some(name) = element.string(report) else { return };
        if !CURVES.contains(&name) {
            return report.refuse(element.at(), format!("unrecognized curve preference {name}"));
        }
    }
}

fn timeout(field: &Field<'_>, tls: &mut Tls, report: &mut Report) {
    match &field.node.value {
        Value::Integer(seconds) => tls.timeout = *seconds as f64,
        Value::Float(seconds) => tls.timeout = *seconds,
        Value::String(text) => match parse_duration(text) {
            Ok(nanoseconds) => tls.timeout = nanoseconds as f64 / 1e9,
            Err(error) => wrong(field, &format!("'timeout' {error}"), report),
        },
        _ => wrong(field, "'timeout' wrong type", report),
    }
}

fn connection_rate_limit(field: &Field<'_>, _: &mut Tls, report: &mut Report) {
    if !matches!(field.node.value, Value::Integer(_)) {
        wrong(field, "'connection_rate_limit' wrong type", report);
    }
}

fn pinned_certs(field: &Field<'_>, _: &mut Tls, report: &mut Report) {
    const WHAT: &str = "hex-encoded sha256 of DER encoded SubjectPublicKeyInfo";
    let Value::Array(nodes) = &field.node.value else {
        return wrong(field, &format!("expected 'pinned_certs' to be a list of {WHAT}"), report);
    };
    for node in nodes.iter() {
        let element = field.element(node);
        let Some(pin) = element.string(report) else { return };
        let pin = pin.to_lowercase();
        if pin.len() != 64 || !pin.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return wrong(&element, &format!("'pinned_certs' key {pin} does not look like {WHAT}"), report);
        }
    }
}

/// Text that is not empty.
fn filled<'a>(field: &Field<'a>, name: &str, report: &mut Report) -> Option<&'a str> {
    match &field.node.value {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => {
            report.refuse(field.at(), format!("expected '{name}' to be a valid non-empty string"));
            None
        }
    }
}

/// Windows has certificate stores; Linux does not.
fn cert_store(field: &Field<'_>, _: &mut Tls, report: &mut Report) {
    let Some(store) = filled(field, "cert_store", report) else { return };
    report.refuse(
        field.at(),
        match store.to_lowercase().as_str() {
            "windowscurrentuser" | "windowslocalmachine" => {
                "cert_store not compatible with current operating system"
            }
            _ => "cert store type not implemented",
        },
    );
}

fn cert_match_by(field: &Field<'_>, _: &mut Tls, report: &mut Report) {
    let Some(by) = filled(field, "cert_match_by", report) else { return };
    if !["issuer", "subject", "thumbprint"].contains(&by.to_lowercase().as_str()) {
        report.refuse(field.at(), "cert match by type not implemented");
    }
}

fn ca_certs_match(field: &Field<'_>, _: &mut Tls, report: &mut Report) {
    if let Value::Array(nodes) = &field.node.value
        && nodes.iter().any(|node| !matches!(node.value, Value::String(_)))
    {
        let said = "error parsing ca_cert_match: unsupported type *conf.token where string is expected";
        report.refuse(field.at(), said);
    }
}

fn handshake_first(field: &Field<'_>, _: &mut Tls, report: &mut Report) {
    let key = quoted(field.key);
    match &field.node.value {
        Value::Bool(_) => {}
        Value::String(text) => {
            let words = ["true", "on", "false", "off", "auto", "auto_fallback"];
            if !words.contains(&text.to_lowercase().as_str()) && parse_duration(text).is_err() {
                report.refuse(field.at(), format!("field {key}'s value {} is invalid", quoted(text)));
            }
        }
        other => {
            let found = other.type_name();
            let said = format!("field {key} should be a boolean or a string, got {found}");
            report.refuse(field.at(), said);
        }
    }
}

/// Pairs of files. Their keys are told apart by case.
fn certs(field: &Field<'_>, tls: &mut Tls, report: &mut Report) {
    // Where a list is missing, nats-server names the type of the whole block.
    let Value::Array(nodes) = &field.node.value else {
        let said = "error parsing certificates config: unsupported type map[string]interface {}";
        return report.refuse(field.at(), said);
    };
    let mut pairs = Vec::new();
    for node in nodes.iter() {
        let element = field.element(node);
        let said = "error parsing certificates config: unsupported type ";
        let Some(map) = element.map_or(said, report) else { return };
        let (mut cert_file, mut key_file) = (String::new(), String::new());
        for (name, node) in map.iter() {
            let inner = Field::new(name, node);
            let Value::String(path) = &node.value else {
                return report.refuse(inner.at(), format!("{said}{}", node.value.type_name()));
            };
            match name.as_str() {
                "cert_file" => path.clone_into(&mut cert_file),
                "key_file" => path.clone_into(&mut key_file),
                _ => {
                    let said = format!("error parsing tls certs config, unknown field {}", quoted(name));
                    return report.refuse(inner.at(), said);
                }
            }
        }
        if cert_file.is_empty() || key_file.is_empty() {
            let last = map.values().map(|node| &node.at).max().unwrap_or(element.at());
            return report.refuse(
                last,
                "error parsing certificates config: both 'cert_file' and 'cert_key' options are required",
            );
        }
        pairs.push((cert_file, key_file));
    }
    tls.pairs = Some(pairs);
}

fn min_version(field: &Field<'_>, _: &mut Tls, report: &mut Report) {
    let why = match &field.node.value {
        Value::String(version) => match version.as_str() {
            "1.2" | "1.3" => return,
            "1.0" | "1.1" => format!("unsupported TLS version: TLS {version}"),
            other => format!("unknown version: {other}"),
        },
        other => format!("'min_version' wrong type: {}", other.shown()),
    };
    report.refuse(field.at(), format!("error parsing tls config: {why}"));
}
