//! The body on io_uring: glommio.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{FromRawFd, IntoRawFd};
use std::time::Duration;

use glommio::{LocalExecutor, LocalExecutorBuilder, Placement};
use io_uring::{IoUring, Probe};

pub type Listener = glommio::net::TcpListener;
pub type Stream = glommio::net::TcpStream;

/// Entries of each of its three rings: the control core has little under way at once.
const RING_DEPTH: u32 = 64;

/// Makes the executor on the calling thread, where it must run. It never spins, and takes the least memory
/// that glommio allows: 64 KiB, for files that are read past the page cache.
pub fn start() -> Result<LocalExecutor, String> {
    rehearse().map_err(|error| format!("io_uring: {error}"))?;
    let builder = LocalExecutorBuilder::new(Placement::Unbound).io_memory(0).ring_depth(RING_DEPTH as usize);
    builder.make().map_err(|error| format!("glommio: {error}"))
}

/// glommio panics where it cannot ask the kernel what io_uring can do. So that is tried beforehand, while no
/// other thread takes descriptors: as many rings as it has descriptors, one of them polled, and the question.
fn rehearse() -> io::Result<()> {
    let rings = [IoUring::new(RING_DEPTH)?, IoUring::new(RING_DEPTH)?, IoUring::new(RING_DEPTH)?];
    let polled: IoUring = IoUring::builder().setup_iopoll().build(RING_DEPTH)?;
    rings[0].submitter().register_probe(&mut Probe::new())?;
    drop((rings, polled));
    Ok(())
}

pub async fn sleep(time: Duration) {
    glommio::timer::sleep(time).await;
}

pub async fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> T {
    glommio::executor().spawn_blocking(job).await
}

/// Takes a socket that was bound in the ordinary way: glommio's own `bind` would share a port that is in use.
pub fn listener(listener: std::net::TcpListener) -> Listener {
    // SAFETY: the descriptor was open and is owned by nobody else from here on.
    unsafe { Listener::from_raw_fd(listener.into_raw_fd()) }
}

pub async fn connect(address: SocketAddr) -> io::Result<Stream> {
    Ok(Stream::connect(address).await?)
}
