//! `--set KEY=VALUE`: one top-level key of nats-server's configuration, from the command line.

use super::{Options, units};

/// Sets one key. Names, units and checks are those of nats-server's configuration (`server/opts.go`).
pub fn set(options: &mut Options, key: &str, value: &str) -> Result<(), String> {
    let bad = || format!("invalid value {value:?} for key {key:?}");
    let size = || units::size(value).ok_or_else(bad);
    let duration = || units::duration(value).ok_or_else(bad);
    let flag = || match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Ok(true),
        "false" | "no" | "off" => Ok(false),
        _ => Err(bad()),
    };
    let limits = &mut options.limits;
    match key {
        "max_connections" | "max_conn" => {
            limits.max_connections = match value.parse::<i64>().map_err(|_| bad())? {
                0 => None,
                max if max < 0 => Some(0),
                max => Some(usize::try_from(max).map_err(|_| bad())?),
            };
        }
        "max_subscriptions" | "max_subs" => limits.max_subscriptions = size()?,
        "max_control_line" => limits.max_control_line = size()?,
        "max_payload" => limits.max_payload = size()?,
        "max_pending" => limits.max_pending = size()?,
        "max_sub_tokens" | "max_subscription_tokens" => limits.max_subscription_tokens = size()?,
        "write_deadline" => limits.write_deadline = duration()?,
        "ping_interval" => limits.ping_interval = duration()?,
        "ping_max" => limits.ping_max = value.parse().map_err(|_| bad())?,
        "authorization.timeout" => limits.auth_timeout = duration()?,
        "lame_duck_duration" => options.lame_duck_duration = duration()?,
        "lame_duck_grace_period" => options.lame_duck_grace_period = duration()?,
        "no_header_support" => options.headers = !flag()?,
        "no_fast_producer_stall" => options.stall_fast_producers = !flag()?,
        _ => return Err(format!("key {key:?} cannot be set from the command line")),
    }
    Ok(())
}

/// What must hold between settings. Source: nats-server `server.go:validateOptions`.
pub fn check(options: &Options) -> Result<(), String> {
    if options.lame_duck_grace_period >= options.lame_duck_duration {
        return Err(format!(
            "lame duck grace period ({:?}) should be strictly lower than lame duck duration ({:?})",
            options.lame_duck_grace_period, options.lame_duck_duration
        ));
    }
    if options.limits.max_payload > options.limits.max_pending {
        return Err(format!(
            "max_payload ({}) cannot be higher than max_pending ({})",
            options.limits.max_payload, options.limits.max_pending
        ));
    }
    if options.limits.max_payload > i32::MAX as usize || options.limits.max_control_line == 0 {
        return Err("max_payload or max_control_line is out of range".to_owned());
    }
    if options.limits.ping_interval.is_zero() || options.limits.write_deadline.is_zero() {
        return Err("ping_interval and write_deadline must be positive".to_owned());
    }
    Ok(())
}
