//! The client protocol: what a stream of bytes means does not depend on how it arrives.

use crate::proto::client::{Message, Op, Rules, Step, parse};

/// The first byte chooses the rules, the second how the rest, a client's stream, is cut into pieces.
pub fn protocol(data: &[u8]) {
    let [rules, cuts, stream @ ..] = data else { return };
    let rules = Rules {
        headers: rules & 1 == 0,
        max_payload: if rules & 2 == 0 { 1 << 20 } else { 16 },
        max_control_line: if rules & 4 == 0 { 4096 } else { 24 },
    };
    let whole = in_pieces(stream, &rules, |_| stream.len());
    assert_eq!(whole, in_pieces(stream, &rules, |_| 1), "byte by byte");
    let mut dice = u64::from(*cuts) * 0x9e37_79b9 + 1;
    let pieces = in_pieces(stream, &rules, |_| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        1 + (dice >> 33) as usize % 40
    });
    assert_eq!(whole, pieces, "in pieces");
}

/// All that a stream amounts to, as text; the last line says how it ended.
fn in_pieces(stream: &[u8], rules: &Rules, mut size: impl FnMut(usize) -> usize) -> Vec<String> {
    let mut said = Vec::new();
    // The start of the operation under way, and how much of the stream has come.
    let (mut start, mut come) = (0, 0);
    // What the parser asked for, in bytes from the operation's start.
    let mut wanted = 0;
    while come < stream.len() {
        come = (come + size(come)).min(stream.len());
        loop {
            match parse(&stream[start..come], rules) {
                Step::Op(op, used) => {
                    assert!(used > 0 && used <= come - start, "an operation of bytes that have come");
                    assert!(wanted == 0 || wanted == used, "asked for {wanted}, took {used}");
                    check(&op, rules);
                    said.push(format!("{op:?}"));
                    start += used;
                    wanted = 0;
                    if start == come {
                        break;
                    }
                }
                Step::More(more) => {
                    assert!(more == 0 || more > come - start, "asks for what it has");
                    assert!(wanted == 0 || wanted == more, "asked for {wanted}, then {more}");
                    wanted = more;
                    break;
                }
                Step::Fault(fault) => {
                    said.push(kind(&format!("{fault:?}")));
                    return said;
                }
            }
        }
    }
    if start < stream.len() {
        said.push("unfinished".to_owned());
    }
    said
}

/// A line too long is seen as soon as it is: how long it was by then depends on the pieces.
fn kind(fault: &str) -> String {
    if fault.starts_with("ControlLine") { "ControlLine".to_owned() } else { fault.to_owned() }
}

fn check(op: &Op<'_>, rules: &Rules) {
    if let Op::Publish(message) = op {
        check_message(message, rules);
    }
}

fn check_message(message: &Message<'_>, rules: &Rules) {
    assert!(!message.subject.is_empty() && message.payload.len() <= rules.max_payload);
    assert!(message.header_len.is_none() || rules.headers);
    assert!(message.header_len.is_none_or(|len| len as usize <= message.payload.len()));
    let mut tail = Vec::new();
    message.write_tail(&mut tail);
    assert!(
        message.tail.is_empty() || message.tail == tail,
        "the tail as it came is the tail as it must leave"
    );
    assert!(tail.ends_with(b"\r\n") && tail.starts_with(message.reply));
}
