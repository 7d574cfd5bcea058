//! A destination as it is written: `$1`, `{{wildcard(1)}}`, `{{partition(10,1)}}` and their kin, read token by token.
//! Source: nats-server `subject_transform.go:indexPlaceHolders`, `sublist.go:ValidateMapping`.

use super::program::Cut;

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

/// One token of a destination. Wildcards are numbers of the source's, from 1.
#[derive(Debug, PartialEq, Eq)]
pub enum Token<'a> {
    Literal,
    Wildcard(i64),
    Partition { buckets: i32, wildcards: Vec<i64> },
    Random(i32),
    Cut { wildcard: i64, cut: Cut, size: i32 },
    Split { wildcard: i64, separator: &'a str },
}

impl Token<'_> {
    /// The wildcards it looks at.
    pub fn wildcards(&self) -> &[i64] {
        match self {
            Token::Literal | Token::Random(_) => &[],
            Token::Wildcard(number) => std::slice::from_ref(number),
            Token::Partition { wildcards, .. } => wildcards,
            Token::Cut { wildcard, .. } | Token::Split { wildcard, .. } => std::slice::from_ref(wildcard),
        }
    }
}

/// What a token of a destination means.
pub fn read(token: &str) -> Result<Token<'_>, String> {
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
    // What is too small is not refused: nats-server keeps its lower half.
    let small = |text: &str| {
        number(text).and_then(|n| if n > i64::from(i32::MAX) { Err(wrong()) } else { Ok(n as i32) })
    };
    match (name, arguments.as_slice()) {
        ("Wildcard", [""]) => Err(too_few()),
        ("Wildcard", [index]) => Ok(Token::Wildcard(number(index)?)),
        ("Partition", [buckets, indexes @ ..]) => {
            let buckets = small(buckets)?;
            let wildcards = indexes.iter().map(|index| number(index)).collect::<Result<_, _>>()?;
            Ok(Token::Partition { buckets, wildcards })
        }
        ("Random", [ceiling]) => small(ceiling).map(Token::Random),
        ("Random", _) => Err(too_few()),
        (_, [] | [_]) => Err(too_few()),
        ("Split", [index, separator]) => match number(index)? {
            _ if separator.contains([' ', '.']) => Err(wrong()),
            wildcard => Ok(Token::Split { wildcard, separator }),
        },
        (name, [index, size]) => {
            let Some(cut) = cut(name) else { return Err(too_many()) };
            let wildcard = number(index)?;
            let size = size.trim_matches(' ').parse().map_err(|_| wrong())?;
            Ok(Token::Cut { wildcard, cut, size })
        }
        _ => Err(too_many()),
    }
}

fn cut(name: &str) -> Option<Cut> {
    match name {
        "SplitFromLeft" => Some(Cut::SplitFromLeft),
        "SplitFromRight" => Some(Cut::SplitFromRight),
        "SliceFromLeft" => Some(Cut::SliceFromLeft),
        "SliceFromRight" => Some(Cut::SliceFromRight),
        "Left" => Some(Cut::Left),
        "Right" => Some(Cut::Right),
        _ => None,
    }
}

/// Whether a token is written as the call of a function.
pub fn is_function(token: &str) -> bool {
    token.len() > 4 && token.starts_with("{{") && token.ends_with("}}")
}

/// The function that a token calls, with its arguments as they are written.
pub fn function(token: &str) -> Option<(&'static str, Vec<&str>)> {
    FUNCTIONS.iter().find_map(|name| Some((*name, arguments(token, name)?)))
}

/// The arguments where the token calls that function: `{{ name ( … ) }}` anywhere in it.
pub fn arguments<'a>(token: &'a str, name: &str) -> Option<Vec<&'a str>> {
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

/// What nats-server says of a destination it does not take.
pub fn in_token(why: &str, token: &str) -> String {
    let said = format!("invalid mapping destination: {why}");
    if token.is_empty() { said } else { format!("{said} in {token}") }
}
