//! The language against what no recorded text holds: bytes of all kinds, sizes, depths, circles. What valid and
//! invalid texts mean is held to nats-server by `tests/data/config`.

use std::path::{Path, PathBuf};

use super::tree::Value;
use super::{Map, Options, Problem, parse_file, parse_text, read};

fn parse(text: &str) -> Result<Map, Problem> {
    parse_text(text, "test.conf", &|_| None)
}

fn parse_with(text: &str, environment: &[(&str, &str)]) -> Result<Map, Problem> {
    let find =
        |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
    parse_text(text, "test.conf", &find)
}

fn integer(map: &Map, key: &str) -> Option<i64> {
    match map.get(key)?.value {
        Value::Integer(number) => Some(number),
        _ => None,
    }
}

fn refused(text: &str) -> String {
    parse(text).expect_err("it is refused").to_string()
}

/// A directory of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("corebus-config-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Folder(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The texts of the corpus.
fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/config");
    let paths = std::fs::read_dir(folder).expect("the corpus").map(|entry| entry.expect("entry").path());
    let mut texts = Vec::new();
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "txt")) {
        let content = std::fs::read_to_string(path).expect("a file of texts");
        let starts = content.split("text\n").skip(1);
        texts.extend(starts.filter_map(|rest| Some(rest.split_once("\n-- ")?.0.to_owned())));
    }
    texts.sort();
    texts
}

/// A generator of numbers that are the same for the same seed.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    /// One small change somewhere in the bytes.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const ODD: &[u8] = b"{}[]()\"'\\$#/=:;,\n\r\t\0 -.0xZk%*>\xff\xc3";
        let at = self.below(bytes.len() + 1);
        match self.below(5) {
            0 => bytes.insert(at, ODD[self.below(ODD.len())]),
            1 if at < bytes.len() => bytes[at] = ODD[self.below(ODD.len())],
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            _ => {
                let end = (at + self.below(12)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let into = self.below(bytes.len() + 1);
                bytes.splice(into..into, piece);
            }
        }
    }
}

/// Whatever a file holds is read or refused, with a place inside it; nothing panics. The seeds are fixed.
#[test]
fn no_bytes_panic() {
    let texts = corpus();
    assert!(texts.len() > 500, "only {} texts", texts.len());
    for (number, text) in texts.iter().enumerate() {
        let mut seeded = Seeded(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1));
        for _ in 0..20 {
            let mut bytes = text.clone().into_bytes();
            for _ in 0..=seeded.below(3) {
                seeded.mutate(&mut bytes);
            }
            look_at(&String::from_utf8_lossy(&bytes));
        }
    }
}

fn look_at(text: &str) {
    let lines = text.matches('\n').count() + 1;
    let problems = match parse_with(text, &[("X", "[1, {a: b}]"), ("Y", "$X")]) {
        Ok(map) => read(&map, &mut Options::default()).problems,
        Err(problem) => vec![problem],
    };
    for place in problems.iter().filter_map(|problem| problem.at.as_ref()) {
        assert!((1..=lines).contains(&place.line), "{place} of {lines} lines:\n{text}");
    }
}

/// Every prefix of a text that uses the whole language is read or refused.
#[test]
fn no_prefix_panics() {
    let text = "{ a: [1, 2k, -3.5, $x, true] // c\n b = { \"c\" 'd\\t\"', e (\n block\n)\n } # f\n \
                date: 2020-01-02T03:04:05Z; include './nothing.conf'\n g: \"\\x41\\n\", ü: 日本 }";
    for (end, _) in text.char_indices() {
        look_at(&text[..end]);
    }
}

#[test]
fn a_file_that_is_not_utf8_is_refused_where_it_stops_being() {
    let folder = Folder::new("utf8");
    let path = folder.write("bad.conf", b"port: 1\nhost: \"\xff\"\n");
    let problem = parse_file(&path, &|_| None).expect_err("it is refused");
    assert_eq!(problem.said, "invalid UTF-8");
    assert_eq!(problem.at.map(|at| (at.line, at.column)), Some((2, 8)));
}

#[test]
fn a_file_that_includes_itself_is_refused() {
    let folder = Folder::new("cycle");
    let path = folder.write("one.conf", "include 'two.conf'");
    folder.write("two.conf", "include './one.conf'");
    let said = parse_file(&path, &|_| None).expect_err("it is refused").to_string();
    assert!(said.contains("include cycle"), "{said}");
}

/// A file may be included twice, as long as it does not lead back to itself.
#[test]
fn a_file_included_twice_is_no_circle() {
    let folder = Folder::new("twice");
    let path = folder.write("one.conf", "a { include 'two.conf' }\nb { include 'two.conf' }");
    folder.write("two.conf", "port: 7");
    let map = parse_file(&path, &|_| None).expect("it is read");
    for block in ["a", "b"] {
        let Value::Map(inside) = &map[block].value else { panic!("{block} is a block") };
        assert_eq!(integer(inside, "port"), Some(7));
    }
}

/// Of two blocks one would silently not count: whoever wrote them meant both. Other values may be given again.
#[test]
fn a_block_given_twice_is_refused() {
    let said = refused("a { x: 1 }\nport: 1\n  a { y: 2 }");
    let wanted = "test.conf:3:3: duplicate block \"a\": the first is at test.conf:1:0";
    assert_eq!(said, wanted);
    let said = refused("x { a { p: 1 }, a = { p: 2 } }");
    assert!(said.contains("duplicate block \"a\": the first is at test.conf:1:"), "{said}");
    let said = refused("b { y: 1 }\na: $b\na: $b");
    assert_eq!(said, "test.conf:3:1: duplicate block \"a\": the first is at test.conf:2:1");
    let map = parse("a: 1\na: 2\nb: [x]\nb: [y, z]\nc { x: 1 }\nc: 7\nx { c { y: 1 } }").expect("it is read");
    assert_eq!((integer(&map, "a"), integer(&map, "c")), (Some(2), Some(7)));
    assert!(matches!(&map["b"].value, Value::Array(nodes) if nodes.len() == 2));
}

