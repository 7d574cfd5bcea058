//! What stands between lexemes: the ends of values, blocks, arrays and maps, and comments.

use super::{END, Kind, Lexer, State, Step};

impl Lexer<'_> {
    pub(super) fn top(&mut self) -> Step {
        match self.advance() {
            space if space.is_whitespace() => self.skip_to(State::Top),
            '{' => {
                self.waiting.push(State::Top);
                self.skip_to(State::Block)
            }
            first => self.key_or_end(first, State::Top, State::TopValueEnd),
        }
    }

    pub(super) fn block(&mut self) -> Step {
        match self.advance() {
            space if space.is_whitespace() => self.skip_to(State::Block),
            '{' => {
                self.waiting.push(State::BlockEnd);
                self.skip_to(State::Block)
            }
            '}' => {
                self.skip();
                self.resume();
                Ok(())
            }
            first => self.key_or_end(first, State::Block, State::BlockValueEnd),
        }
    }

    /// A comment, the end, or the key of a value after which `value_end` waits.
    fn key_or_end(&mut self, first: char, here: State, value_end: State) -> Step {
        match first {
            '#' => self.comment_then(here),
            '/' if self.second_slash() => self.comment_then(here),
            '/' | END => {
                if self.at > self.start {
                    return Err(self.problem("Unexpected EOF."));
                }
                self.emit(Kind::End);
                Ok(())
            }
            _ => {
                self.back();
                self.waiting.push(value_end);
                self.go(State::KeyStart)
            }
        }
    }

    pub(super) fn top_value_end(&mut self) -> Step {
        match self.advance() {
            '#' => self.comment_then(State::Top),
            '/' if self.second_slash() => self.comment_then(State::Top),
            '/' | ' ' | '\t' => Ok(()),
            '\n' | '\r' | END | ';' | ',' | '}' => self.skip_to(State::Top),
            other => Err(self.unexpected(
                "Expected a top-level value to end with a new line, comment or EOF, but got",
                other,
            )),
        }
    }

    pub(super) fn block_value_end(&mut self) -> Step {
        match self.advance() {
            '#' => self.comment_then(State::BlockValueEnd),
            '/' if self.second_slash() => self.comment_then(State::BlockValueEnd),
            '/' | ' ' | '\t' => Ok(()),
            '\n' | '\r' | ';' | ',' => self.skip_to(State::Block),
            '}' => {
                self.back();
                self.go(State::BlockEnd)
            }
            other => Err(self.unexpected(
                "Expected a block-level value to end with a new line, comment or EOF, but got",
                other,
            )),
        }
    }

    pub(super) fn block_end(&mut self) -> Step {
        match self.advance() {
            '#' => self.comment_then(State::Block),
            '/' if self.second_slash() => self.comment_then(State::Block),
            '/' | '\n' | '\r' | ' ' | '\t' => Ok(()),
            ';' | ',' => self.skip_to(State::Block),
            '}' => {
                self.skip();
                self.resume();
                Ok(())
            }
            other => Err(self.unexpected("Expected a block-level to end with a '}', but got", other)),
        }
    }

    pub(super) fn array_value(&mut self) -> Step {
        match self.advance() {
            space if space.is_whitespace() => self.skip_to(State::ArrayValue),
            '#' => self.comment_then(State::ArrayValue),
            '/' if self.second_slash() => self.comment_then(State::ArrayValue),
            '/' | ',' => Err(self.problem("Unexpected array value terminator ','.")),
            ']' => self.close(Kind::ArrayEnd),
            _ => {
                self.back();
                self.waiting.push(State::ArrayValueEnd);
                self.go(State::Value)
            }
        }
    }

    pub(super) fn array_value_end(&mut self) -> Step {
        match self.advance() {
            ' ' | '\t' => self.skip_to(State::ArrayValueEnd),
            '#' => self.comment_then(State::ArrayValueEnd),
            '/' if self.second_slash() => self.comment_then(State::ArrayValueEnd),
            '/' | ',' | '\n' | '\r' => self.skip_to(State::ArrayValue),
            ']' => self.close(Kind::ArrayEnd),
            other => Err(self.unexpected(
                "Expected an array value terminator \",\" or an array terminator \"]\", but got",
                other,
            )),
        }
    }

    pub(super) fn map_value_end(&mut self) -> Step {
        match self.advance() {
            ' ' | '\t' => self.skip_to(State::MapValueEnd),
            '#' => self.comment_then(State::MapValueEnd),
            '/' if self.second_slash() => self.comment_then(State::MapValueEnd),
            '/' | ';' | ',' | '\n' | '\r' => self.skip_to(State::MapKeyStart),
            '}' => self.close(Kind::MapEnd),
            other => Err(self.unexpected(
                "Expected a map value terminator \",\" or a map terminator \"}\", but got",
                other,
            )),
        }
    }

    pub(super) fn second_slash(&mut self) -> bool {
        if self.advance() == '/' {
            return true;
        }
        self.back();
        false
    }

    pub(super) fn comment_then(&mut self, then: State) -> Step {
        self.waiting.push(then);
        self.skip_to(State::Comment)
    }

    /// Up to the end of the line.
    pub(super) fn comment(&mut self) {
        while !matches!(self.peek(), '\n' | '\r' | END) {
            self.advance();
        }
        self.skip();
        self.resume();
    }
}
