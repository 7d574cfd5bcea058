//! A client that must show credentials has a bounded time to do so.

use crate::support::raw::{INTRODUCTION, Raw};
use crate::support::server::{Launch, Server};
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// A client that says nothing is told and closed; so is one that says CONNECT a byte at a time.
    timeout_cuts_the_silent_and_the_slow;
}

fn server(shape: Shape) -> Server {
    Launch::new(shape).set("authorization.timeout", 1).flag("--auth").flag("secret").start()
}

fn timeout_cuts_the_silent_and_the_slow(shape: Shape) {
    let server = server(shape);
    let mut known = server.accept();
    known.send("CONNECT {\"verbose\":false,\"auth_token\":\"secret\"}\r\n");
    known.barrier();
    let mut silent = server.accept();
    let slow = server.accept();
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(drip(slow), "-ERR 'Authentication Timeout'\r\n"));
        scope.spawn(|| assert_eq!(silent.until_closed(), "-ERR 'Authentication Timeout'\r\n"));
    });
    known.barrier();
}

/// Sends CONNECT slowly, until the server has had enough; what it said then.
fn drip(mut raw: Raw) -> String {
    for byte in INTRODUCTION.bytes() {
        if !raw.try_send([byte]) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    raw.until_closed()
}

/// Without credentials to show there is no such bound: a client may be silent.
#[test]
fn no_timeout_without_credentials() {
    let server = Launch::new(Shape::TWO).set("authorization.timeout", 1).start();
    let mut silent = server.accept();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    silent.barrier();
}
