use super::{Transform, check};
use crate::subject::pattern::matches;

fn run(source: &str, destination: &str, subject: &str) -> String {
    let transform =
        Transform::new(source, destination).unwrap_or_else(|error| panic!("{destination}: {error}"));
    let mut out = b"kept:".to_vec();
    transform.apply(subject.as_bytes(), &mut |below| below - 1, &mut out);
    String::from_utf8(out).expect("text").strip_prefix("kept:").expect("appended").to_owned()
}

#[test]
fn wildcards_change_places() {
    for (source, destination, subject, becomes) in [
        ("a.*.*", "b.$2.{{wildcard(1)}}.$2", "a.x.y", "b.y.x.y"),
        ("a.*.>", "$1.c.>", "a.x.y.z", "x.c.y.z"),
        ("", "b.>", "x.y", "b.x.y"),
        (">", ">", "x.y", "x.y"),
        ("a.b", "c", "a.b", "c"),
        // A number before the first is the first token.
        ("a.*", "b.$0.{{wildcard(-1)}}", "a.x", "b.a.a"),
        ("a.*", "b.$x.$.$1x", "a.y", "b.$x.$.$1x"),
    ] {
        assert_eq!(run(source, destination, subject), becomes, "{source} {destination}");
    }
}

#[test]
fn a_token_that_is_missing_is_empty() {
    assert_eq!(run("a.*.*", "b.$2.{{left(2,1)}}.c", "a.x"), "b...c");
    assert_eq!(run("a.*.>", "b.$1.>", "a"), "b..");
}

#[test]
fn chance_is_asked_with_its_ceiling() {
    for (ceiling, becomes) in [("10", "r.9"), ("0", "r.0"), ("1", "r.0"), ("-5", "r.4")] {
        assert_eq!(run("a.*", &format!("r.{{{{random({ceiling})}}}}"), "a.x"), becomes);
    }
}

/// Two wildcards and fewer come back as they went.
#[test]
fn the_way_back_leads_back() {
    let subjects = ["a.x.b.y", "a.x.b.y.z", "a.b.b.b"];
    let mut ways = 0;
    for source in ["a.*.b.*", "*.x.*.y", "a.*.b.>", "a.>", ">", "a.*.>"] {
        for destination in ["c.$1.$2", "$2.c.$1", "{{wildcard(1)}}.$2.c", "c", "c.$1", "$1.c", "$2.$1.$1"] {
            let tail = if source.ends_with('>') { ".>" } else { "" };
            let Ok(there) = Transform::reversible(source, &format!("{destination}{tail}")) else { continue };
            let Some(back) = there.reverse() else { continue };
            ways += 1;
            for subject in subjects.iter().filter(|subject| matches(source.as_bytes(), subject.as_bytes())) {
                let (mut over, mut returned) = (Vec::new(), Vec::new());
                there.apply_to_pattern(subject.as_bytes(), &mut over);
                assert!(matches(back.source().as_bytes(), &over));
                back.apply_to_pattern(&over, &mut returned);
                assert_eq!(returned, subject.as_bytes(), "{source} {destination}");
            }
        }
    }
    assert_eq!(ways, 12);
}

#[test]
fn the_way_back_of_a_circle_is_that_of_nats_server() {
    let there = Transform::reversible("*.*.*", "$2.$3.$1").expect("a transform");
    let back = there.reverse().expect("a way");
    assert_eq!((back.source(), back.destination()), ("*.*.*", "$2.$3.$1"));
    for (source, destination) in [("a.*", "b.$1.$1"), ("a.*", "b.$0")] {
        assert_eq!(Transform::reversible(source, destination).expect("a transform").reverse(), None);
    }
}

#[test]
fn patterns_are_renamed_like_subjects() {
    let transform = Transform::reversible("a.*.*.>", "b.$2.$1.>").expect("a transform");
    let mut out = Vec::new();
    transform.apply_to_pattern(b"a.*.x.*.>", &mut out);
    assert_eq!(out, b"b.x.*.*.>");
}

#[test]
fn identity_is_seen() {
    for (source, destination) in [("a", "a"), ("a.*", "a.$1"), (">", ">"), ("a.*.>", "a.{{wildcard(1)}}.>")] {
        assert!(Transform::new(source, destination).expect("a transform").is_identity(), "{source}");
    }
    for (source, destination) in [("a", "b"), ("*.*", "$2.$1"), ("a.$1.*", "a.$1.$1"), ("a.*", "a.b")] {
        assert!(!Transform::new(source, destination).expect("a transform").is_identity(), "{source}");
    }
}

/// What the checks of a configuration take is what can be made, but for an empty destination, which makes nothing.
#[test]
fn what_passes_the_check_can_be_made() {
    for (source, destination) in
        [("a.*", "b.$1"), ("a.*", "b.$2"), ("a", "b.>"), ("a.*", "b.{{left(1)}}"), ("", "b")]
    {
        for reversible in [false, true] {
            let made = Transform::compile(source, destination, reversible).map(drop);
            assert_eq!(check(source, destination, reversible), made, "{source} {destination}");
        }
    }
    assert_eq!(check("a", "", false), Ok(()));
    assert_eq!(Transform::new("a", ""), Err("invalid subject".to_owned()));
}
