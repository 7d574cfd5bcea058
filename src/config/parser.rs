//! Lexemes → a tree: containers, numbers, variables, included files.
//!
//! Source: nats-server `conf/parse.go`, in its pedantic form. Better than there: a file that includes itself, a
//! number too large for its unit, values nested or repeated without end, a block given twice (of which only the
//! later would count), and text that is not UTF-8 are refused with their place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::lexer::{Kind, Lexeme, Lexer};
use crate::secrets;

use super::field::quoted;
use super::problem::{Position, Problem};
use super::tree::{Map, Node, Value};

/// Containers within containers.
const DEPTH_MAX: usize = 256;
/// Values of a whole configuration, those behind variables counted at each reference.
const WEIGHT_MAX: u64 = 8_000_000;
/// The key under which the text of an environment variable is read.
const ENVIRONMENT_KEY: &str = "pk";

/// Where variables come from that no block defines.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a file and all it includes.
pub fn parse_file(path: &Path, environment: Environment<'_>) -> Result<Map, Problem> {
    parse_included(path, environment, &mut Vec::new())
}

fn parse_included(
    path: &Path,
    environment: Environment<'_>,
    open: &mut Vec<PathBuf>,
) -> Result<Map, Problem> {
    let shown = path.display().to_string();
    let bytes =
        std::fs::read(path).map_err(|error| Problem::whole(format!("open {shown}: {}", reason(&error))))?;
    let identity = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if open.contains(&identity) {
        return Err(Problem::whole(format!("include cycle: '{shown}' includes itself")));
    }
    let file: Rc<str> = shown.into();
    let text = text(&bytes, &file)?;
    open.push(identity);
    let parsed = Parser::new(text, file, environment, open).run();
    open.pop();
    parsed
}

/// Reads a text that stands in no file; `file` is the name it goes by. It includes relative to the current
/// directory.
pub fn parse_text(text: &str, file: &str, environment: Environment<'_>) -> Result<Map, Problem> {
    Parser::new(text, file.into(), environment, &mut Vec::new()).run()
}

/// What an error of the system is called, without its number.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

fn text<'a>(bytes: &'a [u8], file: &Rc<str>) -> Result<&'a str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
        let at = Position { file: file.clone(), line, column: column + usize::from(line > 1) };
        Problem::new(&at, "invalid UTF-8")
    })
}

enum Context {
    Map(BTreeMap<String, Node>),
    Array(Vec<Node>),
}

/// One text being read.
struct Parser<'a> {
    lexer: Lexer<'a>,
    file: Rc<str>,
    contexts: Vec<Context>,
    /// Keys whose values are not there yet.
    keys: Vec<(String, Position)>,
    environment: Environment<'a>,
    /// Environment variables being read.
    referred: Vec<String>,
    /// Files being read.
    open: &'a mut Vec<PathBuf>,
}

