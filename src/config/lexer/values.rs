//! Values: strings of every kind with their escapes, the paths behind `include`, and what begins an array or a map.

use super::cursor::shown;
use super::{END, Kind, Lexer, State, Step};
use crate::config::problem::Problem;

impl Lexer<'_> {
    pub(super) fn value(&mut self) -> Step {
        match self.advance() {
            ' ' | '\t' => self.skip_to(State::Value),
            '[' => self.open(Kind::ArrayStart, State::ArrayValue),
            '{' => self.open(Kind::MapStart, State::MapKeyStart),
            '\'' => {
                self.skip();
                self.single_quoted()
            }
            '"' => {
                self.skip();
                self.double_quoted()
            }
            '-' => self.negative_number(),
            '(' => {
                self.skip();
                self.block_string()
            }
            '0'..='9' => self.number_or_else(),
            '.' => Err(self.problem("Floats must start with a digit")),
            '\n' | '\r' => Err(self.problem("Expected value but found new line")),
            _ => {
                self.back();
                self.bare_string()
            }
        }
    }

    fn single_quoted(&mut self) -> Step {
        loop {
            match self.advance() {
                '\'' => return self.emit_before_last(Kind::String),
                END => return self.end_in_string(),
                _ => {}
            }
        }
    }

    fn double_quoted(&mut self) -> Step {
        loop {
            match self.advance() {
                '\\' => self.escape()?,
                '"' => return self.emit_before_last(Kind::String),
                END => return self.end_in_string(),
                _ => {}
            }
        }
    }

    fn end_in_string(&mut self) -> Step {
        if self.at > self.start {
            return Err(self.problem("Unexpected EOF."));
        }
        self.emit(Kind::End);
        Ok(())
    }

    /// A string without quotes: perhaps a boolean, perhaps a variable.
    pub(super) fn bare_string(&mut self) -> Step {
        loop {
            match self.advance() {
                '\\' => self.escape()?,
                '\n' | '\r' | END | ';' | ',' | ']' | '}' | ' ' | '\t' => {
                    self.back();
                    let text = &self.input[self.start..self.at];
                    let kind = if self.unescaped.is_some() {
                        Kind::String
                    } else if is_bool(text) {
                        Kind::Bool
                    } else if text.starts_with('$') {
                        self.start += 1;
                        Kind::Variable
                    } else {
                        Kind::String
                    };
                    return self.emit_value(kind);
                }
                '\'' => return self.emit_before_last(Kind::String),
                _ => {}
            }
        }
    }

    /// Text up to a `)` alone on its line.
    fn block_string(&mut self) -> Step {
        loop {
            match self.advance() {
                ')' if self.input[..self.at - 1].ends_with('\n') => {
                    if self.at == self.input.len() {
                        // Without a line end the parenthesis belongs to the text, as nats-server has it.
                        return self.emit_value(Kind::String);
                    }
                    if matches!(self.peek(), '\n' | END) {
                        self.width = 1;
                        return self.emit_before_last(Kind::String);
                    }
                }
                END => return Err(self.problem("Unexpected EOF processing block.")),
                _ => {}
            }
        }
    }

    /// The rest of an escape sequence; what came before it is kept apart.
    fn escape(&mut self) -> Step {
        let before = &self.input.as_bytes()[self.start..self.at - 1];
        self.unescaped.get_or_insert_default().extend_from_slice(before);
        let byte = match self.advance() {
            't' => b'\t',
            'n' => b'\n',
            'r' => b'\r',
            '"' => b'"',
            '\\' => b'\\',
            'x' => self.hexadecimal()?,
            other => {
                return Err(self.problem(&format!(
                    "Invalid escape character '{}'. Only the following escape characters are allowed: \
                     \\xXX, \\t, \\n, \\r, \\\", \\\\.",
                    shown(other)
                )));
            }
        };
        self.unescaped.get_or_insert_default().push(byte);
        self.start = self.at;
        Ok(())
    }

    fn hexadecimal(&mut self) -> Result<u8, Problem> {
        let from = self.at;
        for _ in 0..2 {
            if matches!(self.advance(), '\n' | '\r') {
                return Err(self.problem("Expected two hexadecimal digits after '\\x', but hit end of line"));
            }
        }
        let digits = &self.input[from..self.at];
        let all = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let value = all.then(|| u8::from_str_radix(digits, 16).ok()).flatten();
        value.ok_or_else(|| {
            self.problem(&format!("Expected two hexadecimal digits after '\\x', but got '{digits}'"))
        })
    }

    /// The path behind `include`.
    pub(super) fn include(&mut self) -> Step {
        loop {
            let said = match self.advance() {
                ' ' | '\t' => {
                    self.skip();
                    continue;
                }
                quote @ ('\'' | '"') => {
                    self.skip();
                    return self.quoted_include(quote);
                }
                '[' => "start of an array",
                '{' => "start of a map",
                '(' => "start of a block",
                '0'..='9' | '-' => "start of a number",
                '\\' => "escape sequence",
                '\n' | '\r' => "new line",
                _ => {
                    self.back();
                    return self.bare_include();
                }
            };
            return Err(self.problem(&format!("Expected include value but found {said}")));
        }
    }

    fn quoted_include(&mut self, quote: char) -> Step {
        loop {
            match self.advance() {
                end if end == quote => return self.emit_before_last(Kind::Include),
                END => {
                    let double = if quote == '"' { "double " } else { "" };
                    return Err(self.problem(&format!("Unexpected EOF in {double}quoted include")));
                }
                _ => {}
            }
        }
    }

    fn bare_include(&mut self) -> Step {
        loop {
            match self.advance() {
                '\n' | '\r' | END | ';' | '}' | ' ' | '\t' => {
                    self.back();
                    return self.emit_value(Kind::Include);
                }
                '\'' => return self.emit_before_last(Kind::Include),
                _ => {}
            }
        }
    }
}

fn is_bool(text: &str) -> bool {
    ["true", "false", "on", "off", "yes", "no"].iter().any(|word| text.eq_ignore_ascii_case(word))
}
