//! `/subsz`: subscriptions over all shards, their pages, and who would get a subject.

use serde_json::{Value, json};

use crate::support::http::Monitored;
use crate::support::raw::{Raw, publication};
use crate::support::server::Launch;
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// Pages of the list join to the whole.
    pages_join;
    /// `test` leaves those that match a subject.
    tests_a_subject;
    /// What comes and goes is counted, and lookups are.
    counts;
}

const EACH: usize = 150;

fn sids(page: &Value) -> Vec<String> {
    let list = page["subscriptions_list"].as_array();
    let text = |sub: &Value| sub["sid"].as_str().expect("a sid").to_owned();
    list.map(|list| list.iter().filter(|sub| !is_system(sub)).map(text).collect()).unwrap_or_default()
}

/// nats-server has some of its own in every account.
fn is_system(sub: &Value) -> bool {
    sub["subject"].as_str().expect("a subject").starts_with("$SYS.")
}

fn crowd(monitored: &Monitored) -> Vec<Raw> {
    let mut clients: Vec<Raw> = (0..6).map(|_| monitored.server.raw()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let subs: String =
            (0..EACH).map(|sub| format!("SUB crowd.{number}.{sub} {number}x{sub}\r\n")).collect();
        client.send(subs);
        client.barrier();
    }
    clients
}

fn pages_join(shape: Shape) {
    let monitored = Monitored::start(Launch::new(shape));
    let own = monitored.json("/subsz?acc=$G")["num_subscriptions"].as_u64().expect("a number") as usize;
    let _clients = crowd(&monitored);
    let total = 6 * EACH + own;
    let mut want: Vec<String> =
        (0..6).flat_map(|number| (0..EACH).map(move |sub| format!("{number}x{sub}"))).collect();
    want.sort_unstable();
    let mut have = Vec::new();
    for offset in (0..total).step_by(170) {
        let page = monitored.json(&format!("/subsz?subs=1&acc=$G&offset={offset}&limit=170"));
        assert_eq!(page["total"], json!(total));
        assert_eq!((&page["offset"], &page["limit"]), (&json!(offset), &json!(170)));
        have.extend(sids(&page));
    }
    // The order is any, but the same for each page of a quiet corebus.
    if crate::support::program::is_corebus() {
        have.sort_unstable();
        assert_eq!(have, want);
    }
    let page = monitored.json("/subsz?subs=1&offset=100000");
    assert_eq!(page.get("subscriptions_list"), None);
    assert_eq!(monitored.json("/subsz?subs=1&acc=none")["total"], json!(0));
}

fn tests_a_subject(shape: Shape) {
    let monitored = Monitored::start(Launch::new(shape));
    let mut clients = crowd(&monitored);
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!(
            "SUB crowd.> all{number}\r\nSUB *.3.7 q queue{number}\r\nUNSUB queue{number} 9\r\n"
        ));
        client.barrier();
    }
    let page = monitored.json("/subsz?subs=1&test=crowd.3.7");
    let mut have = sids(&page);
    have.sort_unstable();
    let mut want: Vec<String> =
        (0..6).flat_map(|number| [format!("all{number}"), format!("queue{number}")]).collect();
    want.push("3x7".to_owned());
    want.sort_unstable();
    assert_eq!((have, &page["total"]), (want, &json!(13)));
    let queued = page["subscriptions_list"].as_array().expect("a list").iter();
    let queued: Vec<&Value> = queued.filter(|sub| sub["qgroup"] == "q").collect();
    assert_eq!(queued.len(), 6);
    assert!(queued.iter().all(|sub| sub["max"] == 9 && sub["account"] == "$G" && sub["subject"] == "*.3.7"));
    let page = monitored.json("/subsz?subs=1&test=crowd.3.7&offset=5&limit=4");
    assert_eq!((sids(&page).len(), &page["total"]), (4, &json!(13)));
    assert_eq!(monitored.json("/subsz?subs=1&test=elsewhere")["total"], json!(0));
}

fn counts(shape: Shape) {
    let monitored = Monitored::start(Launch::new(shape));
    let before = monitored.json("/subsz?acc=$G");
    let mut client = monitored.server.raw();
    client.send("SUB counted 1\r\nSUB counted 2\r\nSUB other 3\r\nUNSUB 3\r\n");
    for _ in 0..5 {
        client.send(publication("counted", "x"));
    }
    client.barrier();
    let after = monitored.json("/subsz?acc=$G");
    let grown = |field: &str| after[field].as_u64().expect("after") - before[field].as_u64().expect("before");
    assert_eq!((grown("num_subscriptions"), grown("num_inserts"), grown("num_removes")), (2, 3, 1));
    assert!(grown("num_matches") > 0 && grown("num_cache") == 1);
    assert_eq!((&after["max_fanout"], &after["avg_fanout"]), (&json!(2), &json!(2)));
    let rate = after["cache_hit_rate"].as_f64().expect("a rate");
    assert!((0.0..1.0).contains(&rate), "{rate}");
}
