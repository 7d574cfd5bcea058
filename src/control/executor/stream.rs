//! TCP as both bodies have it, behind the traits of `futures-io`.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::{poll, ring};

/// A listening socket. It is served from one task; a wait for a connection that is given up may lose one.
pub enum Listener {
    Ring(ring::Listener),
    Poll(poll::Listener),
}

impl Listener {
    /// The next connection and who is at its other end. After an error it can be asked again, but hardly
    /// at once: the system may be out of descriptors.
    pub async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        match self {
            Listener::Ring(listener) => {
                let stream = listener.accept().await?;
                let peer = stream.peer_addr()?;
                Ok((Stream::Ring(stream), peer))
            }
            Listener::Poll(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Stream::Poll(stream), peer))
            }
        }
    }

    /// Where it listens: tells the port if 0 was asked for.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Listener::Ring(listener) => Ok(listener.local_addr()?),
            Listener::Poll(listener) => listener.get_ref().local_addr(),
        }
    }
}

/// A connection. Closing it ends the own direction; dropping it ends both.
pub enum Stream {
    Ring(ring::Stream),
    Poll(poll::Stream),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Ring(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Poll(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Ring(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Poll(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Ring(stream) => Pin::new(stream).poll_flush(context),
            Stream::Poll(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Ring(stream) => Pin::new(stream).poll_close(context),
            Stream::Poll(stream) => Pin::new(stream).poll_close(context),
        }
    }
}
