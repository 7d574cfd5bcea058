//! The cursor over the text: one character on or back, and the lexeme that ends where it stands.

use super::{END, Kind, Lexeme, Lexer, State, Step};
use crate::config::problem::Problem;

impl Lexer<'_> {
    pub(super) fn advance(&mut self) -> char {
        let Some(next) = self.input[self.at..].chars().next() else {
            self.width = 0;
            return END;
        };
        if next == '\n' {
            self.line += 1;
            self.line_start = self.at;
        }
        self.width = next.len_utf8();
        self.at += self.width;
        next
    }

    /// Takes back the last step. Where its line began is kept, as nats-server does: columns depend on it.
    pub(super) fn back(&mut self) {
        self.at -= self.width;
        if self.input.as_bytes().get(self.at) == Some(&b'\n') {
            self.line -= 1;
        }
    }

    pub(super) fn peek(&mut self) -> char {
        let next = self.advance();
        self.back();
        next
    }

    /// Forgets what was read so far.
    pub(super) fn skip(&mut self) {
        self.start = self.at;
        self.lexeme_line_start = self.line_start;
    }

    pub(super) fn skip_to(&mut self, state: State) -> Step {
        self.skip();
        self.go(state)
    }

    pub(super) fn go(&mut self, state: State) -> Step {
        self.state = state;
        Ok(())
    }

    /// Goes on with what waited for a value or a comment to end.
    pub(super) fn resume(&mut self) {
        self.state = self.waiting.pop().expect("a value or comment is waited for");
    }

    pub(super) fn open(&mut self, kind: Kind, inside: State) -> Step {
        self.skip();
        self.emit(kind);
        self.go(inside)
    }

    pub(super) fn close(&mut self, kind: Kind) -> Step {
        self.skip();
        self.emit(kind);
        self.resume();
        Ok(())
    }

    pub(super) fn emit_value(&mut self, kind: Kind) -> Step {
        self.emit(kind);
        if let Some(bytes) = self.unescaped.take() {
            let lexeme = self.found.as_mut().expect("just emitted");
            let mut bytes = bytes;
            bytes.extend_from_slice(lexeme.text.as_bytes());
            // Columns are counted back from the end by the length of what it means.
            lexeme.column = (lexeme.column + lexeme.text.len()).saturating_sub(bytes.len());
            match String::from_utf8(bytes) {
                Ok(text) => lexeme.text = text,
                Err(_) => return Err(self.problem("Escape sequences do not form valid UTF-8.")),
            }
        }
        self.resume();
        Ok(())
    }

    /// Emits what lies before the character just read, which belongs to nothing.
    pub(super) fn emit_before_last(&mut self, kind: Kind) -> Step {
        self.back();
        self.emit_value(kind)?;
        self.advance();
        self.skip();
        Ok(())
    }

    pub(super) fn emit(&mut self, kind: Kind) {
        let text = self.input[self.start..self.at].to_owned();
        let column = self.at.saturating_sub(self.lexeme_line_start).saturating_sub(text.len());
        self.found = Some(Lexeme { kind, text, line: self.line, column });
        self.skip();
    }

    pub(super) fn problem(&self, said: &str) -> Problem {
        let column = self.at - self.line_start;
        Problem::parse(self.line, column, said)
    }

    pub(super) fn unexpected(&self, said: &str, found: char) -> Problem {
        self.problem(&format!("{said} '{}' instead.", shown(found)))
    }
}

/// A character as a problem names it.
pub(super) fn shown(found: char) -> String {
    if found == '\n' { "\\n".to_owned() } else { found.to_string() }
}
