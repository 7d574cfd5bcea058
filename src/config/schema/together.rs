//! What `authorization` and `accounts` may not both say. Source: nats-server `opts.go:processConfigFile`,
//! `processConfigFileLine`, where it depends on which of them happens to be read first; here accounts are.

use std::collections::HashSet;

use super::super::field::{Field, quoted};
use super::super::options::Options;
use super::super::problem::Problem;
use super::super::report::Report;
use super::super::tree::{Map, Node, Value};
use super::callout;
use super::users;

/// Checks a configuration in which nothing is wrong so far.
pub fn check(server: &Map, options: &Options, report: &mut Report) {
    let Some(authorization) = block(server, "authorization") else { return };
    let Value::Map(inside) = &authorization.value else { return };
    let given = &options.authorization;
    let mut known: HashSet<&str> =
        options.accounts.iter().flat_map(|account| &account.users).map(|user| user.name.as_str()).collect();
    let at = &authorization.at;
    if given.users.is_some() || !known.is_empty() {
        if given.user.is_some() {
            return report.refuse(at, "Can not have a single user/pass and a users array");
        }
        if given.token.is_some() {
            return report.refuse(at, "Can not have a token and a users array");
        }
    }
    users::check_unique(&mut known, given.users(), at, report);
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
