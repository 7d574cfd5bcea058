//! The words of the configuration language: bytes → lexemes with positions.
//!
//! The language is nats-server's, quirks included, for files written for it must mean the same here. Source:
//! nats-server `conf/lex.go`. What a state does with an odd character (a lone slash, a `}` without its `{`, a
//! NUL byte) follows what the real server answers; the tests hold both to the same texts.

mod between;
mod cursor;
mod keys;
mod numbers;
mod values;

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
}
