//! The one face of the control core's async executor, with two bodies: `ring` (glommio, on io_uring) and
//! `poll` (smol's parts, on epoll), chosen when the process starts. All code above it is written against
//! this face and the traits of `futures-io`, and knows of neither body.
//!
//! Everything runs on the one thread that called [`run`]: tasks need not be `Send`, and one that computes
//! for long keeps all others waiting. Waits of other kinds belong into [`Executor::blocking`].
//!
//! # Serving connections
//!
//! Streams implement `futures_io::{AsyncRead, AsyncWrite}`, so that a library which asks for those serves
//! them as they are. One that brings traits of its own, such as hyper (`hyper::rt::{Read, Write}`, and an
//! executor and timer for HTTP/2), needs a thin wrapper around [`Stream`] and [`Executor`].
//!
//! ```ignore
//! let listener = executor.listen("127.0.0.1:8222".parse()?)?;
//! let server = executor.clone();
//! executor.spawn(async move {
//!     loop {
//!         match listener.accept().await {
//!             Ok((stream, _peer)) => server.spawn(answer(stream)).detach(),
//!             // Out of descriptors, or the peer has gone: neither is a reason to spin or to stop.
//!             Err(_) => server.sleep(Duration::from_millis(50)).await,
//!         }
//!     }
//! }).detach();
//!
//! async fn answer(mut stream: Stream) {
//!     let mut asked = [0; 4096];
//!     if let Ok(length) = stream.read(&mut asked).await {     // futures_lite::AsyncReadExt
//!         let _ = stream.write_all(&asked[..length]).await;   // futures_lite::AsyncWriteExt
//!     }
//! }
//! ```
//!
//! A task that is dropped is cancelled; a [`Listener`] that is dropped frees its port.

mod poll;
mod ring;
mod stream;
#[cfg(test)]
mod tests;

use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

pub use stream::{Listener, Stream};

/// The body wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On io_uring.
    Glommio,
    /// On epoll.
    Smol,
}

/// The running executor, for what runs on it: cheap to clone, bound to its thread.
#[derive(Clone)]
pub struct Executor {
    body: Body,
    bound: PhantomData<*const ()>,
}

#[derive(Clone)]
enum Body {
    Glommio,
    Smol(Rc<async_executor::LocalExecutor<'static>>),
}

/// Runs `main` on the calling thread until it ends; tasks that still run then are dropped or forgotten.
/// Where glommio cannot start, the log says why in one line, and smol runs instead. The error is that of a
/// system without room for a thread or three descriptors.
pub fn run<T>(wanted: Kind, main: impl AsyncFnOnce(Executor) -> T) -> io::Result<T> {
    // Both bodies start one of their own, and panic where they cannot.
    let trial = std::thread::Builder::new().name("trial".to_owned()).spawn(|| {})?;
    let _ = trial.join();
    if wanted == Kind::Glommio {
        match ring::start() {
            Ok(local) => return Ok(local.run(main(Executor::of(Body::Glommio)))),
            Err(error) => tracing::warn!("The control core runs on epoll: {error}"),
        }
    }
    poll::start()?;
    let local = Rc::new(async_executor::LocalExecutor::new());
    Ok(poll::run(&local, main(Executor::of(Body::Smol(local.clone())))))
}

impl Executor {
    fn of(body: Body) -> Executor {
        Executor { body, bound: PhantomData }
    }

    /// Which body it is.
    #[cfg(test)]
    pub fn kind(&self) -> Kind {
        match self.body {
            Body::Glommio => Kind::Glommio,
            Body::Smol(_) => Kind::Smol,
        }
    }

    /// Ends this time after it was first awaited; at once if it is zero.
    pub fn sleep(&self, time: Duration) -> impl Future<Output = ()> + use<> {
        let body = self.body.clone();
        async move {
            match body {
                Body::Glommio => ring::sleep(time).await,
                Body::Smol(_) => poll::sleep(time).await,
            }
        }
    }
}

impl Executor {
    /// Starts a task beside the running ones.
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        match &self.body {
            Body::Glommio => Task(Handle::Glommio(glommio::spawn_local(future))),
            Body::Smol(local) => Task(Handle::Smol(local.spawn(future))),
        }
    }

    /// Runs what would block, such as files or name look-ups, on another thread.
    pub async fn blocking<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        match self.body {
            Body::Glommio => ring::blocking(job).await,
            Body::Smol(_) => poll::blocking(job).await,
        }
    }

    /// Binds and listens; the port may be 0. A port that is in use is an error.
    pub fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        let listener = std::net::TcpListener::bind(address)?;
        Ok(match self.body {
            Body::Glommio => Listener::Ring(ring::listener(listener)),
            Body::Smol(_) => Listener::Poll(poll::listener(listener)?),
        })
    }

    #[cfg_attr(not(test), expect(dead_code, reason = "for what links next: routes"))]
    /// Connects. There is no time limit but the system's: race it with [`Executor::sleep`].
    pub async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        Ok(match self.body {
            Body::Glommio => Stream::Ring(ring::connect(address).await?),
            Body::Smol(_) => Stream::Poll(poll::connect(address).await?),
        })
    }
}

/// A running task: its output to await, cancelled when dropped.
#[must_use = "a task that is dropped is cancelled: await or detach it"]
pub struct Task<T: 'static>(Handle<T>);

enum Handle<T: 'static> {
    Glommio(glommio::Task<T>),
    Smol(async_executor::Task<T>),
}

impl<T: 'static> Task<T> {
    /// Lets it run on its own.
    #[cfg_attr(not(test), expect(dead_code, reason = "for what links next: routes"))]
    pub fn detach(self) {
        match self.0 {
            Handle::Glommio(task) => drop(task.detach()),
            Handle::Smol(task) => task.detach(),
        }
    }
}

impl<T: 'static> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            Handle::Glommio(task) => Pin::new(task).poll(context),
            Handle::Smol(task) => Pin::new(task).poll(context),
        }
    }
}
