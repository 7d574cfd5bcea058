//! Every file in `configs/` is valid and starts a server that serves a client.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::process::Process;
use crate::support::raw::{Raw, publication};
use crate::support::scratch::Scratch;
use crate::support::{patiently, program};

/// What a sample needs besides: flags over it, and what a client must say to be let in.
fn besides(name: &str) -> (&'static [&'static str], &'static str) {
    match name {
        "password.conf" => (&[], r#","user":"app","pass":"s3cret""#),
        "token.conf" => (&[], r#","auth_token":"s3cret""#),
        "logging.conf" => (&["-l", "server.log", "-P", "server.pid"], ""),
        "accounts.conf" => (&[], r#","user":"web","pass":"s3cret""#),
        "permissions.conf" | "nkeys.conf" => (&[], r#","user":"app","pass":"s3cret""#),
        "monitoring.conf" => (&["-m", "-1"], ""),
        "simple.conf" | "limits.conf" | "mappings.conf" | "cores.conf" | "variables.conf" => (&[], ""),
        other => panic!("{other}: say here how it is started"),
    }
}

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let entries = std::fs::read_dir(folder).expect("samples").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "conf")).collect()
}

fn program(sample: &Path) -> Command {
    let mut command = Command::new(program::path());
    command.env("NATS_PASSWORD", "s3cret").env("NATS_TOKEN", "s3cret").arg("-c").arg(sample);
    command
}

#[test]
fn are_valid() {
    if !program::is_corebus() {
        return;
    }
    for sample in samples() {
        let output = program(&sample).arg("-t").output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success() && said.contains(" is valid (sha256:"),
            "{}: {said}",
            sample.display()
        );
    }
}

#[test]
fn start_servers() {
    if !program::is_corebus() {
        return;
    }
    for sample in samples() {
        let name = sample.file_name().expect("a name").to_string_lossy().into_owned();
        let (flags, credentials) = besides(&name);
        let scratch = Scratch::new();
        let mut command = program(&sample);
        command.args(["-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", "."]).args(flags);
        let child = command.current_dir(scratch.path()).stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = Process::new(child.expect("the server starts"));
        let ports = scratch.file(&format!("corebus_{}.ports", process.pid()));
        patiently(&name, || ports.exists());
        let ports: serde_json::Value =
            serde_json::from_slice(&std::fs::read(ports).expect("ports")).expect("JSON");
        let url = ports["nats"][0].as_str().expect("an address").to_owned();
        let address = url.trim_start_matches("nats://").parse().expect("an address");
        let mut client = Raw::connect(address);
        client.send(format!("CONNECT {{\"verbose\":false{credentials}}}\r\nSUB greet 1\r\n"));
        client.send(publication("greet", "hello"));
        assert_eq!(client.message(), b"MSG greet 1 5\r\nhello\r\n", "{name}");
    }
}
