//! The words of the configuration language: bytes → lexemes with positions.
//!
//! The language is nats-server's, quirks included, for files written for it must mean the same here. Source:
//! nats-server `conf/lex.go`. What a state does with an odd character (a lone slash, a `}` without its `{`, a
//! NUL byte) follows what the real server answers; the tests hold both to the same texts.

use super::problem::Problem;

/// What a lexeme is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Key,
    String,
    Bool,
    Integer,
    Float,
    Date,
    ArrayStart,
    ArrayEnd,
    MapStart,
    MapEnd,
    /// A reference to a variable, without its `$`.
    Variable,
    /// The path of a file to be read in place.
    Include,
    End,
}

/// One word: its text with escapes resolved, and where it began. Lines count from 1; columns count bytes,
/// from 0 on the first line and from 1 on the others, as nats-server prints them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lexeme {
    pub kind: Kind,
    pub text: String,
    pub line: usize,
    pub column: usize,
}

/// Where the lexer is between two characters. Those that expect a value's end wait on a stack meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Top,
    TopValueEnd,
    /// Inside braces that stand around a whole file, as in JSON.
    Block,
    BlockValueEnd,
    BlockEnd,
    KeyStart,
    Key,
    QuotedKey(char),
    KeyEnd,
    Value,
    ArrayValue,
    ArrayValueEnd,
    MapKeyStart,
    MapKey,
    MapQuotedKey(char),
    MapKeyEnd,
    MapValue,
    MapValueEnd,
    Include,
    Comment,
}

/// The end of the text; a NUL byte in it is taken for the same.
const END: char = '\0';

pub struct Lexer<'a> {
    input: &'a str,
    start: usize,
    at: usize,
    width: usize,
    line: usize,
    /// Where the line began, now and when the lexeme under way did.
    line_start: usize,
    lexeme_line_start: usize,
    state: State,
    waiting: Vec<State>,
    /// What a string with escapes has so far.
    unescaped: Option<Vec<u8>>,
    found: Option<Lexeme>,
}

type Step = Result<(), Problem>;

