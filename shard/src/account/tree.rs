//! Patterns by their tokens: those that may match a subject are found along it, however many there are.

use hashbrown::HashMap;

/// Patterns, each with a number by which it is told.
#[derive(Debug, Default)]
pub struct Tree {
    /// The first is the root; nothing is allocated before a pattern is entered.
    nodes: Vec<Node>,
}

/// Where the tokens read so far have led.
#[derive(Debug, Default)]
struct Node {
    next: HashMap<Box<[u8]>, u32>,
    /// After any token at all.
    open: Option<u32>,
    /// Patterns that end here, and those whose `>` stands here.
    ending: Vec<u32>,
    tails: Vec<u32>,
}

impl Tree {
    pub fn enter(&mut self, pattern: &[u8], number: u32) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        for token in pattern.split(|byte| *byte == b'.') {
            if token == b">" {
                return self.nodes[at].tails.push(number);
            }
            let new = u32::try_from(self.nodes.len()).expect("patterns fit into memory");
            let node = &mut self.nodes[at];
            let next = match is_open(token) {
                true => *node.open.get_or_insert(new),
                false => *node.next.entry(token.into()).or_insert(new),
            };
            if next == new {
                self.nodes.push(Node::default());
            }
            at = next as usize;
        }
        self.nodes[at].ending.push(number);
    }

    /// Tells the patterns to which the tokens lead, in no order: all that match the subject are among them, and
    /// whether each does is for the caller's relation to say.
    pub fn walk(&self, subject: &[u8], see: &mut impl FnMut(u32)) {
        if let Some(root) = self.nodes.first() {
            self.walk_on(root, Some(subject), see);
        }
    }

    fn walk_on(&self, node: &Node, rest: Option<&[u8]>, see: &mut impl FnMut(u32)) {
        let Some(rest) = rest else { return node.ending.iter().for_each(|number| see(*number)) };
        node.tails.iter().for_each(|number| see(*number));
        let (token, rest) = match memchr::memchr(b'.', rest) {
            Some(dot) => (&rest[..dot], Some(&rest[dot + 1..])),
            None => (rest, None),
        };
        for next in [node.next.get(token), node.open.as_ref()].into_iter().flatten() {
            self.walk_on(&self.nodes[*next as usize], rest, see);
        }
    }
}

/// nats-server takes a token that begins with a star for one, in its relation of subsets.
pub fn is_open(token: &[u8]) -> bool {
    token.starts_with(b"*") || token == b">"
}
