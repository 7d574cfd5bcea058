//! Credentials given on the command line or by clients show up nowhere.

use crate::support::program;
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
