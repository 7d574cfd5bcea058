//! A server that has no descriptor left for a newcomer keeps its clients, and recovers by itself.

use std::os::unix::process::CommandExt;
use std::process::Stdio;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

use crate::support::log::Log;
use crate::support::process::Process;
use crate::support::raw::{Raw, publication};
use crate::support::scratch::Scratch;
use crate::support::server::{Launch, Server};
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// More connections than descriptors: those there go on, and newcomers get in once there is room.
    exhausted_and_back;
}

fn exhausted_and_back(shape: Shape) {
    const SPARE: usize = 15;
    let server = Server::start(shape);
    let mut steady: Vec<Raw> = (0..4).map(|_| server.raw()).collect();
    let bound = (server.process.descriptors() + SPARE) as u64;
    let pid = Pid::from_raw(server.process.pid() as i32);
    let limit = Rlimit { current: Some(bound), maximum: Some(bound) };
    prlimit(pid, Resource::Nofile, limit).expect("the limit is set");
    let crowd: Vec<Raw> = (0..3 * SPARE).map(|_| Raw::open(server.address)).collect();
    for client in &mut steady {
        client.send("SUB still.here 1\r\n".to_owned() + &publication("still.here", "yes") + "UNSUB 1\r\n");
        assert_eq!(client.barrier().len(), 1);
    }
    drop(crowd);
    // The listener's queue may still hold some of the crowd: the newcomer waits its turn.
    server.raw().barrier();
    for client in &mut steady {
        client.barrier();
    }
}

/// The soft limit a shell sets is no bound for a server that may have more.
#[test]
fn the_soft_limit_is_raised() {
    let scratch = Scratch::new();
    let mut command = Launch::new(Shape::TWO).command(scratch.path());
    // SAFETY: only a system call, between fork and exec.
    unsafe {
        command.pre_exec(|| {
            let maximum = getrlimit(Resource::Nofile).maximum;
            Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(100), maximum })?)
        })
    };
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the server starts");
    let log = Log::follow(child.stderr.take().expect("its standard error"));
    let process = Process::new(child);
    log.expect("Server is ready");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.pid())).expect("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    let numbers: Vec<&str> = line["Max open files".len()..].split_whitespace().collect();
    assert_eq!(numbers[0], numbers[1], "{line}");
}
