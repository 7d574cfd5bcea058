//! The server asks the silent for a sign of life, and closes who gives none.

use crate::support::PATIENCE;
use crate::support::raw::{Raw, Received};
use crate::support::server::{Launch, Server};
use crate::support::shape::{Shape, in_every_shape};

in_every_shape! {
    /// Unanswered PINGs up to ping_max, then Stale Connection.
    silent_client_is_stale;
    /// A client that answers lives on.
    answering_client_lives;
}

const PING_INTERVAL: &str = "600ms";
/// Where the machine is so busy that this program answers too late, more time is given. A server that takes no
/// notice of answers closes whatever the interval.
const PING_INTERVALS: [&str; 4] = ["300ms", "1200ms", "4800ms", "9600ms"];
/// More than may stay unanswered.
const ANSWERS: usize = 5;

fn server(shape: Shape, ping_interval: &str) -> Server {
    Launch::new(shape).set("ping_interval", ping_interval).set("ping_max", 2).start()
}

fn silent_client_is_stale(shape: Shape) {
    let server = server(shape, PING_INTERVAL);
    let mut silent = server.raw();
    assert_eq!(silent.until_closed(), "PING\r\nPING\r\n-ERR 'Stale Connection'\r\n");
    server.raw().barrier();
}

fn answering_client_lives(shape: Shape) {
    let lives = PING_INTERVALS.into_iter().any(|interval| all_live(&server(shape, interval)));
    assert!(lives, "clients that answer are closed at every interval");
}

/// Whether clients that answer each PING have seen so many of them that they would be closed had the answers
/// not counted.
fn all_live(server: &Server) -> bool {
    let mut answering: Vec<Raw> = (0..4).map(|_| server.raw()).collect();
    let mut answer_all = || answering.iter_mut().all(answers);
    (0..ANSWERS).all(|_| answer_all())
}

/// False when the server has closed instead.
fn answers(client: &mut Raw) -> bool {
    match client.receive(PATIENCE) {
        Received::Unit(unit) if unit == b"PING\r\n" => client.try_send("PONG\r\n"),
        Received::Unit(unit) => {
            assert_eq!(unit, b"-ERR 'Stale Connection'\r\n");
            false
        }
        Received::Closed(_) => false,
        Received::Silence => panic!("no PING"),
    }
}

/// A client that never said CONNECT is asked too.
#[test]
fn client_without_connect_is_stale_too() {
    let server = server(Shape::TWO, PING_INTERVAL);
    let mut silent = server.accept();
    assert!(silent.until_closed().ends_with("-ERR 'Stale Connection'\r\n"));
}
