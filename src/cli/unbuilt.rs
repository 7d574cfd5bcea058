//! Flags of nats-server whose feature is not built. They are refused by name, but for values that ask for
//! nothing: `--js=false`, `--routes ""`, `--profile 0`.

/// What a flag takes.
#[derive(Clone, Copy)]
enum Kind {
    Switch,
    Number,
    Text,
}

struct Flag {
    names: &'static [&'static str],
    kind: Kind,
    feature: &'static str,
}

const FLAGS: &[Flag] = &[
    Flag { names: &["ms", "https_port"], kind: Kind::Number, feature: "TLS" },
    Flag { names: &["js", "jetstream"], kind: Kind::Switch, feature: "JetStream" },
    Flag { names: &["no_advertise"], kind: Kind::Switch, feature: "clusters" },
    Flag { names: &["connect_retries"], kind: Kind::Number, feature: "clusters" },
    Flag { names: &["client_advertise", "routes", "cluster"], kind: Kind::Text, feature: "clusters" },
    Flag {
        names: &["cluster_listen", "cluster_name", "cluster_advertise"],
        kind: Kind::Text,
        feature: "clusters",
    },
    Flag { names: &["tls", "tlsverify", "help_tls"], kind: Kind::Switch, feature: "TLS" },
    Flag { names: &["tlscert", "tlskey", "tlscacert"], kind: Kind::Text, feature: "TLS" },
    Flag { names: &["profile"], kind: Kind::Number, feature: "profiling" },
];

/// Whether the flag stands alone; `None` where it is not one of these.
pub fn is_switch(name: &str) -> Option<bool> {
    find(name).map(|flag| matches!(flag.kind, Kind::Switch))
}

/// Whether nothing is asked for with the flag, which must be one of these.
pub fn check(name: &str, value: &str) -> Result<(), String> {
    let flag = find(name).unwrap_or_else(|| unreachable!("{name} is a flag"));
    let asks = match flag.kind {
        Kind::Switch => super::switched(name, value)?,
        Kind::Number => {
            let number: Result<i64, _> = value.parse();
            number.map_err(|_| format!("invalid value {value:?} for flag -{name}"))? != 0
        }
        Kind::Text => !value.is_empty(),
    };
    match asks {
        true => Err(format!("flag -{name} is not supported yet: {}", flag.feature)),
        false => Ok(()),
    }
}

fn find(name: &str) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_is_refused_but_for_what_asks_for_nothing() {
        for flag in FLAGS {
            let (nothing, something, neither) = match flag.kind {
                Kind::Switch => ("false", "true", Some("maybe")),
                Kind::Number => ("0", "1", Some("x")),
                Kind::Text => ("", "x", None),
            };
            for name in flag.names {
                assert_eq!(check(name, nothing), Ok(()), "{name}");
                let said = check(name, something).unwrap_err();
                assert_eq!(said, format!("flag -{name} is not supported yet: {}", flag.feature));
                assert!(neither.is_none_or(|value| check(name, value).unwrap_err().contains("invalid")));
            }
        }
    }
}
