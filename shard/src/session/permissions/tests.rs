use super::*;
use crate::driver::sim::Dice;
use crate::mouths::examine_permissions;

/// Questions that are asked at least, each of chance; `COREBUS_PERMISSIONS_SEED` replays one set of rules.
const QUESTIONS: u64 = 1_500_000;

#[test]
fn rules_as_lists_and_compiled_answer_the_same() {
    let name = "COREBUS_PERMISSIONS_SEED";
    let replayed = std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let (mut asked, mut seed) = (0, replayed.unwrap_or_default());
    while asked < QUESTIONS {
        let mut dice = Dice::new(seed);
        let input: Vec<u8> = (0..400).map(|_| dice.below(256) as u8).collect();
        let examined = std::panic::catch_unwind(|| examine_permissions(&input));
        asked += examined.unwrap_or_else(|_| panic!("replay with {name}={seed}"));
        if replayed.is_some() {
            return;
        }
        seed += 1;
    }
}

fn rules(publish: (Option<&[&str]>, &[&str]), subscribe: (Option<&[&str]>, &[&str])) -> Permissions {
    let owned = |list: &[&str]| list.iter().map(|text| text.to_string()).collect::<Vec<String>>();
    let lists =
        |(allow, deny): (Option<&[&str]>, &[&str])| Lists { allow: allow.map(owned), deny: owned(deny) };
    Permissions::new(Rules { publish: lists(publish), subscribe: lists(subscribe), responses: None })
}

const ALL: (Option<&[&str]>, &[&str]) = (None, &[]);

#[test]
fn lists_that_are_empty() {
    let none = rules((Some(&[]), &[]), (Some(&[]), &[]));
    assert!(!none.may_publish(b"a"), "nothing is allowed to be published");
    assert!(none.may_subscribe(b">", None), "all may be subscribed to");
    let all = rules(ALL, ALL);
    assert!(all.may_publish(b"a") && all.may_subscribe(b"a", Some(b"q")) && !all.must_filter(b">", true));
}

/// CVE-2022-29946: a member of a queue got, by a wildcard, what it was denied.
#[test]
fn denied_to_members_of_a_queue_too() {
    let user = rules(ALL, (None, &["a.secret"]));
    assert!(user.may_subscribe(b"a.*", Some(b"q")) && user.must_filter(b"a.*", true));
    assert!(!user.may_receive(b"a.secret", Some(b"q")) && user.may_receive(b"a.open", Some(b"q")));
    assert!(!user.may_subscribe(b"a.secret", Some(b"q")));
}

/// CVE-2026-58252: wildcards that overlap in part.
#[test]
fn denied_where_wildcards_overlap_in_part() {
    let user = rules(ALL, (None, &["*.b"]));
    for (pattern, filtered) in [("a.*", true), ("a.>", true), (">", true), ("a.c", false), ("*.c", false)] {
        assert!(user.may_subscribe(pattern.as_bytes(), None), "{pattern}");
        assert_eq!(user.must_filter(pattern.as_bytes(), false), filtered, "{pattern}");
    }
    assert!(!user.may_receive(b"a.b", None) && user.may_receive(b"a.c", None));
}

/// CVE-2026-58251: what is denied to a queue took the place of what is denied to all.
#[test]
fn denied_to_all_whatever_is_denied_to_a_queue() {
    let user = rules(ALL, (None, &["a", "a q", "b.* q.*", "c r"]));
    for queue in [None, Some(&b"q"[..]), Some(b"other")] {
        assert!(!user.may_subscribe(b"a", queue) && !user.may_receive(b"a", queue));
    }
    assert!(user.may_receive(b"b.1", None) && user.may_receive(b"b.1", Some(b"q")));
    assert!(!user.may_receive(b"b.1", Some(b"q.1")));
    assert!(!user.must_filter(b"c", false) && user.must_filter(b"c", true));
}

#[test]
fn identities_are_of_one_set_each() {
    let (one, other) = (rules(ALL, (None, &["a"])), rules(ALL, (None, &["a"])));
    assert_eq!(one, other);
    assert_ne!(one.number, other.number);
    assert_ne!(one, rules(ALL, ALL));
}