impl<'a> Parser<'a> {
    fn new(
        text: &'a str,
        file: Rc<str>,
        environment: Environment<'a>,
        open: &'a mut Vec<PathBuf>,
    ) -> Parser<'a> {
        Parser {
            lexer: Lexer::new(text),
            file,
            contexts: vec![Context::Map(BTreeMap::new())],
            keys: Vec::new(),
            environment,
            referred: Vec::new(),
            open,
        }
    }

    fn run(mut self) -> Result<Map, Problem> {
        let mut lone_key = false;
        loop {
            let lexeme = self.lexer.next().map_err(|problem| self.in_this_file(problem))?;
            if lexeme.kind == Kind::End {
                if lone_key {
                    let at = self.position(&lexeme);
                    return Err(Problem::whole(format!("config is invalid ({at})")));
                }
                break;
            }
            // A brace that closes what was never opened is let pass at the end.
            lone_key = lexeme.kind == Kind::Key && lexeme.text != "}";
            // Only of these a complaint may hold the text.
            let is_read = matches!(
                lexeme.kind,
                Kind::Integer | Kind::Float | Kind::Date | Kind::Variable | Kind::Include
            );
            let secret = match self.keys.last() {
                Some((key, _)) if is_read && secrets::is_named(key) => Some(lexeme.text.clone()),
                _ => None,
            };
            self.take(lexeme).map_err(|problem| match secret {
                Some(secret) => without(problem, &secret),
                None => problem,
            })?;
        }
        match self.contexts.swap_remove(0) {
            Context::Map(map) => Ok(map.into()),
            Context::Array(_) => unreachable!("the outermost context is a map"),
        }
    }

    fn in_this_file(&self, mut problem: Problem) -> Problem {
        if let Some(at) = &mut problem.at {
            at.file = self.file.clone();
        }
        problem
    }

    fn position(&self, lexeme: &Lexeme) -> Position {
        Position { file: self.file.clone(), line: lexeme.line, column: lexeme.column }
    }

    fn take(&mut self, lexeme: Lexeme) -> Result<(), Problem> {
        let at = self.position(&lexeme);
        let value = match lexeme.kind {
            Kind::Key => {
                self.keys.push((lexeme.text, at));
                return Ok(());
            }
            Kind::MapStart => return self.enter(Context::Map(BTreeMap::new()), &at),
            Kind::ArrayStart => return self.enter(Context::Array(Vec::new()), &at),
            Kind::MapEnd | Kind::ArrayEnd => match self.contexts.pop() {
                Some(Context::Map(map)) => Value::Map(Rc::new(map.into())),
                Some(Context::Array(nodes)) => Value::Array(Rc::new(nodes)),
                None => unreachable!("the lexer closes only what it opened"),
            },
            Kind::String => Value::String(lexeme.text),
            Kind::Bool => {
                Value::Bool(["true", "yes", "on"].iter().any(|yes| lexeme.text.eq_ignore_ascii_case(yes)))
            }
            Kind::Integer => match integer(&lexeme.text, &at)? {
                Some(number) => Value::Integer(number),
                // An unknown unit leaves the key without a value, as in nats-server.
                None => return Ok(()),
            },
            Kind::Float => Value::Float(float(&lexeme.text, &at)?),
            Kind::Date => Value::Date(date(&lexeme.text, &at)?),
            Kind::Variable => self.variable(&lexeme.text, &at)?,
            Kind::Include => return self.include(&lexeme.text, &at),
            Kind::End => unreachable!("the caller stops at the end"),
        };
        self.put(Node::new(value, at))
    }

    fn enter(&mut self, context: Context, at: &Position) -> Result<(), Problem> {
        if self.contexts.len() > DEPTH_MAX {
            return Err(Problem::new(at, format!("values are nested deeper than {DEPTH_MAX}")));
        }
        self.contexts.push(context);
        Ok(())
    }

    /// Puts a value into the innermost container; in a map it stands where its key does.
    fn put(&mut self, mut node: Node) -> Result<(), Problem> {
        if node.weight > WEIGHT_MAX {
            return Err(Problem::new(&node.at, "too many values behind variables"));
        }
        match self.contexts.last_mut().expect("the outermost map is never closed") {
            Context::Array(nodes) => nodes.push(node),
            Context::Map(map) => {
                let Some((key, at)) = self.keys.pop() else {
                    return Err(Problem::new(&node.at, "value without a key"));
                };
                node.at = at;
                if let Some(first) = map.get(&key)
                    && let (Value::Map(_), Value::Map(_)) = (&first.value, &node.value)
                {
                    let said = format!("duplicate block {}: the first is at {}", quoted(&key), first.at);
                    return Err(Problem::new(&node.at, said));
                }
                map.insert(key, node);
            }
        }
        Ok(())
    }

    /// What a reference stands for: a key of this block or one around it, else the environment.
    fn variable(&mut self, name: &str, at: &Position) -> Result<Value, Problem> {
        // A bcrypt hash looks like a reference.
        if name.starts_with("2a$") {
            return Ok(Value::String(format!("${name}")));
        }
        for context in self.contexts.iter().rev() {
            if let Context::Map(map) = context
                && let Some(node) = map.get(name)
            {
                node.used.set(true);
                return Ok(node.value.clone());
            }
        }
        let refused = |why: String| {
            let reference = format!("variable reference for '{name}' on line {}", at.line);
            Problem::new(at, format!("{reference} {why}"))
        };
        if self.referred.iter().any(|other| other == name) {
            let cycle = format!("variable reference cycle for '{name}'");
            return Err(refused(format!("could not be parsed: {cycle}")));
        }
        let Some(text) = (self.environment)(name) else {
            return Err(refused("can not be found".to_owned()));
        };
        let text = format!("{ENVIRONMENT_KEY}={text}");
        let mut inner = Parser::new(&text, self.file.clone(), self.environment, self.open);
        inner.referred = std::mem::take(&mut self.referred);
        inner.referred.push(name.to_owned());
        let (parsed, referred) = inner.run_environment();
        self.referred = referred;
        self.referred.pop();
        match parsed {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(refused("can not be found".to_owned())),
            Err(problem) => Err(refused(format!("could not be parsed: {}", problem.said))),
        }
    }

    /// Reads the text of an environment variable and gives the list of those being read back.
    fn run_environment(self) -> (Result<Option<Value>, Problem>, Vec<String>) {
        let referred = self.referred.clone();
        let parsed = self.run();
        (parsed.map(|map| map.get(ENVIRONMENT_KEY).map(|node| node.value.clone())), referred)
    }

    /// Puts all keys of another file here. It sees no variables of this one.
    fn include(&mut self, path: &str, at: &Position) -> Result<(), Problem> {
        let here = Path::new(&*self.file).parent().unwrap_or(Path::new(""));
        let target = join(here, path);
        let included = parse_included(&target, self.environment, self.open)
            .map_err(|problem| Problem::new(at, format!("error parsing include file '{path}', {problem}")))?;
        for (key, node) in included {
            self.keys.push((key, node.at.clone()));
            self.put(node)?;
        }
        Ok(())
    }
}

