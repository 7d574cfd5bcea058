//! Proxies that connections may come through. Known and checked, not built. Source: nats-server
//! `opts.go:parseProxies`, `parseProxiesTrusted`.

use super::super::field::{Field, quoted};
use super::super::options::Options;
use super::super::report::Report;
use super::super::tree::Value;
use super::{Key, nkey};

const KEYS: &[Key<bool>] =
    &[Key { names: &["trusted"], read: |field, any, report| *any |= trusted(field, report) }];

const PROXY: &[Key<()>] = &[Key {
    names: &["key", "public_key"],
    read: |field, _, report| {
        if let Some(key) = field.string(report)
            && !nkey::is_any_public(key)
        {
            report.refuse(field.at(), format!("invalid proxy key {}", quoted(key)));
        }
    },
}];

pub fn read(field: &Field<'_>, _: &mut Options, report: &mut Report) {
    let Some(map) = field.map_or("expected proxies to be a map/struct, got ", report) else { return };
    let mut any = false;
    super::read(map, KEYS, &mut any, report);
    if any {
        report.unbuilt(field.at(), field.key, "proxies");
    }
}

/// Whether there are any.
fn trusted(field: &Field<'_>, report: &mut Report) -> bool {
    let Value::Array(nodes) = &field.node.value else {
        let found = field.node.value.type_name();
        let said = format!("expected proxies' trusted field to be an array, got {found}");
        report.refuse(field.at(), said);
        return false;
    };
    for node in nodes.iter() {
        let proxy = field.element(node);
        let wanted = "expected proxies' trusted entry to be a map/struct, got ";
        if let Some(map) = proxy.map_or(wanted, report) {
            super::read(map, PROXY, &mut (), report);
        }
    }
    !nodes.is_empty()
}
