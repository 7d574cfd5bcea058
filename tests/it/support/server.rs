//! One server process: started on a free port, asked to listen on the loopback only, killed when dropped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::log::Log;
use super::process::{Process, Signal};
use super::program;
use super::raw::Raw;
use super::scratch::Scratch;
use super::shape::Shape;

/// What a server is started with.
#[derive(Clone)]
pub struct Launch {
    shape: Shape,
    settings: Vec<(String, String)>,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    port: i32,
}

impl Launch {
    pub fn new(shape: Shape) -> Launch {
        Launch { shape, settings: Vec::new(), flags: Vec::new(), environment: Vec::new(), port: -1 }
    }

    /// A setting by its name in nats-server's configuration; `authorization.timeout` names a nested one.
    pub fn set(mut self, key: &str, value: impl ToString) -> Launch {
        self.settings.push((key.into(), value.to_string()));
        self
    }

    pub fn flag(mut self, flag: impl Into<String>) -> Launch {
        self.flags.push(flag.into());
        self
    }

    /// A variable of the environment, besides those of this process.
    pub fn env(mut self, name: &str, value: &str) -> Launch {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub fn start(self) -> Server {
        let scratch = Scratch::new();
        let (process, log) = self.spawn(scratch.path());
        let address = listening(&log);
        Server { launch: self, scratch, process, log, address }
    }

    /// The command line of this launch, its configuration written where the program wants it.
    pub fn command(&self, directory: &Path) -> Command {
        let mut command = Command::new(program::path());
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string()]).current_dir(directory);
        if program::is_corebus() {
            let shards = self.shape.shards.to_string();
            command.args(["--shards", &shards, "--driver", self.shape.driver]);
            command.args(["--placement", self.shape.placement]);
            for (key, value) in &self.settings {
                command.arg("--set").arg(format!("{key}={value}"));
            }
        } else if !self.settings.is_empty() {
            command.arg("-c").arg(self.write_configuration(directory));
        }
        command.args(&self.flags).envs(self.environment.iter().cloned()).stdin(Stdio::null());
        command
    }

    fn write_configuration(&self, directory: &Path) -> PathBuf {
        let lines = self.settings.iter().map(|(key, value)| match key.split_once('.') {
            Some((block, key)) => format!("{block} {{ {key}: {} }}\n", quoted(value)),
            None => format!("{key}: {}\n", quoted(value)),
        });
        let path = directory.join("server.conf");
        std::fs::write(&path, lines.collect::<String>()).expect("a configuration file");
        path
    }

    fn spawn(&self, directory: &Path) -> (Process, Log) {
        let mut command = self.command(directory);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the server starts");
        let log = Log::follow(child.stderr.take().expect("its standard error"));
        (Process::new(child), log)
    }
}

pub struct Server {
    launch: Launch,
    pub scratch: Scratch,
    pub process: Process,
    pub log: Log,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(shape: Shape) -> Server {
        Launch::new(shape).start()
    }

    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// A raw client that has read INFO and sent nothing.
    pub fn accept(&self) -> Raw {
        Raw::connect(self.address)
    }

    /// A raw client that has sent CONNECT (quiet, with headers) and seen its first PONG.
    pub fn raw(&self) -> Raw {
        let mut raw = self.accept();
        raw.introduce();
        raw
    }

    /// Kills the process and starts another with the same settings on the same port.
    pub fn restart(&mut self) {
        self.process.kill();
        self.launch.port = self.address.port().into();
        (self.process, self.log) = self.launch.spawn(self.scratch.path());
        self.address = listening(&self.log);
    }

    /// Asks the process to end and returns its exit code.
    pub fn stop(&mut self, signal: Signal) -> Option<i32> {
        self.process.signal(signal);
        self.process.wait().code()
    }
}

/// A duration is a string in a configuration file; numbers and booleans are not.
fn quoted(value: &str) -> String {
    let is_duration = value.starts_with(|first: char| first.is_ascii_digit()) && value.ends_with('s');
    if is_duration { format!("\"{value}\"") } else { value.into() }
}

impl Drop for Server {
    /// A failing test shows what its server said, and how it ended if it did.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let ended = self.process.ended();
            let text = self.log.text();
            let tail = text.lines().rev().take(40).collect::<Vec<_>>();
            let tail: Vec<_> = tail.into_iter().rev().collect();
            eprintln!("server {} (ended: {ended:?}) said:\n{}", self.process.pid(), tail.join("\n"));
        }
    }
}

/// The address a server says it listens on, once it says that it is ready.
pub fn listening(log: &Log) -> SocketAddr {
    let line = log.expect("Listening for client connections on ");
    log.expect("Server is ready");
    let address = line.rsplit(' ').next().expect("an address");
    address.trim().parse().unwrap_or_else(|_| panic!("no address in {line:?}"))
}
