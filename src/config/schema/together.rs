//! What `authorization` and `accounts` may not both say. Source: nats-server `opts.go:processConfigFile`,
//! `processConfigFileLine`, where it depends on which of them happens to be read first; here accounts are.

use super::super::field::{Field, quoted};
use super::super::problem::Problem;
use super::super::report::Report;
use super::super::tree::{Map, Node, Value};
use super::callout;
use super::users::{self, Users};

/// Checks a configuration in which nothing is wrong so far.
pub fn check(server: &Map, report: &mut Report) {
    let Some(authorization) = block(server, "authorization") else { return };
    let Value::Map(inside) = &authorization.value else { return };
    let accounts: Vec<(&String, &Node)> = match block(server, "accounts").map(|node| &node.value) {
        Some(Value::Map(map)) => map.iter().filter(|(_, node)| !node.used.get()).collect(),
        _ => Vec::new(),
    };
    let mut known = Users::default();
    for (_, account) in &accounts {
        if let Value::Map(inside) = &account.value {
            known.add(users_in(inside));
        }
    }
    let has = |keys: &[&str]| {
        let text = keys.iter().find_map(|key| block(inside, key)).map(|node| &node.value);
        matches!(text, Some(Value::String(text)) if !text.is_empty())
    };
    let at = &authorization.at;
    if block(inside, "users").is_some() || !known.is_empty() {
        if has(&["user", "username"]) {
            return report.refuse(at, "Can not have a single user/pass and a users array");
        }
        if has(&["token"]) {
            return report.refuse(at, "Can not have a token and a users array");
        }
    }
    users::check_unique(&mut known, &users_in(inside), at, report);
    check_callout(inside, server, report);
}

fn check_callout(authorization: &Map, server: &Map, report: &mut Report) {
    let Some(node) = block(authorization, "auth_callout").or_else(|| block(authorization, "auth_hook"))
    else {
        return;
    };
    let allowed = callout::check(&Field::new("auth_callout", node), &mut Report::default());
    let named = |name: &String| match block(server, "accounts").map(|node| &node.value) {
        Some(Value::Map(map)) => map.contains_key(name),
        Some(Value::Array(nodes)) => {
            nodes.iter().any(|node| matches!(&node.value, Value::String(other) if other == name))
        }
        _ => false,
    };
    // Mappings of the whole server make the global account known.
    let has_global = block(server, "mappings").or_else(|| block(server, "maps")).is_some();
    let is_known = |name: &String| named(name) || (has_global && name == "$G");
    for name in allowed.iter().filter(|name| !is_known(name)) {
        let shown = quoted(name);
        let said = format!("auth_callout allowed account {shown} not found in configured accounts");
        report.problems.push(Problem::whole(said));
    }
}

/// A key of a block, in any case.
fn block<'a>(map: &'a Map, key: &str) -> Option<&'a Node> {
    map.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, node)| node)
}

fn users_in(map: &Map) -> Users {
    let users = block(map, "users").map(|node| Field::new("users", node));
    users.and_then(|users| users::check(&users, &mut Report::default())).unwrap_or_default()
}
