//! The keys outside any block. Source: nats-server `opts.go:processConfigFileLine`.

use std::time::Duration;

use super::super::field::{Field, listen, shown_duration};
use super::super::options::Options;
use super::super::report::Report;
use super::super::tree::Value;
use super::{
    Key, accounts, authorization, checked, cluster, corebus, features, gateway, jetstream, leafnodes, mqtt,
    ocsp, operator, proxies, resolver, tls, websocket,
};

pub const KEYS: &[Key<Options>] = &[
    Key { names: &["listen"], read: address },
    Key {
        names: &["port"],
        read: |field, options, report| {
            let number = field.integer(report);
            set_port(field, number, options, report);
        },
    },
    Key { names: &["host", "net"], read: |field, options, report| text(field, &mut options.host, report) },
    Key { names: &["server_name"], read: server_name },
    Key {
        names: &["pid_file", "pidfile"],
        read: |field, options, report| path(field, &mut options.pid_file, report),
    },
    Key {
        names: &["ports_file_dir"],
        read: |field, options, report| path(field, &mut options.ports_file_dir, report),
    },
    // The log.
    Key {
        names: &["debug"],
        read: |field, options, report| switch(field, &mut options.tracing.debug, report),
    },
    Key {
        names: &["trace"],
        read: |field, options, report| switch(field, &mut options.tracing.trace, report),
    },
    Key {
        names: &["trace_verbose"],
        read: |field, options, report| {
            switch(field, &mut options.tracing.verbose, report);
            switch(field, &mut options.tracing.trace, report);
        },
    },
    Key {
        names: &["trace_headers"],
        read: |field, options, report| {
            switch(field, &mut options.tracing.headers_only, report);
            switch(field, &mut options.tracing.trace, report);
        },
    },
    Key {
        names: &["max_traced_msg_len"],
        read: |field, options, report| {
            let length = field.integer(report).unwrap_or_default();
            options.tracing.max_traced_msg_len = usize::try_from(length).unwrap_or_default();
        },
    },
    Key { names: &["logtime"], read: |field, options, report| switch(field, &mut options.log_time, report) },
    Key {
        names: &["logtime_utc"],
        read: |field, options, report| switch(field, &mut options.log_utc, report),
    },
    Key {
        names: &["log_file", "logfile"],
        read: |field, options, report| path(field, &mut options.log_file, report),
    },
    Key {
        names: &["log_size_limit", "logfile_size_limit"],
        read: |field, options, report| number(field, &mut options.log_size_limit, report),
    },
    Key {
        names: &["log_max_num", "logfile_max_num"],
        read: |field, options, report| number(field, &mut options.log_max_num, report),
    },
    Key {
        names: &["syslog"],
        read: |field, options, report| switch(field, &mut options.syslog.local, report),
    },
    Key {
        names: &["remote_syslog"],
        read: |field, options, report| {
            options.syslog.remote = field.string(report).filter(|url| !url.is_empty()).map(str::to_owned);
        },
    },
    Key {
        names: &["connect_error_reports"],
        read: |field, options, report| number(field, &mut options.connect_error_reports, report),
    },
    Key {
        names: &["reconnect_error_reports"],
        read: |field, options, report| number(field, &mut options.reconnect_error_reports, report),
    },
    // Limits.
    Key {
        names: &["max_control_line"],
        read: |field, options, report| size_32(field, &mut options.limits.max_control_line, 4096, report),
    },
    Key {
        names: &["max_payload"],
        read: |field, options, report| size_32(field, &mut options.limits.max_payload, 1 << 20, report),
    },
    Key {
        names: &["max_pending"],
        read: |field, options, report| size(field, &mut options.limits.max_pending, 64 << 20, report),
    },
    Key {
        names: &["max_connections", "max_conn"],
        read: |field, options, report| {
            if let Some(max) = field.integer(report) {
                // 0 lets nobody in, as numbers below it do: whatever documents say, nats-server does so too.
                options.limits.max_connections = usize::try_from(max).unwrap_or_default();
            }
        },
    },
    Key {
        names: &["max_subscriptions", "max_subs"],
        // Below zero means no bound, as 0 does.
        read: |field, options, report| {
            if let Some(max) = field.integer(report) {
                options.limits.max_subscriptions = usize::try_from(max).unwrap_or_default();
            }
        },
    },
    Key { names: &["max_sub_tokens", "max_subscription_tokens"], read: max_sub_tokens },
    Key {
        names: &["ping_interval"],
        read: |field, options, report| {
            let interval = field.duration("ping_interval", report);
            set_duration(interval, &mut options.limits.ping_interval, Duration::from_secs(120));
        },
    },
    Key {
        names: &["ping_max"],
        read: |field, options, report| {
            if let Some(max) = field.integer(report) {
                options.limits.ping_max = if max == 0 { 2 } else { u32::try_from(max).unwrap_or_default() };
            }
        },
    },
    Key {
        names: &["write_deadline"],
        read: |field, options, report| {
            let deadline = field.duration("write_deadline", report);
            set_duration(deadline, &mut options.limits.write_deadline, Duration::from_secs(10));
        },
    },
    Key { names: &["write_timeout"], read: write_timeout },
    Key { names: &["lame_duck_duration"], read: lame_duck_duration },
    Key { names: &["lame_duck_grace_period"], read: lame_duck_grace_period },
    Key {
        names: &["no_header_support"],
        read: |field, options, report| options.headers = !field.boolean(report).unwrap_or_default(),
    },
    Key {
        names: &["no_fast_producer_stall"],
        read: |field, options, report| {
            options.stall_fast_producers = !field.boolean(report).unwrap_or_default()
        },
    },
    Key {
        names: &["max_closed_clients"],
        // nats-server takes a negative number, and fails to start.
        read: |field, options, report| size(field, &mut options.max_closed_clients, 10_000, report),
    },
    Key { names: &["authorization"], read: authorization::read },
    // Monitoring.
    Key {
        names: &["http"],
        read: |field, options, report| {
            if let Some((host, port)) = listen(field, report) {
                (options.http_host, options.http_port) = (host.to_owned(), port);
            }
        },
    },
    Key {
        names: &["http_port", "monitor_port"],
        read: |field, options, report| number(field, &mut options.http_port, report),
    },
    Key {
        names: &["http_base_path"],
        read: |field, options, report| text(field, &mut options.http_base_path, report),
    },
    Key { names: &["server_tags"], read: server_tags },
    Key { names: &["server_metadata"], read: server_metadata },
    Key { names: &["corebus"], read: corebus::read },
    // Not built yet.
    Key { names: &["client_advertise"], read: client_advertise },
    Key { names: &["mappings", "maps"], read: features::subject_mappings },
    Key { names: &["disable_sublist_cache", "no_sublist_cache"], read: features::no_sublist_cache },
    Key { names: &["accounts"], read: accounts::read },
    Key { names: &["default_sentinel"], read: operator::default_sentinel },
    Key { names: &["https"], read: https },
    Key {
        names: &["https_port"],
        read: |field, _, report| {
            let port = field.integer(report).unwrap_or_default();
            unbuilt_if(port != 0, field, "TLS", report);
        },
    },
    Key { names: &["cluster"], read: cluster::read },
    Key { names: &["gateway"], read: gateway::read },
    Key { names: &["leafnodes", "leaf"], read: leafnodes::read },
    // Where JetStream would store: without JetStream there is nothing to be stored.
    Key { names: &["store_dir", "storedir"], read: checked::string },
    Key { names: &["jetstream"], read: jetstream::read },
    Key {
        names: &["prof_port"],
        read: |field, _, report| {
            let port = field.integer(report).unwrap_or_default();
            unbuilt_if(port != 0, field, "profiling", report);
        },
    },
    Key {
        names: &["prof_block_rate"],
        read: |field, _, report| {
            let rate = field.integer(report).unwrap_or_default();
            unbuilt_if(rate > 0, field, "profiling", report);
        },
    },
    Key {
        names: &["proxy_protocol"],
        read: |field, _, report| {
            let on = field.boolean(report).unwrap_or_default();
            unbuilt_if(on, field, "the PROXY protocol", report);
        },
    },
    Key {
        names: &["tls"],
        read: |field, _, report| {
            tls::read(field, tls::Peers::Any, report);
            report.unbuilt(field.at(), field.key, "TLS");
        },
    },
    Key { names: &["ocsp"], read: ocsp::staple },
    // Without a `tls` block plain connections are what there is.
    Key { names: &["allow_non_tls"], read: checked::boolean },
    Key {
        names: &["operator", "operators", "roots", "root", "root_operators", "root_operator"],
        read: operator::operators,
    },
    Key { names: &["resolver", "account_resolver", "accounts_resolver"], read: resolver::read },
    Key { names: &["resolver_tls"], read: resolver::tls },
    Key { names: &["resolver_preload"], read: operator::preload },
    Key { names: &["resolver_pinned_accounts"], read: operator::pinned_accounts },
    Key { names: &["no_auth_user"], read: features::no_auth_user },
    Key { names: &["system_account", "system"], read: features::system_account },
    Key { names: &["no_system_account", "no_system", "no_sys_acc"], read: features::no_system_account },
    Key { names: &["trusted_keys", "trusted"], read: operator::trusted_keys },
    Key { names: &["websocket", "ws"], read: websocket::read },
    Key { names: &["mqtt"], read: mqtt::read },
    Key { names: &["feature_flags"], read: features::flags },
    Key { names: &["default_js_domain"], read: features::default_domain },
    Key { names: &["ocsp_cache"], read: ocsp::cache },
    Key { names: &["proxies"], read: proxies::read },
];

