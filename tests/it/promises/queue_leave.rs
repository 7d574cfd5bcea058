//! Members leave a queue group while messages flow: nothing is lost, nothing comes twice.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::raw::{Raw, payloads, publication};
use crate::support::server::Server;
use crate::support::shape::{Shape, in_every_shape};

const STAYING: usize = 3;
const LEAVING: usize = 4;
const PUBLISHERS: usize = 3;
const MESSAGES: usize = 3000;

in_every_shape! {
    /// Members of live connections leave and come back all the time: each message is received exactly once
    /// overall, because one of the others takes what a leaving member can no longer get.
    by_unsubscribing;
    /// Members reach their maximum while messages flow: each gets that many and no more, the rest go to others.
    by_reaching_their_maximum;
    /// A member's connection closes: what is published once its interest is gone is received exactly once.
    by_closing;
}

fn by_unsubscribing(shape: Shape) {
    let server = Server::start(shape);
    let mut staying: Vec<Raw> = (0..STAYING).map(|_| server.raw()).collect();
    for member in &mut staying {
        member.send("SUB work team 1\r\n");
        member.barrier();
    }
    let done = AtomicBool::new(false);
    let mut received = std::thread::scope(|scope| {
        let leaving: Vec<_> = (0..LEAVING)
            .map(|_| {
                let mut raw = server.raw();
                let done = &done;
                scope.spawn(move || come_and_go(&mut raw, done))
            })
            .collect();
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|publisher| {
                let mut raw = server.raw();
                scope.spawn(move || publish(&mut raw, publisher))
            })
            .collect();
        for publisher in publishers {
            publisher.join().expect("a publisher");
        }
        done.store(true, Ordering::Relaxed);
        leaving.into_iter().flat_map(|member| member.join().expect("a member")).collect::<Vec<_>>()
    });
    received.extend(staying.iter_mut().flat_map(|member| payloads(&member.barrier())));
    assert_each_once(received);
}

fn come_and_go(raw: &mut Raw, done: &AtomicBool) -> Vec<String> {
    let mut received = Vec::new();
    let mut sid = 0;
    while !done.load(Ordering::Relaxed) {
        sid += 1;
        raw.send(format!("SUB work team {sid}\r\n"));
        received.extend(payloads(&raw.barrier()));
        raw.send(format!("UNSUB {sid}\r\n"));
        received.extend(payloads(&raw.barrier()));
    }
    received.extend(payloads(&raw.barrier()));
    received
}

fn publish(raw: &mut Raw, publisher: usize) {
    for number in (publisher..MESSAGES).step_by(PUBLISHERS) {
        raw.send(publication("work", &number.to_string()));
        if number % 50 == 0 {
            raw.barrier();
        }
    }
    raw.barrier();
}

fn assert_each_once(mut received: Vec<String>) {
    received.sort_by_key(|text| text.parse::<usize>().expect("a number"));
    let expected: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    let lost: Vec<_> = expected.iter().filter(|number| !received.contains(number)).collect();
    assert!(lost.is_empty(), "{} lost: {lost:?}", lost.len());
    assert_eq!(received.len(), MESSAGES, "some came twice");
}

fn by_reaching_their_maximum(shape: Shape) {
    const MAXIMUM: usize = 100;
    let server = Server::start(shape);
    let mut staying: Vec<Raw> = (0..STAYING).map(|_| server.raw()).collect();
    let mut bounded: Vec<Raw> = (0..LEAVING).map(|_| server.raw()).collect();
    for member in &mut staying {
        member.send("SUB work team 1\r\n");
        member.barrier();
    }
    for member in &mut bounded {
        member.send(format!("SUB work team 1\r\nUNSUB 1 {MAXIMUM}\r\n"));
        member.barrier();
    }
    std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let mut raw = server.raw();
            scope.spawn(move || publish(&mut raw, publisher));
        }
    });
    let mut received = Vec::new();
    for member in &mut bounded {
        let mine = payloads(&member.barrier());
        assert_eq!(mine.len(), MAXIMUM);
        received.extend(mine);
    }
    received.extend(staying.iter_mut().flat_map(|member| payloads(&member.barrier())));
    assert_each_once(received);
}

fn by_closing(shape: Shape) {
    let server = Server::start(shape);
    let mut staying: Vec<Raw> = (0..STAYING).map(|_| server.raw()).collect();
    for member in &mut staying {
        member.send("SUB work team 1\r\n");
        member.barrier();
    }
    for number in 0..LEAVING {
        let mut member = server.raw();
        member.send(format!("SUB work team 1\r\nSUB here.{number} 2\r\n"));
        member.barrier();
    }
    let mut publishers: Vec<Raw> = (0..PUBLISHERS).map(|_| server.raw()).collect();
    for publisher in &mut publishers {
        publisher.send("SUB inbox 1\r\n");
        for number in 0..LEAVING {
            publisher.wait_for_listener(&format!("here.{number}"), false);
        }
        publisher.send("UNSUB 1\r\n");
        publisher.barrier();
    }
    for (number, publisher) in publishers.iter_mut().enumerate() {
        publish(publisher, number);
    }
    assert_each_once(staying.iter_mut().flat_map(|member| payloads(&member.barrier())).collect());
}
