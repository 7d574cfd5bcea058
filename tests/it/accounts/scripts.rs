//! Every script, with the deviations in place where corebus is the one tested.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::play::{Theatre, record, verify};
use super::script::{Case, Script, Stage, parse};
use crate::support::program;
use crate::support::shape::Shape;

/// Never in a log: scripts call their secrets by it.
const CANARY: &str = "canary";

/// Makes a test of each folder of scripts.
macro_rules! folders {
    ($($(#[$attribute:meta])* $name:ident;)*) => {
        /// The folders that are played.
        const FOLDERS: &[&str] = &[$(stringify!($name)),*];
        $($(#[$attribute])* #[test] fn $name() { play(stringify!($name)); })*
    };
}

folders! {
    /// What the book prints, and what it says of it.
    book;
    /// Who is let in, and what anybody may say before that.
    doors;
    /// Who may publish and subscribe what.
    permissions;
    /// How many connections, subscriptions and bytes an account may have.
    limits;
    /// Subjects that become others.
    mapping;
    /// Streams that another account may hear.
    streams;
    /// Requests that another account answers.
    services;
    /// What a changed configuration means for those who are there.
    reloads;
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/accounts")
}

fn read(path: &Path) -> Script {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parse(&text, &|name| std::fs::read_to_string(root().join(name)).expect("a configuration beside scripts"))
}

/// The scripts of a folder, in the order of their names.
fn of(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).expect("a folder of scripts");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
    paths.sort();
    paths
}

fn deviations() -> Vec<Case> {
    read(&root().join("deviations.txt")).cases
}

fn play(folder: &str) {
    if std::env::var_os("UPDATE_SCRIPTS").is_some() {
        assert!(!program::is_corebus(), "answers are recorded from nats-server: set COREBUS_TEST_SERVER");
        return of(folder).iter().for_each(|path| rewrite(path));
    }
    let mut failures = Vec::new();
    for shape in [Shape::TWO, Shape::HOME].into_iter().filter(|shape| shape.applies()) {
        for path in of(folder) {
            let differences = play_file(shape, &path);
            failures
                .extend(differences.into_iter().map(|text| format!("{} {shape:?}\n{text}", path.display())));
        }
    }
    assert!(failures.is_empty(), "{} cases differ\n\n{}", failures.len(), failures.join("\n"));
}

fn play_file(shape: Shape, path: &Path) -> Vec<String> {
    let mut script = read(path);
    if program::is_corebus() {
        let mut deviations: BTreeMap<_, _> = deviations().into_iter().map(|c| (c.name.clone(), c)).collect();
        for case in &mut script.cases {
            if let Some(deviation) = deviations.remove(&case.name) {
                let alone = deviation.alone.filter(|text| !text.is_empty()).or(case.alone.take());
                *case = Case { alone, ..deviation };
            }
        }
    }
    let mut house = House::new(shape, &script.stage);
    script.cases.iter().filter_map(|case| house.with(case, |theatre| verify(case, theatre)).err()).collect()
}

fn rewrite(path: &Path) {
    let mut script = read(path);
    let mut house = House::new(Shape::TWO, &script.stage);
    for case in &mut script.cases {
        *case = house.with(case, |theatre| record(case, theatre));
    }
    std::fs::write(path, script.render()).expect("the script is written");
}

/// The server of a file, started when a case first needs it.
struct House<'a> {
    shape: Shape,
    stage: &'a Stage,
    shared: Option<Theatre>,
}

impl<'a> House<'a> {
    fn new(shape: Shape, stage: &'a Stage) -> House<'a> {
        House { shape, stage, shared: None }
    }

    fn with<T>(&mut self, case: &Case, play: impl FnOnce(&Theatre) -> T) -> T {
        let Some(own) = &case.alone else {
            let (shape, stage) = (self.shape, self.stage);
            let theatre = self.shared.get_or_insert_with(|| Theatre::open(shape, stage));
            let result = play(theatre);
            tells_no_secret(theatre);
            return result;
        };
        let mut stage = self.stage.clone();
        if !own.is_empty() {
            stage.configuration = own.clone();
        }
        let theatre = Theatre::open(self.shape, &stage);
        let result = play(&theatre);
        tells_no_secret(&theatre);
        result
    }
}

fn tells_no_secret(theatre: &Theatre) {
    let text = theatre.server.log.text();
    let told = text.lines().find(|line| line.contains(CANARY));
    assert!(told.is_none() || !program::is_corebus(), "a secret is in the log: {told:?}");
}

/// Each case has a name of its own and says what it proves; each folder is played; deviations have reasons.
#[test]
fn are_well_formed() {
    let mut names = BTreeMap::new();
    for folder in std::fs::read_dir(root()).expect("scripts").map(|entry| entry.expect("an entry")) {
        if !folder.file_type().expect("its type").is_dir() {
            continue;
        }
        let folder = folder.file_name().into_string().expect("a name");
        assert!(FOLDERS.contains(&folder.as_str()), "{folder} is not played");
        for path in of(&folder) {
            for case in read(&path).cases {
                assert!(!case.comment().is_empty(), "{}: says nothing about itself", case.name);
                let other = names.insert(case.name.clone(), path.clone());
                assert!(other.is_none(), "{} is there twice", case.name);
            }
        }
    }
    for deviation in deviations() {
        assert!(names.contains_key(&deviation.name), "{} deviates from no case", deviation.name);
        assert!(!deviation.comment().is_empty(), "{}: no reason", deviation.name);
    }
}
