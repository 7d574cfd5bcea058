//! What may stand in a configuration, one file per block: names and aliases, types, checks, and where a value
//! goes. A block is a table of keys; `read` walks a map along it.

mod account_jetstream;
mod accounts;
mod authorization;
mod callout;
mod checked;
mod cipher_suites;
mod claims;
mod cluster;
mod corebus;
mod exports;
mod features;
mod gateway;
mod imports;
mod jetstream;
mod leaf_proxy;
mod leaf_remotes;
mod leafnodes;
mod mappings;
mod mqtt;
mod nkey;
mod ocsp;
mod ocsp_peer;
mod operator;
mod permissions;
mod proxies;
mod resolver;
mod server;
mod sharing;
mod tls;
mod together;
mod users;
mod websocket;

use super::field::{Field, quoted};
use super::problem::Position;
use super::report::Report;
use super::tree::{Map, Value};

pub use jetstream::check_store_dirs;
pub use server::KEYS as SERVER;
pub use together::check as check_together;

/// One key of a block whose values go into a `T`.
pub struct Key<T> {
    /// Its name, then its aliases, in lower case: keys are compared in any case.
    pub names: &'static [&'static str],
    pub read: fn(&Field<'_>, &mut T, &mut Report),
}

/// Reads all keys of a map; unknown ones are refused unless a variable reference used them.
pub fn read<T>(map: &Map, keys: &[Key<T>], into: &mut T, report: &mut Report) {
    walk(map, keys, into, report, None, unless_used);
}

/// As `read`, but a value of the wrong type is told at `blamed`: nats-server has lost the place by then.
pub fn read_blaming<T>(map: &Map, keys: &[Key<T>], into: &mut T, blamed: &Position, report: &mut Report) {
    walk(map, keys, into, report, Some(blamed), unless_used);
}

/// As `read`, with other words for an unknown key.
pub fn read_else<T>(map: &Map, keys: &[Key<T>], into: &mut T, report: &mut Report, unknown: Unknown) {
    walk(map, keys, into, report, None, unknown);
}

/// What is said of a key that means nothing.
pub type Unknown = fn(&Field<'_>, &mut Report);

fn unless_used(field: &Field<'_>, report: &mut Report) {
    if !field.node.used.get() {
        report.unknown(field.at(), field.key);
    }
}

fn walk<T>(
    map: &Map,
    keys: &[Key<T>],
    into: &mut T,
    report: &mut Report,
    blamed: Option<&Position>,
    unknown: Unknown,
) {
    // Blocks read so far: their keys' places in the table.
    let mut blocks: Vec<(usize, &Position)> = Vec::new();
    for (name, node) in map.iter() {
        let field = Field { key: name, node, blamed };
        let lower = name.to_lowercase();
        let Some(place) = keys.iter().position(|key| key.names.contains(&lower.as_str())) else {
            unknown(&field, report);
            continue;
        };
        if matches!(node.value, Value::Map(_)) {
            // Under two of its names, or in two spellings, one of the two would silently not count.
            if let Some((_, first)) = blocks.iter().find(|(other, _)| *other == place) {
                let (first, second) = if **first < node.at { (*first, &node.at) } else { (&node.at, *first) };
                report.refuse(second, format!("duplicate block {}: the first is at {first}", quoted(name)));
                continue;
            }
            blocks.push((place, &node.at));
        }
        (keys[place].read)(&field, into, report);
    }
}
