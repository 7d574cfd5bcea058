//! Keys, bare and quoted, at the top, in a block and in a map, up to where the value begins.

use super::{END, Kind, Lexer, State, Step};

impl Lexer<'_> {
    pub(super) fn key_start(&mut self) -> Step {
        match self.peek() {
            separator @ ('=' | ':') => Err(self.problem(&format!("Unexpected key separator '{separator}'"))),
            space if space.is_whitespace() => {
                self.advance();
                self.skip_to(State::KeyStart)
            }
            quote @ ('"' | '\'') => {
                self.advance();
                self.skip_to(State::QuotedKey(quote))
            }
            _ => {
                self.skip();
                self.advance();
                self.go(State::Key)
            }
        }
    }

    pub(super) fn map_key_start(&mut self) -> Step {
        match self.peek() {
            separator @ ('=' | ':') => {
                return Err(self.problem(&format!("Unexpected key separator '{separator}'.")));
            }
            ']' => return Err(self.problem("Unexpected array end ']' processing map.")),
            space if space.is_whitespace() => {
                self.advance();
                return self.skip_to(State::MapKeyStart);
            }
            '}' => {
                self.advance();
                return self.close(Kind::MapEnd);
            }
            '#' => {
                self.advance();
                return self.comment_then(State::MapKeyStart);
            }
            '/' => {
                self.advance();
                if self.second_slash() {
                    return self.comment_then(State::MapKeyStart);
                }
            }
            quote @ ('"' | '\'') => {
                self.advance();
                return self.skip_to(State::MapQuotedKey(quote));
            }
            END => return Err(self.problem("Unexpected EOF processing map.")),
            _ => {}
        }
        self.skip();
        self.advance();
        self.go(State::MapKey)
    }

    /// The rest of a bare key, or the word `include` followed by a space.
    pub(super) fn key(&mut self, then: State, after_include: Option<State>) -> Step {
        loop {
            match self.peek() {
                END if after_include.is_some() => {
                    return Err(self.problem("Unexpected EOF processing map key."));
                }
                space if space.is_whitespace() => break,
                '=' | ':' | END => {
                    self.emit(Kind::Key);
                    return self.go(then);
                }
                _ => self.advance(),
            };
        }
        if self.input[self.start..self.at].eq_ignore_ascii_case("include") {
            self.skip();
            self.waiting.extend(after_include);
            return self.go(State::Include);
        }
        self.emit(Kind::Key);
        self.go(then)
    }

    pub(super) fn quoted_key(&mut self, quote: char) -> Step {
        let in_map = matches!(self.state, State::MapQuotedKey(_));
        loop {
            match self.peek() {
                END if in_map => {
                    let double = if quote == '"' { "double " } else { "" };
                    return Err(self.problem(&format!("Unexpected EOF processing {double}quoted map key.")));
                }
                END if self.at > self.start => return Err(self.problem("Unexpected EOF.")),
                END => {
                    self.emit(Kind::End);
                    return Ok(());
                }
                end if end == quote => {
                    self.emit(Kind::Key);
                    self.advance();
                    return self.skip_to(if in_map { State::MapKeyEnd } else { State::KeyEnd });
                }
                _ => self.advance(),
            };
        }
    }

    pub(super) fn key_end(&mut self) -> Step {
        match self.advance() {
            space if space.is_whitespace() => self.skip_to(State::KeyEnd),
            '=' | ':' => self.skip_to(State::Value),
            END => {
                self.emit(Kind::End);
                Ok(())
            }
            _ => {
                self.back();
                self.go(State::Value)
            }
        }
    }

    pub(super) fn map_key_end(&mut self) -> Step {
        match self.advance() {
            space if space.is_whitespace() => self.skip_to(State::MapKeyEnd),
            '=' | ':' => self.skip_to(State::MapValue),
            _ => {
                self.back();
                self.go(State::MapValue)
            }
        }
    }

    pub(super) fn map_value(&mut self) -> Step {
        match self.advance() {
            space if space.is_whitespace() => self.skip_to(State::MapValue),
            ',' => Err(self.problem("Unexpected map value terminator \",\".")),
            '}' => self.close(Kind::MapEnd),
            _ => {
                self.back();
                self.waiting.push(State::MapValueEnd);
                self.go(State::Value)
            }
        }
    }
}
