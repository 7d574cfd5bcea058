//! One publisher and no subscriber: what taking a message costs.

use std::time::{Duration, Instant};

use crate::failure::Outcome;
use crate::figures::Figures;
use crate::flow::{BATCH_BYTES, Batch};
use crate::frame::Event;
use crate::login::Login;
use crate::measure::{Bench, set_throughput};
use crate::wire::Client;

/// After so many bytes a PING goes along, and so many may be unanswered.
const BYTES_PER_PING: usize = 8 * BATCH_BYTES;
const PINGS_UNDER_WAY: u64 = 8;

pub fn run(bench: &Bench<'_>, bytes: usize) -> Outcome<Figures> {
    let line = publication("perf.nobody", bytes);
    let messages = (BATCH_BYTES / line.len()).max(1);
    let batch = Batch { bytes: line.repeat(messages), messages: messages as u64, deliveries: 0 };
    Publisher::new(bench.open(&Login::Anonymous)?, vec![batch]).measure(bench, bytes)
}

/// The bytes of one PUB.
pub fn publication(subject: &str, bytes: usize) -> Vec<u8> {
    let mut line = format!("PUB {subject} {bytes}\r\n").into_bytes();
    line.resize(line.len() + bytes, b'x');
    line.extend_from_slice(b"\r\n");
    line
}

/// Publishes its batches in turn, to nobody.
#[derive(Debug)]
pub struct Publisher {
    client: Client,
    batches: Vec<Batch>,
    turn: usize,
    pings: u64,
    pongs: u64,
}

impl Publisher {
    pub fn new(client: Client, batches: Vec<Batch>) -> Publisher {
        Publisher { client, batches, turn: 0, pings: 0, pongs: 0 }
    }

    /// Each message has `bytes` of payload.
    pub fn measure(&mut self, bench: &Bench<'_>, bytes: usize) -> Outcome<Figures> {
        self.run(bench.warmup())?;
        let meter = bench.meter()?;
        let published = self.run(bench.duration())?;
        let mut figures = meter.stop(published as f64)?;
        set_throughput(&mut figures, bytes);
        Ok(figures)
    }

    /// Publishes for so long and waits for the last PONG: the server has then taken all of it.
    fn run(&mut self, length: Duration) -> Outcome<u64> {
        let end = Instant::now() + length;
        let mut published = 0;
        let mut unpinged = 0;
        while published == 0 || Instant::now() < end {
            let batch = &self.batches[self.turn % self.batches.len()];
            self.client.write(&batch.bytes)?;
            self.turn += 1;
            published += batch.messages;
            unpinged += batch.bytes.len();
            if unpinged >= BYTES_PER_PING {
                unpinged = 0;
                self.ping(PINGS_UNDER_WAY)?;
            }
        }
        self.ping(0)?;
        Ok(published)
    }

    fn ping(&mut self, under_way: u64) -> Outcome<()> {
        self.client.write(b"PING\r\n")?;
        self.pings += 1;
        let mut buffer = [0; 4096];
        while self.pings - self.pongs > under_way {
            let pongs = &mut self.pongs;
            self.client.read(&mut buffer, |event| *pongs += u64::from(event == Event::Pong))?;
        }
        Ok(())
    }
}
