//! A connection as hyper wants it: it ends when its client keeps it waiting for too long.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Read, ReadBufCursor, Write};

use crate::control::{Executor, Stream};

/// How long a client may take to say what it wants. Source: nats-server `server.go:startMonitoring`.
const HEAD_WAIT: Duration = Duration::from_secs(5);
/// How long it may say nothing between two requests.
const IDLE_WAIT: Duration = Duration::from_secs(60);
/// How long it may take nothing of what it is sent.
const STALL_WAIT: Duration = Duration::from_secs(10);

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A request is awaited.
    Idle,
    /// A request has begun to come.
    Head,
    /// Its page is being made: the client waits for us.
    Page,
    /// The page is being sent.
    Answer,
}

/// What its service and the listener know of a connection.
pub struct State {
    stage: Cell<Stage>,
    since: Cell<Instant>,
}

impl State {
    /// A new connection is expected to speak at once.
    pub fn new() -> State {
        State { stage: Cell::new(Stage::Head), since: Cell::new(Instant::now()) }
    }

    pub fn enter(&self, stage: Stage) {
        if self.stage.replace(stage) != stage {
            self.since.set(Instant::now());
        }
    }

    /// Since when its client keeps it waiting; those that wait for us come last.
    pub fn waiting_since(&self) -> (bool, Instant) {
        (self.stage.get() == Stage::Page, self.since.get())
    }
}

pub struct Wire {
    stream: Stream,
    executor: Executor,
    state: Rc<State>,
    /// The end of patience, with the stage it is for.
    timer: Option<(Stage, Timer)>,
}

type Timer = Pin<Box<dyn Future<Output = ()>>>;

impl Wire {
    pub fn new(stream: Stream, executor: Executor, state: Rc<State>) -> Wire {
        Wire { stream, executor, state, timer: None }
    }

    /// Nothing moves: whether it may stay so.
    fn wait(&mut self, context: &mut Context<'_>, patience: Duration) -> Poll<io::Error> {
        let stage = self.state.stage.get();
        if self.timer.as_ref().is_none_or(|(timed, _)| *timed != stage) {
            self.timer = Some((stage, Box::pin(self.executor.sleep(patience))));
        }
        let Some((_, timer)) = &mut self.timer else { return Poll::Pending };
        timer.as_mut().poll(context).map(|()| io::ErrorKind::TimedOut.into())
    }
}

impl Read for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let mut buffer = [0; 4096];
        let room = cursor.remaining().min(buffer.len());
        match Pin::new(&mut wire.stream).poll_read(context, &mut buffer[..room]) {
            Poll::Ready(Ok(length)) => {
                if wire.state.stage.get() == Stage::Idle {
                    wire.state.enter(Stage::Head);
                }
                cursor.put_slice(&buffer[..length]);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => match wire.state.stage.get() {
                Stage::Idle => wire.wait(context, IDLE_WAIT).map(Err),
                Stage::Head => wire.wait(context, HEAD_WAIT).map(Err),
                // hyper listens for the end of a client all the time.
                Stage::Page | Stage::Answer => Poll::Pending,
            },
        }
    }
}

impl Write for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        match Pin::new(&mut wire.stream).poll_write(context, bytes) {
            Poll::Pending => wire.wait(context, STALL_WAIT).map(Err),
            done => {
                wire.timer = None;
                done
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        match Pin::new(&mut wire.stream).poll_flush(context) {
            Poll::Pending => wire.wait(context, STALL_WAIT).map(Err),
            done => {
                if wire.state.stage.get() == Stage::Answer {
                    wire.state.enter(Stage::Idle);
                    // hyper may have looked for the next request before, and not look again by itself.
                    if let Poll::Ready(error) = wire.wait(context, IDLE_WAIT) {
                        return Poll::Ready(Err(error));
                    }
                }
                done
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        match Pin::new(&mut wire.stream).poll_close(context) {
            Poll::Pending => wire.wait(context, STALL_WAIT).map(Err),
            done => done,
        }
    }
}
