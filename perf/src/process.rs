//! A server under test: started on a free loopback port, killed when let go of.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use serde_json::Value;
use tempfile::TempDir;

use crate::failure::{Failure, Outcome, fail};
use crate::login::Login;
use crate::wire::Client;

const START_PATIENCE: Duration = Duration::from_secs(20);
const LOG_LINES_KEPT: usize = 12;
/// What every NATS server's log says once it can be reached.
const LISTENING: &str = "Listening for client connections on ";

/// How to start a server.
#[derive(Debug, Clone)]
pub struct Program {
    pub path: PathBuf,
    pub arguments: Vec<String>,
}

impl Program {
    /// The same with a configuration file of this text, in nats-server's language, which every NATS server reads.
    /// The file is there for as long as the folder that is given with it.
    pub fn with_configuration(&self, text: &str) -> Outcome<(Program, TempDir)> {
        let folder = tempfile::Builder::new().prefix("perf-").tempdir()?;
        let file = folder.path().join("server.conf");
        std::fs::write(&file, text)?;
        let file = file.to_str().ok_or_else(|| Failure::new("the temporary folder's path is not UTF-8"))?;
        let mut program = self.clone();
        program.arguments.extend(["-c".to_owned(), file.to_owned()]);
        Ok((program, folder))
    }
}

/// A server that answers.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// Its INFO.
    pub info: Value,
    /// From before it was started until its first client had its PONG.
    pub ready_after: Duration,
    log: Log,
}

impl Server {
    /// Starts it and waits until it has greeted a client.
    pub fn start(program: &Program, greeter: &Login) -> Outcome<Server> {
        let path = program.path.display();
        let mut command = Command::new(&program.path);
        command.args(["-a", "127.0.0.1", "-p", "-1"]).args(&program.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        die_with_us(&mut command);
        let start = Instant::now();
        let child = command.spawn();
        let mut child = child.map_err(|error| Failure::new(format!("{path} cannot be started: {error}")))?;
        let (log, said) = Log::follow(&mut child);
        let unborn = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server =
            Server { child, address: unborn, info: Value::Null, ready_after: Duration::ZERO, log };
        server.address = server.wait_for_address(&said).map_err(|failure| failure.at(&path.to_string()))?;
        let greeted = Client::open_from(server.address, None, greeter);
        let (client, info) = greeted.map_err(|failure| server.explain(failure))?;
        server.ready_after = start.elapsed();
        client.close();
        server.info = serde_json::from_str(info.trim())
            .map_err(|error| Failure::new(format!("{path}: its INFO is not JSON: {error}")))?;
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `corebus 0.1.0` or `nats-server 2.15.2`, as its INFO has it.
    pub fn identity(&self) -> (String, String) {
        let text = |key: &str| self.info[key].as_str().map(str::to_owned);
        match text("corebus") {
            Some(version) => ("corebus".to_owned(), version),
            None => ("nats-server".to_owned(), text("version").unwrap_or_default()),
        }
    }

    /// Adds what the server logged last to a failure, since that mostly is the reason.
    pub fn explain(&self, failure: Failure) -> Failure {
        let lines = self.log.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let told = lines.iter().map(|line| format!("\n    | {line}")).collect::<String>();
        Failure::new(format!("{failure}{told}"))
    }

    fn wait_for_address(&mut self, said: &Receiver<String>) -> Outcome<SocketAddr> {
        match said.recv_timeout(START_PATIENCE) {
            Ok(address) => {
                let resolved = address.to_socket_addrs().ok().and_then(|mut all| all.next());
                resolved.ok_or_else(|| Failure::new(format!("it listens on {address}, which is nowhere")))
            }
            Err(RecvTimeoutError::Timeout) => Err(self.explain(Failure::new("it did not get ready"))),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait()?;
                Err(self.explain(Failure::new(format!("it ended at once ({status})"))))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last lines of a server's log.
#[derive(Debug, Clone, Default)]
struct Log {
    kept: Arc<Mutex<VecDeque<String>>>,
}

impl Log {
    /// Reads both outputs of the server to their end, on threads of their own, so that it never waits for us.
    fn follow(child: &mut Child) -> (Log, Receiver<String>) {
        let log = Log::default();
        let (sender, receiver) = channel();
        let outputs: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|output| Box::new(output) as Box<dyn Read + Send>),
            child.stderr.take().map(|output| Box::new(output) as Box<dyn Read + Send>),
        ];
        for output in outputs.into_iter().flatten() {
            let (log, sender) = (log.clone(), sender.clone());
            std::thread::spawn(move || log.read(output, &sender));
        }
        (log, receiver)
    }

    fn read(&self, output: impl Read, sender: &Sender<String>) {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some((_, address)) = line.split_once(LISTENING) {
                // Nobody waits for a second address.
                let _ = sender.send(address.trim().to_owned());
            }
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_back(line);
            if kept.len() > LOG_LINES_KEPT {
                kept.pop_front();
            }
        }
    }
}

/// However this process ends, its servers end too.
fn die_with_us(command: &mut Command) {
    let ask = || Ok(set_parent_process_death_signal(Some(Signal::KILL))?);
    // SAFETY: between fork and exec the closure makes one system call; it takes no lock and allocates nothing.
    unsafe { command.pre_exec(ask) };
}

/// Raises the limit of open files, for this process and the servers it starts. What stays too low shows where a
/// scenario needs it.
pub fn raise_descriptor_limit() {
    let now = getrlimit(Resource::Nofile);
    let wanted = 1 << 17;
    for maximum in [now.maximum.map(|maximum| maximum.max(wanted)), now.maximum] {
        let current = maximum.map_or(wanted, |maximum| maximum.min(wanted));
        if setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum }).is_ok() {
            return;
        }
    }
}

/// Fails where `needed` files cannot be open at once.
pub fn require_descriptors(needed: u64) -> Outcome<()> {
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < needed => {
            fail!("{needed} open files are needed, the limit is {limit} (ulimit -n)")
        }
        _ => Ok(()),
    }
}
