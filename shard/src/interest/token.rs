//! One token of a pattern, stored in sixteen bytes: short ones inline, the rest on the heap.

/// Longest token that needs no allocation.
const INLINE_BYTES_MAX: usize = 14;

/// A string of bytes, immutable, in sixteen bytes. Used for trie tokens and for subscription ids, both of
/// which come by the hundred thousand and are nearly always short.
pub struct Token(Repr);

enum Repr {
    Inline { len: u8, bytes: [u8; INLINE_BYTES_MAX] },
    Heap(Box<Box<[u8]>>),
}

impl Token {
    pub fn new(bytes: &[u8]) -> Token {
        if bytes.len() <= INLINE_BYTES_MAX {
            let mut inline = [0; INLINE_BYTES_MAX];
            inline[..bytes.len()].copy_from_slice(bytes);
            return Token(Repr::Inline { len: bytes.len() as u8, bytes: inline });
        }
        Token(Repr::Heap(Box::new(bytes.into())))
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..*len as usize],
            Repr::Heap(bytes) => bytes,
        }
    }
}

const _: () = assert!(size_of::<Token>() == 16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_it_was_given() {
        for len in [0, 1, 13, 14, 15, 100] {
            let bytes = vec![b'x'; len];
            assert_eq!(Token::new(&bytes).as_bytes(), bytes);
        }
    }
}
