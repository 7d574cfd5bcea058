//! A fixed set of patterns, asked often and never changed: which of them a subject meets, and whether some
//! subject meets one of them and a given pattern too.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};

/// The absent node.
const NONE: u32 = u32::MAX;
const ROOT: u32 = 0;

/// A trie by tokens. Each pattern carries a number, which several may share. Without patterns it costs no heap.
#[derive(Default)]
pub struct Patterns {
    nodes: Vec<Node>,
    /// Nodes of literal tokens, found by parent and token.
    literals: HashTable<u32>,
    /// The tokens of all nodes, one behind the other.
    text: Vec<u8>,
    hasher: DefaultHashBuilder,
}

struct Node {
    parent: u32,
    star: u32,
    tail: u32,
    /// The first child with a literal token, and the next sibling of such.
    literal: u32,
    sibling: u32,
    /// Where its token lies in `text`.
    from: u32,
    to: u32,
    /// The number of the pattern that ends here.
    number: Option<u32>,
}

impl Patterns {
    /// Adds a valid pattern; answers the number it carries, `number` where it is new.
    pub fn insert(&mut self, pattern: &[u8], number: u32) -> u32 {
        if self.nodes.is_empty() {
            self.add_node(NONE, b"");
        }
        let mut node = ROOT;
        for token in pattern.split(|byte| *byte == b'.') {
            let child = match token {
                b"*" => self.node(node).star,
                b">" => self.node(node).tail,
                _ => self.literal(node, token),
            };
            node = if child == NONE { self.add_child(node, token) } else { child };
        }
        *self.nodes[node as usize].number.get_or_insert(number)
    }

    /// Whether a pattern matches the subject and `wanted` says so of its number. A subject with an empty token
    /// matches nothing. A token `*` or `>` of the subject is taken for a literal: it is matched by `*` and by
    /// `>`, not by itself. Source: nats-server `sublist.go:match`, `matchLevel`.
    #[inline]
    pub fn find(&self, subject: &[u8], mut wanted: impl FnMut(u32) -> bool) -> bool {
        if self.nodes.is_empty() || has_empty_token(subject) {
            return false;
        }
        self.descend(ROOT, subject, &mut wanted)
    }

    /// Whether a pattern matches the subject.
    #[inline]
    pub fn matches(&self, subject: &[u8]) -> bool {
        self.find(subject, |_| true)
    }

    /// Whether some subject is matched by `other` and by a pattern of these.
    pub fn overlap(&self, other: &[u8]) -> bool {
        !self.nodes.is_empty() && self.overlap_below(ROOT, other)
    }

    fn descend(&self, mut node: u32, mut rest: &[u8], wanted: &mut impl FnMut(u32) -> bool) -> bool {
        // Literal steps loop, only a star branches: the depth of recursion is the number of stars met.
        loop {
            let &Node { star, tail, .. } = self.node(node);
            if self.ends(tail, wanted) {
                return true;
            }
            let end = memchr::memchr(b'.', rest);
            let literal = self.literal(node, &rest[..end.unwrap_or(rest.len())]);
            let Some(end) = end else {
                return self.ends(star, wanted) || self.ends(literal, wanted);
            };
            rest = &rest[end + 1..];
            match (literal, star) {
                (NONE, NONE) => return false,
                (only, NONE) | (NONE, only) => node = only,
                (literal, star) => {
                    if self.descend(star, rest, wanted) {
                        return true;
                    }
                    node = literal;
                }
            }
        }
    }

    #[inline]
    fn ends(&self, node: u32, wanted: &mut impl FnMut(u32) -> bool) -> bool {
        node != NONE && self.node(node).number.is_some_and(wanted)
    }

    /// Every leaf is the end of a pattern, so `>` meets one wherever anything lies below.
    fn overlap_below(&self, node: u32, rest: &[u8]) -> bool {
        let &Node { star, tail, literal: first, .. } = self.node(node);
        if tail != NONE {
            return true;
        }
        let end = memchr::memchr(b'.', rest);
        let token = &rest[..end.unwrap_or(rest.len())];
        let child_meets = |child: u32| match end {
            None => self.node(child).number.is_some(),
            Some(end) => self.overlap_below(child, &rest[end + 1..]),
        };
        let meets = |child: u32| child != NONE && child_meets(child);
        match token {
            b">" => star != NONE || first != NONE,
            b"*" => meets(star) || self.siblings(first).any(child_meets),
            _ => meets(star) || meets(self.literal(node, token)),
        }
    }

