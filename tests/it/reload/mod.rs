//! SIGHUP: what changes in the configuration file changes in the running server, for its live clients too.

mod clients;
mod figures;
mod files;
mod flowing;
mod log;
mod readers;
mod refused;
mod signals;

use std::path::PathBuf;

use crate::support::PATIENCE;
use crate::support::process::Signal;
use crate::support::raw::{Raw, Received};
use crate::support::scratch::Scratch;
use crate::support::server::{Launch, Server};
use crate::support::shape::Shape;

/// A server with a configuration file that can be changed.
pub struct Reloading {
    pub server: Server,
    pub scratch: Scratch,
    file: PathBuf,
}

impl Reloading {
    pub fn start(shape: Shape, text: &str) -> Reloading {
        Reloading::start_with(shape, text, &[])
    }

    pub fn start_with(shape: Shape, text: &str, flags: &[&str]) -> Reloading {
        Reloading::launch(flags.iter().fold(Launch::new(shape), |launch, flag| launch.flag(*flag)), text)
    }

    pub fn launch(launch: Launch, text: &str) -> Reloading {
        let scratch = Scratch::new();
        let file = scratch.file("reloaded.conf");
        std::fs::write(&file, text).expect("a configuration file");
        let server = launch.flag("-c").flag(file.to_str().expect("a path")).start();
        Reloading { server, scratch, file }
    }

    /// Changes the file and has it read again; returns once the log has a line with `said`, and the one that
    /// ends every attempt: nats-server changes some things only before that.
    pub fn change(&self, text: &str, said: &str) {
        let ends = " server configuration";
        let before = self.server.log.text().lines().filter(|line| line.contains(ends)).count();
        self.ask(text);
        self.server.log.expect(said);
        self.server.log.expect_times(ends, before + 1);
    }

    /// Changes the file and has it read again.
    pub fn ask(&self, text: &str) {
        std::fs::write(&self.file, text).expect("a configuration file");
        self.server.process.signal(Signal::HUP);
    }

    /// A client with these credentials, and whether it was let in.
    pub fn client(&self, user: &str, password: &str) -> (Raw, bool) {
        let mut raw = self.server.accept();
        raw.send(format!(
            "CONNECT {{\"verbose\":false,\"user\":\"{user}\",\"pass\":\"{password}\"}}\r\nPING\r\n"
        ));
        // A refusal may be lost where the server closes with the PING unread.
        let let_in = raw.receive(PATIENCE) == Received::Unit(b"PONG\r\n".to_vec());
        (raw, let_in)
    }
}
