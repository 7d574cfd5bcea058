//! One transcript as data, read from and written to the text of its file.

use super::escape;

/// A file: what stands above its first case, and its cases.
pub struct File {
    pub head: Vec<String>,
    pub cases: Vec<Case>,
}

#[derive(Clone, Default)]
pub struct Case {
    pub name: String,
    /// What the server is started with: `set key=value` and `flag text` lines.
    pub settings: Vec<(String, String)>,
    pub flags: Vec<String>,
    /// Answers may come in any order within one block.
    pub unordered: bool,
    /// The subscription that a message is for is the server's choice.
    pub any_sid: bool,
    /// A peer answers otherwise to pieces, for the reason that the line gives.
    pub whole: bool,
    pub steps: Vec<Step>,
    /// Comments and directives as written.
    head: Vec<String>,
}

#[derive(Clone)]
pub enum Step {
    /// A connection says CONNECT, quietly, and has its PONG.
    Connects(char),
    /// Bytes sent, and the lines they were written as.
    Sends(char, Vec<u8>, Vec<String>),
    /// What must be answered, as lines of text.
    Expects(char, Vec<String>),
    Note(String),
}

pub fn parse(text: &str) -> File {
    let mut file = File { head: Vec::new(), cases: Vec::new() };
    for line in text.lines() {
        match (line.strip_prefix("## "), file.cases.last_mut()) {
            (Some(name), _) => file.cases.push(Case { name: name.into(), ..Case::default() }),
            (None, None) => file.head.push(line.into()),
            (None, Some(case)) => case.read(line),
        }
    }
    for case in &mut file.cases {
        case.drop_trailing_blanks();
    }
    file
}

impl Case {
    fn read(&mut self, line: &str) {
        let words = line.split_once(' ').unwrap_or((line, ""));
        match words {
            ("set", rest) => {
                let (key, value) = rest.split_once('=').expect("set key=value");
                self.settings.push((key.into(), value.into()));
                self.head.push(line.into());
            }
            ("flag", rest) => self.directive(line, |case| case.flags.push(rest.into())),
            ("unordered", _) => self.directive(line, |case| case.unordered = true),
            ("any-sid", _) => self.directive(line, |case| case.any_sid = true),
            ("whole", _) => self.directive(line, |case| case.whole = true),
            ("" | "#", _) if self.steps.is_empty() => self.head.push(line.into()),
            ("" | "#", _) => self.steps.push(Step::Note(line.into())),
            (name, "connects") => self.steps.push(Step::Connects(connection(name, line))),
            (mark, rest) => self.read_exchange(mark, rest, line),
        }
    }

    fn directive(&mut self, line: &str, apply: impl FnOnce(&mut Case)) {
        apply(self);
        self.head.push(line.into());
    }

    fn read_exchange(&mut self, mark: &str, rest: &str, line: &str) {
        let who = connection(&mark[..1], line);
        match &mark[1..] {
            ">" => self.sends(who, [escape::decode(rest), b"\r\n".to_vec()].concat(), line),
            ">>" => self.sends(who, escape::decode(rest), line),
            "<" | "<<" => self.expects(who, line),
            _ => panic!("case {}: cannot read {line:?}", self.name),
        }
    }

    fn sends(&mut self, who: char, bytes: Vec<u8>, line: &str) {
        if let Some(Step::Sends(last, so_far, lines)) = self.steps.last_mut()
            && *last == who
        {
            so_far.extend(bytes);
            lines.push(line.into());
            return;
        }
        self.steps.push(Step::Sends(who, bytes, vec![line.into()]));
    }

    fn expects(&mut self, who: char, line: &str) {
        // An empty line asks for a recording.
        let line = line.trim_end();
        if let Some(Step::Expects(last, lines)) = self.steps.last_mut()
            && *last == who
        {
            lines.push(line.into());
            return;
        }
        self.steps.push(Step::Expects(who, vec![line.into()]));
    }

    fn drop_trailing_blanks(&mut self) {
        while matches!(self.steps.last(), Some(Step::Note(line)) if line.trim().is_empty()) {
            self.steps.pop();
        }
    }

    /// The case as text, as it is written in its file.
    pub fn render(&self) -> String {
        let mut lines = vec![format!("## {}", self.name)];
        lines.extend(self.head.iter().cloned());
        for step in &self.steps {
            match step {
                Step::Connects(who) => lines.push(format!("{who} connects")),
                Step::Sends(_, _, written) => lines.extend(written.iter().cloned()),
                Step::Expects(_, expected) => lines.extend(expected.iter().cloned()),
                Step::Note(line) => lines.push(line.clone()),
            }
        }
        lines.join("\n") + "\n"
    }

    /// The reason given above the case's first line.
    pub fn comment(&self) -> String {
        self.head.iter().filter_map(|line| line.strip_prefix("# ")).collect::<Vec<_>>().join(" ")
    }

    pub fn sent_bytes(&self) -> usize {
        let sizes = self.steps.iter().map(|step| match step {
            Step::Sends(_, bytes, _) => bytes.len(),
            _ => 0,
        });
        sizes.sum()
    }
}

fn connection(name: &str, line: &str) -> char {
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_ascii_uppercase() => letter,
        _ => panic!("no connection named in {line:?}"),
    }
}
