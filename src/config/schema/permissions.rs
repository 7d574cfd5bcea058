//! What clients, or links between servers, may publish and subscribe to. Source: nats-server
//! `opts.go:parseUserPermissions`, `parsePermSubjects`, `checkClusterPermissionSubjects`.

use shard::subject::is_valid_pattern;

use super::super::field::{Field, parse_duration, quoted};
use super::super::problem::{Position, Problem};
use super::super::report::Report;
use super::super::tree::{Node, Value};
use super::Key;

/// What of a block bears on what may stand in a cluster.
#[derive(Default)]
pub struct Permissions {
    responses: bool,
    /// `allow` or `deny`, and a subject that may name a queue.
    exports: Vec<(&'static str, String)>,
}

/// A subject that is none, or a place that was lost by nats-server.
type Place<'a> = Option<&'a Position>;

const KEYS: &[Key<Permissions>] = &[
    Key {
        names: &["pub", "publish", "import"],
        read: |field, _, report| {
            direction(field, false, report);
        },
    },
    Key {
        names: &["sub", "subscribe", "export"],
        read: |field, permissions, report| permissions.exports = direction(field, true, report),
    },
    Key { names: &["publish_allow_responses", "allow_responses"], read: allow_responses },
];

/// Reads a block; `place` is where it stands, if nats-server knows it.
pub fn read(field: &Field<'_>, place: Place<'_>, report: &mut Report) -> Option<Permissions> {
    let Value::Map(map) = &field.node.value else {
        let found = field.node.value.shown();
        refuse(place, format!("Expected permissions to be a map/struct, got {found}"), report);
        return None;
    };
    let mut permissions = Permissions::default();
    super::read_else(map, KEYS, &mut permissions, report, unknown);
    Some(permissions)
}

impl Permissions {
    pub fn has_responses(&self) -> bool {
        self.responses
    }

    /// In a cluster no subject names a queue.
    pub fn check_subjects(&self) -> Result<(), String> {
        for (list, subject) in &self.exports {
            check(subject, false).map_err(|error| format!("cluster export {list}: {error}"))?;
        }
        Ok(())
    }
}

fn unknown(field: &Field<'_>, report: &mut Report) {
    if !field.node.used.get() {
        report.refuse(field.at(), format!("Unknown field {} parsing permissions", quoted(field.key)));
    }
}

fn refuse(place: Place<'_>, said: String, report: &mut Report) {
    report.problems.push(Problem { at: place.cloned(), said });
}

/// Subjects, or a map of those allowed and those denied.
fn direction(field: &Field<'_>, queues: bool, report: &mut Report) -> Vec<(&'static str, String)> {
    let Value::Map(map) = &field.node.value else {
        let allowed = subjects(field.node, None, queues, report);
        return allowed.into_iter().map(|subject| ("allow", subject)).collect();
    };
    let mut found = Vec::new();
    for (name, node) in map.iter() {
        let list = match name.to_lowercase().as_str() {
            "allow" => "allow",
            "deny" => "deny",
            _ => {
                if !node.used.get() {
                    let said = format!(
                        "Unknown field name {} parsing subject permissions, only 'allow' or 'deny' are permitted",
                        quoted(name)
                    );
                    report.refuse(&node.at, said);
                }
                continue;
            }
        };
        let listed = subjects(node, Some(&node.at), queues, report);
        found.extend(listed.into_iter().map(|subject| (list, subject)));
    }
    found
}

/// A subject or a list of them; none where something is wrong.
pub fn subjects(node: &Node, place: Place<'_>, queues: bool, report: &mut Report) -> Vec<String> {
    let mut found = Vec::new();
    match &node.value {
        Value::String(subject) => found.push(subject.clone()),
        Value::Array(nodes) => {
            for node in nodes.iter() {
                let Value::String(subject) = &node.value else {
                    report.refuse(&node.at, "Subject in permissions array cannot be cast to string");
                    return Vec::new();
                };
                found.push(subject.clone());
            }
        }
        other => {
            let found = other.type_name();
            let said =
                format!("Expected subject permissions to be a subject, or array of subjects, got {found}");
            refuse(place, said, report);
        }
    }
    if let Some(error) = found.iter().find_map(|subject| check(subject, queues).err()) {
        refuse(place, error, report);
        return Vec::new();
    }
    found
}

/// Source: nats-server `opts.go:checkPermSubjectArray`.
fn check(subject: &str, queues: bool) -> Result<(), String> {
    let valid = |subject: &str| is_valid_pattern(subject.as_bytes());
    let wrong = |subject: &str| Err(format!("subject {} is not a valid subject", quoted(subject)));
    if valid(subject) {
        return Ok(());
    }
    let parts: Vec<&str> = subject.split_whitespace().collect();
    match parts.as_slice() {
        [subject, _] if queues && !valid(subject) => wrong(subject),
        [_, queue] if queues && !valid(queue) => Err(format!("queue {} is not a valid queue", quoted(queue))),
        [_, _] if queues => Ok(()),
        _ => wrong(subject),
    }
}

fn allow_responses(field: &Field<'_>, permissions: &mut Permissions, report: &mut Report) {
    let map = match &field.node.value {
        Value::Bool(allowed) => {
            permissions.responses = *allowed;
            return;
        }
        Value::Map(map) => map,
        _ => {
            let said = "error parsing response permissions, expected a boolean or a map";
            return report.refuse(field.at(), said);
        }
    };
    const KEYS: &[Key<bool>] = &[
        Key {
            names: &["max", "max_msgs", "max_messages", "max_responses"],
            read: |field, usable, report| *usable &= field.integer(report).is_some(),
        },
        Key { names: &["expires", "expiration", "ttl"], read: expires },
    ];
    let mut usable = true;
    super::read_else(map, KEYS, &mut usable, report, unknown);
    permissions.responses = usable;
}

fn expires(field: &Field<'_>, usable: &mut bool, report: &mut Report) {
    let said = match &field.node.value {
        Value::String(text) => match parse_duration(text) {
            Ok(_) => return,
            Err(error) => format!("error parsing expires: {error}"),
        },
        _ => "error parsing expires, not a duration string".to_owned(),
    };
    *usable = false;
    report.refuse(field.at(), said);
}
