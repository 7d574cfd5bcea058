//! The header block of a message: `NATS/1.0`, lines of `Name: value`, an empty line. Source: ADR-4.

const VERSION: &[u8] = b"NATS/1.0\r\n";

/// Names and values of a block, in its order. A line that is none is left out.
pub fn fields(block: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(block).skip(1).filter_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        Some((line[..colon].trim_ascii(), line[colon + 1..].trim_ascii()))
    })
}

/// Lines with their ends; what is behind the last end counts as one. A line that begins with a blank belongs to
/// the one before.
fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = block;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = line_end(rest);
        while matches!(rest.get(end), Some(b' ' | b'\t')) {
            end += line_end(&rest[end..]);
        }
        let (line, behind) = rest.split_at(end);
        rest = behind;
        Some(line)
    })
}

fn line_end(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}

/// Lines as they stand, without those of a header by that name and what belongs to them. One that looks like
/// such a line behind its blanks is none to who knows of folding, and is one to others: it is left out too.
fn kept<'a>(block: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = block;
    let mut is_left_out = false;
    let physical = std::iter::from_fn(move || {
        let (line, behind) = rest.split_at(line_end(rest));
        rest = behind;
        (!line.is_empty()).then_some(line)
    });
    physical.filter(move |line| {
        is_left_out = is_named(line, name) || (is_left_out && line.starts_with(&[b' ']) | line.starts_with(&[b'\t']));
        !is_left_out
    })
}

fn is_named(line: &[u8], name: &[u8]) -> bool {
    memchr::memchr(b':', line).is_some_and(|colon| line[..colon].trim_ascii().eq_ignore_ascii_case(name))
}

/// Writes what follows `HMSG subject sid ` for a message that is given one more header. Whatever it had by that
/// name, however often and in whatever case, is left out. `body` is headers and payload, the headers
/// `header_len` bytes of it. Answers the bytes of headers there are now.
/// Source: nats-server `client.go:setHeader`.
pub fn write_tail_with(
    reply: &[u8],
    header_len: Option<usize>,
    body: &[u8],
    (name, value): (&[u8], &[u8]),
    out: &mut Vec<u8>,
) -> usize {
    let (block, payload) = body.split_at(header_len.unwrap_or(0).min(body.len()));
    let block = block.strip_suffix(b"\r\n").unwrap_or(block);
    let start = if block.is_empty() { VERSION.len() } else { 0 };
    // A block that does not end its last line could swallow what follows.
    let repair = if block.is_empty() || block.ends_with(b"\r\n") { 0 } else { 2 };
    let kept_len: usize = kept(block, name).map(<[u8]>::len).sum();
    let new_len = start + kept_len + repair + name.len() + 2 + value.len() + 4;
    if !reply.is_empty() {
        out.extend_from_slice(reply);
        out.push(b' ');
    }
    out.extend_from_slice(new_len.to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice((new_len + payload.len()).to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&VERSION[..start]);
    kept(block, name).for_each(|line| out.extend_from_slice(line));
    out.extend_from_slice(&b"\r\n"[..repair]);
    for part in [name, b": ", value, b"\r\n\r\n", payload, b"\r\n"] {
        out.extend_from_slice(part);
    }
    new_len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(reply: &str, block: &str, payload: &str) -> String {
        let body = format!("{block}{payload}");
        let header_len = (!block.is_empty()).then_some(block.len());
        let mut out = Vec::new();
        let new =
            write_tail_with(reply.as_bytes(), header_len, body.as_bytes(), (b"Who", b"{\"a\":1}"), &mut out);
        let text = String::from_utf8(out).unwrap();
        let (line, rest) = text.split_once("\r\n").unwrap();
        let sizes: Vec<usize> = line.split(' ').rev().take(2).map(|size| size.parse().unwrap()).collect();
        assert_eq!((sizes[0], sizes[1]), (rest.len() - 2, new), "{text:?}");
        assert!(rest[..new].ends_with("\r\n\r\n") && rest[new..] == format!("{payload}\r\n"), "{text:?}");
        text
    }

    #[test]
    fn one_header_is_added_and_its_likes_are_left_out() {
        assert_eq!(with("r", "", "hi"), "r 26 28\r\nNATS/1.0\r\nWho: {\"a\":1}\r\n\r\nhi\r\n");
        let head = "NATS/1.0\r\nA: b\r\n";
        let want = "32 34\r\nNATS/1.0\r\nA: b\r\nWho: {\"a\":1}\r\n\r\nhi\r\n";
        for forged in ["", "Who: x\r\n", "WHO:x\r\nwho : y\r\n", "Who: x\r\n folded\r\n\tmore\r\n", " Who: x\r\n more\r\n"] {
            assert_eq!(with("", &format!("{head}{forged}\r\n"), "hi"), want, "{forged}");
        }
        // What follows no line end is no line of its own.
        assert!(with("", "NATS/1.0\r\nA: b\r\nWho: x", "hi").contains("A: b\r\n\r\nWho: {"));
        with("", "\r\n", "hi");
        with("", "junk", "");
    }

    #[test]
    fn fields_are_read_as_they_are() {
        let block = b"NATS/1.0 503\r\nA:b\r\n B : c\r\nC: d: e \r\nno field\r\n\r\n";
        let read: Vec<_> = fields(block).collect();
        assert_eq!(read, [(&b"A"[..], &b"b\r\n B : c"[..]), (b"C", b"d: e")]);
    }
}
