//! Configuration: the language of nats-server's files, and what may stand in them.
//!
//! ```text
//! text → lexer → parser (includes, variables) → tree → schema (one table per block) → Options
//! ```

mod certificates;
mod check;
mod diff;
mod digest;
mod field;
mod lexer;
mod options;
mod parser;
mod problem;
mod report;
mod schema;
#[cfg(test)]
mod tests;
mod tree;
mod url;

use std::path::Path;

pub use check::check;
pub use diff::diff;
pub use digest::digest;
pub use field::{quoted, shown_duration};
pub use options::{Account, Export, Mapping, Options, SYSTEM_ACCOUNT, Source, User};
pub use parser::{Environment, parse_file, parse_text};
pub use problem::Problem;
pub use report::Report;
pub use tree::Map;

/// The process's own environment.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads a file into `options`; answers what is wrong with it and its digest. What the file does not name
/// stays as it was.
pub fn load(path: &Path, options: &mut Options, environment: Environment<'_>) -> (Report, String) {
    match parse_file(path, environment) {
        Ok(map) => {
            let mut report = read(&map, options);
            if map.is_empty() {
                let said = format!("{}: config has no values or is empty", path.display());
                report.warnings.push(Problem::whole(said));
            }
            (report, digest(&map))
        }
        Err(problem) => (Report { problems: vec![problem], ..Report::default() }, String::new()),
    }
}

/// Reads a parsed configuration into `options`.
pub fn read(map: &Map, options: &mut Options) -> Report {
    let mut report = Report::default();
    schema::read(map, schema::SERVER, options, &mut report);
    schema::check_store_dirs(map, &mut report);
    if report.problems.is_empty() {
        schema::check_together(map, options, &mut report);
    }
    report
}
