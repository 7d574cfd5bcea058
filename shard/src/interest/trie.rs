//! The trie of patterns: which nodes a subject reaches. It knows tokens, not subscribers; a node carries
//! handles (`Heads`) whose meaning is `interest`'s.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::token::Token;

/// Handle of a node. `NONE` is no node.
pub type NodeId = u32;

/// The absent handle, for nodes and for everything that hangs on them.
pub const NONE: u32 = u32::MAX;

/// What hangs on a node: heads of intrusive lists and a remote set, each `NONE` where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// First plain subscription of this shard.
    pub plain: u32,
    /// First queue group.
    pub group: u32,
    /// Set of other shards with plain subscriptions here.
    pub remote: u32,
}

impl Heads {
    const EMPTY: Heads = Heads { plain: NONE, group: NONE, remote: NONE };
}

struct Node {
    parent: NodeId,
    star: NodeId,
    tail: NodeId,
    /// Children of every kind; a node with none and empty heads is freed.
    children: u32,
    heads: Heads,
    token: Token,
}

/// Literal children are found in one flat hash table keyed by (parent, token): a node costs its record and
/// some five bytes of table, whatever the shape of the tree.
pub struct Trie {
    nodes: Vec<Node>,
    free: Vec<NodeId>,
    literals: HashTable<NodeId>,
    hasher: DefaultHashBuilder,
}

const ROOT: NodeId = 0;

