//! What an account takes from others. Source: nats-server `opts.go:parseAccountImports`,
//! `parseImportStreamOrService`, `parseAccount`.

use std::collections::HashMap;

use super::super::field::{Field, quoted};
use super::super::report::Report;
use super::super::tree::{Map, Value};

/// One import, as written.
pub struct Import {
    pub is_service: bool,
    pub account: String,
    pub subject: String,
    /// What it is called here; empty where nothing is said.
    pub to: String,
    pub prefix: String,
    pub share: bool,
}

#[derive(Default)]
struct Entry<'a> {
    stream: Option<(&'a str, &'a str)>,
    service: Option<(&'a str, &'a str)>,
    to: &'a str,
    prefix: &'a str,
    share: bool,
    to_field: Option<Field<'a>>,
    allow_trace: Option<Field<'a>>,
}

/// Reads the list; answers the imports that are well formed.
pub fn read(field: &Field<'_>, report: &mut Report) -> Vec<Import> {
    let Value::Array(nodes) = &field.node.value else {
        let found = field.node.value.type_name();
        report.refuse(field.at(), format!("Imports should be an array, got {found}"));
        return Vec::new();
    };
    let mut imports: Vec<Import> = Vec::with_capacity(nodes.len());
    // Services by account and by what they are called here: the subject there.
    let mut services: HashMap<(String, String), String> = HashMap::new();
    for node in nodes.iter() {
        let Some(import) = import(&field.element(node), report) else { continue };
        if import.is_service {
            let place = (import.account.clone(), import.called().to_owned());
            if let Some(used) = services.get(&place) {
                let (subject, account, used) = (quoted(&place.1), quoted(&place.0), quoted(used));
                let used = format!("previously used in import for account {account}, subject {used}");
                report.refuse(&node.at, format!("Duplicate service import subject {subject}, {used}"));
                continue;
            }
            services.insert(place, import.subject.clone());
        }
        imports.push(import);
    }
    imports
}

impl Import {
    /// The subject under which it is known here.
    pub fn called(&self) -> &str {
        if self.to.is_empty() { &self.subject } else { &self.to }
    }
}

fn import(field: &Field<'_>, report: &mut Report) -> Option<Import> {
    let map = field.map_or("Import Items should be a map with type entry, got ", report)?;
    let mut entry = Entry::default();
    for (name, node) in map.iter() {
        read_key(&Field::new(name, node), &mut entry, report)?;
    }
    if let (Some(key), Some(_)) = (entry.allow_trace, entry.service) {
        report.refuse(key.at(), "Detected allow_trace directive on a non-stream");
    }
    if let (Some(key), Some(_), false) = (entry.to_field, entry.stream, entry.prefix.is_empty()) {
        report.refuse(key.at(), "Stream import can not have a 'prefix' and a 'to' property");
    }
    let (account, subject) = entry.service.or(entry.stream)?;
    Some(Import {
        is_service: entry.service.is_some(),
        account: account.to_owned(),
        subject: subject.to_owned(),
        to: entry.to.to_owned(),
        prefix: entry.prefix.to_owned(),
        share: entry.share,
    })
}

/// Reads one key; `None` after a value of the wrong type, which ends the entry.
fn read_key<'a>(field: &Field<'a>, entry: &mut Entry<'a>, report: &mut Report) -> Option<()> {
    match field.key.to_lowercase().as_str() {
        "stream" if entry.service.is_some() => {
            report.refuse(field.at(), "Detected stream but already saw a service");
        }
        "service" if entry.stream.is_some() => {
            report.refuse(field.at(), "Detected service but already saw a stream");
        }
        "stream" => entry.stream = source("Stream", field, report),
        "service" => entry.service = source("Service", field, report),
        "prefix" => entry.prefix = field.string(report)?,
        "to" => {
            entry.to = field.string(report)?;
            entry.to_field = Some(*field);
        }
        "share" => entry.share = field.boolean(report)?,
        "allow_trace" => {
            if field.boolean(report)? {
                report.unbuilt(field.at(), field.key, "message traces");
            }
            entry.allow_trace = Some(*field);
        }
        _ if field.node.used.get() => {}
        _ => report.unknown(field.at(), field.key),
    }
    Some(())
}

/// The account and subject that something is imported from.
fn source<'a>(what: &str, field: &Field<'a>, report: &mut Report) -> Option<(&'a str, &'a str)> {
    let map = field.map_or(&format!("{what} entry should be an account map, got "), report)?;
    let (account, subject) = origin(map, report).unwrap_or_default();
    if account.is_empty() || subject.is_empty() {
        report.refuse(field.at(), "Expect an account name and a subject");
        return None;
    }
    Some((account, subject))
}

fn origin<'a>(map: &'a Map, report: &mut Report) -> Option<(&'a str, &'a str)> {
    let (mut account, mut subject) = ("", "");
    for (name, node) in map.iter() {
        let key = Field::new(name, node);
        match name.to_lowercase().as_str() {
            "account" => account = key.string(report)?,
            "subject" => subject = key.string(report)?,
            _ if node.used.get() => {}
            _ => report.unknown(key.at(), name),
        }
    }
    Some((account, subject))
}
