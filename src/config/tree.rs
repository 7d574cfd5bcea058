//! A parsed configuration: values that know where they stand.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Index;
use std::rc::Rc;

use super::problem::Position;

/// A map of a configuration. A key given twice has its last value, as in nats-server, unless both are blocks.
#[derive(Clone, Debug, Default)]
pub struct Map(
    /// In order of their keys, in no more memory than they need: a file of many accounts has many small maps.
    Box<[(String, Node)]>,
);

impl Map {
    pub fn get(&self, key: &str) -> Option<&Node> {
        let place = self.0.binary_search_by(|(other, _)| other.as_str().cmp(key)).ok()?;
        Some(&self.0[place].1)
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &Node)> {
        self.0.iter().map(|(key, node)| (key, node))
    }

    pub fn values(&self) -> impl Iterator<Item = &Node> {
        self.0.iter().map(|(_, node)| node)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<BTreeMap<String, Node>> for Map {
    fn from(map: BTreeMap<String, Node>) -> Map {
        Map(map.into_iter().collect())
    }
}

impl IntoIterator for Map {
    type Item = (String, Node);
    type IntoIter = std::vec::IntoIter<(String, Node)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_vec().into_iter()
    }
}

impl Index<&str> for Map {
    type Output = Node;

    fn index(&self, key: &str) -> &Node {
        self.get(key).unwrap_or_else(|| panic!("no key {key}"))
    }
}

/// A value. Containers are shared, for a variable may be referred to often.
#[derive(Clone, Debug)]
pub enum Value {
    String(String),
    Bool(bool),
    Integer(i64),
    Float(f64),
    Date(jiff::civil::DateTime),
    Array(Rc<Vec<Node>>),
    Map(Rc<Map>),
}

impl Value {
    /// The type's name as nats-server's messages have it: Go's.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::String(_) => "string",
            Value::Bool(_) => "bool",
            Value::Integer(_) => "int64",
            Value::Float(_) => "float64",
            Value::Date(_) => "time.Time",
            Value::Array(_) => "[]interface {}",
            Value::Map(_) => "map[string]interface {}",
        }
    }

    /// The value in quotes, as Go's `%q` has it.
    pub fn quoted(&self) -> String {
        match self {
            Value::String(text) => super::field::quoted(text),
            Value::Date(_) => super::field::quoted(&self.shown()),
            // A number is a character's.
            Value::Integer(number) => {
                let letter = u32::try_from(*number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
                let quoted = super::field::quoted(&letter.to_string());
                match letter {
                    '"' => "'\"'".to_owned(),
                    '\'' => r"'\''".to_owned(),
                    _ => format!("'{}'", &quoted[1..quoted.len() - 1]),
                }
            }
            other => format!("%!q({}={})", other.type_name(), other.shown()),
        }
    }

    /// The value as messages show it; of containers only the type.
    pub fn shown(&self) -> String {
        match self {
            Value::String(text) => text.clone(),
            Value::Bool(yes) => yes.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Date(date) => format!("{} +0000 UTC", date.strftime("%Y-%m-%d %H:%M:%S")),
            Value::Array(_) | Value::Map(_) => self.type_name().to_owned(),
        }
    }
}

/// A value in its place: where its key stands, in a map, else where it stands itself.
#[derive(Clone, Debug)]
pub struct Node {
    pub value: Value,
    pub at: Position,
    /// A variable referred to it: then its key need not mean anything by itself.
    pub used: Cell<bool>,
    /// Values in it, itself included, counting shared ones each time.
    pub weight: u64,
}

impl Node {
    pub fn new(value: Value, at: Position) -> Node {
        let inside = match &value {
            Value::Array(nodes) => nodes.iter().map(|node| node.weight).fold(0, u64::saturating_add),
            Value::Map(map) => map.values().map(|node| node.weight).fold(0, u64::saturating_add),
            _ => 0,
        };
        Node { value, at, used: Cell::new(false), weight: inside.saturating_add(1) }
    }
}
