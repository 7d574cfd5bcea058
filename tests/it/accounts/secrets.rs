//! No secret of anybody who came or tried to come is told to an onlooker.

use super::keys;
use super::play::{Theatre, known};
use super::script::Stage;
use crate::support::http;
use crate::support::program;
use crate::support::shape::Shape;

#[test]
fn are_not_in_what_monitoring_shows() {
    let text = "authorization { users: [ { user: ann, password: canary-ann }, { nkey: @key:kim@ } ] }";
    let stage = Stage {
        configuration: known(text),
        flags: ["-DV", "-m", "-1"].map(str::to_owned).to_vec(),
        ..Stage::default()
    };
    let theatre = Theatre::open(Shape::TWO, &stage);
    let mut stay = Vec::new();
    for fields in [
        r#""user":"ann","pass":"canary-ann""#,
        r#""user":"ann","pass":"canary-wrong""#,
        r#""user":"bob","pass":"canary-bob""#,
        r#""auth_token":"canary-token""#,
        r#""nkey":"canary-key","sig":"canary-signature""#,
        r#""jwt":"canary-jwt","sig":"canary-signature""#,
        r#""user":"ann","pass":{"canary":1}"#,
    ] {
        let mut raw = theatre.server.accept();
        raw.send(format!("CONNECT {{\"verbose\":false,{fields}}}\r\n"));
        if stay.is_empty() {
            raw.barrier();
            stay.push(raw);
        } else {
            raw.until_closed();
        }
    }
    let mut kim = theatre.server.accept();
    let signature = keys::signature("kim", kim.info["nonce"].as_str().expect("a nonce"));
    let key = keys::of("kim").public_key();
    kim.send(format!("CONNECT {{\"verbose\":false,\"nkey\":\"{key}\",\"sig\":\"{signature}\"}}\r\n"));
    kim.barrier();
    let address = http::address(&theatre.server);
    for page in ["/varz", "/connz?auth=1&state=any&subs=1", "/subsz?subs=1"] {
        let text = http::json(address, page).to_string();
        // nats-server shows the keys that were tried, which are no secrets unless somebody mistakes one for the other.
        let text = text.replace("canary-key", "");
        assert!(!text.contains("canary") && !text.contains(&signature), "{page}: {text}");
    }
    let shown = http::json(address, "/connz?auth=1");
    let users = shown["connections"].as_array().expect("connections");
    for name in ["ann", &key] {
        assert!(users.iter().any(|user| user["authorized_user"] == name), "{name}: {shown:#}");
    }
    let log = theatre.server.log.text();
    let told = log.lines().find(|line| line.contains("canary-") && !line.contains("canary-key"));
    // nats-server traces a jwt as it came.
    assert!(
        told.is_none() || (!program::is_corebus() && told.is_some_and(|line| line.contains("jwt"))),
        "{told:?}"
    );
}
