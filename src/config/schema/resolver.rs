//! Where accounts are looked up. Known and checked, not built; nothing is written to disk by a check. Source:
//! nats-server `opts.go:processConfigFileLine`, `accounts.go:NewDirAccResolver`, `dirstore.go`.

use std::os::unix::fs::PermissionsExt;

use super::super::field::{Field, parse_duration, quoted};
use super::super::options::Options;
use super::super::report::Report;
use super::super::tree::{Map, Value};
use super::super::url;
use super::tls::{self, Peers};

const FEATURE: &str = "operator mode";
const NONE: &str = "error parsing account resolver, should be MEM or  URL(\"url\") or a map containing dir and type \
                    state=[FULL|CACHE])";

/// A resolver that keeps a folder.
#[derive(Default)]
struct Folder<'a> {
    path: &'a str,
    kind: &'a str,
    allow_delete: bool,
    hard_delete: Option<bool>,
    /// Nanoseconds.
    ttl: i64,
    interval: i64,
}

pub fn read(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    match &field.node.value {
        Value::String(text) => named(field, text, report),
        Value::Map(map) => folder(field, map, report),
        other => {
            let found = other.type_name();
            report.refuse(field.at(), format!("error parsing operator resolver, wrong type {found}"));
        }
    }
    report.unbuilt(field.at(), field.key, FEATURE);
}

/// `MEMORY`, or `URL(…)`.
fn named(field: &Field<'_>, text: &str, report: &mut Report) {
    let upper = text.to_ascii_uppercase();
    if upper.contains("MEM") {
        return;
    }
    let Some(at) = upper.find("URL") else { return report.refuse(field.at(), NONE) };
    let address = in_brackets(&text[at + 3..]).unwrap_or_default();
    if url::parse(address).is_err() {
        let shown = quoted(address);
        report.refuse(field.at(), format!("error parsing account resolver url [{shown}]"));
    }
}

/// `( "text" )`, its quotes and blanks not counted.
fn in_brackets(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('(')?.trim_start();
    let rest = rest.strip_prefix('"').unwrap_or(rest);
    let end = rest.find(|letter: char| letter.is_ascii_whitespace() || letter == '"').unwrap_or(rest.len());
    let (found, behind) = rest.split_at(end);
    let behind = behind.strip_prefix('"').unwrap_or(behind).trim_start();
    match behind.starts_with(')') {
        true => Some(found),
        false => found.rfind(')').map(|end| &found[..end]),
    }
}

fn folder(field: &Field<'_>, map: &Map, report: &mut Report) {
    let Some(read) = read_folder(map, report) else { return };
    let folder = match read {
        Ok(folder) => folder,
        Err(error) => return report.refuse(field.at(), error),
    };
    let mut refuse = |said: &str| report.refuse(field.at(), said);
    match folder.kind.to_uppercase().as_str() {
        "MEM" | "MEMORY" => return,
        "CACHE" => {
            check_path(folder.path, &mut refuse);
            if folder.interval != 0 {
                refuse("CACHE does not accept sync");
            }
            if folder.allow_delete {
                refuse("CACHE does not accept allow_delete");
            }
            if folder.hard_delete.is_some() {
                refuse("CACHE does not accept hard_delete");
            }
        }
        "FULL" => {
            check_path(folder.path, &mut refuse);
            if folder.ttl != 0 {
                refuse("FULL does not accept ttl");
            }
            if folder.hard_delete.is_some() && !folder.allow_delete {
                refuse("hard_delete has no effect without delete");
            }
        }
        _ => return refuse(NONE),
    }
    if let Err(error) = check_folder(folder.path) {
        refuse(&error);
    }
}

/// Keys that are not known are let pass; a value of the wrong type is refused at its place and ends the block,
/// a wrong duration is the error.
fn read_folder<'a>(map: &'a Map, report: &mut Report) -> Option<Result<Folder<'a>, String>> {
    let mut folder = Folder::default();
    let key = |name: &'static str| map.get(name).map(|node| Field::new(name, node));
    if let Some(key) = key("dir") {
        folder.path = key.string(report)?;
    }
    if let Some(key) = key("type") {
        folder.kind = key.string(report)?;
    }
    if let Some(key) = key("allow_delete") {
        folder.allow_delete = key.boolean(report)?;
    }
    if let Some(key) = key("hard_delete") {
        folder.hard_delete = Some(key.boolean(report)?);
    }
    if let Some(key) = key("limit") {
        key.integer(report)?;
    }
    let mut timeout = 0;
    let durations = [("ttl", &mut folder.ttl), ("interval", &mut folder.interval), ("timeout", &mut timeout)];
    for (name, into) in durations {
        if let Some(key) = key(name) {
            match parse_duration(key.string(report)?) {
                Ok(nanoseconds) => *into = nanoseconds,
                Err(error) => return Some(Err(error)),
            }
        }
    }
    Some(Ok(folder))
}

fn check_path(path: &str, refuse: &mut impl FnMut(&str)) {
    const OWNER_WRITES: u32 = 0o200;
    if path.is_empty() {
        return refuse("dir has no value and needs to point to a directory");
    }
    if let Ok(found) = std::fs::metadata(path)
        && (!found.is_dir() || found.permissions().mode() & OWNER_WRITES == 0)
    {
        refuse("dir needs to point to an accessible directory");
    }
}

/// nats-server makes the folder, even when it only tests a file; here only what would hinder it is told.
fn check_folder(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("mkdir : no such file or directory".to_owned());
    }
    let path = std::path::Path::new(path);
    let ancestor = path.ancestors().find(|ancestor| ancestor.exists());
    match ancestor {
        Some(ancestor) if ancestor.is_file() => Err(format!("mkdir {}: not a directory", ancestor.display())),
        _ => Ok(()),
    }
}

pub fn tls(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    tls::read(field, Peers::Any, report);
    report.unbuilt(field.at(), field.key, FEATURE);
}
