//! What must hold between options. Source: nats-server `server.go:validateOptions`.

use super::field::shown_duration;
use super::options::Options;

/// Answers what is wrong, in nats-server's words.
pub fn check(options: &Options) -> Result<(), String> {
    if options.lame_duck_grace_period >= options.lame_duck_duration {
        return Err(format!(
            "lame duck grace period ({}) should be strictly lower than lame duck duration ({})",
            shown_duration(options.lame_duck_grace_period),
            shown_duration(options.lame_duck_duration)
        ));
    }
    let limits = &options.limits;
    if limits.max_payload > limits.max_pending {
        return Err(format!(
            "max_payload ({}) cannot be higher than max_pending ({})",
            limits.max_payload, limits.max_pending
        ));
    }
    if options.name.as_ref().is_some_and(|name| name.contains(' ')) {
        return Err("server name cannot contain spaces".to_owned());
    }
    if limits.ping_interval.is_zero() || limits.write_deadline.is_zero() {
        return Err("ping_interval and write_deadline must be positive".to_owned());
    }
    check_accounts(options)
}

/// Source: nats-server `opts.go:parseAccounts`, `auth.go:validateNoAuthUser`.
fn check_accounts(options: &Options) -> Result<(), String> {
    let given = &options.authorization;
    // What a file gives beside them is refused there: these come from flags. Beside the users of `authorization`
    // they are taken.
    if options.accounts.iter().any(|account| !account.users.is_empty()) {
        if given.user.is_some() {
            return Err("Can not have a single user/pass and accounts".to_owned());
        }
        if given.token.is_some() {
            return Err("Can not have a token and accounts".to_owned());
        }
    }
    let Some(name) = &options.no_auth_user else { return Ok(()) };
    let mut users = options.users().peekable();
    if users.peek().is_none() {
        return Err(format!("no_auth_user: \"{name}\" present, but users/nkeys are not defined"));
    }
    if !users.any(|(_, user, _)| user.name == *name) {
        return Err(format!(
            "no_auth_user: \"{name}\" not present as user or nkey in authorization block or account configuration"
        ));
    }
    Ok(())
}
