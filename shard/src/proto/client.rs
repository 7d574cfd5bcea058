//! Bytes of a client → operations. Pure and resumable at any byte: given the bytes from the start of an
//! operation, answers the operation, or that more bytes are needed, or what is wrong. Hot path.
//! Behaviour: nats-server `parser.go:parse` and `client.go:processPub`, `processHeaderPub`, `parseSub`,
//! `processUnsub`.

/// What the connection may send at the moment.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Bytes of a line's arguments.
    pub max_control_line: usize,
    /// Bytes of a message, headers included.
    pub max_payload: usize,
    /// Client and server both speak headers.
    pub headers: bool,
}

/// One operation, borrowed from the bytes it came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Op<'a> {
    /// The JSON text.
    Connect(&'a [u8]),
    Ping,
    Pong,
    Publish(Message<'a>),
    Subscribe {
        subject: &'a [u8],
        queue: Option<&'a [u8]>,
        sid: &'a [u8],
    },
    /// `max` is `None` where it was not given or is no number.
    Unsubscribe {
        sid: &'a [u8],
        max: Option<u32>,
    },
    /// The JSON text; a client's is checked and ignored.
    Info(&'a [u8]),
    Ok,
    Err(&'a [u8]),
}

/// A published message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    pub subject: &'a [u8],
    /// Empty: none.
    pub reply: &'a [u8],
    /// Bytes of the header block at the start of the payload; `None` for PUB.
    pub header_len: Option<u32>,
    /// The size tokens as they came: `12`, or `12 17` for HPUB.
    pub sizes: &'a [u8],
    /// Headers and body.
    pub payload: &'a [u8],
    /// Reply, sizes, line end, payload, line end, exactly as they must follow `MSG subject sid ` on the way
    /// out; empty where the client's spacing was not canonical.
    pub tail: &'a [u8],
}

/// Why a connection's bytes are no operation.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answered with "Unknown Protocol Operation"; the offset is where it went wrong.
    Unknown {
        at: usize,
    },
    /// Closed without a word; the text is for the log.
    Malformed(String),
    ControlLine {
        len: usize,
    },
    Payload {
        size: usize,
    },
    HeadersOff,
}

/// What a prefix of a connection's bytes amounts to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// An operation and how many bytes it took.
    Op(Op<'a>, usize),
    /// At least this many bytes from the start of the operation are needed; 0 where that is not known yet.
    More(usize),
    Fault(Fault),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verb {
    Connect,
    Err,
    HeaderPublish,
    Info,
    Ok,
    Ping,
    Pong,
    Publish,
    Subscribe,
    Unsubscribe,
}

/// In lower case, and whether a blank must follow.
const VERBS: [(&[u8], Verb, bool); 10] = [
    (b"pub", Verb::Publish, true),
    (b"hpub", Verb::HeaderPublish, true),
    (b"sub", Verb::Subscribe, true),
    (b"unsub", Verb::Unsubscribe, true),
    (b"ping", Verb::Ping, false),
    (b"pong", Verb::Pong, false),
    (b"connect", Verb::Connect, false),
    (b"info", Verb::Info, false),
    (b"+ok", Verb::Ok, false),
    (b"-err", Verb::Err, true),
];

/// Whether bytes can only be the start of CONNECT: all that is let in while credentials are awaited.
/// Source: nats-server `parser.go:parse` (`authSet`).
pub fn may_be_connect(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(|byte| byte.eq_ignore_ascii_case(&b'c'))
}

/// Reads the operation at the start of `bytes`.
#[inline]
pub fn parse<'a>(bytes: &'a [u8], rules: &Rules) -> Step<'a> {
    if let Some(verb) = bytes.first_chunk::<4>() {
        match u32::from_le_bytes(*verb) | 0x0020_2020 {
            PUB_BLANK => return publish(bytes, 4, rules, false),
            HPUB if bytes.get(4) == Some(&b' ') => return publish(bytes, 5, rules, true),
            _ => {}
        }
    }
    parse_any(bytes, rules)
}

const PUB_BLANK: u32 = u32::from_le_bytes(*b"pub ");
/// Only its first three bytes are put in lower case.
const HPUB: u32 = u32::from_le_bytes(*b"hpuB");