    fn siblings(&self, first: u32) -> impl Iterator<Item = u32> {
        let some = |node: u32| (node != NONE).then_some(node);
        std::iter::successors(some(first), move |node| some(self.node(*node).sibling))
    }

    #[inline]
    fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    #[inline]
    fn literal(&self, parent: u32, token: &[u8]) -> u32 {
        if self.node(parent).literal == NONE {
            return NONE;
        }
        let hash = hash_of(&self.hasher, parent, token);
        let is_it = |id: &u32| {
            let node = self.node(*id);
            node.parent == parent && self.text[node.from as usize..node.to as usize] == *token
        };
        self.literals.find(hash, is_it).copied().unwrap_or(NONE)
    }

    fn add_child(&mut self, parent: u32, token: &[u8]) -> u32 {
        let id = self.add_node(parent, token);
        let above = &mut self.nodes[parent as usize];
        match token {
            b"*" => above.star = id,
            b">" => above.tail = id,
            _ => {
                let sibling = std::mem::replace(&mut above.literal, id);
                self.nodes[id as usize].sibling = sibling;
                let Patterns { nodes, literals, text, hasher } = self;
                literals.insert_unique(hash_of(hasher, parent, token), id, |other| {
                    let node = &nodes[*other as usize];
                    hash_of(hasher, node.parent, &text[node.from as usize..node.to as usize])
                });
            }
        }
        id
    }

    fn add_node(&mut self, parent: u32, token: &[u8]) -> u32 {
        let from = self.text.len() as u32;
        self.text.extend_from_slice(token);
        assert!(self.text.len() < NONE as usize && self.nodes.len() < NONE as usize, "handles of 32 bits");
        let to = self.text.len() as u32;
        let (star, tail, literal, sibling) = (NONE, NONE, NONE, NONE);
        self.nodes.push(Node { parent, star, tail, literal, sibling, from, to, number: None });
        (self.nodes.len() - 1) as u32
    }
}

#[inline]
fn has_empty_token(subject: &[u8]) -> bool {
    let (Some(first), Some(last)) = (subject.first(), subject.last()) else { return true };
    *first == b'.' || *last == b'.' || subject.windows(2).any(|two| two == b"..")
}

#[inline]
fn hash_of(hasher: &DefaultHashBuilder, parent: u32, token: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write_u32(parent);
    token.hash(&mut state);
    state.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(patterns: &[&str]) -> Patterns {
        let mut set = Patterns::default();
        for (number, pattern) in patterns.iter().enumerate() {
            set.insert(pattern.as_bytes(), number as u32);
        }
        set
    }

    #[test]
    fn subjects_meet_patterns() {
        let set = of(&["a.b", "b.*", "c.>", "*.x.y", "d.*a"]);
        for subject in
            ["a.b", "b.z", "c.1", "c.1.2", "q.x.y", "a.x.y", "b.>", "b.*", "c.*", "c.>", "*.x.y", "d.*a"]
        {
            assert!(set.matches(subject.as_bytes()), "{subject}");
        }
        for subject in
            ["a", "a.b.c", "b", "b.1.2", "c", "a.*", "a.>", "", ".", "b..", "b.", ".b", "c..d", "d.ba"]
        {
            assert!(!set.matches(subject.as_bytes()), "{subject}");
        }
    }

    #[test]
    fn patterns_that_are_equal_share_a_number() {
        let mut set = of(&["a.b", "a.*"]);
        assert_eq!(set.insert(b"a.*", 7), 1);
        assert_eq!(set.insert(b"a.>", 7), 7);
        assert!(set.find(b"a.b", |number| number == 7));
        assert!(!set.find(b"a.b", |number| number == 8));
    }

    #[test]
    fn patterns_overlap() {
        let set = of(&["a.b", "b.*.c", "c.>"]);
        for other in [
            "a.b", "a.*", "*.b", "*.*", ">", "a.>", "b.>", "b.x.*", "b.*.*", "*.*.c", "c.x", "c.*.*.x", "*.x",
        ] {
            assert!(set.overlap(other.as_bytes()), "{other}");
        }
        for other in ["a", "a.c", "*", "b.*", "b.x.d", "a.b.>", "b.x.c.>", "d.>", "c", "b.x.c.d"] {
            assert!(!set.overlap(other.as_bytes()), "{other}");
        }
        assert!(!of(&[]).overlap(b">"));
    }
}
