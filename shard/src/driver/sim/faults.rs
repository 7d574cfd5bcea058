//! What goes wrong in a simulated network, and how often.

use super::Dice;

/// Rates are in a thousand.
#[derive(Debug, Clone)]
pub struct Faults {
    /// Receives and sends that carry a part of what they could.
    pub partial: usize,
    /// Receive buffers of each shard.
    pub buffers: usize,
    pub accept_fails: usize,
    /// Input of a client that is held up on its way after a receive, and for how long at most: nanoseconds.
    pub delay: usize,
    pub delay_max: u64,
    /// Bytes that fit between a shard and a client that does not read.
    pub window_min: usize,
    pub window_max: usize,
    /// Events handed over by one wait at most.
    pub events_max: usize,
    /// Small sends may be taken at once.
    pub prompt: bool,
    /// This send, counted over all shards, is told to have been sent and is not: what a checker must find.
    pub lost_send: Option<u64>,
}

impl Faults {
    pub fn draw(dice: &mut Dice) -> Faults {
        let window_min = *dice.pick(&[64, 512, 4096]);
        Faults {
            partial: *dice.pick(&[0, 300, 900]),
            buffers: *dice.pick(&[1, 2, 4, 16]),
            accept_fails: *dice.pick(&[0, 0, 200]),
            delay: *dice.pick(&[0, 20, 200]),
            delay_max: *dice.pick(&[50_000, 1_000_000, 20_000_000]),
            window_min,
            window_max: window_min * *dice.pick(&[1, 8, 64]),
            events_max: *dice.pick(&[1, 4, 128]),
            prompt: false,
            lost_send: None,
        }
    }
}
