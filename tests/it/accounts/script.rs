//! A script as data, read from and written to the text of its file.

use std::collections::BTreeMap;

/// A file: what all cases stand on, and the cases.
pub struct Script {
    /// Lines above the first case, as written.
    head: Vec<String>,
    pub stage: Stage,
    pub cases: Vec<Case>,
}

/// What a server is started with.
#[derive(Clone, Default)]
pub struct Stage {
    pub configuration: String,
    pub flags: Vec<String>,
    pub environment: Vec<(String, String)>,
}

#[derive(Clone, Default)]
pub struct Case {
    pub name: String,
    /// A server of its own, with this configuration instead of the file's if there is one.
    pub alone: Option<String>,
    pub head: Vec<String>,
    pub acts: Vec<Act>,
}

/// One thing that is done, and what each connection is then told.
#[derive(Clone)]
pub struct Act {
    pub does: Does,
    written: Vec<String>,
    pub told: BTreeMap<char, Vec<String>>,
}

#[derive(Clone)]
pub enum Does {
    Opens(char),
    Leaves(char),
    Connects(char, String),
    /// Lines, without their ends.
    Sends(char, Vec<String>),
    Reload(String),
    Pause(u64),
    Log(String),
    /// A comment between.
    Nothing,
}

pub fn parse(text: &str, read: &dyn Fn(&str) -> String) -> Script {
    let mut script = Script { head: Vec::new(), stage: Stage::default(), cases: Vec::new() };
    for line in text.lines().map(str::trim_end) {
        match (line.strip_prefix("## "), script.cases.last_mut()) {
            (Some(name), _) => script.cases.push(Case { name: name.into(), ..Case::default() }),
            (None, None) => script.read_head(line, read),
            (None, Some(case)) => case.read(line, read),
        }
    }
    script
}

impl Script {
    fn read_head(&mut self, line: &str, read: &dyn Fn(&str) -> String) {
        self.head.push(line.into());
        if let Some(text) = configuration(line, read) {
            self.stage.configuration.push_str(&text);
        } else if let Some(flags) = line.strip_prefix("flag ") {
            self.stage.flags.extend(flags.split(' ').map(str::to_owned));
        } else if let Some(variable) = line.strip_prefix("env ") {
            let (name, value) = variable.split_once('=').expect("NAME=value");
            self.stage.environment.push((name.into(), value.into()));
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "cannot read {line:?}");
        }
    }

    pub fn render(&self) -> String {
        let head = self.head.iter().map(|line| format!("{line}\n")).collect::<String>();
        head + &self.cases.iter().map(Case::render).collect::<Vec<_>>().join("\n")
    }
}

/// The text of a line that gives configuration.
fn configuration(line: &str, read: &dyn Fn(&str) -> String) -> Option<String> {
    match line.strip_prefix('|') {
        Some(text) => Some(format!("{}\n", text.strip_prefix(' ').unwrap_or(text))),
        None => line.strip_prefix("conf ").map(read),
    }
}

impl Case {
    fn read(&mut self, line: &str, read: &dyn Fn(&str) -> String) {
        if let Some(text) = configuration(line, read) {
            match self.acts.last_mut() {
                Some(Act { does: Does::Reload(so_far), written, .. }) => {
                    so_far.push_str(&text);
                    written.push(line.into());
                }
                Some(_) => panic!("{}: configuration stands above what is done", self.name),
                None => {
                    self.alone.get_or_insert_default().push_str(&text);
                    self.head.push(line.into());
                }
            }
            return;
        }
        if self.acts.is_empty() && (line.is_empty() || line.starts_with('#')) {
            return self.head.push(line.into());
        }
        if line == "alone" {
            self.alone.get_or_insert_default();
            return self.head.push(line.into());
        }
        let does = match line.split_once(' ').unwrap_or((line, "")) {
            ("" | "#", _) => Does::Nothing,
            ("reload", "") => {
                self.alone.get_or_insert_default();
                Does::Reload(String::new())
            }
            ("pause", milliseconds) => Does::Pause(milliseconds.parse().expect("milliseconds")),
            ("log", text) => Does::Log(text.into()),
            (who, "opens") => Does::Opens(connection(who, line)),
            (who, "leaves") => Does::Leaves(connection(who, line)),
            (who, rest) if rest == "connects" || rest.starts_with("connects ") => {
                Does::Connects(connection(who, line), rest["connects".len()..].trim().into())
            }
            (mark, rest) => match mark.split_at(1) {
                (who, ">") => return self.sends(connection(who, line), rest, line),
                (who, "<") => return self.is_told(connection(who, line), line),
                _ => panic!("{}: cannot read {line:?}", self.name),
            },
        };
        self.acts.push(Act { does, written: vec![line.into()], told: BTreeMap::new() });
    }

    /// Lines said in one go are one act, unless the next one needs what the one before it brought.
    fn sends(&mut self, who: char, text: &str, line: &str) {
        if let Some(Act { does: Does::Sends(last, lines), written, told }) = self.acts.last_mut()
            && *last == who
            && told.is_empty()
            && !text.contains("@reply")
        {
            lines.push(text.into());
            written.push(line.into());
            return;
        }
        let does = Does::Sends(who, vec![text.into()]);
        self.acts.push(Act { does, written: vec![line.into()], told: BTreeMap::new() });
    }

    fn is_told(&mut self, who: char, line: &str) {
        let act = self.acts.last_mut().unwrap_or_else(|| panic!("nothing is done before {line:?}"));
        act.told.entry(who).or_default().push(line.into());
    }

    pub fn comment(&self) -> String {
        self.head.iter().filter_map(|line| line.strip_prefix("# ")).collect::<Vec<_>>().join(" ")
    }

    pub fn render(&self) -> String {
        let mut lines = vec![format!("## {}", self.name)];
        lines.extend(self.head.iter().cloned());
        for act in &self.acts {
            lines.extend(act.written.iter().cloned());
            lines.extend(act.told.values().flatten().cloned());
        }
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines.join("\n") + "\n"
    }
}

fn connection(name: &str, line: &str) -> char {
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_ascii_uppercase() => letter,
        _ => panic!("no connection named in {line:?}"),
    }
}
