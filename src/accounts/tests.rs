//! Small configurations and what becomes of them.

use std::sync::Arc;

use shard::account::imports::Renaming;
use shard::account::mapping::Choice;
use shard::account::snapshot::{Latency, Limits, Response, Sampling};
use shard::account::{Directory, GLOBAL, Snapshot};
use shard::session::admission::{ConnectionTypes, Secret, Shared};

use super::{Registry, SYSTEM_ACCOUNT};
use crate::config::{self, Options};

const KEY: &str = "UC6NLCN7AS34YOJVCYD4PJ3QB7QGLYG5B5IMBT25VW5K4TNUJODM7BOX";

fn options(text: &str) -> Options {
    let map = config::parse_text(text, "test.conf", &|_| None).expect("it is read");
    let mut options = Options::default();
    let report = config::read(&map, &mut options);
    assert!(report.is_clean(), "{text}\n{report}");
    config::check(&options).unwrap_or_else(|error| panic!("{text}: {error}"));
    options
}

fn compiled(text: &str) -> Directory {
    Registry::new().compile(&options(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn account<'a>(directory: &'a Directory, name: &str) -> &'a Snapshot {
    directory.accounts.iter().find(|account| account.name == name).expect("an account")
}

fn handle(directory: &Directory, name: &str) -> u32 {
    directory.accounts.iter().position(|account| account.name == name).expect("an account") as u32
}

/// `name@account` of all who may come in, sorted.
fn entrants(directory: &Directory) -> Vec<String> {
    let admission = &directory.admission;
    let all = admission.users.iter().chain(&admission.nkeys);
    let mut entrants: Vec<String> = all
        .map(|(name, user)| {
            assert_eq!(*name, user.name);
            format!("{name}@{}", directory.account(user.account).name)
        })
        .collect();
    entrants.sort();
    entrants
}

#[test]
fn accounts_there_are() {
    for (text, names, system) in [
        ("", vec!["$G", "$SYS"], Some("$SYS")),
        ("no_system_account: true", vec!["$G"], None),
        ("accounts: [B, A]", vec!["$G", "B", "A", "$SYS"], Some("$SYS")),
        ("accounts { B {}, A {} }\nno_system_account: true", vec!["$G", "A", "B"], None),
        ("accounts { A {} }\nsystem_account: A", vec!["$G", "A"], Some("A")),
        ("accounts { \"$SYS\": {}, Z {} }", vec!["$G", "$SYS", "Z"], Some("$SYS")),
        ("accounts: [\"$SYS\"]\nno_system_account: true", vec!["$G", "$SYS"], Some("$SYS")),
        ("system_account: \"$G\"", vec!["$G"], Some("$G")),
    ] {
        let directory = compiled(text);
        let found: Vec<&str> = directory.accounts.iter().map(|account| account.name.as_str()).collect();
        assert_eq!(found, names, "{text}");
        assert_eq!(directory.system.map(|system| directory.account(system).name.as_str()), system, "{text}");
        assert!(directory.accounts.iter().all(|account| !account.is_gone), "{text}");
    }
    let error = Registry::new().compile(&options("accounts: [A]\nsystem_account: B")).err();
    assert_eq!(error.as_deref(), Some("error resolving system account: account missing"));
}

#[test]
fn who_may_come_in() {
    let nkeys = format!("authorization {{ users: [{{nkey: {KEY}}}, {{user: u, password: p}}] }}");
    let key = format!("{KEY}@$G");
    for (text, wanted) in [
        ("", vec![]),
        ("authorization { users: [] }", vec![]),
        ("accounts { A {}, B {users: []} }", vec![]),
        (&nkeys, vec![key.as_str(), "u@$G"]),
        (
            "accounts { A { users: [{user: a, password: x}] }, B { users: [{user: b, password: x}] } }\n\
             authorization { users: [{user: c, password: x}] }",
            vec!["a@A", "b@B", "c@$G"],
        ),
        ("accounts { SYS { users: [{user: s, password: x}] } }\nauthorization {}", vec!["s@SYS"]),
    ] {
        let directory = compiled(text);
        assert_eq!(entrants(&directory), wanted, "{text}");
        assert_eq!(directory.admission.has_list, !wanted.is_empty(), "{text}");
        assert_eq!(
            (&directory.admission.shared, &directory.admission.no_auth_user),
            (&None, &None),
            "{text}"
        );
    }
    let guest = compiled("accounts { A { users: [{user: a, password: x}] } }\nno_auth_user: a").admission;
    assert_eq!(guest.no_auth_user.as_deref(), Some("a"));
}

/// Everybody gets into `$G` where the system account is all there is besides, unless something is said of how to
/// come in.
#[test]
fn a_system_account_alone_keeps_nobody_out() {
    for (text, open) in [
        ("accounts { SYS { users: [{user: s, password: p}] } }\nsystem_account: SYS", true),
        ("accounts: [SYS]\nsystem_account: SYS\nmappings: {a: b}", true),
        ("accounts { \"$SYS\": { users: [{user: s, password: p}] } }", true),
        ("accounts { SYS {} }", false),
        ("accounts { SYS {}, A {} }\nsystem_account: SYS", false),
        (
            "accounts { SYS { users: [{user: s, password: p}] } }\nsystem_account: SYS\nauthorization {}",
            false,
        ),
        (
            "accounts { SYS { users: [{user: s, password: p}] } }\nsystem_account: SYS\n\
             authorization { users: [{user: u, password: p}] }",
            false,
        ),
        ("accounts { SYS { users: [{user: s, password: p}] } }\nsystem_account: SYS\nno_auth_user: s", false),
    ] {
        let admission = compiled(text).admission;
        let guest = admission.no_auth_user.as_ref().filter(|name| name.starts_with("nats-"));
        assert_eq!(guest.is_some(), open, "{text}");
        if let Some(guest) = guest {
            assert!(admission.has_list && admission.users[guest].account == GLOBAL, "{text}");
        }
    }
    let mut registry = Registry::new();
    let text = "accounts { \"$SYS\": {} }";
    let mut name = || registry.compile(&options(text)).expect("compiled").admission.no_auth_user;
    assert_eq!(name(), name(), "who is in stays in over a reload");
    assert_ne!(name(), compiled(text).admission.no_auth_user);
}

#[test]
fn what_everybody_shares() {
    let user = |password: &str| Some(Shared::User { name: "u".to_owned(), password: Secret::new(password) });
    for (text, wanted) in [
        ("authorization { user: u, password: p }", user("p")),
        ("authorization { user: u }", user("")),
        ("authorization { password: p }", None),
        ("authorization { token: t }", Some(Shared::Token(Secret::Plain("t".to_owned())))),
        (
            "authorization { token: \"$2a$11$xyz\" }",
            Some(Shared::Token(Secret::Bcrypt("$2a$11$xyz".to_owned()))),
        ),
    ] {
        let admission = compiled(text).admission;
        assert_eq!((admission.shared, admission.has_list), (wanted, false), "{text}");
    }
    // From flags: a token may be shown beside users, a name is looked for among them.
    let mut options = options("authorization { users: [{user: a, password: x}] }");
    options.authorization.user = Some("u".to_owned());
    let shared = |options: &Options| Registry::new().compile(options).expect("compiled").admission.shared;
    assert_eq!(shared(&options), None);
    options.authorization.token = Some("t".to_owned());
    assert_eq!(shared(&options), Some(Shared::Token(Secret::Plain("t".to_owned()))));
}

#[test]
fn users_in_detail() {
    let directory = compiled(
        "accounts { A { default_permissions: {publish: d, subscribe: {deny: e}}, users: [\n\
         {user: plain, password: p}\n\
         {user: hashed, password: \"$2a$11$xyz\", allowed_connection_types: [standard, Websocket]}\n\
         {user: own, password: p, permissions: {publish: {allow: [x, y], deny: z}, allow_responses: true}}\n\
         {user: open, password: p, permissions: {}}\n\
         {user: twin, password: p}\n\
         ] } }\n\
         authorization { users: [{user: g, permission: {allow_responses: {max: -1, ttl: 5s}}}, {user: h}], \
         default_permissions: {subscribe: s} }",
    );
    let user = |name: &str| directory.admission.users[name].clone();
    let rules = |name: &str| user(name).permissions.as_ref().expect("permissions").rules().clone();
    assert_eq!(user("plain").password, Some(Secret::Plain("p".to_owned())));
    assert_eq!(user("hashed").password, Some(Secret::Bcrypt("$2a$11$xyz".to_owned())));
    let two = ConnectionTypes::STANDARD.with(ConnectionTypes::WEBSOCKET);
    assert_eq!((user("hashed").allowed, user("own").allowed), (two, ConnectionTypes::ALL));
    assert_eq!(rules("plain").publish.allow, Some(vec!["d".to_owned()]));
    assert_eq!(rules("plain").subscribe.deny, ["e"]);
    let (plain, twin) = (user("plain").permissions.clone(), user("twin").permissions.clone());
    assert!(Arc::ptr_eq(&plain.expect("some"), &twin.expect("some")), "they share what they have in common");
    let own = rules("own");
    assert_eq!((own.publish.allow, own.publish.deny), (Some(vec!["x".into(), "y".into()]), vec!["z".into()]));
    assert_eq!(own.subscribe.deny, [""; 0], "own permissions replace default ones whole");
    assert_eq!(own.responses.map(|responses| responses.max), Some(1));
    assert_eq!(rules("open"), Default::default());
    let g = rules("g");
    assert_eq!((g.publish.allow, g.subscribe.allow), (Some(Vec::new()), None));
    let seconds =
        |responses: shard::session::permissions::Responses| responses.expires.map(|time| time.as_secs());
    assert_eq!(g.responses.map(|responses| (responses.max, seconds(responses))), Some((-1, Some(5))));
    assert_eq!(rules("h").subscribe.allow, Some(vec!["s".to_owned()]));
}

#[test]
fn limits_and_mappings() {
    let directory = compiled(
        "mappings: {g: h}\n\
         accounts { A { limits: {max_conn: 2, max_subs: 0, max_pay: -1, max_leafs: -2}\n\
         mappings: {\"a.>\": \"w.>\", \"a.*\": \"s.$1\", a.b: l, x: [{dest: y, weight: 50}, {dest: z, weight: 50}]} } }",
    );
    let a = account(&directory, "A");
    let limits = Limits {
        max_connections: Some(2),
        max_subscriptions: Some(0),
        max_payload: None,
        max_leafnodes: Some(0),
    };
    assert_eq!(a.limits, limits);
    let mapped = |account: &Snapshot, subject: &str, dice: u32| {
        let index = account.mappings.find(subject.as_bytes())?;
        let Choice::To(transform) = account.mappings.choose(index, "", &mut |_| dice) else { return None };
        let mut out = Vec::new();
        transform.apply(subject.as_bytes(), &mut |_| dice, &mut out);
        String::from_utf8(out).ok()
    };
    // The narrower source comes first.
    for (subject, wanted) in [("a.b", Some("l")), ("a.c", Some("s.c")), ("a.b.c", Some("w.b.c")), ("b", None)]
    {
        assert_eq!(mapped(a, subject, 0).as_deref(), wanted, "{subject}");
    }
    assert_eq!((mapped(a, "x", 10).as_deref(), mapped(a, "x", 60).as_deref()), (Some("y"), Some("z")));
    assert_eq!(mapped(directory.account(GLOBAL), "g", 0).as_deref(), Some("h"));
    assert_eq!(mapped(a, "g", 0), None);
}

#[test]
fn streams_that_are_imported() {
    let directory = compiled(
        "accounts { B { exports: [{stream: \"b.>\"}, {stream: c.d}, {stream: \"p.*\", accounts: [A]}\n\
         {stream: \"t.*.>\", account_token_position: 2}] }, N {}\n\
         A { imports: [\n\
         {stream: {account: B, subject: \"b.>\"}}\n\
         {stream: {account: B, subject: \"b.x.*\"}, prefix: pre}\n\
         {stream: {account: B, subject: c.d}, to: e}\n\
         {stream: {account: B, subject: \"b.*.*\"}, to: \"f.$2.$1\"}\n\
         {stream: {account: B, subject: \"p.*\"}, prefix: \"q.\"}\n\
         {stream: {account: B, subject: \"t.A.>\"}}\n\
         ] } }",
    );
    let a = account(&directory, "A");
    let found: Vec<_> = a.stream_imports.iter().map(|import| (&*import.there, &*import.here)).collect();
    let wanted = [
        ("b.>", "b.>"),
        ("b.x.*", "pre.b.x.*"),
        ("c.d", "e"),
        ("b.*.*", "f.*.*"),
        ("p.*", "q.p.*"),
        ("t.A.>", "t.A.>"),
    ];
    assert_eq!(found, wanted);
    let exporter = handle(&directory, "B");
    assert!(a.stream_imports.iter().all(|import| import.exporter == exporter));
    let renamed = |number: usize, subject: &str| {
        let mut out = Vec::new();
        a.stream_imports[number].rename(subject.as_bytes(), &mut out);
        String::from_utf8(out).expect("text")
    };
    assert!(matches!(a.stream_imports[0].renaming, Renaming::Same));
    assert_eq!(renamed(1, "b.x.y"), "pre.b.x.y");
    assert_eq!(renamed(2, "c.d"), "e");
    assert_eq!(renamed(3, "b.1.2"), "f.2.1");
    assert_eq!(a.neighbours, [exporter]);
    assert_eq!(account(&directory, "B").neighbours, [handle(&directory, "A")]);
    assert_eq!(
        (&*account(&directory, "N").neighbours, &*directory.account(GLOBAL).neighbours),
        (&[][..], &[][..])
    );
}

#[test]
fn services_that_are_imported() {
    let directory = compiled(
        "accounts { B { exports: [\n\
         {service: \"s.>\", response: stream, threshold: 5s}\n\
         {service: s.one, latency: {subject: lat, sampling: headers}}\n\
         {service: \"w.*.*\", latency: lat}\n\
         {service: private, accounts: [A]}, {service: private, accounts: [C]}] }\n\
         A { imports: [\n\
         {service: {account: B, subject: s.one}, to: one, share: true}\n\
         {service: {account: B, subject: s.two}}\n\
         {service: {account: B, subject: \"w.*.*\"}, to: \"v.$2.$1\"}\n\
         {service: {account: B, subject: private}, to: \"any.*\"}] }\n\
         C { imports: [{service: {account: B, subject: s.one}}, {service: {account: B, subject: private}}] } }",
    );
    let (a, c) = (account(&directory, "A"), account(&directory, "C"));
    let bound = |account: &Snapshot| -> Vec<(String, String)> {
        let services = account.service_imports.iter();
        services.map(|import| (import.here.clone(), import.service.subject.clone())).collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(here, there)| ((*here).to_owned(), (*there).to_owned())).collect()
    };
    let wanted = [("one", "s.one"), ("s.two", "s.>"), ("v.*.*", "w.*.*"), ("any.*", "private")];
    assert_eq!(bound(a), pairs(&wanted));
    assert_eq!(bound(c), pairs(&[("s.one", "s.one"), ("private", "private")]));
    assert!(Arc::ptr_eq(&a.service_imports[0].service, &c.service_imports[0].service));
    assert!(a.service_imports[0].share && !c.service_imports[0].share);
    let service = |number: usize| a.service_imports[number].service.clone();
    let facts = |number: usize| (service(number).response, service(number).threshold.as_secs());
    assert_eq!((facts(0), facts(1)), ((Response::Singleton, 120), (Response::Stream, 5)));
    let latency = |sampling| Some(Latency { subject: "lat".to_owned(), sampling });
    assert_eq!(service(0).latency, latency(Sampling::Headers));
    assert_eq!((&service(1).latency, &service(2).latency), (&None, &latency(Sampling::Percent(100))));
    assert!(
        service(0).account == handle(&directory, "B") && a.service_imports[0].exporter == service(0).account
    );
    let asked = |number: usize, subject: &str| {
        let mut out = Vec::new();
        a.service_imports[number].rename(subject.as_bytes(), &mut out);
        String::from_utf8(out).expect("text")
    };
    assert_eq!([asked(0, "one"), asked(1, "s.two"), asked(2, "v.1.2")], ["s.one", "s.two", "w.2.1"]);
    assert_eq!(asked(3, "any.thing"), "private");
    assert_eq!(account(&directory, "B").neighbours, [handle(&directory, "A"), handle(&directory, "C")]);
}