fn parse_any<'a>(bytes: &'a [u8], rules: &Rules) -> Step<'a> {
    let (verb, after) = match verb(bytes) {
        Ok(Some(found)) => found,
        Ok(None) => return Step::More(0),
        Err(at) => return Step::Fault(Fault::Unknown { at }),
    };
    let start = after + blanks(&bytes[after..]);
    if matches!(verb, Verb::Publish | Verb::HeaderPublish) {
        return publish(bytes, start, rules, verb == Verb::HeaderPublish);
    }
    let Some(end) = memchr::memchr(b'\n', &bytes[after..]).map(|at| after + at) else {
        return unfinished(&bytes[start..], rules, !matches!(verb, Verb::Ping | Verb::Pong | Verb::Ok));
    };
    let args = without_return(&bytes[start.min(end)..end]);
    if args.len() > rules.max_control_line && !matches!(verb, Verb::Ping | Verb::Pong | Verb::Ok) {
        return Step::Fault(Fault::ControlLine { len: args.len() });
    }
    let op = match verb {
        Verb::Ping => Ok(Op::Ping),
        Verb::Pong => Ok(Op::Pong),
        Verb::Ok => Ok(Op::Ok),
        Verb::Connect => Ok(Op::Connect(args)),
        Verb::Info => Ok(Op::Info(args)),
        Verb::Err => Ok(Op::Err(args)),
        Verb::Subscribe => subscribe(args),
        Verb::Unsubscribe => unsubscribe(args),
        Verb::Publish | Verb::HeaderPublish => unreachable!("handled above"),
    };
    match op {
        Ok(op) => Step::Op(op, end + 1),
        Err(text) => Step::Fault(Fault::Malformed(text)),
    }
}

/// The verb at the start and where it ends, `None` if bytes are missing, or where it goes wrong.
fn verb(bytes: &[u8]) -> Result<Option<(Verb, usize)>, usize> {
    let mut furthest = 0;
    for (name, verb, blank_follows) in &VERBS {
        let given = &bytes[..bytes.len().min(name.len())];
        let same =
            given.iter().zip(*name).take_while(|(given, want)| given.eq_ignore_ascii_case(want)).count();
        furthest = furthest.max(same);
        if same < given.len() {
            continue;
        }
        if given.len() < name.len() {
            return Ok(None);
        }
        return match (blank_follows, bytes.get(name.len())) {
            (false, _) => Ok(Some((*verb, name.len()))),
            (true, None) => Ok(None),
            (true, Some(b' ' | b'\t')) => Ok(Some((*verb, name.len()))),
            (true, Some(_)) => Err(name.len()),
        };
    }
    Err(furthest)
}

/// A line whose end has not come yet.
fn unfinished<'a>(args: &[u8], rules: &Rules, bounded: bool) -> Step<'a> {
    let args = without_return(args);
    if bounded && args.len() > rules.max_control_line {
        return Step::Fault(Fault::ControlLine { len: args.len() });
    }
    Step::More(0)
}

/// PUB and HPUB, from the start of their arguments. One pass over the line, no allocation.
#[inline]
fn publish<'a>(bytes: &'a [u8], start: usize, rules: &Rules, with_headers: bool) -> Step<'a> {
    let mut words = [(0usize, 0usize); 4];
    let mut count = 0;
    let mut open = usize::MAX;
    let mut at = start;
    let line_end = loop {
        let Some(byte) = bytes.get(at) else {
            return unfinished(bytes.get(start..).unwrap_or_default(), rules, true);
        };
        if *byte > b' ' {
            if open == usize::MAX {
                open = at;
            }
        } else if *byte == b' ' || *byte == b'\t' || *byte == b'\n' {
            if open != usize::MAX {
                let end = if *byte == b'\n' && bytes[at - 1] == b'\r' { at - 1 } else { at };
                if count < words.len() && end > open {
                    words[count] = (open, end);
                }
                count += usize::from(end > open);
                open = usize::MAX;
            }
            if *byte == b'\n' {
                break at + 1;
            }
        } else if open == usize::MAX && !(*byte == b'\r' && bytes.get(at + 1) == Some(&b'\n')) {
            open = at;
        }
        at += 1;
    };
    if line_end - start > rules.max_control_line {
        let args = without_return(&bytes[start..line_end - 1]);
        if args.len() > rules.max_control_line {
            return Step::Fault(Fault::ControlLine { len: args.len() });
        }
    }
    if with_headers && !rules.headers {
        return Step::Fault(Fault::HeadersOff);
    }
    let line = &bytes[start..line_end - 1];
    let sizes = if with_headers { 2 } else { 1 };
    if count < 1 + sizes || count > 2 + sizes {
        return Step::Fault(malformed(with_headers, "Parse Error", line));
    }
    let has_reply = count == 2 + sizes;
    let (size_start, size_end) = words[count - 1];
    let Some(size) = number(&bytes[size_start..size_end]) else {
        let what = if with_headers { "Bad or Missing Total Size" } else { "Bad or Missing Size" };
        return Step::Fault(malformed(with_headers, what, line));
    };
    let size = size as usize;
    let sizes_start = words[count - sizes].0;
    let header_len = if with_headers {
        let (from, to) = words[count - 2];
        match number(&bytes[from..to]) {
            None => return Step::Fault(malformed(true, "Bad or Missing Header Size", line)),
            Some(header) if header as usize > size => {
                return Step::Fault(malformed(true, "Header Size larger then TotalSize", line));
            }
            header => header,
        }
    } else {
        None
    };
    if size > rules.max_payload {
        return Step::Fault(Fault::Payload { size });
    }
    let whole = line_end + size + 2;
    if bytes.len() < whole {
        if bytes.get(line_end + size).is_some_and(|byte| *byte != b'\r') {
            return Step::Fault(Fault::Unknown { at: line_end + size });
        }
        return Step::More(whole);
    }
    if bytes[line_end + size] != b'\r' || bytes[line_end + size + 1] != b'\n' {
        return Step::Fault(Fault::Unknown { at: line_end + size });
    }
    let word = |index: usize| &bytes[words[index].0..words[index].1];
    let first_of_tail = if has_reply { words[1].0 } else { sizes_start };
    let mut canonical = bytes[size_end..line_end] == *b"\r\n";
    for index in count - sizes..count {
        // Every word of the tail but its first follows its neighbour after exactly one space.
        if words[index].0 > first_of_tail {
            let gap = words[index - 1].1;
            canonical &= words[index].0 == gap + 1 && bytes[gap] == b' ';
        }
    }
    let message = Message {
        subject: word(0),
        reply: if has_reply { word(1) } else { b"" },
        header_len,
        sizes: &bytes[sizes_start..size_end],
        payload: &bytes[line_end..line_end + size],
        tail: if canonical { &bytes[first_of_tail..whole] } else { b"" },
    };
    Step::Op(Op::Publish(message), whole)
}