impl<'a> Lexer<'a> {
    pub fn new(input: &'a str) -> Lexer<'a> {
        Lexer {
            input,
            start: 0,
            at: 0,
            width: 0,
            line: 1,
            line_start: 0,
            lexeme_line_start: 0,
            state: State::Top,
            waiting: Vec::new(),
            unescaped: None,
            found: None,
        }
    }

    /// The next lexeme; `End` at the end. After a problem there is none.
    pub fn next(&mut self) -> Result<Lexeme, Problem> {
        loop {
            self.step()?;
            if let Some(lexeme) = self.found.take() {
                return Ok(lexeme);
            }
        }
    }

    fn step(&mut self) -> Step {
        match self.state {
            State::Top => self.top(),
            State::TopValueEnd => self.top_value_end(),
            State::Block => self.block(),
            State::BlockValueEnd => self.block_value_end(),
            State::BlockEnd => self.block_end(),
            State::KeyStart => self.key_start(),
            State::Key => self.key(State::KeyEnd, None),
            State::QuotedKey(quote) => self.quoted_key(quote),
            State::KeyEnd => self.key_end(),
            State::Value => self.value(),
            State::ArrayValue => self.array_value(),
            State::ArrayValueEnd => self.array_value_end(),
            State::MapKeyStart => self.map_key_start(),
            State::MapKey => self.key(State::MapKeyEnd, Some(State::MapValueEnd)),
            State::MapQuotedKey(quote) => self.quoted_key(quote),
            State::MapKeyEnd => self.map_key_end(),
            State::MapValue => self.map_value(),
            State::MapValueEnd => self.map_value_end(),
            State::Include => self.include(),
            State::Comment => {
                self.comment();
                Ok(())
            }
        }
    }

    // Between lexemes, outermost first.

    fn top(&mut self) -> Step {
        match self.advance() {
            space if space.is_whitespace() => self.skip_to(State::Top),
            '{' => {
                self.waiting.push(State::Top);
                self.skip_to(State::Block)
            }
            first => self.key_or_end(first, State::Top, State::TopValueEnd),
        }
    }

    fn block(&mut self) -> Step {
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

    fn top_value_end(&mut self) -> Step {
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

    fn block_value_end(&mut self) -> Step {
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

    fn block_end(&mut self) -> Step {
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

    fn array_value(&mut self) -> Step {
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

    fn array_value_end(&mut self) -> Step {
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

    fn map_value_end(&mut self) -> Step {
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

    // Keys.

    fn key_start(&mut self) -> Step {
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

    fn map_key_start(&mut self) -> Step {
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
    fn key(&mut self, then: State, after_include: Option<State>) -> Step {
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

    fn quoted_key(&mut self, quote: char) -> Step {
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

    fn key_end(&mut self) -> Step {
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

    fn map_key_end(&mut self) -> Step {
        match self.advance() {
            space if space.is_whitespace() => self.skip_to(State::MapKeyEnd),
            '=' | ':' => self.skip_to(State::MapValue),
            _ => {
                self.back();
                self.go(State::MapValue)
            }
        }
    }

    fn map_value(&mut self) -> Step {
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

    // Values.

    fn value(&mut self) -> Step {
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
    fn bare_string(&mut self) -> Step {
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

    /// What begins with a digit: an integer, a float, a date, an address, or after all a string.
    fn number_or_else(&mut self) -> Step {
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

    fn negative_number(&mut self) -> Step {
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

    /// The path behind `include`.
    fn include(&mut self) -> Step {
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

    // Comments.

    fn second_slash(&mut self) -> bool {
        if self.advance() == '/' {
            return true;
        }
        self.back();
        false
    }

    fn comment_then(&mut self, then: State) -> Step {
        self.waiting.push(then);
        self.skip_to(State::Comment)
    }

    /// Up to the end of the line.
    fn comment(&mut self) {
        while !matches!(self.peek(), '\n' | '\r' | END) {
            self.advance();
        }
        self.skip();
        self.resume();
    }

    // The cursor.

    fn advance(&mut self) -> char {
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
    fn back(&mut self) {
        self.at -= self.width;
        if self.input.as_bytes().get(self.at) == Some(&b'\n') {
            self.line -= 1;
        }
    }

    fn peek(&mut self) -> char {
        let next = self.advance();
        self.back();
        next
    }

    /// Forgets what was read so far.
    fn skip(&mut self) {
        self.start = self.at;
        self.lexeme_line_start = self.line_start;
    }

    fn skip_to(&mut self, state: State) -> Step {
        self.skip();
        self.go(state)
    }

    fn go(&mut self, state: State) -> Step {
        self.state = state;
        Ok(())
    }

    /// Goes on with what waited for a value or a comment to end.
    fn resume(&mut self) {
        self.state = self.waiting.pop().expect("a value or comment is waited for");
    }

    fn open(&mut self, kind: Kind, inside: State) -> Step {
        self.skip();
        self.emit(kind);
        self.go(inside)
    }

    fn close(&mut self, kind: Kind) -> Step {
        self.skip();
        self.emit(kind);
        self.resume();
        Ok(())
    }

    fn emit_value(&mut self, kind: Kind) -> Step {
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
    fn emit_before_last(&mut self, kind: Kind) -> Step {
        self.back();
        self.emit_value(kind)?;
        self.advance();
        self.skip();
        Ok(())
    }

    fn emit(&mut self, kind: Kind) {
        let text = self.input[self.start..self.at].to_owned();
        let column = self.at.saturating_sub(self.lexeme_line_start).saturating_sub(text.len());
        self.found = Some(Lexeme { kind, text, line: self.line, column });
        self.skip();
    }

    fn problem(&self, said: &str) -> Problem {
        let column = self.at - self.line_start;
        Problem::parse(self.line, column, said)
    }

    fn unexpected(&self, said: &str, found: char) -> Problem {
        self.problem(&format!("{said} '{}' instead.", shown(found)))
    }
}

fn is_bool(text: &str) -> bool {
    ["true", "false", "on", "off", "yes", "no"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn is_suffix(letter: char) -> bool {
    matches!(letter.to_ascii_lowercase(), 'k' | 'm' | 'g' | 't' | 'p' | 'e')
}

fn shown(found: char) -> String {
    if found == '\n' { "\\n".to_owned() } else { found.to_string() }
}