#[test]
fn accounts_keep_their_handles_over_reloads() {
    let mut registry = Registry::new();
    let mut compile = |text: &str| registry.compile(&options(text)).expect("compiled");
    let first = compile("accounts { B { users: [{user: b, password: x}], mappings: {a: b} }, C {} }");
    let second = compile("accounts: [A, C]");
    let third = compile("accounts: [B]\nno_system_account: true");
    let names = |directory: &Directory| -> Vec<String> {
        let shown = |account: &Arc<Snapshot>| {
            format!("{}{}", account.name, if account.is_gone { " gone" } else { "" })
        };
        directory.accounts.iter().map(shown).collect()
    };
    assert_eq!(names(&first), ["$G", "B", "C", SYSTEM_ACCOUNT]);
    assert_eq!(names(&second), ["$G", "B gone", "C", SYSTEM_ACCOUNT, "A"]);
    assert_eq!(names(&third), ["$G", "B", "C gone", "$SYS gone", "A gone"]);
    assert!(second.accounts[1].mappings.is_empty() && second.admission.users.is_empty());
    for (one, other) in first.accounts.iter().zip(&third.accounts) {
        assert!(Arc::ptr_eq(&one.clients, &other.clients), "{}", one.name);
    }
    assert!(!Arc::ptr_eq(&first.accounts[1].clients, &first.accounts[2].clients));
}

/// What options say of secrets is not shown by accident.
#[test]
fn secrets_are_not_shown() {
    let directory = compiled(
        "accounts { A { users: [{user: a, password: s3cret}] } }\n\
         authorization { users: [{user: b, password: \"$2a$s3cret\"}] }",
    );
    let shown = format!("{directory:?}");
    assert!(shown.contains("Secret") && !shown.contains("s3cret"), "{shown}");
}
