//! One configuration text as data, read from and written to its file.

use std::path::{Path, PathBuf};

/// Exit code and lines, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub code: i32,
    pub lines: Vec<String>,
}

#[derive(Clone, Default)]
pub struct Text {
    pub name: String,
    pub environment: Vec<(String, String)>,
    /// Why corebus answers otherwise, where it does.
    pub deviates: Option<String>,
    pub files: Vec<(String, String)>,
    pub text: String,
    /// nats-server's; absent until it is recorded.
    pub answer: Option<Answer>,
    /// corebus's, where it deviates.
    pub corebus: Option<Answer>,
}

pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/config")
}

/// The files of texts, in order of their names.
pub fn paths() -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(directory()).expect("the texts").map(|entry| entry.expect("entry").path());
    let mut paths: Vec<_> = entries.filter(|path| is_text(path)).collect();
    paths.sort();
    paths
}

fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "txt") && !path.ends_with("unbuilt.txt")
}

pub fn all() -> Vec<Text> {
    paths().iter().flat_map(|path| read(path).1).collect()
}

/// What stands above the first text of a file, and its texts.
pub fn read(path: &Path) -> (String, Vec<Text>) {
    let content = std::fs::read_to_string(path).expect("a file of texts");
    let mut parts = content.split("\n== ");
    let head = parts.next().unwrap_or_default().to_owned();
    (head, parts.map(Text::parse).collect())
}

impl Text {
    fn parse(part: &str) -> Text {
        // What is left of the blank line between two texts, or of the file's last line.
        let mut sections = part.strip_suffix('\n').unwrap_or(part).split("\n-- ");
        let mut text =
            Text { name: sections.next().unwrap_or_default().trim().to_owned(), ..Text::default() };
        for section in sections {
            let (head, body) = section.split_once('\n').unwrap_or((section, ""));
            let (word, rest) = head.split_once(' ').unwrap_or((head, ""));
            match (word, rest) {
                ("env", pair) => {
                    let (name, value) = pair.split_once('=').expect("env NAME=value");
                    text.environment.push((name.into(), value.into()));
                }
                ("deviates", reason) => text.deviates = Some(reason.into()),
                ("file", name) => text.files.push((name.into(), format!("{body}\n"))),
                ("text", _) => text.text = format!("{body}\n"),
                ("bare", "text") => text.text = body.into(),
                ("answer", code) => text.answer = Some(answer(code, body)),
                ("corebus", code) => text.corebus = Some(answer(code, body)),
                _ => panic!("{}: cannot read {head:?}", text.name),
            }
        }
        text
    }

    /// The text as it is written in its file.
    pub fn render(&self) -> String {
        let mut out = format!("\n== {}\n", self.name);
        for (name, value) in &self.environment {
            out.push_str(&format!("-- env {name}={value}\n"));
        }
        if let Some(reason) = &self.deviates {
            out.push_str(&format!("-- deviates {reason}\n"));
        }
        for (name, content) in &self.files {
            out.push_str(&format!("-- file {name}\n{content}"));
        }
        out.push_str(&match self.text.ends_with('\n') {
            true => format!("-- text\n{}", self.text),
            false => format!("-- bare text\n{}\n", self.text),
        });
        for (who, answer) in [("answer", &self.answer), ("corebus", &self.corebus)] {
            if let Some(answer) = answer {
                out.push_str(&format!("-- {who} {}\n", answer.code));
                out.extend(answer.lines.iter().map(|line| format!("{line}\n")));
            }
        }
        out
    }
}

fn answer(code: &str, body: &str) -> Answer {
    let lines = body.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    Answer { code: code.trim().parse().expect("an exit code"), lines }
}
