//! Both bodies keep the promises of the face.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt, future};

use super::{Executor, Kind, run};

/// Makes one test of each body from each function `async fn(Executor)`.
macro_rules! on_both {
    ($($name:ident)*) => {$(
        mod $name {
            #[test]
            fn glommio() {
                super::on(super::Kind::Glommio, super::$name);
            }

            #[test]
            fn smol() {
                super::on(super::Kind::Smol, super::$name);
            }
        }
    )*};
}

on_both! { timers tasks echo large refused taken foreign_wakes jobs nothing_left_behind }

/// A machine that bars io_uring tests smol twice, which is what it will run.
fn on(kind: Kind, test: impl AsyncFnOnce(Executor)) {
    let kind = if super::ring::start().is_ok() { kind } else { Kind::Smol };
    let ran = run(kind, async |executor| {
        assert_eq!(executor.kind(), kind);
        test(executor).await;
        true
    });
    assert!(ran.unwrap());
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

async fn timers(executor: Executor) {
    executor.sleep(Duration::ZERO).await;
    executor.sleep(Duration::from_millis(20)).await;
    let hour = async {
        executor.sleep(Duration::from_secs(3600)).await;
        "hour"
    };
    let moment = async {
        executor.sleep(Duration::from_millis(1)).await;
        "moment"
    };
    assert_eq!(future::or(hour, moment).await, "moment");
    // One that is given up does not disturb those that come later.
    future::zip(executor.sleep(Duration::from_millis(2)), executor.sleep(Duration::from_millis(1))).await;
}

async fn tasks(executor: Executor) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (inner, own) = (executor.clone(), seen.clone());
    let task = executor.spawn(async move {
        let nested = inner.spawn(async { 20 });
        own.borrow_mut().push("task");
        nested.await + 1
    });
    assert_eq!(task.await, 21);
    let (sender, receiver) = async_channel::bounded(1);
    executor.spawn(async move { sender.send("detached").await.unwrap() }).detach();
    assert_eq!(receiver.recv().await, Ok("detached"));
    let (held, cancelled) = async_channel::bounded::<()>(1);
    let forever = executor.spawn(async move {
        let _held = held;
        future::pending::<()>().await
    });
    executor.sleep(Duration::from_millis(1)).await;
    drop(forever);
    assert!(cancelled.recv().await.is_err(), "its future is dropped");
    assert_eq!(*seen.borrow(), ["task"]);
}

async fn echo(executor: Executor) {
    let listener = executor.listen(loopback()).unwrap();
    let address = listener.address().unwrap();
    let serving = executor.clone();
    let server = executor.spawn(async move {
        for _ in 0..3 {
            let (mut stream, peer) = listener.accept().await.unwrap();
            let connection = serving.spawn(async move {
                let mut word = [0; 5];
                stream.read_exact(&mut word).await.unwrap();
                stream.write_all(&word).await.unwrap();
                stream.close().await.unwrap();
                peer
            });
            connection.detach();
        }
    });
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(executor.connect(address).await.unwrap());
    }
    for stream in &mut streams {
        stream.write_all(b"hello").await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"hello");
    }
    server.await;
}

/// More than socket buffers hold, to a reader on an ordinary thread.
async fn large(executor: Executor) {
    const BYTES: usize = 8 << 20;
    let listener = executor.listen(loopback()).unwrap();
    let address = listener.address().unwrap();
    let reader = std::thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let (mut total, mut buffer) = (0, vec![0; 1 << 16]);
        loop {
            match std::io::Read::read(&mut stream, &mut buffer).unwrap() {
                0 => return total,
                length => total += length,
            }
        }
    });
    let (mut stream, peer) = listener.accept().await.unwrap();
    assert!(peer.ip().is_loopback());
    stream.write_all(&vec![7; BYTES]).await.unwrap();
    drop(stream);
    assert_eq!(executor.blocking(move || reader.join().unwrap()).await, BYTES);
}

async fn refused(executor: Executor) {
    let listener = executor.listen(loopback()).unwrap();
    let address = listener.address().unwrap();
    drop(listener);
    // The ring lets go of the port a moment later.
    while let Ok(stream) = executor.connect(address).await {
        drop(stream);
        executor.sleep(Duration::from_millis(1)).await;
    }
}

async fn taken(executor: Executor) {
    let listener = executor.listen(loopback()).unwrap();
    let error = executor.listen(listener.address().unwrap()).err().expect("it is in use");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

/// An executor that sleeps is woken by channels from other threads, each time.
async fn foreign_wakes(executor: Executor) {
    let (sender, receiver) = async_channel::unbounded();
    let (tick, ticks) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        for number in 0..200 {
            ticks.recv().unwrap();
            if number % 4 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            sender.try_send(number).unwrap();
        }
    });
    for number in 0..200 {
        tick.send(()).unwrap();
        assert_eq!(receiver.recv().await, Ok(number));
    }
    executor.blocking(move || thread.join().unwrap()).await;
    assert!(receiver.recv().await.is_err(), "the sender has gone");
}

async fn jobs(executor: Executor) {
    let own = std::thread::current().id();
    let (release, released) = std::sync::mpsc::channel();
    let job = executor.spawn({
        let executor = executor.clone();
        async move {
            let job = move || {
                released.recv().unwrap();
                std::thread::current().id()
            };
            executor.blocking(job).await
        }
    });
    // Tasks go on while the job waits.
    executor.sleep(Duration::from_millis(1)).await;
    release.send(()).unwrap();
    assert_ne!(job.await, own);
}

/// An executor may end while its tasks wait.
async fn nothing_left_behind(executor: Executor) {
    let listener = executor.listen(loopback()).unwrap();
    let address = listener.address().unwrap();
    let mut stream = executor.connect(address).await.unwrap();
    executor.spawn(async move { drop(listener.accept().await) }).detach();
    executor.spawn(async move { drop(stream.read(&mut [0]).await) }).detach();
    let sleeper = executor.clone();
    executor.spawn(async move { sleeper.sleep(Duration::from_secs(3600)).await }).detach();
    executor.sleep(Duration::from_millis(1)).await;
}
