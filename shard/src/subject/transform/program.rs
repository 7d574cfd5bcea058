//! A transform as it is run for every message: pieces of the new subject, one after the other.
//! Source: nats-server `subject_transform.go:TransformTokenizedSubject`.

use std::io::Write;

/// A piece of the new subject. Tokens are places in the old subject, from 0.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Tokens and the dots around them.
    Literal(Vec<u8>),
    Token(usize),
    /// The number of a bucket, by the hash of those tokens, or of the whole subject where there are none.
    Partition {
        buckets: u32,
        tokens: Vec<usize>,
    },
    /// A number below this one.
    Random(u32),
    /// A token that is taken apart at some bytes; size 0 leaves it as it is.
    Cut {
        token: usize,
        cut: Cut,
        size: usize,
    },
    Split {
        token: usize,
        separator: Vec<u8>,
    },
    /// All tokens from this one on.
    Tail(usize),
}

/// How a token is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    SplitFromLeft,
    SplitFromRight,
    SliceFromLeft,
    SliceFromRight,
    Left,
    Right,
}

/// Appends the new subject. A token that the old one does not have is empty.
pub fn run(program: &[Piece], subject: &[u8], dice: &mut dyn FnMut(u32) -> u32, out: &mut Vec<u8>) {
    let mut tokens = Tokens { subject, number: 0, at: 0 };
    for piece in program {
        match piece {
            Piece::Literal(bytes) => out.extend_from_slice(bytes),
            Piece::Token(number) => out.extend_from_slice(tokens.get(*number)),
            Piece::Partition { buckets, tokens: chosen } => {
                let hash = match chosen.as_slice() {
                    [] => fnv(FNV_OFFSET, subject),
                    chosen => chosen.iter().fold(FNV_OFFSET, |hash, number| fnv(hash, tokens.get(*number))),
                };
                number(hash.checked_rem(*buckets).unwrap_or(0), out);
            }
            Piece::Random(0) => number(0, out),
            Piece::Random(ceiling) => number(dice(*ceiling), out),
            Piece::Cut { token, cut, size } => apart(tokens.get(*token), *cut, *size, out),
            Piece::Split { token, separator } => split(tokens.get(*token), separator, out),
            Piece::Tail(first) => out.extend_from_slice(tokens.from(*first)),
        }
    }
}

/// The tokens of a subject. Looked at in their order, as most are, they are found in one walk.
struct Tokens<'a> {
    subject: &'a [u8],
    /// The token last asked for, and where it begins.
    number: usize,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn get(&mut self, number: usize) -> &'a [u8] {
        let rest = self.from(number);
        &rest[..dot(rest).unwrap_or(rest.len())]
    }

    /// The subject from that token on.
    fn from(&mut self, number: usize) -> &'a [u8] {
        if number < self.number {
            (self.number, self.at) = (0, 0);
        }
        while self.number < number {
            let Some(dot) = dot(&self.subject[self.at..]) else { return b"" };
            self.number += 1;
            self.at += dot + 1;
        }
        &self.subject[self.at..]
    }
}

/// Tokens are short: a search made for long texts only costs here.
fn dot(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'.')
}

const FNV_OFFSET: u32 = 0x811c_9dc5;

/// FNV-1a of 32 bits, gone on with.
fn fnv(hash: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// The bucket of a subject without bytes.
pub fn bucket_of_nothing(buckets: u32) -> u32 {
    FNV_OFFSET.checked_rem(buckets).unwrap_or(0)
}

fn number(number: u32, out: &mut Vec<u8>) {
    let written = write!(out, "{number}");
    debug_assert!(written.is_ok(), "memory takes what it is given");
}

fn apart(token: &[u8], cut: Cut, size: usize, out: &mut Vec<u8>) {
    if size == 0 || size >= token.len() {
        return out.extend_from_slice(token);
    }
    let from_right = token.len() - size;
    match cut {
        Cut::SplitFromLeft => join([&token[..size], &token[size..]].into_iter(), out),
        Cut::SplitFromRight => join([&token[..from_right], &token[from_right..]].into_iter(), out),
        Cut::SliceFromLeft => join(token.chunks(size), out),
        Cut::SliceFromRight => {
            let (first, rest) = token.split_at(token.len() % size);
            join((!first.is_empty()).then_some(first).into_iter().chain(rest.chunks(size)), out);
        }
        Cut::Left => out.extend_from_slice(&token[..size]),
        Cut::Right => out.extend_from_slice(&token[from_right..]),
    }
}

fn join<'a>(parts: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    for (number, part) in parts.enumerate() {
        if number > 0 {
            out.push(b'.');
        }
        out.extend_from_slice(part);
    }
}

/// Separators become dots, many of them one; one at the end goes, and one at the beginning, but of two at the
/// beginning a dot is left, as nats-server leaves it.
fn split(token: &[u8], separator: &[u8], out: &mut Vec<u8>) {
    let mut rest = Some(token);
    let mut is_first = true;
    while let Some(text) = rest {
        let (part, after) = part(text, separator);
        out.extend_from_slice(part);
        let next = after.map(|after| self::part(after, separator).0);
        if next.is_some_and(|next| !next.is_empty()) && !(is_first && part.is_empty()) {
            out.push(b'.');
        }
        is_first = false;
        rest = after;
    }
}

/// What stands before the first separator, and what after it. An empty separator stands between characters.
fn part<'a>(text: &'a [u8], separator: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    if separator.is_empty() {
        let (first, rest) = text.split_at(character(text));
        return (first, (!rest.is_empty()).then_some(rest));
    }
    match memchr::memmem::find(text, separator) {
        Some(at) => (&text[..at], Some(&text[at + separator.len()..])),
        None => (text, None),
    }
}

/// Bytes of the first character; a byte that is none stands for itself.
fn character(text: &[u8]) -> usize {
    let head = &text[..text.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(valid) => valid,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    valid.chars().next().map_or(text.len().min(1), char::len_utf8)
}
