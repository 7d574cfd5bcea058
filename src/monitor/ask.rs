//! Asking the shards, and gathering what they say.

use std::sync::Arc;
use std::time::Duration;

use futures_lite::future;
use shard::inspection::{Piece, Question, Reply};
use shard::launch::Order;

use super::Monitor;

/// A shard has ended, or is too busy to answer.
#[derive(Debug)]
pub struct Unanswered;

/// How long shards may take for the next piece of an answer.
const PIECE_WAIT: Duration = Duration::from_secs(10);

impl Monitor {
    /// Asks every shard the same; `take` is given each piece and whose it is.
    pub async fn ask_all(
        &self,
        question: Question,
        take: impl FnMut(usize, Piece),
    ) -> Result<(), Unanswered> {
        let questions = (0..self.shards.len()).map(|shard| (shard, question.clone()));
        self.ask(questions, take).await
    }

    /// Asks some shards a question each. Dropped, it keeps no shard busy any longer.
    pub async fn ask(
        &self,
        questions: impl Iterator<Item = (usize, Question)>,
        mut take: impl FnMut(usize, Piece),
    ) -> Result<(), Unanswered> {
        // Unbounded in form only: a piece is bounded, and a shard sends one a turn.
        let (sender, pieces) = async_channel::unbounded();
        let mut awaited = 0;
        for (shard, question) in questions {
            let sender = sender.clone();
            let reply: Reply = Arc::new(move |piece| sender.try_send((shard, piece)).is_ok());
            self.shards[shard].order(Order::Inspect(question, reply));
            awaited += 1;
        }
        drop(sender);
        while awaited > 0 {
            let piece = async { pieces.recv().await.map_err(|_| Unanswered) };
            let late = async {
                self.executor.sleep(PIECE_WAIT).await;
                Err(Unanswered)
            };
            match future::or(piece, late).await? {
                (_, Piece::End) => awaited -= 1,
                (shard, piece) => take(shard, piece),
            }
        }
        Ok(())
    }
}
