//! What subjects are mapped to: `$1`, `{{wildcard(1)}}`, `{{partition(10,1)}}` and their kin. Source: nats-server
//! `subject_transform.go`, `sublist.go:ValidateMapping`.

use super::pattern;

/// Functions of a destination; a capital stands where either case does.
const FUNCTIONS: &[&str] = &[
    "Wildcard",
    "Partition",
    "SplitFromLeft",
    "SplitFromRight",
    "SliceFromLeft",
    "SliceFromRight",
    "Right",
    "Left",
    "Split",
    "Random",
];

/// One token of a destination. Numbers are of the source's wildcards, from 1.
enum Token {
    Literal,
    Wildcard(i64),
    Partition(Vec<i64>),
    Random,
    Function(i64),
}

/// A transform, ready to be applied.
#[derive(Debug)]
pub struct Transform {
    source: String,
    destination: String,
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
    let source = if source.is_empty() { ">" } else { source };
    let (Some((wildcards, tail)), Some((0, destination_tail))) = (shape(source), shape(destination)) else {
        return Err("invalid subject".to_owned());
    };
    if tail != destination_tail {
        return Err("invalid subject".to_owned());
    }
    let mut used = 0;
    for token in destination.split('.') {
        let read = read(token)?;
        if wildcards == 0 && !tail {
            match read {
                Token::Literal | Token::Partition(_) | Token::Random => continue,
                _ => return Err(in_token("wildcard index out of range", token)),
            }
        }
        if reversible && !matches!(read, Token::Literal | Token::Wildcard(_)) {
            let why = "the only mapping function allowed for import transforms is {{Wildcard()}}";
            return Err(in_token(why, token));
        }
        let numbers = match read {
            Token::Literal | Token::Random => continue,
            Token::Wildcard(number) | Token::Function(number) => vec![number],
            Token::Partition(numbers) => numbers,
        };
        used += numbers.len();
        if let Some(number) = numbers.iter().find(|number| **number > wildcards as i64) {
            return Err(in_token("wildcard index out of range", &format!("{token}: [{number}]")));
        }
    }
    if reversible && used < wildcards && (wildcards > 0 || tail) {
        return Err(in_token("not using all of the token wildcard(s)", destination));
    }
    Ok(())
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
    let is_number = |token: &str| {
        let mut bytes = token.bytes();
        bytes.next() == Some(b'$') && matches!(bytes.next(), Some(b'1'..=b'9'))
    };
    let is_wildcard = |token: &str| {
        arguments(token, "Wildcard").is_some_and(|arguments| arguments.len() == 1 && !arguments[0].is_empty())
    };
    let tokens =
        subject.split('.').map(|token| if is_number(token) || is_wildcard(token) { "*" } else { token });
    tokens.collect::<Vec<_>>().join(".")
}

/// How many `*` a subject has and whether `>` ends it; `None` for what is no subject. Blanks are not looked at.
fn shape(subject: &str) -> Option<(usize, bool)> {
    let tokens: Vec<&str> = subject.split('.').collect();
    let tail = tokens.iter().position(|token| *token == ">");
    if tokens.contains(&"") || tail.is_some_and(|tail| tail + 1 != tokens.len()) {
        return None;
    }
    Some((tokens.iter().filter(|token| **token == "*").count(), tail.is_some()))
}

fn is_function(token: &str) -> bool {
    token.len() > 4 && token.starts_with("{{") && token.ends_with("}}")
}

fn read(token: &str) -> Result<Token, String> {
    if let Some(number) = token.strip_prefix('$') {
        // Other things begin with a dollar too.
        return Ok(number.parse().map_or(Token::Literal, Token::Wildcard));
    }
    if !is_function(token) {
        return Ok(Token::Literal);
    }
    let Some((name, arguments)) = function(token) else { return Err(in_token("unknown function", token)) };
    let too_few = || in_token("not enough arguments passed to the function", token);
    let too_many = || in_token("too many arguments passed to the function", token);
    let wrong = || in_token("function argument is invalid or in the wrong format", token);
    let number = |text: &str| text.trim_matches(' ').parse::<i64>().map_err(|_| wrong());
    let small =
        |text: &str| number(text).and_then(|n| if n > i64::from(i32::MAX) { Err(wrong()) } else { Ok(n) });
    match (name, arguments.as_slice()) {
        ("Wildcard", [""]) => Err(too_few()),
        ("Wildcard", [index]) => Ok(Token::Wildcard(number(index)?)),
        ("Partition", [buckets, indexes @ ..]) => {
            small(buckets)?;
            Ok(Token::Partition(indexes.iter().map(|index| number(index)).collect::<Result<_, _>>()?))
        }
        ("Random", [ceiling]) => small(ceiling).map(|_| Token::Random),
        ("Random", _) => Err(too_few()),
        (_, [] | [_]) => Err(too_few()),
        ("Split", [index, separator]) => match number(index)? {
            _ if separator.contains([' ', '.']) => Err(wrong()),
            index => Ok(Token::Function(index)),
        },
        (name, [index, length]) if name != "Wildcard" => {
            let index = number(index)?;
            length.trim_matches(' ').parse::<i32>().map_err(|_| wrong())?;
            Ok(Token::Function(index))
        }
        _ => Err(too_many()),
    }
}

/// The function that a token calls, with its arguments as they are written.
fn function(token: &str) -> Option<(&'static str, Vec<&str>)> {
    FUNCTIONS.iter().find_map(|name| Some((*name, arguments(token, name)?)))
}

/// The arguments where the token calls that function: `{{ name ( … ) }}` anywhere in it.
fn arguments<'a>(token: &'a str, name: &str) -> Option<Vec<&'a str>> {
    token.match_indices('{').find_map(|(at, _)| {
        let rest = token[at..].strip_prefix("{{")?.trim_start_matches(is_blank);
        let rest = after_name(rest, name)?.trim_start_matches(is_blank).strip_prefix('(')?;
        let closes = |at: &usize| rest[at + 1..].trim_start_matches(is_blank).starts_with("}}");
        let end = rest.rmatch_indices(')').map(|(at, _)| at).find(closes)?;
        let mut arguments: Vec<&str> = rest[..end].split(',').collect();
        for argument in arguments.iter_mut().skip(1) {
            *argument = argument.trim_start_matches(is_blank);
        }
        Some(arguments)
    })
}

fn after_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let found = text.get(..name.len())?;
    let is_letter = |(letter, wanted): (u8, u8)| {
        letter == wanted || (wanted.is_ascii_uppercase() && letter == wanted.to_ascii_lowercase())
    };
    found.bytes().zip(name.bytes()).all(is_letter).then(|| &text[name.len()..])
}

fn is_blank(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\x0c' | '\r' | ' ')
}

fn in_token(why: &str, token: &str) -> String {
    let said = format!("invalid mapping destination: {why}");
    if token.is_empty() { said } else { format!("{said} in {token}") }
}

/// Whether the destination of a mapping needs numbers in place of its wildcards.
pub fn identity(source: &str) -> String {
    if pattern::has_wildcard(source) { numbered(source) } else { source.to_owned() }
}
