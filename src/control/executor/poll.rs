//! The body on epoll, of the parts that make up `smol`.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use async_executor::LocalExecutor;
use async_io::{Async, Timer};

pub type Listener = Async<TcpListener>;
pub type Stream = Async<TcpStream>;

/// Makes what waits for sockets, one for the whole process: that panics where descriptors are short, so it is
/// made now, while no other thread takes them, and only if the three that it needs are there.
pub fn start() -> io::Result<()> {
    let [(kept, _), _] = [UnixStream::pair()?, UnixStream::pair()?];
    Async::new(kept).map(drop)
}

pub fn run<T>(local: &LocalExecutor<'static>, main: impl Future<Output = T>) -> T {
    async_io::block_on(local.run(main))
}

pub async fn sleep(time: Duration) {
    Timer::after(time).await;
}

pub async fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> T {
    blocking::unblock(job).await
}

pub fn listener(listener: TcpListener) -> io::Result<Listener> {
    Async::new(listener)
}

pub async fn connect(address: SocketAddr) -> io::Result<Stream> {
    Async::<TcpStream>::connect(address).await
}
