//! House rules, held by reading our own sources. Each rule comes with a sample that breaks it.

use std::path::Path;

const FILE_LINES_MAX: usize = 600;
const LINE_CHARS_MAX: usize = 120;

/// Files that were longer before the rule was. An entry may only become smaller or go.
const LONG_FILES: &[(&str, usize)] = &[("shard/src/driver/epoll.rs", 708)];

const BANNED_NAMES: &[&str] = &["utils", "helpers", "common", "misc", "types", "impls", "manager"];

/// Where our sources are, and what goes with them.
const PLACES: &[&str] = &[
    "src",
    "shard",
    "perf",
    "tests",
    "fuzz",
    "configs",
    ".ci",
    "README.md",
    "ARCHITECTURE.md",
    "Cargo.toml",
];

/// Folders of builds and results, which are in no checkout.
const NOT_OURS: &[&str] =
    &["perf/history", "perf/report", "fuzz/target", "fuzz/corpus", "fuzz/artifacts", "fuzz/coverage"];

struct Rule {
    says: &'static str,
    /// What breaks it in this file: path from the checkout's root, text.
    broken: fn(&str, &str) -> Option<String>,
    /// A path and a text that break it.
    sample: (&'static str, &'static str),
}

const RULES: &[Rule] = &[
    Rule { says: "a file holds at most 600 lines", broken: long_file, sample: ("src/long.rs", "") },
    Rule { says: "a line holds at most 120 characters", broken: long_line, sample: ("src/wide.rs", "") },
    Rule {
        says: "a name says what is in the file, and does not number it",
        broken: empty_name,
        sample: ("src/utils/mod.rs", ""),
    },
    Rule {
        says: "unsafe stands under a `// SAFETY:` comment",
        broken: bare_unsafe,
        sample: ("src/a.rs", "    // Fast.\n    let x = unsafe { y() };\n"),
    },
    Rule {
        says: "no path of one machine",
        broken: machine_path,
        sample: ("README.md", concat!("see /wo", "rk/main/README.md")),
    },
];

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

fn long_file(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    match LONG_FILES.iter().find(|(long, _)| *long == path) {
        Some((_, _)) if lines <= FILE_LINES_MAX => {
            Some("is short enough now: take it off the list".to_owned())
        }
        Some((_, most)) if lines > *most => Some(format!("grew from {most} to {lines} lines")),
        Some(_) => None,
        None => (is_rust(path) && lines > FILE_LINES_MAX).then(|| format!("{lines} lines")),
    }
}

fn long_line(path: &str, text: &str) -> Option<String> {
    let at = text.lines().position(|line| line.chars().count() > LINE_CHARS_MAX)?;
    is_rust(path).then(|| format!("line {}", at + 1))
}

fn empty_name(path: &str, _: &str) -> Option<String> {
    let stem = |part: &str| part.split('.').next().unwrap_or_default().to_owned();
    let is_banned =
        |name: &String| BANNED_NAMES.contains(&name.as_str()) || name.ends_with(|c: char| c.is_ascii_digit());
    is_rust(path).then(|| path.split('/').map(stem).find(is_banned)).flatten()
}

/// A promise asked of callers (`unsafe fn`) is described in the docs of the function instead.
fn bare_unsafe(path: &str, text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    // Not one in a comment or a string.
    let is_code = |before: &str| !before.contains("//") && !before.contains('"');
    let is_block = |line: &str| {
        line.starts_with("unsafe impl")
            || line.split_once("unsafe {").is_some_and(|(before, _)| is_code(before))
    };
    let explained = |at: usize| {
        let above = lines[..at].iter().rev();
        above.take_while(|line| line.starts_with("//")).any(|line| line.starts_with("// SAFETY: "))
    };
    let at = (0..lines.len()).find(|at| is_block(lines[*at]) && !explained(*at))?;
    is_rust(path).then(|| format!("line {}", at + 1))
}

fn machine_path(_: &str, text: &str) -> Option<String> {
    let at = text.lines().position(|line| line.contains(concat!("/wo", "rk/")))?;
    Some(format!("line {}", at + 1))
}

/// Calls back with every file below `path`, as `src/main.rs`.
fn each_file(root: &Path, path: &str, look: &mut dyn FnMut(&str)) {
    if NOT_OURS.contains(&path) {
        return;
    }
    let Ok(folder) = std::fs::read_dir(root.join(path)) else { return look(path) };
    for entry in folder {
        let name = entry.expect("an entry").file_name();
        each_file(root, &format!("{path}/{}", name.to_str().expect("a name in UTF-8")), look);
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let bytes = std::fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Folders of the files below `path`, as `src/config`, once for each file.
fn folders(path: &str) -> Vec<String> {
    let mut found = Vec::new();
    each_file(root(), path, &mut |file| {
        found.extend(Path::new(file).parent().and_then(Path::to_str).map(str::to_owned))
    });
    found
}

/// Which of these have a last part that is no word of the text.
fn unnamed<'a>(paths: &'a [String], text: &str) -> Vec<&'a String> {
    let is_part = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
    let words: Vec<&str> = text.split(|letter| !is_part(letter)).collect();
    paths.iter().filter(|path| !words.iter().any(|word| path.rsplit('/').next() == Some(word))).collect()
}

#[test]
fn our_sources_keep_the_rules() {
    let (mut broken, mut files) = (Vec::new(), 0);
    for place in PLACES {
        each_file(root(), place, &mut |path| {
            let text = read(path);
            files += 1;
            broken.extend(RULES.iter().filter_map(|rule| {
                (rule.broken)(path, &text).map(|what| format!("{path}: {what}: {}", rule.says))
            }));
        });
    }
    assert!(files > 200, "only {files} files were looked at");
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn each_rule_is_broken_by_its_sample() {
    for rule in RULES {
        let (path, text) = rule.sample;
        let text = match path {
            "src/long.rs" => "\n".repeat(FILE_LINES_MAX + 1),
            "src/wide.rs" => "ü".repeat(LINE_CHARS_MAX + 1),
            _ => text.to_owned(),
        };
        assert!((rule.broken)(path, &text).is_some(), "{}", rule.says);
        assert_eq!((rule.broken)("src/a.rs", "// SAFETY: checked.\nunsafe { y() }\n"), None, "{}", rule.says);
    }
    for (long, most) in LONG_FILES {
        assert!(root().join(long).is_file(), "{long}");
        assert!(long_file(long, &"\n".repeat(most + 1)).is_some() && long_file(long, "").is_some());
    }
}

#[test]
fn every_folder_is_on_the_code_map() {
    let text = read("ARCHITECTURE.md");
    let map = text.split("\n## ").find(|part| part.starts_with("Code map")).expect("a code map");
    let folders = [folders("src"), folders("shard/src")].concat();
    assert!(folders.iter().any(|folder| folder == "shard/src/turn/sim"), "{folders:?}");
    assert_eq!(unnamed(&folders, map), [] as [&String; 0]);
    assert_eq!(unnamed(&["src/attic".to_owned()], map).len(), 1);
}

#[test]
fn every_sample_configuration_is_started() {
    let mut samples = Vec::new();
    each_file(root(), "configs", &mut |path| samples.push(path.to_owned()));
    samples.retain(|path| path.ends_with(".conf") && path.matches('/').count() == 1);
    assert!(!samples.is_empty());
    let starts = read("tests/it/life/samples.rs");
    assert_eq!(unnamed(&samples, &starts), [] as [&String; 0]);
    assert_eq!(unnamed(&["configs/forgotten.conf".to_owned()], &starts).len(), 1);
}
