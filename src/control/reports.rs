//! What reaches the control core from other threads: signals, and what shards report.

use std::sync::Arc;

use async_channel::{Receiver, Sender};
use shard::launch::{Report, Reporter};

#[derive(Debug, PartialEq)]
pub enum Happening {
    Signal(i32),
    Shard(Report),
}

/// Where any thread puts what happened. It never blocks, and wakes the executor.
#[derive(Clone)]
pub struct Post(Sender<Happening>);

pub fn channel() -> (Post, Receiver<Happening>) {
    // Unbounded in form only: a shard reports twice in its life, and once for a connection that waits for its
    // password to be checked; equal signals are merged by the system.
    let (sender, happenings) = async_channel::unbounded();
    (Post(sender), happenings)
}

impl Post {
    /// Answers whether somebody still listens.
    pub fn put(&self, happening: Happening) -> bool {
        self.0.try_send(happening).is_ok()
    }

    pub fn reporter(&self) -> Reporter {
        let post = self.clone();
        Arc::new(move |report| {
            post.put(Happening::Shard(report));
        })
    }
}
