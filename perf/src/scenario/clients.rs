//! Requests of many clients, one in flight on each connection: no batch forms by itself, unlike on one connection.

use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::failure::{Outcome, fail};
use crate::figures::Figures;
use crate::frame::Event;
use crate::login::Login;
use crate::measure::{Bench, Latencies};
use crate::wire::{Client, PATIENCE};

use super::request::{INBOX, subject_number, with_responder, write_request};
use super::sharing::Between;

pub fn run(bench: &Bench<'_>, clients: usize, between: Between) -> Outcome<Figures> {
    with_responder(bench, between, || {
        let mut requesters = Requesters::open(bench, clients, &between.importer())?;
        requesters.run(bench.warmup())?;
        let meter = bench.meter()?;
        let (requests, latencies) = requesters.run(bench.duration())?;
        let mut figures = meter.stop(requests as f64)?;
        latencies.write(&mut figures);
        requesters.check()?;
        Ok(figures)
    })
}

/// All on one thread.
struct Requesters {
    all: Vec<Requester>,
    poll: rustix::fd::OwnedFd,
}

struct Requester {
    client: Client,
    request: Vec<u8>,
    /// When the open request was sent.
    began: Option<Instant>,
    sent: u64,
}

impl Requesters {
    fn open(bench: &Bench<'_>, clients: usize, login: &Login) -> Outcome<Requesters> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut all = Vec::new();
        for number in 0..clients as u64 {
            let mut client = bench.open(login)?;
            client.subscribe(&format!("{INBOX}.{number}"), None, 1)?;
            client.barrier()?;
            epoll::add(&poll, &client, epoll::EventData::new_u64(number), epoll::EventFlags::IN)?;
            let mut request = Vec::new();
            write_request(&mut request, number);
            all.push(Requester { client, request, began: None, sent: 0 });
        }
        Ok(Requesters { all, poll })
    }

    /// Each client sends a new request when it has its reply, for so long; then the last replies are awaited.
    fn run(&mut self, length: Duration) -> Outcome<(u64, Latencies)> {
        let mut latencies = Latencies::new();
        let mut buffer = vec![0; 16 * 1024];
        let mut events = Vec::with_capacity(self.all.len());
        let end = Instant::now() + length;
        self.all.iter_mut().try_for_each(Requester::send)?;
        let mut requests = self.all.len() as u64;
        let mut open = self.all.len();
        while open > 0 {
            events.clear();
            let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
            match epoll::wait(&self.poll, spare_capacity(&mut events), Some(&patience)) {
                Err(rustix::io::Errno::INTR) => continue,
                waited => waited?,
            };
            if events.is_empty() {
                return fail!("{open} requests were not answered");
            }
            for event in &events {
                let number = event.data.u64();
                let requester = &mut self.all[number as usize];
                let Some(latency) = requester.receive(number, &mut buffer)? else { continue };
                latencies.record(latency);
                open -= 1;
                if Instant::now() < end {
                    requester.send()?;
                    open += 1;
                    requests += 1;
                }
            }
        }
        Ok((requests, latencies))
    }

    /// Nobody has been answered twice.
    fn check(&mut self) -> Outcome<()> {
        for requester in &mut self.all {
            requester.client.barrier()?;
            if requester.client.scanner.messages() != requester.sent {
                return fail!("a request was answered more than once");
            }
        }
        Ok(())
    }
}

impl Requester {
    fn send(&mut self) -> Outcome<()> {
        self.began = Some(Instant::now());
        self.sent += 1;
        self.client.write(&self.request)
    }

    /// Reads; gives the time since the request where its reply came.
    fn receive(&mut self, number: u64, buffer: &mut [u8]) -> Outcome<Option<Duration>> {
        let (mut replies, mut strange) = (0, 0);
        self.client.read(buffer, |event| match event {
            Event::Message(line) if subject_number(line) == Some(number) => replies += 1,
            _ => strange += 1,
        })?;
        match (replies, strange) {
            (0, 0) => Ok(None),
            (1, 0) => match self.began.take() {
                Some(began) => Ok(Some(began.elapsed())),
                None => fail!("a reply came to a request that was not open"),
            },
            _ => fail!("client {number} received what is not its one reply"),
        }
    }
}
