//! What may stand in a configuration, one file per block: names and aliases, types, checks, and where a value
//! goes. A block is a table of keys; `read` walks a map along it.

mod authorization;
mod corebus;
mod server;

use super::field::Field;
use super::report::Report;
use super::tree::Map;

pub use server::KEYS as SERVER;

/// One key of a block whose values go into a `T`.
pub struct Key<T> {
    /// Its name, then its aliases, in lower case: keys are compared in any case.
    pub names: &'static [&'static str],
    pub read: fn(&Field<'_>, &mut T, &mut Report),
}

/// Reads all keys of a map; unknown ones are refused unless a variable reference used them.
pub fn read<T>(map: &Map, keys: &[Key<T>], into: &mut T, report: &mut Report) {
    for (name, node) in map {
        let field = Field::new(name, node);
        let lower = name.to_lowercase();
        match keys.iter().find(|key| key.names.contains(&lower.as_str())) {
            Some(key) => (key.read)(&field, into, report),
            None if node.used.get() => {}
            None => report.unknown(&node.at, name),
        }
    }
}