/// Two names of one block, or two spellings, are the same block.
#[test]
fn a_block_given_under_two_names_is_refused() {
    for text in
        ["authorization { user: a }\nAuthorization { user: b }", "ws { port: 1 }\nwebsocket { port: 2 }"]
    {
        let map = parse(text).expect("the language has nothing against it");
        let report = super::read(&map, &mut super::Options::default());
        let said = report.to_string();
        assert!(said.contains("test.conf:2:1: duplicate block ") && said.contains("test.conf:1:0"), "{said}");
    }
}

#[test]
fn a_block_that_an_include_gives_again_is_refused() {
    let folder = Folder::new("again");
    let path = folder.write("one.conf", "a { x: 1 }\ninclude 'two.conf'");
    let two = folder.write("two.conf", "\na { y: 2 }");
    let said = parse_file(&path, &|_| None).expect_err("it is refused").to_string();
    let wanted =
        format!("{}:2:1: duplicate block \"a\": the first is at {}:1:0", two.display(), path.display());
    assert_eq!(said, wanted);
}

#[test]
fn brackets_without_end_are_refused() {
    for opening in ["[", "{", "a {", "a [", "a [{ b "] {
        let said = refused(&format!("x: {}", opening.repeat(10_000)));
        assert!(said.contains("nested deeper") || said.contains("Parse error"), "{opening}: {said}");
    }
    let deep = |depth: usize| format!("x: {}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&deep(200)).is_ok());
    assert!(refused(&deep(10_000)).contains("nested deeper"));
}

/// Ten megabytes are read.
#[test]
fn a_large_file_is_read() {
    let text = |keys: usize| (0..keys).map(|key| format!("key_{key}: [a, 5, \"b c\"]\n")).collect::<String>();
    let large = text(450_000);
    assert!(large.len() > 10_000_000, "{} bytes", large.len());
    assert_eq!(parse(&large).expect("it is read").len(), 450_000);
    let comment = format!("port: 1 # {}\nhost: \"{}\"", "x".repeat(5_000_000), "y".repeat(5_000_000));
    assert_eq!(parse(&comment).expect("it is read").len(), 2);
}

/// Variables of variables of lists may not grow without end.
#[test]
fn variables_do_not_multiply_without_end() {
    let mut text = "v0: [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..40 {
        let before = format!("$v{}", level - 1);
        text.push_str(&format!("v{level}: [{}]\n", [before.as_str(); 10].join(", ")));
    }
    assert!(refused(&text).contains("too many values behind variables"));
}

#[test]
fn variables_are_looked_for_from_inside_out() {
    let map = parse("x: 1\na { x: 2, b { c: $x } }\nd: $x").expect("it is read");
    let Value::Map(a) = &map["a"].value else { panic!("a is a block") };
    let Value::Map(b) = &a["b"].value else { panic!("b is a block") };
    assert_eq!((integer(b, "c"), integer(&map, "d")), (Some(2), Some(1)));
    assert!(refused("a: $x\nx: 1").contains("can not be found"));
    assert!(refused("a { x: 1 }\nb: $x").contains("can not be found"));
}

#[test]
fn the_environment_is_read_as_a_value() {
    let environment = [("N", "5"), ("K", "2k"), ("L", "[1, $N]"), ("C", "$D"), ("D", "$C"), ("M", "{a: 7}")];
    let map = parse_with("a: $N\nb: $K\nc: $L\nd: $M", &environment).expect("it is read");
    assert_eq!((integer(&map, "a"), integer(&map, "b")), (Some(5), Some(2000)));
    assert!(matches!(&map["c"].value, Value::Array(nodes) if nodes.len() == 2));
    assert!(matches!(&map["d"].value, Value::Map(inside) if integer(inside, "a") == Some(7)));
    let said = parse_with("a: $C", &environment).expect_err("a circle is refused").to_string();
    assert!(said.contains("variable reference cycle for 'C'"), "{said}");
}

#[test]
fn units_multiply() {
    for (text, want) in [
        ("7", 7),
        ("-7", -7),
        ("1k", 1_000),
        ("1KB", 1 << 10),
        ("2Ki", 2 << 10),
        ("2mib", 2 << 20),
        ("3G", 3_000_000_000),
        ("1tb", 1 << 40),
        ("1p", 1_000_000_000_000_000),
        ("7eib", 7 << 60),
        ("9223372036854775807", i64::MAX),
    ] {
        let map = parse(&format!("x: {text}")).expect("it is read");
        assert_eq!(integer(&map, "x"), Some(want), "{text}");
    }
    assert!(refused("x: 9eib").contains("out of the range"));
    assert!(refused("x: 9223372036854775808").contains("out of the range"));
}

#[test]
fn strings_keep_what_is_in_them() {
    for (text, want) in [
        ("\"a\\tb\\x41\\\\\\\"\"", "a\tbA\\\""),
        ("(\n  a\n b\n)\n", "\n  a\n b\n"),
        ("a#b", "a#b"),
        ("\"\"", ""),
    ] {
        let map = parse(&format!("x: {text}")).expect("it is read");
        let Value::String(found) = &map["x"].value else { panic!("{text} is text") };
        assert_eq!(found, want, "{text}");
    }
}