fn unbuilt_if(on: bool, field: &Field<'_>, feature: &str, report: &mut Report) {
    if on {
        report.unbuilt(field.at(), field.key, feature);
    }
}

fn client_advertise(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let address = field.string(report).unwrap_or_default();
    unbuilt_if(!address.is_empty(), field, "clusters", report);
}

/// A port of 0 is none; the host is that of `http` too.
fn https(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    let Some((host, port)) = listen(field, report) else { return };
    host.clone_into(&mut options.http_host);
    unbuilt_if(port != 0, field, "TLS", report);
}

fn text(field: &Field<'_>, into: &mut String, report: &mut Report) {
    if let Some(text) = field.string(report) {
        *into = text.to_owned();
    }
}

fn path(field: &Field<'_>, into: &mut Option<std::path::PathBuf>, report: &mut Report) {
    if let Some(text) = field.string(report) {
        *into = (!text.is_empty()).then(|| text.into());
    }
}

fn switch(field: &Field<'_>, into: &mut bool, report: &mut Report) {
    if let Some(on) = field.boolean(report) {
        *into = on;
    }
}

fn number(field: &Field<'_>, into: &mut i64, report: &mut Report) {
    if let Some(number) = field.integer(report) {
        *into = number;
    }
}

/// A size; 0 means the default, as nothing given does. Source: nats-server `opts.go:setBaselineOptions`.
fn size(field: &Field<'_>, into: &mut usize, default: usize, report: &mut Report) {
    match field.integer(report) {
        Some(0) => *into = default,
        Some(size) => match usize::try_from(size) {
            Ok(size) => *into = size,
            Err(_) => report.refuse(field.at(), format!("{} value can not be negative", field.key)),
        },
        None => {}
    }
}

