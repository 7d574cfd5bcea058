//! What subjects are mapped to: `$1`, `{{wildcard(1)}}`, `{{partition(10,1)}}` and their kin. Source: nats-server
//! `subject_transform.go`, `sublist.go:ValidateMapping`.

mod parse;
mod preimage;
mod program;
#[cfg(test)]
mod tests;

use super::pattern;
use parse::{Token, arguments, function, in_token, is_function, read};
use program::Piece;

/// How subjects that match a source become others: compiled once, run for every message.
#[derive(Debug, PartialEq, Eq)]
pub struct Transform {
    source: String,
    destination: String,
    program: Vec<Piece>,
}

impl Transform {
    /// A source of nothing is `>`. Fails as nats-server does, and where there is no destination.
    /// Source: nats-server `subject_transform.go:NewSubjectTransform`.
    pub fn new(source: &str, destination: &str) -> Result<Transform, String> {
        Transform::compile(source, destination, false)
    }

    /// One that uses all wildcards of its source and no other function.
    /// Source: nats-server `subject_transform.go:NewSubjectTransformStrict`.
    pub fn reversible(source: &str, destination: &str) -> Result<Transform, String> {
        Transform::compile(source, destination, true)
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// Appends what a subject becomes. That it matches the source is not looked at: a token it does not have is
    /// empty. `dice(n)` is a number below n, asked for `random` alone.
    pub fn apply(&self, subject: &[u8], dice: &mut dyn FnMut(u32) -> u32, out: &mut Vec<u8>) {
        program::run(&self.program, subject, dice, out);
    }

    /// Appends what a pattern that is part of the source becomes: its wildcards are tokens like others. Meant for
    /// reversible transforms. Source: nats-server `client.go:addShadowSub`.
    pub fn apply_to_pattern(&self, pattern: &[u8], out: &mut Vec<u8>) {
        program::run(&self.program, pattern, &mut |_| 0, out);
    }

    /// The way back, as nats-server has it: where three wildcards or more change places in a circle it leads
    /// elsewhere, and where one is used twice there is none. Source: nats-server `subject_transform.go:reverse`.
    pub fn reverse(&self) -> Option<Transform> {
        let mut placeholders = self.destination.split('.').filter(|token| is_placeholder(token));
        let back: Option<Vec<&str>> = self
            .source
            .split('.')
            .map(|token| if token == "*" { placeholders.next() } else { Some(token) })
            .collect();
        Transform::reversible(&unnumbered(&self.destination), &back?.join(".")).ok()
    }

    /// Whether every subject of the source stays as it is, those of a token that begins with a star included.
    pub fn is_identity(&self) -> bool {
        let mut same = Vec::new();
        for (number, token) in self.source.split('.').enumerate() {
            match token {
                "*" => push(&mut same, Piece::Token(number)),
                ">" => push(&mut same, Piece::Tail(number)),
                // `pattern::is_subset` takes it for a star.
                token if token.starts_with('*') => return false,
                token => push_literal(&mut same, token.as_bytes()),
            }
            if number < self.source.matches('.').count() {
                push_literal(&mut same, b".");
            }
        }
        same == self.program
    }

    /// For a subject that is known without being looked at: nats-server finds a mapping of a subject without
    /// wildcards before it takes the subject apart, and has nothing to hash then.
    pub(crate) fn hash_nothing(&mut self) {
        let program = std::mem::take(&mut self.program);
        for piece in program {
            match piece {
                Piece::Partition { buckets, tokens } if tokens.is_empty() => {
                    push_literal(
                        &mut self.program,
                        program::bucket_of_nothing(buckets).to_string().as_bytes(),
                    );
                }
                Piece::Literal(bytes) => push_literal(&mut self.program, &bytes),
                piece => self.program.push(piece),
            }
        }
    }

    fn compile(source: &str, destination: &str, reversible: bool) -> Result<Transform, String> {
        let source = if source.is_empty() { ">" } else { source };
        let (Some((wildcards, tail)), Some((no_wildcards, destination_tail))) =
            (shape(source), shape(destination))
        else {
            return Err("invalid subject".to_owned());
        };
        if !no_wildcards.is_empty() || tail != destination_tail {
            return Err("invalid subject".to_owned());
        }
        let is_pattern = tail || !wildcards.is_empty();
        let mut used = 0;
        let mut program = Vec::new();
        for (number, token) in destination.split('.').enumerate() {
            if number > 0 {
                push_literal(&mut program, b".");
            }
            let read = read(token)?;
            if !is_pattern {
                push(&mut program, piece_of_literal(token, read)?);
                continue;
            }
            if reversible && !matches!(read, Token::Literal | Token::Wildcard(_)) {
                let why = "the only mapping function allowed for import transforms is {{Wildcard()}}";
                return Err(in_token(why, token));
            }
            used += read.wildcards().len();
            if token == ">" {
                push(&mut program, Piece::Tail(source.matches('.').count()));
            } else {
                push(&mut program, piece(token, read, &wildcards)?);
            }
        }
        if reversible && is_pattern && used < wildcards.len() {
            return Err(in_token("not using all of the token wildcard(s)", destination));
        }
        Ok(Transform { source: source.to_owned(), destination: destination.to_owned(), program })
    }
}

/// The piece of a destination whose source is one subject.
fn piece_of_literal(token: &str, read: Token<'_>) -> Result<Piece, String> {
    match read {
        Token::Literal => Ok(Piece::Literal(token.as_bytes().to_vec())),
        Token::Partition { buckets, .. } => {
            Ok(Piece::Partition { buckets: buckets as u32, tokens: Vec::new() })
        }
        Token::Random(ceiling) => Ok(Piece::Random(ceiling.unsigned_abs())),
        _ => Err(in_token("wildcard index out of range", token)),
    }
}

/// `wildcards` are the places of the source's.
fn piece(token: &str, read: Token<'_>, wildcards: &[usize]) -> Result<Piece, String> {
    let place = |number: i64| match usize::try_from(number) {
        // Before the first: nats-server takes the first token, wildcard or not.
        Err(_) | Ok(0) => Ok(0),
        Ok(number) => wildcards
            .get(number - 1)
            .copied()
            .ok_or_else(|| in_token("wildcard index out of range", &format!("{token}: [{number}]"))),
    };
    Ok(match read {
        Token::Literal => Piece::Literal(token.as_bytes().to_vec()),
        Token::Wildcard(number) => Piece::Token(place(number)?),
        Token::Partition { buckets, wildcards } => {
            let tokens = wildcards.into_iter().map(place).collect::<Result<_, _>>()?;
            Piece::Partition { buckets: buckets as u32, tokens }
        }
        Token::Random(ceiling) => Piece::Random(ceiling.unsigned_abs()),
        Token::Cut { wildcard, cut, size } => {
            Piece::Cut { token: place(wildcard)?, cut, size: usize::try_from(size).unwrap_or(0) }
        }
        Token::Split { wildcard, separator } => {
            Piece::Split { token: place(wildcard)?, separator: separator.as_bytes().to_vec() }
        }
    })
}

fn push(program: &mut Vec<Piece>, piece: Piece) {
    match piece {
        Piece::Literal(bytes) => push_literal(program, &bytes),
        piece => program.push(piece),
    }
}

fn push_literal(program: &mut Vec<Piece>, bytes: &[u8]) {
    match program.last_mut() {
        Some(Piece::Literal(before)) => before.extend_from_slice(bytes),
        _ => program.push(Piece::Literal(bytes.to_vec())),
    }
}

/// Whether a mapping from `source` may have the destination; an empty one maps nothing.
pub fn check_mapping(source: &str, destination: &str) -> Result<(), String> {
    if destination.is_empty() {
        return Ok(());
    }
    let mut after_tail = false;
    for token in destination.split('.') {
        if token.is_empty() || after_tail {
            return Err(in_token("invalid transform", token));
        }
        if is_function(token) {
            if function(token).is_none() {
                return Err(in_token("unknown function", token));
            }
        } else if token == ">" {
            after_tail = true;
        } else if token.contains(['\t', '\n', '\x0c', '\r', ' ']) {
            return Err(in_token("invalid transform", ""));
        }
    }
    check(source, destination, false)
}

/// Whether a transform can be made; a reversible one uses all wildcards of its source and no other function.
pub fn check(source: &str, destination: &str, reversible: bool) -> Result<(), String> {
    if destination.is_empty() {
        return Ok(());
    }
    Transform::compile(source, destination, reversible).map(drop)
}

/// `foo.*.*` → `foo.$1.$2`.
pub fn numbered(subject: &str) -> String {
    let mut number = 0;
    let tokens = subject.split('.').map(|token| match token {
        "*" => {
            number += 1;
            format!("${number}")
        }
        other => other.to_owned(),
    });
    tokens.collect::<Vec<_>>().join(".")
}

/// `foo.$2.{{wildcard(1)}}` → `foo.*.*`.
pub fn unnumbered(subject: &str) -> String {
    let tokens = subject.split('.').map(|token| if is_placeholder(token) { "*" } else { token });
    tokens.collect::<Vec<_>>().join(".")
}

/// Whether a token of a destination stands for a wildcard of its source, as far as the way back goes.
fn is_placeholder(token: &str) -> bool {
    let mut bytes = token.bytes();
    let is_number = bytes.next() == Some(b'$') && matches!(bytes.next(), Some(b'1'..=b'9'));
    let is_call = |arguments: Vec<&str>| arguments.len() == 1 && !arguments[0].is_empty();
    is_number || arguments(token, "Wildcard").is_some_and(is_call)
}

/// Whether the destination of a mapping needs numbers in place of its wildcards.
pub fn identity(source: &str) -> String {
    if pattern::has_wildcard(source) { numbered(source) } else { source.to_owned() }
}

/// Where the `*` of a subject stand and whether `>` ends it; `None` for what is no subject. Blanks are not looked at.
fn shape(subject: &str) -> Option<(Vec<usize>, bool)> {
    let tokens: Vec<&str> = subject.split('.').collect();
    let tail = tokens.iter().position(|token| *token == ">");
    if tokens.contains(&"") || tail.is_some_and(|tail| tail + 1 != tokens.len()) {
        return None;
    }
    let wildcards = tokens.iter().enumerate().filter(|(_, token)| **token == "*").map(|(place, _)| place);
    Some((wildcards.collect(), tail.is_some()))
}
