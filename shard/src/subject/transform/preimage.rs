//! Which subjects become ones that a pattern matches: how interest crosses from an importer to an exporter.

use super::{Token, Transform, read};

impl Transform {
    /// The pattern of exactly those subjects of the source that become ones which `pattern` matches; `None` where
    /// there are none, or where the transform is not reversible. nats-server joins the two patterns first and takes
    /// the way back then (`client.go:addShadowSubscriptions`), which fails where a wildcard is used twice and
    /// leads elsewhere where three change places.
    pub fn preimage(&self, pattern: &[u8]) -> Option<Vec<u8>> {
        let mut source: Vec<&[u8]> = self.source.as_bytes().split(|byte| *byte == b'.').collect();
        let wildcards: Vec<usize> = (0..source.len()).filter(|place| source[*place] == b"*").collect();
        let mut wanted = pattern;
        let mut destination = self.destination.split('.').peekable();
        while let Some(token) = destination.next() {
            if token == ">" {
                let tail = source.len() - 1;
                source[tail] = wanted;
                break;
            }
            let (want, rest) = first(wanted);
            if want == b">" && rest.is_none() {
                // Whatever comes fits: this token and those after it.
                break;
            }
            match read(token).ok()? {
                Token::Literal => narrow(&mut token.as_bytes(), want)?,
                Token::Wildcard(number) => {
                    let place = usize::try_from(number - 1).ok().and_then(|at| wildcards.get(at));
                    match source[place.copied().unwrap_or(0)] {
                        // The first token of the tail: no pattern says so of it alone.
                        b">" if want == b"*" => {}
                        b">" => return None,
                        _ => narrow(&mut source[place.copied().unwrap_or(0)], want)?,
                    }
                }
                _ => return None,
            }
            wanted = match (rest, destination.peek()) {
                (Some(rest), Some(_)) => rest,
                (None, None) => break,
                _ => return None,
            };
        }
        Some(source.join(&b'.'))
    }
}

fn first(pattern: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'.', pattern) {
        Some(dot) => (&pattern[..dot], Some(&pattern[dot + 1..])),
        None => (pattern, None),
    }
}

/// A token that is wanted to be another as well; `None` where it cannot be.
fn narrow<'a>(token: &mut &'a [u8], want: &'a [u8]) -> Option<()> {
    match (*token, want) {
        (_, b"*") => {}
        (b"*", want) => *token = want,
        (token, want) if token == want => {}
        _ => return None,
    }
    Some(())
}