fn size_32(field: &Field<'_>, into: &mut usize, default: usize, report: &mut Report) {
    if let Value::Integer(size) = field.node.value
        && size > i64::from(i32::MAX)
    {
        return report.refuse(field.at(), format!("{} value is too big", field.key));
    }
    size(field, into, default, report);
}

/// A duration; 0 means the default.
fn set_duration(nanoseconds: Option<i64>, into: &mut Duration, default: Duration) {
    match nanoseconds {
        Some(0) => *into = default,
        Some(nanoseconds) => *into = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or_default()),
        None => {}
    }
}

fn address(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    let Some((host, port)) = listen(field, report) else { return };
    host.clone_into(&mut options.host);
    if host.is_empty() {
        "0.0.0.0".clone_into(&mut options.host);
    }
    set_port(field, Some(port), options, report);
}

fn set_port(field: &Field<'_>, port: Option<i64>, options: &mut Options, report: &mut Report) {
    match port {
        None => {}
        Some(-1) => options.port = None,
        Some(0) => options.port = Some(4222),
        Some(port) => match u16::try_from(port) {
            Ok(port) => options.port = Some(port),
            // nats-server takes it, and fails to listen.
            Err(_) => report.refuse(field.at(), format!("invalid port {port}")),
        },
    }
}

