//! Every page has the fields and types that nats-server's has after the same conversation, and refuses the same
//! requests in the same words. What nats-server answered is recorded in `tests/data/monitor`;
//! `COREBUS_RECORD_MONITOR=1 COREBUS_TEST_SERVER=/path/to/nats-server` records it anew.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::http::Monitored;
use crate::support::raw::{Raw, publication};
use crate::support::server::Launch;
use crate::support::shape::Shape;

const PAGES: [&str; 8] = [
    "/varz",
    "/connz?subs=detail&auth=1&state=open",
    "/connz?subs=detail&auth=1&state=closed",
    "/connz?subs=1&auth=0&state=any",
    "/subsz",
    "/subsz?subs=1&acc=$G",
    "/healthz",
    "/connz?acc=none",
];

/// Fields of nats-server that are not here, and why.
const MISSING: [(&str, &str); 2] = [
    ("/varz feature_flags", "they are of JetStream, which is not built"),
    ("/varz system_account", "there is no system account yet"),
];

/// Requests whose whole answer is the same on any server.
const REFUSED: [&str; 26] = [
    "/healthz?js-enabled-only=1",
    "/healthz?js-server-only=true&js-meta-only=T",
    "/healthz?js-enabled-only=x",
    "/healthz?details=maybe",
    "/healthz?stream=s",
    "/healthz?consumer=c&details=1",
    "/healthz?account=a&stream=s&consumer=c",
    "/nope",
    "/varz/",
    "/varz/x",
    "//varz",
    "/a/../healthz?x=y",
    "/connz?limit=x",
    "/connz?limit=99999999999999999999",
    "/connz?offset=1.5",
    "/connz?subs=maybe",
    "/connz?auth=yes",
    "/connz?cid=-1",
    "/connz?cid=%2B1",
    "/connz?state=Foo",
    "/connz?sort=zz",
    "/connz?sort=stop",
    "/connz?sort=reason&state=any",
    "/subsz?test=a.*",
    "/subsz?subs=%22%0a",
    "/subscriptionsz?limit=ten",
];

/// Whatever a page may show is there: every option, every kind of subscription, a closed connection.
fn conversation(shape: Shape) -> (Monitored, Vec<Raw>) {
    let monitored = Monitored::start(Launch::new(shape));
    let named =
        "CONNECT {\"verbose\":false,\"name\":\"n\",\"lang\":\"l\",\"version\":\"1\",\"user\":\"u\"}\r\n";
    let mut reader = monitored.server.accept();
    reader.send(named.to_owned() + "SUB a.* 1\r\nSUB b q 2\r\nUNSUB 2 9\r\n");
    reader.barrier();
    let mut gone = monitored.server.accept();
    gone.send(named.to_owned() + "SUB c.> q 7\r\nUNSUB 7 3\r\n");
    gone.barrier();
    let mut writer = monitored.server.accept();
    writer.send(named.to_owned() + &publication("a.b", "hello") + &publication("b", "world"));
    writer.barrier();
    reader.message();
    reader.message();
    drop(gone);
    monitored.json_when("/connz?state=closed", |page| page["total"] == 1);
    (monitored, vec![reader, writer])
}

fn resembles(shape: Shape) {
    if !shape.applies() {
        return;
    }
    let (monitored, _clients) = conversation(shape);
    let mut fields = BTreeMap::new();
    for page in PAGES {
        let path = page.split('?').next().expect("a path");
        let prefix = if page == "/connz?acc=none" { "/connz of no account" } else { path };
        flatten(&monitored.json(page), prefix, "", &mut fields);
    }
    let fields: String = fields.iter().map(|(field, kind)| format!("{field} {kind}\n")).collect();
    compare("fields.txt", &fields, |want, have| {
        let have: Vec<&str> = have.lines().collect();
        for line in want.lines() {
            let missing = MISSING.iter().any(|(field, _)| line.starts_with(field));
            assert!(missing || have.contains(&line), "{line} is missing among {have:#?}");
        }
        let additional = have.iter().filter(|line| !want.lines().any(|wanted| wanted == **line));
        for line in additional {
            assert!(line.starts_with("/varz corebus"), "{line} is not in nats-server's page");
        }
    });
    let answers: String = REFUSED.iter().map(|target| shown(&monitored, target)).collect();
    compare("refusals.txt", &answers, |want, have| assert_eq!(have, want));
}

fn shown(monitored: &Monitored, target: &str) -> String {
    let answer = monitored.get(target);
    let headers = ["content-type", "access-control-allow-origin", "x-content-type-options", "location"];
    let headers = headers.map(|name| answer.header(name).to_owned());
    let headers: Vec<String> = headers.into_iter().filter(|value| !value.is_empty()).collect();
    format!("{target}\n{} {}\n{}\n\n", answer.status, headers.join(" | "), answer.text())
}

/// The path of every value, with its type.
fn flatten(value: &Value, page: &str, path: &str, into: &mut BTreeMap<String, &'static str>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !path.is_empty() {
        into.insert(format!("{page} {path}"), kind);
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(value, page, &format!("{path}{dot}{name}"), into);
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|item| flatten(item, page, &format!("{path}[]"), into));
        }
        _ => {}
    }
}

/// Compares with what was recorded, or records.
fn compare(name: &str, have: &str, check: impl Fn(&str, &str)) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/monitor").join(name);
    if std::env::var_os("COREBUS_RECORD_MONITOR").is_some() {
        return std::fs::write(&path, have).expect("the recording is written");
    }
    check(&std::fs::read_to_string(&path).expect("a recording"), have);
}

#[test]
fn on_one_shard() {
    resembles(Shape::ONE);
}

#[test]
fn on_two_shards() {
    resembles(Shape::TWO);
}

#[test]
fn on_one_shard_with_epoll() {
    resembles(Shape::ONE_EPOLL);
}

#[test]
fn on_two_shards_with_epoll() {
    resembles(Shape::TWO_EPOLL);
}
