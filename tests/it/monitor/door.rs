//! Where monitoring listens, and what is said about it.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::PATIENCE;
use crate::support::http::Monitored;
use crate::support::process::Signal;
use crate::support::program;
use crate::support::scratch::Scratch;
use crate::support::server::Launch;
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// Its port is free again when the server ends.
    ends_with_the_server;
}

fn ends_with_the_server(shape: Shape) {
    let mut monitored = Monitored::start(Launch::new(shape));
    assert_eq!(monitored.get("/healthz").status, 200);
    assert_eq!(monitored.server.stop(Signal::TERM), Some(0));
    // The kernel takes a ring's listener down some time after its process is gone.
    let deadline = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(monitored.address).is_ok() {
        assert!(Instant::now() < deadline, "somebody still listens");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The ports file names it beside the clients' port.
#[test]
fn ports_file_names_it() {
    let directory = Scratch::new();
    let flag = format!("--ports_file_dir={}", directory.path().display());
    let monitored = Monitored::start(Launch::new(Shape::TWO).flag(flag));
    let program = program::path();
    let name = program.file_name().expect("a name").to_string_lossy().into_owned();
    let path = directory.file(&format!("{name}_{}.ports", monitored.server.process.pid()));
    let deadline = Instant::now() + PATIENCE;
    let text = loop {
        // nats-server writes it some time after it is ready.
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if text.ends_with('}') {
            break text;
        }
        assert!(Instant::now() < deadline, "no ports file");
        std::thread::sleep(Duration::from_millis(5));
    };
    let ports: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let want = json!({
        "nats": [monitored.server.url()],
        "monitoring": [format!("http://{}", monitored.address)],
    });
    assert_eq!(ports, want);
}

/// A port that is taken is fatal, and named.
#[test]
fn port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let mut command = Command::new(program::path());
    let output = command.args(["-a", "127.0.0.1", "-p", "-1", "-m", &port]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let said = format!(
        "[FTL] Can't start monitoring: can't listen to the monitor port: listen tcp 127.0.0.1:{port}: bind:"
    );
    assert!(text.contains(&said), "{text}");
}

/// Below a base path, and nowhere else.
#[test]
fn base_path() {
    let monitored = Monitored::start(Launch::new(Shape::TWO).set("http_base_path", "nats/"));
    for (target, status) in [("/nats", 200), ("/nats/varz", 200), ("/varz", 404), ("/", 404), ("/nats/", 404)]
    {
        assert_eq!(monitored.get(target).status, status, "{target}");
    }
    assert_eq!(monitored.json("/nats/varz")["http_base_path"], json!("nats/"));
    if program::is_corebus() {
        assert!(monitored.get("/nats").text().contains("href=\"/nats/varz\""));
    }
}

/// What is configured shows, a reload too.
#[test]
fn shows_what_is_configured() {
    let scratch = Scratch::new();
    let path = scratch.file("monitored.conf");
    let write = |max: u32| {
        let text = format!(
            "max_payload: {max}\nmax_connections: 77\nping_interval: \"33s\"\nserver_tags: [\"Az:1\"]\n\
             server_metadata {{ key: value }}\nserver_name: shown\nauthorization {{ timeout: 1.5 }}\n"
        );
        std::fs::write(&path, text).expect("a configuration");
    };
    write(2048);
    let monitored = Monitored::start(Launch::new(Shape::TWO).flag("-c").flag(path.display().to_string()));
    let before = monitored.json("/varz");
    assert_eq!((&before["max_payload"], &before["max_connections"]), (&json!(2048), &json!(77)));
    assert_eq!((&before["ping_interval"], &before["auth_timeout"]), (&json!(33_000_000_000u64), &json!(1.5)));
    assert_eq!((&before["tags"], &before["metadata"]), (&json!(["az:1"]), &json!({ "key": "value" })));
    assert_eq!((&before["server_name"], &before["host"]), (&json!("shown"), &json!("127.0.0.1")));
    assert_eq!(before["port"], json!(monitored.server.address.port()));
    assert!(before["config_digest"].as_str().expect("a digest").starts_with("sha256:"));
    assert_eq!(before["config_load_time"], before["start"]);
    write(4096);
    monitored.server.process.signal(Signal::HUP);
    let after = monitored.json_when("/varz", |page| page["max_payload"] == 4096);
    assert_ne!(after["config_digest"], before["config_digest"]);
    assert!(after["config_load_time"].as_str() > before["config_load_time"].as_str());
    assert_eq!((&after["start"], &after["server_id"]), (&before["start"], &before["server_id"]));
}
