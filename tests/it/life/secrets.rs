//! Credentials given on the command line or by clients show up nowhere.

use std::process::Command;

use crate::support::patiently;
use crate::support::program;
use crate::support::scratch::Scratch;
use crate::support::server::{Launch, Server};
use crate::support::shape::Shape;

fn command_line(server: &Server) -> String {
    let path = format!("/proc/{}/cmdline", server.process.pid());
    String::from_utf8_lossy(&std::fs::read(path).expect("the command line")).replace('\0', " ")
}

/// Neither password nor user nor token stand in the list of processes, in any form of the flag. nats-server
/// means the same, but changes only its own copy of the arguments.
#[test]
fn are_not_in_the_process_list() {
    if !program::is_corebus() {
        return;
    }
    let forms = [
        ["--user", "alicesecret", "--pass", "porkchopsecret"].as_slice(),
        &["--user=alicesecret", "-pass=porkchopsecret"],
        &["--auth", "tokensecret"],
        &["-auth=tokensecret"],
        &["--set", "authorization.password=porkchopsecret", "--set=authorization.user=alicesecret"],
        &["-set", "Authorization={ token: tokensecret }"],
    ];
    for flags in forms {
        let server = flags.iter().fold(Launch::new(Shape::TWO), |launch, flag| launch.flag(*flag)).start();
        server.accept();
        let line = command_line(&server);
        assert!(!line.contains("secret"), "{line}");
    }
}

/// A trace shows that a client said CONNECT, not with which password or token.
#[test]
fn are_not_in_a_trace() {
    let launch = Launch::new(Shape::TWO).flag("-DV").flag("--user").flag("alice").flag("--pass");
    let server = launch.flag("porkchopsecret").start();
    let mut raw = server.accept();
    raw.send("CONNECT {\"verbose\":false,\"user\":\"alice\",\"pass\":\"porkchopsecret\"}\r\n");
    raw.barrier();
    let mut wrong = server.accept();
    wrong.send("CONNECT {\"user\":\"alice\",\"pass\":\"guesssecret\",\"auth_token\":\"tokensecret\"}\r\n");
    wrong.until_closed();
    server.log.expect("<<- [CONNECT");
    server.log.expect("Client connection closed: Authentication Failure");
    assert!(!server.log.text().contains("secret"), "{}", server.log.text());
}

/// Whatever clients send that is nearly a CONNECT: what they meant to prove themselves with is not logged, nor
/// is what the server wants to hear.
#[test]
fn are_not_in_any_line_of_the_log() {
    let scratch = Scratch::new();
    let file = scratch.file("server.conf");
    let blocks = [
        "authorization { user: alice, password: \"porkchopsecret\" }",
        "authorization { token: \"tokensecret\" }",
    ];
    let mistakes = [
        r#"CONNECT {"user":"alice","pass":"guesssecret"}"#,
        r#"CONNECT {"auth_token":"guesssecret"}"#,
        r#"CONNECT {"jwt":"jwtsecret","sig":"sigsecret"}"#,
        r#"CONNECT {"nkey":"SUASEEDsecret"}"#,
        r#"CONNECT {"pass":["guesssecret"]}"#,
        r#"CONNECT {"verbose":5,"pass":"guesssecret"}"#,
        r#"CONNECT "guesssecret""#,
        r#"CONNECT {"pass":"guesssecret""#,
        r#"CONNECT {"Pass" : "guesssecret", "x":{"password":"guesssecret"}}"#,
        r#"CONECT {"pass":"guesssecret"}"#,
        r#"CONNECTION {"pass":"s"secret}"#,
        r#"{"user":"u","pass":"guesssecret"}"#,
    ];
    for (block, flags) in
        [(Some(blocks[0]), ["", ""]), (Some(blocks[1]), ["", ""]), (None, ["--auth", "tokensecret"])]
    {
        let mut launch = Launch::new(Shape::TWO).flag("-DVV");
        if let Some(block) = block {
            std::fs::write(&file, block).expect("a configuration file");
            launch = launch.flag("-c").flag(file.display().to_string());
        }
        for flag in flags.iter().filter(|flag| !flag.is_empty()) {
            launch = launch.flag(*flag);
        }
        let server = launch.start();
        for mistake in mistakes {
            let mut client = server.accept();
            client.send(format!("{mistake}\r\n"));
            client.until_closed();
        }
        patiently("the end of every client", || {
            server.log.text().matches("connection closed: ").count() == mistakes.len()
        });
        assert!(!server.log.text().contains("secret"), "{}", server.log.text());
        assert!(!command_line(&server).contains("secret"));
    }
}

/// A configuration that is refused is refused without telling its secrets.
#[test]
fn are_not_in_what_is_wrong_with_a_configuration() {
    let scratch = Scratch::new();
    let file = scratch.file("server.conf");
    for text in [
        "authorization { user: alice, password: 99999999999999999994711 }",
        "authorization { user: alice, password: 4711 }",
        "authorization { user: alice, password: 4711.5 }",
        "authorization { user: alice, password: [4711] }",
        "authorization { user: alice, password: $x4711 }",
        "authorization { user: alice, password: 2026-99-99T47:11:4711Z }",
        "authorization { user: alice, password: \"4711\", password: 5, pass: {} }",
        "authorization { user: alice, password: \"4711\", token: \"4711\" }",
        "authorization { token: \"$2a$11$4711\", user: alice }",
        "authorization { users: [{ user: alice, password: \"4711\", nkey: x }] }",
        "accounts { A { users: [{ user: alice, password: 4711 }] } }",
        "authorization { token: \"4711 }",
        "authorization: 4711",
    ] {
        std::fs::write(&file, text).expect("a configuration file");
        for check in [&["-t"][..], &["-p", "-1", "-a", "127.0.0.1"]] {
            let output = Command::new(program::path()).args(check).arg("-c").arg(&file).output();
            let output = output.expect("it runs");
            assert_eq!(output.status.code(), Some(1), "{text}");
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(!said.contains("4711"), "{text}: {said}");
        }
    }
    for flags in [
        ["--set", "authorization.password:4711"],
        ["--set", "authorization.password=99999999999999999994711"],
        ["--set", "authorization={ password: $x4711 }"],
    ] {
        let output = Command::new(program::path()).args(flags).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{flags:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("4711"), "{flags:?}: {said}");
    }
}
