//! What clients, or links between servers, may publish and subscribe to. Source: nats-server
//! `opts.go:parseUserPermissions`, `parsePermSubjects`, `checkClusterPermissionSubjects`.

use std::time::Duration;

use shard::session::permissions::{Lists, Responses, Rules};
use shard::subject::is_valid_pattern;

use super::super::field::{Field, parse_duration, quoted};
use super::super::problem::{Position, Problem};
use super::super::report::Report;
use super::super::tree::{Node, Value};
use super::Key;

/// A subject that is none, or a place that was lost by nats-server.
type Place<'a> = Option<&'a Position>;

const KEYS: &[Key<Rules>] = &[
    Key {
        names: &["pub", "publish", "import"],
        read: |field, rules, report| rules.publish = direction(field, false, report),
    },
    Key {
        names: &["sub", "subscribe", "export"],
        read: |field, rules, report| rules.subscribe = direction(field, true, report),
    },
    Key { names: &["publish_allow_responses", "allow_responses"], read: allow_responses },
];

/// Reads a block; `place` is where it stands, if nats-server knows it.
pub fn read(field: &Field<'_>, place: Place<'_>, report: &mut Report) -> Option<Rules> {
    let Value::Map(map) = &field.node.value else {
        let found = field.node.value.shown();
        refuse(place, format!("Expected permissions to be a map/struct, got {found}"), report);
        return None;
    };
    let mut rules = Rules::default();
    super::read_else(map, KEYS, &mut rules, report, unknown);
    // Who may answer may publish nothing else, unless it is said. Source: nats-server
    // `auth.go:validateResponsePermissions`.
    if rules.responses.is_some() && rules.publish.allow.is_none() {
        rules.publish.allow = Some(Vec::new());
    }
    Some(rules)
}

/// In a cluster no subject names a queue.
pub fn check_cluster(rules: &Rules) -> Result<(), String> {
    let Lists { allow, deny } = &rules.subscribe;
    for (list, subjects) in [("allow", allow.as_ref().unwrap_or(&Vec::new())), ("deny", deny)] {
        for subject in subjects {
            check(subject, false).map_err(|error| format!("cluster export {list}: {error}"))?;
        }
    }
    Ok(())
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
fn direction(field: &Field<'_>, queues: bool, report: &mut Report) -> Lists {
    let mut lists = Lists::default();
    let Value::Map(map) = &field.node.value else {
        lists.allow = allowed(subjects(field.node, None, queues, report));
        return lists;
    };
    for (name, node) in map.iter() {
        match name.to_lowercase().as_str() {
            "allow" => lists.allow = allowed(subjects(node, Some(&node.at), queues, report)),
            "deny" => lists.deny = subjects(node, Some(&node.at), queues, report),
            _ if node.used.get() => {}
            _ => {
                let said = format!(
                    "Unknown field name {} parsing subject permissions, only 'allow' or 'deny' are permitted",
                    quoted(name)
                );
                report.refuse(&node.at, said);
            }
        }
    }
    lists
}

/// An empty list is none: it allows everything, in nats-server too.
fn allowed(subjects: Vec<String>) -> Option<Vec<String>> {
    (!subjects.is_empty()).then_some(subjects)
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

fn allow_responses(field: &Field<'_>, rules: &mut Rules, report: &mut Report) {
    let map = match &field.node.value {
        Value::Bool(allowed) => {
            rules.responses = allowed.then_some(Responses::DEFAULT);
            return;
        }
        Value::Map(map) => map,
        _ => {
            let said = "error parsing response permissions, expected a boolean or a map";
            return report.refuse(field.at(), said);
        }
    };
    const KEYS: &[Key<Option<Responses>>] = &[
        Key { names: &["max", "max_msgs", "max_messages", "max_responses"], read: max_responses },
        Key { names: &["expires", "expiration", "ttl"], read: expires },
    ];
    rules.responses = Some(Responses::DEFAULT);
    super::read_else(map, KEYS, &mut rules.responses, report, unknown);
}

/// 0 is the default, below it there is no bound. A wrong value leaves no right to answer.
fn max_responses(field: &Field<'_>, responses: &mut Option<Responses>, report: &mut Report) {
    match (field.integer(report), responses.as_mut()) {
        (None, _) => *responses = None,
        (Some(max), Some(responses)) if max != 0 => responses.max = max,
        _ => {}
    }
}

/// As `max_responses`.
fn expires(field: &Field<'_>, responses: &mut Option<Responses>, report: &mut Report) {
    let said = match &field.node.value {
        Value::String(text) => match parse_duration(text) {
            Ok(0) => return,
            Ok(nanoseconds) => {
                if let Some(responses) = responses {
                    responses.expires = u64::try_from(nanoseconds).ok().map(Duration::from_nanos);
                }
                return;
            }
            Err(error) => format!("error parsing expires: {error}"),
        },
        _ => "error parsing expires, not a duration string".to_owned(),
    };
    *responses = None;
    report.refuse(field.at(), said);
}
