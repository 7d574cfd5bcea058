//! A server that has no descriptor left for a newcomer keeps its clients, and recovers by itself.

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::support::raw::{Raw, publication};
use crate::support::server::Server;
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