impl Default for Trie {
    fn default() -> Trie {
        let root = Node {
            parent: NONE,
            star: NONE,
            tail: NONE,
            children: 0,
            heads: Heads::EMPTY,
            token: Token::new(b""),
        };
        Trie {
            nodes: vec![root],
            free: Vec::new(),
            literals: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl Trie {
    /// Nodes in use, the root not counted.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn len(&self) -> usize {
        self.nodes.len() - self.free.len() - 1
    }

    #[inline]
    pub fn heads(&self, node: NodeId) -> Heads {
        self.nodes[node as usize].heads
    }

    pub fn heads_mut(&mut self, node: NodeId) -> &mut Heads {
        &mut self.nodes[node as usize].heads
    }

    /// The node of a pattern, made where it does not exist. The pattern must be valid.
    pub fn insert(&mut self, pattern: &[u8]) -> NodeId {
        let mut node = ROOT;
        for token in pattern.split(|byte| *byte == b'.') {
            node = match self.child(node, token) {
                NONE => self.add_child(node, token),
                child => child,
            };
        }
        node
    }

    /// The node of a pattern, if it exists.
    pub fn find(&self, pattern: &[u8]) -> Option<NodeId> {
        let mut node = ROOT;
        for token in pattern.split(|byte| *byte == b'.') {
            node = self.child(node, token);
            if node == NONE {
                return None;
            }
        }
        Some(node)
    }

    /// The pattern that leads to a node.
    pub fn pattern(&self, node: NodeId) -> Vec<u8> {
        let mut path = Vec::new();
        let mut at = node;
        while at != ROOT {
            path.push(at);
            at = self.nodes[at as usize].parent;
        }
        let mut pattern = Vec::new();
        for (depth, id) in path.iter().rev().enumerate() {
            if depth > 0 {
                pattern.push(b'.');
            }
            pattern.extend_from_slice(self.nodes[*id as usize].token.as_bytes());
        }
        pattern
    }

    /// Frees a node and those above it that nothing hangs on any more.
    pub fn prune(&mut self, mut node: NodeId) {
        while node != ROOT {
            let Node { children, heads, parent, .. } = self.nodes[node as usize];
            if children > 0 || heads != Heads::EMPTY {
                return;
            }
            self.unlink(parent, node);
            self.nodes[node as usize].token = Token::new(b"");
            self.free.push(node);
            node = parent;
        }
    }

    /// Calls `visit` with every node whose pattern matches the subject. A subject with an empty token
    /// matches nothing. Source: nats-server `sublist.go:match`.
    #[inline]
    pub fn matches(&self, subject: &[u8], visit: &mut impl FnMut(NodeId)) {
        if subject.is_empty() || subject[subject.len() - 1] == b'.' || subject[0] == b'.' {
            return;
        }
        if memchr::memmem::find(subject, b"..").is_some() {
            return;
        }
        self.descend(ROOT, subject, visit);
    }

    fn descend(&self, mut node: NodeId, mut rest: &[u8], visit: &mut impl FnMut(NodeId)) {
        // Literal steps loop, only a star branches: the depth of recursion is the number of stars met.
        loop {
            let Node { star, tail, .. } = self.nodes[node as usize];
            if tail != NONE {
                visit(tail);
            }
            let end = memchr::memchr(b'.', rest);
            let token = &rest[..end.unwrap_or(rest.len())];
            let literal = self.literal(node, token);
            let Some(end) = end else {
                if star != NONE {
                    visit(star);
                }
                if literal != NONE {
                    visit(literal);
                }
                return;
            };
            rest = &rest[end + 1..];
            match (literal, star) {
                (NONE, NONE) => return,
                (only, NONE) | (NONE, only) => node = only,
                (literal, star) => {
                    self.descend(star, rest, visit);
                    node = literal;
                }
            }
        }
    }

    fn child(&self, node: NodeId, token: &[u8]) -> NodeId {
        match token {
            b"*" => self.nodes[node as usize].star,
            b">" => self.nodes[node as usize].tail,
            _ => self.literal(node, token),
        }
    }

    #[inline]
    fn literal(&self, parent: NodeId, token: &[u8]) -> NodeId {
        let hash = hash_of(&self.hasher, parent, token);
        let found = self.literals.find(hash, |id| {
            let node = &self.nodes[*id as usize];
            node.parent == parent && node.token.as_bytes() == token
        });
        found.copied().unwrap_or(NONE)
    }

    fn add_child(&mut self, parent: NodeId, token: &[u8]) -> NodeId {
        let node = Node {
            parent,
            star: NONE,
            tail: NONE,
            children: 0,
            heads: Heads::EMPTY,
            token: Token::new(token),
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.nodes[id as usize] = node;
                id
            }
            None => {
                assert!(self.nodes.len() < NONE as usize, "trie handles are 32 bits wide");
                self.nodes.push(node);
                (self.nodes.len() - 1) as NodeId
            }
        };
        self.nodes[parent as usize].children += 1;
        match token {
            b"*" => self.nodes[parent as usize].star = id,
            b">" => self.nodes[parent as usize].tail = id,
            _ => {
                let Trie { nodes, literals, hasher, .. } = self;
                literals.insert_unique(hash_of(hasher, parent, token), id, |other| {
                    let node = &nodes[*other as usize];
                    hash_of(hasher, node.parent, node.token.as_bytes())
                });
            }
        }
        id
    }

    fn unlink(&mut self, parent: NodeId, node: NodeId) {
        let above = &mut self.nodes[parent as usize];
        above.children -= 1;
        if above.star == node {
            above.star = NONE;
        } else if above.tail == node {
            above.tail = NONE;
        } else {
            let hash = hash_of(&self.hasher, parent, self.nodes[node as usize].token.as_bytes());
            let entry = self.literals.find_entry(hash, |id| *id == node);
            entry.expect("a literal child is in the table").remove();
        }
    }
}

#[inline]
fn hash_of(hasher: &DefaultHashBuilder, parent: NodeId, token: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write_u32(parent);
    token.hash(&mut state);
    state.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(trie: &Trie, subject: &str) -> Vec<String> {
        let mut found = Vec::new();
        trie.matches(subject.as_bytes(), &mut |node| {
            if trie.heads(node).plain != NONE {
                found.push(String::from_utf8(trie.pattern(node)).unwrap());
            }
        });
        found.sort();
        found
    }

    #[test]
    fn matches_each_kind_of_token() {
        let mut trie = Trie::default();
        for pattern in ["a.b", "a.*", "a.>", "*.b", ">", "a.b.c", "a.*.c"] {
            let node = trie.insert(pattern.as_bytes());
            trie.heads_mut(node).plain = 1;
        }
        assert_eq!(reached(&trie, "a.b"), ["*.b", ">", "a.*", "a.>", "a.b"]);
        assert_eq!(reached(&trie, "a.b.c"), [">", "a.*.c", "a.>", "a.b.c"]);
        assert_eq!(reached(&trie, "a"), [">"]);
        for nothing in ["", ".", "a.", ".a", "a..b"] {
            assert!(reached(&trie, nothing).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn prunes_to_nothing() {
        let mut trie = Trie::default();
        let patterns = ["a.b.c", "a.b.*", "a.>", "*", "a.b.a-token-longer-than-fourteen-bytes"];
        let nodes: Vec<NodeId> = patterns.iter().map(|pattern| trie.insert(pattern.as_bytes())).collect();
        for node in &nodes {
            trie.heads_mut(*node).group = 7;
        }
        assert_eq!(trie.len(), 7);
        for node in nodes {
            trie.heads_mut(node).group = NONE;
            trie.prune(node);
        }
        assert_eq!(trie.len(), 0);
        assert!(trie.literals.is_empty());
    }
}
