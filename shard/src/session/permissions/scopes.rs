//! Patterns of which each may be bound to a queue, whose name may be a pattern itself.

use super::patterns::Patterns;
use crate::subject::pattern;

/// What one list of a user's subscribe permissions covers.
#[derive(Default)]
pub struct Scopes {
    plain: Patterns,
    /// Patterns bound to queues; their numbers are of `queues`.
    bound: Patterns,
    queues: Vec<Queues>,
}

/// The queues that one pattern is bound to.
#[derive(Default)]
struct Queues {
    /// Every name as it is written, sorted: one with wildcards is also a name that a client may use.
    names: Vec<Box<[u8]>>,
    wild: Vec<Box<[u8]>>,
}

/// What of the scopes a subject meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    pub plain: bool,
    /// A pattern that is bound to a queue, and one that is bound to the queue asked for.
    pub bound: bool,
    pub queue: bool,
}

impl Scopes {
    /// Entries that are malformed cover nothing, as in nats-server `client.go:setPermissions`.
    pub fn new(entries: &[String]) -> Scopes {
        let mut scopes = Scopes::default();
        for entry in entries {
            match split(entry) {
                Some((subject, None)) => {
                    scopes.plain.insert(subject.as_bytes(), 0);
                }
                Some((subject, Some(queue))) => scopes.bind(subject, queue),
                None => {}
            }
        }
        for queues in &mut scopes.queues {
            queues.names.sort_unstable();
            queues.names.dedup();
        }
        scopes
    }

    fn bind(&mut self, subject: &str, queue: &str) {
        let number = self.bound.insert(subject.as_bytes(), self.queues.len() as u32) as usize;
        if number == self.queues.len() {
            self.queues.push(Queues::default());
        }
        let queues = &mut self.queues[number];
        queues.names.push(queue.as_bytes().into());
        if pattern::has_wildcard(queue) {
            queues.wild.push(queue.as_bytes().into());
        }
    }

    /// Whether a pattern without queue matches, or one that is bound to the queue.
    #[inline]
    pub fn cover(&self, subject: &[u8], queue: Option<&[u8]>) -> bool {
        self.plain.matches(subject) || queue.is_some_and(|queue| self.bind_queue(subject, queue))
    }

    /// All that there is to know of a subject.
    pub fn meet(&self, subject: &[u8], queue: &[u8]) -> Met {
        Met {
            plain: self.plain.matches(subject),
            bound: self.bound.matches(subject),
            queue: self.bind_queue(subject, queue),
        }
    }

    /// Whether some subject of the pattern is covered: for plain subscriptions, or for those of some queue.
    pub fn overlap(&self, pattern: &[u8], queued: bool) -> bool {
        self.plain.overlap(pattern) || (queued && self.bound.overlap(pattern))
    }

    fn bind_queue(&self, subject: &[u8], queue: &[u8]) -> bool {
        self.bound.find(subject, |number| self.queues[number as usize].hold(queue))
    }
}

impl Queues {
    /// Source: nats-server `client.go:queueMatches`.
    fn hold(&self, queue: &[u8]) -> bool {
        let has_name = self.names.binary_search_by(|name| (**name).cmp(queue)).is_ok();
        has_name || self.wild.iter().any(|wild| is_queue_of(queue, wild))
    }
}

/// Whether a queue's name is among those of a pattern. A token of the pattern that only begins with a star stands
/// for every token. Source: nats-server `sublist.go:isSubsetMatchTokenized`.
fn is_queue_of(queue: &[u8], wild: &[u8]) -> bool {
    let mut tokens = queue.split(|byte| *byte == b'.');
    for wide in wild.split(|byte| *byte == b'.') {
        let Some(token) = tokens.next() else { return false };
        match wide {
            b"" => return false,
            b">" => return true,
            _ if token.is_empty() || token == b">" => return false,
            b"*" => {}
            _ if token == b"*" => return false,
            _ if wide[0] == b'*' || wide == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

/// The subject of an entry, and the queue behind it; `None` where it is malformed. Source: nats-server
/// `client.go:splitSubjectQueue`.
pub fn split(entry: &str) -> Option<(&str, Option<&str>)> {
    let mut words = entry.split_whitespace();
    let (subject, queue) = (words.next()?, words.next());
    let is_valid =
        words.next().is_none() && pattern::is_valid(subject) && queue.is_none_or(pattern::is_valid);
    is_valid.then_some((subject, queue))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_split() {
        assert_eq!(split("a"), Some(("a", None)));
        assert_eq!(split(" a.>\t"), Some(("a.>", None)));
        assert_eq!(split("a.*  q.*"), Some(("a.*", Some("q.*"))));
        for malformed in ["", " ", "a b c", "a..b", "a b.", ">.a", "a >.b"] {
            assert_eq!(split(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn queues_by_name_and_by_pattern() {
        for (queue, wild) in
            [("v1", "*"), ("v1.a", "v1.*"), ("v1.a.b", "v1.>"), ("*", "*"), ("x.1", "*a.*"), ("a..", "a.>")]
        {
            assert!(is_queue_of(queue.as_bytes(), wild.as_bytes()), "{queue} of {wild}");
        }
        for (queue, wild) in
            [("v1", "v1.*"), ("v1.a", "*"), ("*", "a"), (">", "*"), ("v.", "v.*"), ("v1", "v1.>")]
        {
            assert!(!is_queue_of(queue.as_bytes(), wild.as_bytes()), "{queue} of {wild}");
        }
        let scopes =
            Scopes::new(&["a q.*".to_owned(), "a r".to_owned(), "b *.s".to_owned(), "a q.*".to_owned()]);
        for (subject, queue, covered) in [
            ("a", "q.1", true),
            ("a", "q.*", true),
            ("a", "r", true),
            ("a", "s", false),
            ("b", "r", false),
            ("b", "*.s", true),
        ] {
            assert_eq!(
                scopes.cover(subject.as_bytes(), Some(queue.as_bytes())),
                covered,
                "{subject} {queue}"
            );
            assert!(!scopes.cover(subject.as_bytes(), None));
        }
    }
}