impl Message<'_> {
    /// Writes the canonical tail, for a message whose spacing was not.
    pub fn write_tail(&self, out: &mut Vec<u8>) {
        out.clear();
        if !self.reply.is_empty() {
            out.extend_from_slice(self.reply);
            out.push(b' ');
        }
        for (index, word) in words(self.sizes).enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(word);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.payload);
        out.extend_from_slice(b"\r\n");
    }
}

fn malformed(with_headers: bool, what: &str, line: &[u8]) -> Fault {
    let place = if with_headers { "processHeaderPub" } else { "processPub" };
    Fault::Malformed(format!("{place} {what}: {:?}", String::from_utf8_lossy(without_return(line))))
}

fn subscribe(args: &[u8]) -> Result<Op<'_>, String> {
    let mut words = words(args);
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(subject), Some(sid), None, _) => Ok(Op::Subscribe { subject, queue: None, sid }),
        (Some(subject), queue, Some(sid), None) => Ok(Op::Subscribe { subject, queue, sid }),
        _ => Err(format!("processSub Parse Error: {:?}", String::from_utf8_lossy(args))),
    }
}

fn unsubscribe(args: &[u8]) -> Result<Op<'_>, String> {
    let mut words = words(args);
    match (words.next(), words.next(), words.next()) {
        (Some(sid), None, _) => Ok(Op::Unsubscribe { sid, max: None }),
        (Some(sid), Some(max), None) => Ok(Op::Unsubscribe { sid, max: number(max) }),
        _ => Err(format!("processUnsub Parse Error: {:?}", String::from_utf8_lossy(args))),
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).filter(|word| !word.is_empty())
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A decimal number of at most nine digits. Source: nats-server `util.go:parseSize`.
#[inline]
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let mut value = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u32::from(digit);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { max_control_line: 64, max_payload: 100, headers: true };

    fn op(text: &str) -> Op<'_> {
        match parse(text.as_bytes(), &RULES) {
            Step::Op(op, used) => {
                assert_eq!(used, text.len(), "{text:?}");
                op
            }
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    fn fault(text: &str) -> Fault {
        match parse(text.as_bytes(), &RULES) {
            Step::Fault(fault) => fault,
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    #[test]
    fn verbs_in_any_case_with_any_blanks() {
        assert_eq!(op("PING\r\n"), Op::Ping);
        assert_eq!(op("ping whatever\n"), Op::Ping);
        assert_eq!(op("+ok\r\n"), Op::Ok);
        assert_eq!(op("-Err 'x'\r\n"), Op::Err(b"'x'"));
        assert_eq!(op("CONNECT{}\r\n"), Op::Connect(b"{}"));
        assert_eq!(op("sUb\t a \t q  7\n"), Op::Subscribe { subject: b"a", queue: Some(b"q"), sid: b"7" });
        assert_eq!(op("UNSUB 7\r\n"), Op::Unsubscribe { sid: b"7", max: None });
        assert_eq!(op("UNSUB 7 12\r\n"), Op::Unsubscribe { sid: b"7", max: Some(12) });
    }

    #[test]
    fn a_message_and_its_tail() {
        let Op::Publish(message) = op("PUB a.b r.1 5\r\nhello\r\n") else { panic!() };
        assert_eq!((message.subject, message.reply), (&b"a.b"[..], &b"r.1"[..]));
        assert_eq!(message.tail, b"r.1 5\r\nhello\r\n");
        let Op::Publish(message) = op("pub a 0\r\n\r\n") else { panic!() };
        assert_eq!((message.reply, message.tail), (&b""[..], &b"0\r\n\r\n"[..]));
        let Op::Publish(message) = op("HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n") else { panic!() };
        assert_eq!(message.header_len, Some(12));
        assert_eq!(message.tail, b"12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
    }

    /// However a message was spaced, the tail written for it is canonical.
    #[test]
    fn odd_spacing_is_made_canonical() {
        for text in [
            "PUB\ta  r\t5\nhello\r\n",
            "pub  a r 5 \r\nhello\r\n",
            "PUB a r  5\r\nhello\r\n",
            "PUB a r 5 \nhello\r\n",
        ] {
            let Op::Publish(message) = op(text) else { panic!() };
            assert!(message.tail.is_empty(), "{text:?}");
            let mut tail = Vec::new();
            message.write_tail(&mut tail);
            assert_eq!(tail, b"r 5\r\nhello\r\n", "{text:?}");
        }
        let Op::Publish(message) = op("HPUB a\t12  \t12\r\nNATS/1.0\r\n\r\n\r\n") else { panic!() };
        let mut tail = Vec::new();
        message.write_tail(&mut tail);
        assert_eq!(tail, b"12 12\r\nNATS/1.0\r\n\r\n\r\n");
    }

    #[test]
    fn wrong_bytes_are_named_as_soon_as_they_come() {
        assert_eq!(fault("foo"), Fault::Unknown { at: 0 });
        assert_eq!(fault("PIX"), Fault::Unknown { at: 2 });
        assert_eq!(fault("PUBX"), Fault::Unknown { at: 3 });
        assert_eq!(fault("PUB a 2\r\nxxx"), Fault::Unknown { at: 11 });
        assert_eq!(fault("PUB a 2\r\nxx\r."), Fault::Unknown { at: 11 });
        assert_eq!(fault("PUB a 101\r\n"), Fault::Payload { size: 101 });
        for text in ["PUB a\r\n", "PUB a b c 1\r\n", "PUB a -1\r\n", "PUB a 1234567890\r\n", "PUB \r\n"] {
            assert!(matches!(fault(text), Fault::Malformed(_)), "{text:?}");
        }
        for text in ["HPUB a 5\r\n", "HPUB a 9 5\r\n", "HPUB a x 5\r\n", "HPUB a b c 1 2\r\n"] {
            assert!(matches!(fault(text), Fault::Malformed(_)), "{text:?}");
        }
        let long = format!("SUB {} 1", "x".repeat(64));
        assert_eq!(fault(&long), Fault::ControlLine { len: 66 });
        assert_eq!(fault(&format!("{long}\r\n")), Fault::ControlLine { len: 66 });
        let long = format!("PUB {} 1", "x".repeat(64));
        assert_eq!(fault(&long), Fault::ControlLine { len: 66 });
        assert_eq!(fault(&format!("{long}\r\n")), Fault::ControlLine { len: 66 });
    }

    /// Every proper prefix of an operation asks for more, and the whole gives the operation.
    #[test]
    fn resumable_at_every_byte() {
        let texts = [
            "PUB a.b r.1 5\r\nhello\r\n",
            "hpub a r 12 17\r\nNATS/1.0\r\n\r\nhello\r\n",
            "SUB a.* q 1\r\n",
            "UNSUB 1 5\r\n",
            "CONNECT {\"verbose\":false}\r\n",
            "PING\r\n",
            "PONG\r\n",
            "+OK\r\n",
            "-ERR 'x'\r\n",
            "INFO {}\r\n",
        ];
        for text in texts {
            for cut in 0..text.len() {
                let step = parse(&text.as_bytes()[..cut], &RULES);
                assert!(matches!(step, Step::More(_)), "{text:?} cut at {cut} gave {step:?}");
                if let Step::More(whole) = step {
                    assert!(whole == 0 || whole == text.len());
                }
            }
            op(text);
        }
    }
}
