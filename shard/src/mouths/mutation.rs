//! Inputs that resemble given ones: the same from the same seed, so that what failed once fails again.

/// Longest input made.
const BYTES_MAX: usize = 4096;

/// Words that matter to one mouth or another.
const WORDS: [&[u8]; 26] = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\0",
    b".",
    b"*",
    b">",
    b"..",
    b"PUB ",
    b"HPUB ",
    b"SUB ",
    b"UNSUB ",
    b"PING\r\n",
    b"PONG\r\n",
    b"CONNECT {",
    b"INFO {",
    b"+OK\r\n",
    b"-ERR '",
    b"0",
    b"-1",
    b"999999999",
    b"{\"a\":",
    b"null",
    b"NATS/1.0\r\n\r\n",
];

pub struct Mutation(u64);

impl Mutation {
    pub fn new(seed: u64) -> Mutation {
        Mutation(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides.max(1)
    }

    /// One of `seeds`, changed in a few places.
    pub fn of(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.roll(seeds.len())].clone();
        for _ in 0..1 + self.roll(6) {
            self.change(&mut bytes, seeds);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.roll(bytes.len() + 1);
        let end = at + self.roll((bytes.len() - at).min(16) + 1);
        match self.roll(7) {
            0 => drop(bytes.drain(at..end)),
            1 => bytes.insert(at, self.roll(256) as u8),
            2 if at < bytes.len() => bytes[at] = self.roll(256) as u8,
            3 if at < bytes.len() => bytes[at] ^= 1 << self.roll(8),
            4 => {
                let word = WORDS[self.roll(WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            5 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                let other = &seeds[self.roll(seeds.len())];
                let from = self.roll(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
}