/// A problem that does not tell what was given for a secret. What looks like the name of an environment
/// variable is no secret: it says which one is missing.
fn without(mut problem: Problem, secret: &str) -> Problem {
    if let Some((reference, _)) = problem.said.split_once(" could not be parsed: ") {
        problem.said = format!("{reference} could not be parsed");
    }
    let is_name = |letter: char| letter.is_ascii_uppercase() || letter == '_' || letter.is_ascii_digit();
    let named = secret.starts_with(|first: char| first.is_ascii_uppercase()) && secret.chars().all(is_name);
    if !secret.is_empty() && !named {
        problem.said = problem.said.replace(secret, "[REDACTED]");
    }
    problem
}

/// A path below a folder, without needless steps; one that begins with a slash too. Source: Go's
/// `filepath.Join`.
fn join(folder: &Path, path: &str) -> PathBuf {
    let mut joined = PathBuf::new();
    for step in folder.join(path.trim_start_matches('/')).components() {
        match step {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if joined.file_name().is_some() => drop(joined.pop()),
            step => joined.push(step),
        }
    }
    joined
}

/// A whole number with its unit; `None` where the unit means nothing. Source: nats-server
/// `conf/parse.go:processItem`.
fn integer(text: &str, at: &Position) -> Result<Option<i64>, Problem> {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'-').count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.to_ascii_lowercase();
    let out_of_range = || Problem::new(at, format!("integer '{text}' is out of the range"));
    let number: i64 = number.parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => out_of_range(),
        _ => Problem::new(at, format!("expected integer, but got '{text}'")),
    })?;
    let step: i64 = match unit.get(1..) {
        None | Some("") => 1000,
        Some("b" | "i" | "ib") => 1024,
        _ => return Ok(None),
    };
    let power = match unit.as_bytes().first() {
        None => 0,
        Some(letter) => 1 + b"kmgtpe".iter().position(|known| known == letter).unwrap_or_default() as u32,
    };
    number.checked_mul(step.pow(power)).map(Some).ok_or_else(out_of_range)
}

fn float(text: &str, at: &Position) -> Result<f64, Problem> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(Problem::new(at, format!("float '{text}' is out of the range"))),
        Err(_) => Err(Problem::new(at, format!("expected float, but got '{text}'"))),
    }
}

fn date(text: &str, at: &Position) -> Result<jiff::civil::DateTime, Problem> {
    let bare = text.trim_end_matches('Z');
    bare.parse().map_err(|_| Problem::new(at, format!("expected Zulu formatted DateTime, but got '{text}'")))
}
