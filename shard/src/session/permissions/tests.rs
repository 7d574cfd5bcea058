use super::*;
use crate::driver::sim::Dice;
use crate::mouths::examine_permissions;

/// Questions that are asked at least, each of chance; `COREBUS_PERMISSIONS_SEED` replays one set of rules.
const QUESTIONS: u64 = 4_000_000;

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
    fn shared_by_shards<T: Send + Sync>(_: &T) {}
    shared_by_shards(&rules(ALL, ALL));
    let (one, other) = (rules(ALL, (None, &["a"])), rules(ALL, (None, &["a"])));
    assert_eq!(one, other);
    assert_ne!(one.number, other.number);
    assert_ne!(one, rules(ALL, ALL));
}

/// What nats-server 2.15.2 answered over the wire to users with rules of chance: the lists and what is compiled of
/// them answer the same. A line of a subscription names messages that came (+) and that did not (-).
#[test]
fn answers_as_nats_server_does() {
    let recorded = include_str!("../../../../tests/data/permissions/answers.txt");
    let mut rules = Rules::default();
    let mut asked = 0;
    for line in recorded.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with("user ") {
            rules = Rules::default();
        } else if let Some(question) = line.strip_prefix("may ") {
            asked += 1;
            check(&rules, question);
        } else {
            rule(&mut rules, line);
        }
    }
    assert_eq!(asked, 4000, "every user is asked about");
}

fn rule(rules: &mut Rules, line: &str) {
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    let [direction, list, entry] = words[..] else { panic!("{line}") };
    let lists = if direction == "publish" { &mut rules.publish } else { &mut rules.subscribe };
    match (list, entry) {
        ("allow", "nothing") => lists.allow = Some(Vec::new()),
        ("allow", entry) => lists.allow.get_or_insert_default().push(entry.to_owned()),
        _ => lists.deny.push(entry.to_owned()),
    }
}

fn check(rules: &Rules, question: &str) {
    let (permissions, oracle) = (Permissions::new(rules.clone()), oracle::Oracle::new(rules));
    let (asked, answer) = question.split_once(": ").expect("an answer");
    let (allowed, messages) = answer.split_at(answer.find(' ').unwrap_or(answer.len()));
    let allowed = allowed == "yes";
    let words: Vec<&str> = asked.split(' ').collect();
    let (subject, queue) = (words[1], words.get(2).copied());
    let queue_bytes = queue.map(str::as_bytes);
    if words[0] == "publish" {
        assert_eq!(permissions.may_publish(subject.as_bytes()), allowed, "{question} {rules:?}");
        assert_eq!(oracle.may_publish(subject), allowed, "{question} {rules:?}");
        return;
    }
    assert_eq!(permissions.may_subscribe(subject.as_bytes(), queue_bytes), allowed, "{question} {rules:?}");
    assert_eq!(oracle.may_subscribe(subject, queue), allowed, "{question} {rules:?}");
    let filtered = permissions.must_filter(subject.as_bytes(), queue.is_some());
    for message in messages.split_whitespace() {
        let (came, subject) = (message.starts_with('+'), &message[1..]);
        let is_delivered = !filtered || permissions.may_receive(subject.as_bytes(), queue_bytes);
        assert_eq!(is_delivered, came, "{message} of {question} {rules:?}");
        assert_eq!(oracle.may_receive(subject, queue), came, "{message} of {question} {rules:?}");
    }
}

/// Prints what a check costs: `cargo test --release -p shard check_costs -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn check_costs() {
    let list = |prefix: &str| (0..1000).map(|n| format!("{prefix}.{n}.*.created")).collect::<Vec<String>>();
    let publish = Lists { allow: Some(list("orders")), deny: list("*") };
    let subscribe =
        Lists { allow: None, deny: list("orders").iter().map(|text| format!("{text} q")).collect() };
    let user = Permissions::new(Rules { publish, subscribe, responses: None });
    let mut verdicts = Verdicts::default();
    cost("reading the subject", 1000, |subject| subject[subject.len() - 1] > b'a');
    for subjects in [50, 1000] {
        cost("publish, kept", subjects, |subject| verdicts.may_publish(&user, subject));
        cost("receive, kept", subjects, |subject| verdicts.may_receive(&user, subject, None));
        cost("receive of a queue, kept", subjects, |subject| {
            verdicts.may_receive(&user, subject, Some(b"q"))
        });
    }
    println!("not kept: {}", verdicts.misses);
    cost("publish", 1000, |subject| user.may_publish(subject));
    cost("receive", 1000, |subject| user.may_receive(subject, None));
    cost("receive of a queue", 1000, |subject| user.may_receive(subject, Some(b"q")));
    cost("subscribe to a literal", 1000, |subject| user.may_subscribe(subject, Some(b"q")));
    cost("filter of a literal", 1000, |subject| user.must_filter(subject, true));
}

/// The least of many rounds, in which a number of subjects are asked for without an order.
fn cost(name: &str, subjects: usize, mut ask: impl FnMut(&[u8]) -> bool) {
    let subject = |n| format!("orders.{n}.customer-{}.created", n % 7).into_bytes();
    let subjects: Vec<Vec<u8>> = (0..subjects).map(subject).collect();
    let mut dice = Dice::new(1);
    let order: Vec<usize> = (0..20_000).map(|_| dice.below(subjects.len())).collect();
    let rounds = (0..500).map(|_| {
        let start = std::time::Instant::now();
        std::hint::black_box(order.iter().filter(|number| ask(&subjects[**number])).count());
        start.elapsed().as_nanos() as f64 / order.len() as f64
    });
    println!("{name}, {} subjects: {:.1} ns", subjects.len(), rounds.fold(f64::MAX, f64::min));
}
