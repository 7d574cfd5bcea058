//! Answers of permissions kept for the next message on the same subject.

use std::hash::{BuildHasher, Hasher};

use hashbrown::DefaultHashBuilder;

use super::{Permissions, named};

/// Pairs of slots when new and at most; a pair takes 256 bytes.
const PAIRS_MIN: usize = 8;
const PAIRS_MAX: usize = 8192;

/// Longest subject, with its queue, whose verdict is kept.
const KEY_BYTES_MAX: usize = 111;

/// The verdicts of one shard, over all permissions. A question has two slots, and second-chance admission as in
/// `interest`: a subject is kept only when it comes twice without another of its slots in between, so a stream of
/// ever new subjects pushes nothing out. A verdict is taken from here only for the same permissions, the same
/// question and the same bytes. No lookup allocates but the one that makes the cache grow.
pub struct Verdicts {
    pairs: Box<[Pair]>,
    hasher: DefaultHashBuilder,
    /// Live verdicts pushed out since the last growth.
    evictions: usize,
    /// Questions that permissions had to answer.
    pub misses: u64,
}

type Pair = [Slot; 2];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Publish,
    Receive,
}

/// The kind of a question and the lengths of its subject and queue, in one word.
type Shape = u32;

#[derive(Clone, Copy)]
#[repr(C, align(128))]
struct Slot {
    /// The number of the permissions; 0: empty.
    owner: u64,
    shape: Shape,
    /// Of the hash of the last question that missed here, in the first slot of a pair.
    candidate: u32,
    verdict: bool,
    /// The subject, and the queue behind it.
    key: [u8; KEY_BYTES_MAX],
}

const _: () = assert!(size_of::<Slot>() == 128 && KEY_BYTES_MAX <= u8::MAX as usize);

const EMPTY: Slot = Slot { owner: 0, shape: 0, candidate: 0, verdict: false, key: [0; KEY_BYTES_MAX] };

/// What is asked.
struct Question<'a> {
    permissions: &'a Permissions,
    kind: Kind,
    subject: &'a [u8],
    queue: &'a [u8],
}

impl Default for Verdicts {
    fn default() -> Verdicts {
        Verdicts {
            pairs: vec![[EMPTY; 2]; PAIRS_MIN].into(),
            hasher: DefaultHashBuilder::default(),
            evictions: 0,
            misses: 0,
        }
    }
}

impl Verdicts {
    /// See `Permissions::may_publish`.
    #[inline]
    pub fn may_publish(&mut self, permissions: &Permissions, subject: &[u8]) -> bool {
        self.answer(&Question { permissions, kind: Kind::Publish, subject, queue: b"" })
    }

    /// See `Permissions::may_receive`.
    #[inline]
    pub fn may_receive(&mut self, permissions: &Permissions, subject: &[u8], queue: Option<&[u8]>) -> bool {
        let queue = queue.unwrap_or_default();
        self.answer(&Question { permissions, kind: Kind::Receive, subject, queue })
    }

    /// All of a hit is in one piece: with calls between its parts it takes twice as long.
    #[inline(always)]
    fn answer(&mut self, question: &Question<'_>) -> bool {
        if question.subject.len() + question.queue.len() > KEY_BYTES_MAX {
            self.misses += 1;
            return question.verdict();
        }
        let hash = question.hash(&self.hasher);
        let [first, second] = &self.pairs[self.index(hash)];
        if first.holds(question) {
            return first.verdict;
        }
        if second.holds(question) {
            return second.verdict;
        }
        self.miss(question, hash)
    }

    #[cold]
    fn miss(&mut self, question: &Question<'_>, hash: u64) -> bool {
        self.misses += 1;
        let verdict = question.verdict();
        let mut index = self.index(hash);
        let [first, second] = &mut self.pairs[index];
        let candidate = (hash >> 1) as u32;
        if first.candidate != candidate {
            first.candidate = candidate;
            return verdict;
        }
        if first.owner != 0 && second.owner != 0 {
            self.evictions += 1;
            if self.evictions > self.pairs.len() && self.pairs.len() < PAIRS_MAX {
                self.pairs = vec![[EMPTY; 2]; self.pairs.len() * 4].into();
                self.evictions = 0;
                index = self.index(hash);
            }
        }
        let pair = &mut self.pairs[index];
        // Where both are taken, a question pushes out from the same one every time: the other stays what it is.
        let place = pair.iter().position(|slot| slot.owner == 0).unwrap_or(hash as usize & 1);
        pair[place].keep(question, verdict);
        verdict
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.pairs.len() - 1)
    }
}

impl Question<'_> {
    fn verdict(&self) -> bool {
        match self.kind {
            Kind::Publish => self.permissions.may_publish(self.subject),
            Kind::Receive => self.permissions.may_receive(self.subject, named(Some(self.queue))),
        }
    }

    #[inline]
    fn shape(&self) -> Shape {
        self.kind as u32 | (self.subject.len() as u32) << 8 | (self.queue.len() as u32) << 16
    }

    #[inline(always)]
    fn hash(&self, hasher: &DefaultHashBuilder) -> u64 {
        let mut state = hasher.build_hasher();
        state.write_u64(self.permissions.number << 1 | self.kind as u64);
        state.write(self.subject);
        if !self.queue.is_empty() {
            state.write(self.queue);
        }
        state.finish()
    }
}

