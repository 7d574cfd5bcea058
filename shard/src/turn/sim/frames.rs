//! What a server says, taken apart strictly: a byte out of place is a violation.

/// One unit of the server's output.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Info,
    Ok,
    Ping,
    Pong,
    Error(String),
    Message(Message),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    pub subject: String,
    pub sid: String,
    pub reply: Option<String>,
    /// The header block of an HMSG.
    pub headers: Option<Vec<u8>>,
    pub body: Vec<u8>,
}

/// The frame at the start of the bytes and how many it takes; `None` while it is not whole.
pub fn next(bytes: &[u8]) -> Option<(Frame, usize)> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = std::str::from_utf8(&bytes[..end]).expect("violation: lines are text");
    let after = end + 2;
    let words: Vec<&str> = line.split(' ').collect();
    let frame = match words[0] {
        "INFO" => Frame::Info,
        "+OK" => Frame::Ok,
        "PING" => Frame::Ping,
        "PONG" => Frame::Pong,
        "-ERR" => Frame::Error(line.to_owned()),
        "MSG" => return message(&words, false, bytes, after),
        "HMSG" => return message(&words, true, bytes, after),
        _ => panic!("violation: no frame of the protocol: {line:?}"),
    };
    Some((frame, after))
}

fn message(words: &[&str], with_headers: bool, bytes: &[u8], start: usize) -> Option<(Frame, usize)> {
    let sizes = 1 + usize::from(with_headers);
    let has_reply = match words.len() - sizes {
        3 => false,
        4 => true,
        _ => panic!("violation: a message line of {} words: {words:?}", words.len()),
    };
    let size_at = |index: usize| words[index].parse::<usize>().expect("violation: a size is a number");
    let total = size_at(words.len() - 1);
    let headers = if with_headers { size_at(words.len() - 2) } else { 0 };
    let rest = &bytes[start..];
    if rest.len() < total + 2 {
        return None;
    }
    assert_eq!(&rest[total..total + 2], b"\r\n", "violation: a message's end");
    let message = Message {
        subject: words[1].to_owned(),
        sid: words[2].to_owned(),
        reply: has_reply.then(|| words[3].to_owned()),
        headers: with_headers.then(|| rest[..headers].to_vec()),
        body: rest[headers..total].to_vec(),
    };
    Some((Frame::Message(message), start + total + 2))
}
