//! A line without end does not make the server remember it.

use crate::support::server::Server;
use crate::support::shape::Shape;

/// Megabytes without a line end: refused at max_control_line, in no more memory.
#[test]
fn line_without_end_is_refused_early() {
    let server = Server::start(Shape::TWO);
    let before = server.process.resident_bytes();
    for _ in 0..8 {
        let mut raw = server.raw();
        raw.send("SUB ");
        let chunk = [b's'; 64 * 1024];
        while raw.try_send(chunk) {}
        assert!(raw.until_closed().contains("-ERR 'maximum control line exceeded'"));
    }
    let grown = server.process.resident_bytes().saturating_sub(before);
    assert!(grown < 64 * 1024 * 1024, "grew by {grown} bytes");
}