fn server_name(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    match field.string(report) {
        Some(name) if name.contains(' ') => report.refuse(field.at(), "server name cannot contain spaces"),
        Some(name) => options.name = (!name.is_empty()).then(|| name.to_owned()),
        None => {}
    }
}

fn max_sub_tokens(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    match field.integer(report) {
        Some(256..) => report.refuse(field.at(), format!("{} value is too big", field.key)),
        Some(max @ 1..) => options.limits.max_subscription_tokens = max as usize,
        Some(_) => report.refuse(field.at(), format!("{} value can not be negative", field.key)),
        None => {}
    }
}

fn write_timeout(field: &Field<'_>, _options: &mut Options, report: &mut Report) {
    match field.string(report) {
        Some("default" | "close") | None => {}
        Some("retry") => report.unbuilt(field.at(), field.key, "slow consumers that are kept"),
        Some(_) => report.refuse(field.at(), "write_timeout must be 'default', 'close' or 'retry'"),
    }
}

fn lame_duck_duration(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    match field.duration_text("lame_duck_duration", report) {
        Some(nanoseconds) if nanoseconds < 30_000_000_000 => {
            let given = shown_duration(Duration::from_nanos(nanoseconds.unsigned_abs()));
            let sign = if nanoseconds < 0 { "-" } else { "" };
            let said = format!("invalid lame_duck_duration of {sign}{given}, minimum is 30 seconds");
            report.refuse(field.at(), said);
        }
        Some(nanoseconds) => options.lame_duck_duration = Duration::from_nanos(nanoseconds as u64),
        None => {}
    }
}

fn lame_duck_grace_period(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    match field.duration_text("lame_duck_grace_period", report) {
        Some(..0) => report.refuse(field.at(), "invalid lame_duck_grace_period, needs to be positive"),
        Some(0) => options.lame_duck_grace_period = Duration::from_secs(10),
        Some(nanoseconds) => options.lame_duck_grace_period = Duration::from_nanos(nanoseconds as u64),
        None => {}
    }
}

fn server_tags(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    match &field.node.value {
        Value::String(tag) => options.tags = vec![tag.clone()],
        Value::Array(nodes) => {
            options.tags = Vec::new();
            for node in nodes.iter() {
                match &node.value {
                    Value::String(tag) => options.tags.push(tag.clone()),
                    _ => {
                        let said =
                            "error parsing tags: unsupported type *conf.token where string is expected";
                        return report.refuse(field.at(), said);
                    }
                }
            }
        }
        other => {
            let said = format!("error parsing tags: unsupported type {}", other.type_name());
            report.refuse(field.at(), said);
        }
    }
}

fn server_metadata(field: &Field<'_>, options: &mut Options, report: &mut Report) {
    let Value::Map(map) = &field.node.value else {
        let found = field.node.value.type_name();
        return report.refuse(field.at(), format!("error parsing metadata: unsupported type {found}"));
    };
    for (key, node) in map.iter() {
        if let Some(text) = Field::new(key, node).string(report) {
            options.metadata.insert(key.clone(), text.to_owned());
        }
    }
}
