use super::*;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::Arc;
pub fn eventfd() -> io::Result<OwnedFd> {
    use rustix::event::{EventfdFlags, eventfd};
    Ok(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}
pub struct Epoll;
impl Epoll {
    pub fn new(_: Arc<TcpListener>, _: Arc<OwnedFd>) -> io::Result<Epoll> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
impl Driver for Epoll {
    fn listen(&mut self, _: bool) {}
    fn open(&mut self, _: Slot, _: Socket) {}
    fn pause(&mut self, _: Slot) {}
    fn resume(&mut self, _: Slot) {}
    fn send(&mut self, _: Slot, _: Batch) {}
    fn finish(&mut self, _: Slot) {}
    fn close(&mut self, _: Slot) {}
    fn detach(&mut self, _: Slot) {}
    fn wait(&mut self, _: Wait, _: &mut Vec<Event>) -> io::Result<()> {
        Ok(())
    }
    fn bytes(&self, _: &Piece) -> &[u8] {
        b""
    }
    fn release(&mut self, _: Piece) {}
    fn now(&self) -> u64 {
        monotonic()
    }
}
