//! What a server sends, cut into frames, at the lowest cost that still checks every one of them.
//!
//! Bytes may be cut anywhere. Most scenarios know the head line their messages come with, so the scanner compares
//! it in one go and jumps over the payload; any other line takes the general way.

use memchr::{memchr, memrchr};

use crate::failure::{Outcome, fail};

/// The longest line before a payload or an INFO that is believed.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// A frame's beginning. A message's payload may still be on its way when it is told.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The line of a MSG or HMSG, without its line end.
    Message(&'a [u8]),
    Ping,
    Pong,
    /// The line of an INFO.
    Info(&'a [u8]),
}

/// The reader's place in one connection's stream.
#[derive(Debug, Default)]
pub struct Scanner {
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    /// Bytes of the current payload, line end included, still to come.
    body_left: usize,
    expected: Vec<u8>,
    expected_body: usize,
    messages: u64,
}

impl Scanner {
    /// Messages are expected to come with exactly this line (line end included) and payload length.
    pub fn expect(&mut self, line: &[u8], payload: usize) {
        self.expected = line.to_vec();
        self.expected_body = payload + 2;
    }

    /// Messages received whole.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Reads on. An `-ERR` of the server, or anything that is not its protocol, is a failure.
    pub fn feed(&mut self, mut bytes: &[u8], mut see: impl FnMut(Event<'_>)) -> Outcome<()> {
        while !bytes.is_empty() {
            if self.body_left > 0 {
                bytes = self.skip_body(bytes);
            } else if self.is_expected(bytes) {
                see(Event::Message(&self.expected[..self.expected.len() - 2]));
                self.body_left = self.expected_body;
                bytes = &bytes[self.expected.len()..];
            } else {
                bytes = self.read_line(bytes, &mut see)?;
            }
        }
        Ok(())
    }

    fn is_expected(&self, bytes: &[u8]) -> bool {
        !self.expected.is_empty() && self.line.is_empty() && bytes.starts_with(&self.expected)
    }

    fn skip_body<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let skipped = self.body_left.min(bytes.len());
        self.body_left -= skipped;
        self.messages += u64::from(self.body_left == 0);
        &bytes[skipped..]
    }

    fn read_line<'a>(&mut self, bytes: &'a [u8], see: &mut impl FnMut(Event<'_>)) -> Outcome<&'a [u8]> {
        let Some(end) = memchr(b'\n', bytes) else {
            self.line.extend_from_slice(bytes);
            if self.line.len() > LINE_BYTES_MAX {
                return fail!("the server sent a line of more than {LINE_BYTES_MAX} bytes");
            }
            return Ok(&[]);
        };
        let (line, rest) = bytes.split_at(end + 1);
        if self.line.is_empty() {
            self.body_left = begin(line, see)?;
        } else {
            self.line.extend_from_slice(line);
            self.body_left = begin(&self.line, see)?;
            self.line.clear();
        }
        Ok(rest)
    }
}

/// Tells of a whole line, and how many bytes of payload follow it.
fn begin(line: &[u8], see: &mut impl FnMut(Event<'_>)) -> Outcome<usize> {
    let Some(line) = line.strip_suffix(b"\r\n") else { return unexpected(line) };
    let mut payload = 0;
    match line {
        b"PING" => see(Event::Ping),
        b"PONG" => see(Event::Pong),
        b"+OK" => {}
        _ if line.starts_with(b"INFO ") => see(Event::Info(line)),
        _ if line.starts_with(b"MSG ") || line.starts_with(b"HMSG ") => match payload_length(line) {
            Some(length) => {
                see(Event::Message(line));
                payload = length + 2;
            }
            None => return unexpected(line),
        },
        _ if line.starts_with(b"-ERR") => return fail!("the server says {}", String::from_utf8_lossy(line)),
        _ => return unexpected(line),
    }
    Ok(payload)
}

fn payload_length(line: &[u8]) -> Option<usize> {
    let digits = &line[memrchr(b' ', line)? + 1..];
    number(digits).filter(|_| digits.len() <= 9).map(|length| length as usize)
}

/// Decimal digits and nothing else.
pub fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits
        .iter()
        .try_fold(0_u64, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

fn unexpected<T>(line: &[u8]) -> Outcome<T> {
    let shown = &line[..line.len().min(80)];
    fail!("the server sent what is not its protocol: {:?}", String::from_utf8_lossy(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        b"PING\r\nMSG a.b 1 5\r\nhe\r\no\r\nMSG a.b 1 5\r\nworld\r\n+OK\r\nMSG a 7 _IN.4 0\r\n\r\n\
        HMSG a.b 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\nPONG\r\n";

    fn scan(scanner: &mut Scanner, chunk: usize) -> Vec<String> {
        let mut seen = Vec::new();
        for bytes in STREAM.chunks(chunk) {
            let told = scanner.feed(bytes, |event| {
                seen.push(match event {
                    Event::Message(line) => String::from_utf8_lossy(line).into_owned(),
                    other => format!("{other:?}"),
                });
            });
            told.expect("a well-formed stream");
        }
        seen
    }

    #[test]
    fn frames_are_the_same_wherever_the_stream_is_cut() {
        let told = ["Ping", "MSG a.b 1 5", "MSG a.b 1 5", "MSG a 7 _IN.4 0", "HMSG a.b 1 12 14", "Pong"];
        for chunk in 1..=STREAM.len() {
            let mut plain = Scanner::default();
            assert_eq!(scan(&mut plain, chunk), told, "cut every {chunk} bytes");
            let mut expecting = Scanner::default();
            expecting.expect(b"MSG a.b 1 5\r\n", 5);
            assert_eq!(scan(&mut expecting, chunk), told, "expecting, cut every {chunk} bytes");
            assert_eq!((plain.messages(), expecting.messages()), (4, 4));
        }
    }

    #[test]
    fn a_message_counts_when_all_of_it_is_here() {
        let mut scanner = Scanner::default();
        scanner.feed(b"MSG a 1 2\r\nhi\r", |_| {}).expect("a beginning");
        assert_eq!(scanner.messages(), 0);
        scanner.feed(b"\n", |_| {}).expect("its end");
        assert_eq!(scanner.messages(), 1);
    }

    #[test]
    fn what_is_not_protocol_is_a_failure() {
        for bytes in [&b"-ERR 'Slow Consumer'\r\n"[..], b"MSG a 1 x\r\n", b"MSG\r\n", b"hello\r\n", b"PONG\n"]
        {
            let told = Scanner::default().feed(bytes, |_| {});
            assert!(told.is_err(), "{:?} was believed", String::from_utf8_lossy(bytes));
        }
        let mut shifted = Scanner::default();
        shifted.expect(b"MSG a 1 2\r\n", 2);
        assert!(shifted.feed(b"MSG a 1 2\r\nhi!\r\nMSG a 1 2\r\nhi\r\n", |_| {}).is_err());
    }

    #[test]
    fn numbers_are_digits_alone() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"65536"), Some(65_536));
        assert_eq!([number(b""), number(b"-1"), number(b"1a"), number(&[b'9'; 20])], [None; 4]);
    }
}
