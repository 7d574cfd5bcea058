use super::Transform;

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
