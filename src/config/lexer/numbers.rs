//! Values that begin with a digit or a minus: integers with their suffixes, floats, dates.

use super::cursor::shown;
use super::{END, Kind, Lexer, Step};

impl Lexer<'_> {
    /// What begins with a digit: an integer, a float, a date, an address, or after all a string.
    pub(super) fn number_or_else(&mut self) -> Step {
        loop {
            match self.advance() {
                '-' if self.at - self.start != 5 => {
                    return Err(self.problem("All ISO8601 dates must be in full Zulu form."));
                }
                '-' => return self.date_after_year(),
                '0'..='9' => {}
                '.' => return self.float(),
                suffix if is_suffix(suffix) => return self.number_with_suffix(),
                '\n' | '\r' | END | '}' | ';' | ',' | ' ' | '\t' => {
                    self.back();
                    return self.emit_value(Kind::Integer);
                }
                _ => return self.bare_string(),
            }
        }
    }

    fn number_with_suffix(&mut self) -> Step {
        loop {
            match self.advance() {
                'b' | 'B' | 'i' | 'I' => {}
                '\n' | '\r' | END | '}' | ';' | ',' | ' ' | '\t' => {
                    self.back();
                    return self.emit_value(Kind::Integer);
                }
                _ => {
                    self.back();
                    return self.bare_string();
                }
            }
        }
    }

    fn date_after_year(&mut self) -> Step {
        for wanted in "00-00T00:00:00Z".chars() {
            let found = self.advance();
            if wanted == '0' && !found.is_ascii_digit() {
                return Err(self.unexpected("Expected digit in ISO8601 datetime, but found", found));
            }
            if wanted != '0' && wanted != found {
                let said = format!("Expected '{wanted}' in ISO8601 datetime, but found");
                return Err(self.unexpected(&said, found));
            }
        }
        self.emit_value(Kind::Date)
    }

    pub(super) fn negative_number(&mut self) -> Step {
        match self.advance() {
            '0'..='9' => {}
            '.' => return Err(self.problem("Floats must start with a digit, not '.'.")),
            other => {
                return Err(self.problem(&format!("Expected a digit but got '{}'.", shown(other))));
            }
        }
        loop {
            match self.advance() {
                '0'..='9' => {}
                '.' => return self.float(),
                suffix if is_suffix(suffix) => return self.number_with_suffix(),
                _ => {
                    self.back();
                    return self.emit_value(Kind::Integer);
                }
            }
        }
    }

    /// Digits behind a point; a second point makes it an address.
    fn float(&mut self) -> Step {
        let first = self.advance();
        if !first.is_ascii_digit() {
            return Err(self.unexpected("Floats must have a digit after the '.', but got", first));
        }
        loop {
            match self.advance() {
                '0'..='9' => {}
                '.' => {
                    while matches!(self.advance(), '0'..='9' | '.' | ':' | '-') {}
                    self.back();
                    return self.emit_value(Kind::String);
                }
                _ => {
                    self.back();
                    return self.emit_value(Kind::Float);
                }
            }
        }
    }
}

fn is_suffix(letter: char) -> bool {
    matches!(letter.to_ascii_lowercase(), 'k' | 'm' | 'g' | 't' | 'p' | 'e')
}
