//! What monitoring tells about the configuration: in nats-server a moment after a reload has ended.

use serde_json::{Value, json};

use super::Reloading;
use crate::support::http;
use crate::support::patiently;
use crate::support::shape::Shape;

pub fn start(text: &str) -> (Reloading, impl Fn() -> Value + use<>) {
    let reloading = Reloading::start_with(Shape::TWO, text, &["-m", "-1"]);
    let address = http::address(&reloading.server);
    (reloading, move || http::json(address, "/varz"))
}

#[test]
fn tags_and_metadata() {
    let (reloading, varz) = start("server_tags: [one]\n");
    assert_eq!(varz()["tags"], json!(["one"]));
    reloading.change(
        "server_tags: [one, \"two:2\"]\nserver_metadata { place: here }\n",
        "Reloaded server configuration",
    );
    let wanted = (json!(["one", "two:2"]), json!({"place": "here"}));
    patiently("the new ones", || {
        let page = varz();
        (&page["tags"], &page["metadata"]) == (&wanted.0, &wanted.1)
    });
    reloading.server.log.expect("Reloaded: tags");
    reloading.server.log.expect("Reloaded: metadata");
}

/// The digest is that of the file, the time that of its last reading, even if nothing changed.
#[test]
fn digest_and_time() {
    let (reloading, varz) = start("max_payload: 1000\n");
    let pair = || {
        let page = varz();
        [&page["config_digest"], &page["config_load_time"]]
            .map(|value| value.as_str().unwrap_or("").to_owned())
    };
    let read_again = |before: &[String; 2]| patiently("another time", || pair()[1] != before[1]);
    let first = pair();
    reloading.change("max_payload: 1001\n", "Reloaded server configuration");
    read_again(&first);
    let second = pair();
    assert!(second[0].starts_with("sha256:") && second[0] != first[0] && second[1] != first[1], "{second:?}");
    assert!(
        reloading.server.log.expect("Reloaded server configuration").ends_with(&format!("({})", second[0]))
    );
    reloading.ask("max_payload: 1001\n");
    reloading.server.log.expect_times("Reloaded server configuration", 2);
    read_again(&second);
    let third = pair();
    assert!(third[0] == second[0] && third[1] != second[1], "{third:?}");
    reloading.change("max_payload: {\n", "Failed to reload server configuration");
    assert_eq!(pair(), third);
}

/// Limits are shown as they are now.
#[test]
fn limits() {
    let (reloading, varz) = start("max_payload: 1000\n");
    reloading.change(
        "max_payload: 2000\nmax_connections: 77\nmax_control_line: 555\nping_max: 9\nwrite_deadline: \"3s\"\n",
        "Reloaded server configuration",
    );
    let names = ["max_payload", "max_connections", "max_control_line", "ping_max", "write_deadline"];
    patiently("the new limits", || {
        let page = varz();
        names.map(|name| page[name].as_i64()) == [2000, 77, 555, 9, 3_000_000_000].map(Some)
    });
}