impl Slot {
    #[inline(always)]
    fn holds(&self, question: &Question<'_>) -> bool {
        let Question { permissions, subject, queue, .. } = question;
        self.owner == permissions.number
            && self.shape == question.shape()
            && self.key[..subject.len()] == **subject
            && (queue.is_empty() || self.key[subject.len()..][..queue.len()] == **queue)
    }

    fn keep(&mut self, question: &Question<'_>, verdict: bool) {
        let Question { permissions, subject, queue, .. } = question;
        self.owner = permissions.number;
        self.shape = question.shape();
        self.verdict = verdict;
        self.key[..subject.len()].copy_from_slice(subject);
        self.key[subject.len()..][..queue.len()].copy_from_slice(queue);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Lists, Rules};
    use super::*;

    fn denying(subjects: &[&str]) -> Permissions {
        let deny: Vec<String> = subjects.iter().map(|subject| subject.to_string()).collect();
        let lists = Lists { allow: None, deny };
        Permissions::new(Rules { publish: lists.clone(), subscribe: lists, responses: None })
    }

    fn warmed(verdicts: &mut Verdicts, permissions: &Permissions, subject: &[u8]) -> bool {
        verdicts.may_publish(permissions, subject);
        verdicts.may_publish(permissions, subject)
    }

    #[test]
    fn the_third_answer_is_kept() {
        let user = denying(&["a"]);
        let mut verdicts = Verdicts::default();
        for subject in [&b"a"[..], b"b"] {
            let before = verdicts.misses;
            for _ in 0..5 {
                assert_eq!(verdicts.may_publish(&user, subject), subject == b"b");
            }
            assert_eq!(verdicts.misses, before + 2);
        }
    }

    #[test]
    fn an_answer_is_for_one_question() {
        let (one, other) = (denying(&["a", "b q"]), denying(&["c"]));
        let mut verdicts = Verdicts { pairs: vec![[EMPTY; 2]; 1].into(), ..Verdicts::default() };
        assert!(!warmed(&mut verdicts, &one, b"a"));
        let slot = &verdicts.pairs[0][0];
        let ask =
            |permissions, kind, subject, queue| slot.holds(&Question { permissions, kind, subject, queue });
        assert!(ask(&one, Kind::Publish, b"a", b""));
        assert!(!ask(&other, Kind::Publish, b"a", b""));
        assert!(!ask(&one, Kind::Receive, b"a", b""));
        assert!(!ask(&one, Kind::Publish, b"b", b"") && !ask(&one, Kind::Publish, b"aa", b""));
        for _ in 0..3 {
            assert!(!verdicts.may_receive(&one, b"b", Some(b"q")));
        }
        let slot = &verdicts.pairs[0][1];
        let ask =
            |subject, queue| slot.holds(&Question { permissions: &one, kind: Kind::Receive, subject, queue });
        assert!(ask(b"b", b"q") && !ask(b"bq", b"") && !ask(b"b", b"") && !ask(b"b", b"r"));
    }

    #[test]
    fn long_subjects_are_answered_too() {
        let user = denying(&["a.>"]);
        let mut verdicts = Verdicts::default();
        for length in [KEY_BYTES_MAX - 1, KEY_BYTES_MAX, KEY_BYTES_MAX + 1, 4096] {
            let mut subject = vec![b'x'; length];
            for denied in [false, true] {
                if denied {
                    subject[..2].copy_from_slice(b"a.");
                }
                for _ in 0..3 {
                    assert_eq!(verdicts.may_publish(&user, &subject), !denied);
                    assert_eq!(verdicts.may_receive(&user, &subject, Some(b"q")), !denied);
                }
            }
        }
    }

    #[test]
    fn grows_to_its_bound_and_answers_all_the_way() {
        let user = denying(&["*.7"]);
        let mut verdicts = Verdicts::default();
        for round in 0..4 {
            for number in 0..40_000 {
                let subject = format!("{number}.{}", number % 10);
                for _ in 0..2 {
                    assert_eq!(verdicts.may_publish(&user, subject.as_bytes()), number % 10 != 7, "{round}");
                }
            }
        }
        assert_eq!(verdicts.pairs.len(), PAIRS_MAX);
    }

    /// What comes once pushes nothing out.
    #[test]
    fn what_repeats_stays() {
        let user = denying(&["a"]);
        let mut verdicts = Verdicts::default();
        warmed(&mut verdicts, &user, b"b");
        for number in 0..1000 {
            verdicts.may_publish(&user, format!("n.{number}").as_bytes());
        }
        let before = verdicts.misses;
        verdicts.may_publish(&user, b"b");
        assert_eq!(verdicts.misses, before);
        assert_eq!(verdicts.pairs.len(), PAIRS_MIN);
    }
}
