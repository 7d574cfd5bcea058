//! What is wrong with a configuration, and where.

use std::fmt;
use std::rc::Rc;

/// A place in a configuration file. Lines count from 1; columns as `lexer::Lexeme` says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub file: Rc<str>,
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One thing that is wrong. Shown as `FILE:LINE:COLUMN: what`, the form of nats-server's own messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub at: Option<Position>,
    pub said: String,
}

impl Problem {
    pub fn new(at: &Position, said: impl Into<String>) -> Problem {
        Problem { at: Some(at.clone()), said: said.into() }
    }

    /// A problem of the configuration as a whole.
    pub fn whole(said: impl Into<String>) -> Problem {
        Problem { at: None, said: said.into() }
    }

    /// A problem of the language: the file is filled in by the parser. Source: nats-server
    /// `conf/parse.go:processItem`.
    pub fn parse(line: usize, column: usize, said: &str) -> Problem {
        let at = Position { file: "".into(), line, column };
        Problem::new(&at, format!("Parse error on line {line}: '{said}'"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(at) => write!(out, "{at}: {}", self.said),
            None => out.write_str(&self.said),
        }
    }
}
