//! Permissions against the same rules as lists: what a user may publish, subscribe to and receive.

use super::Choices;
use crate::session::permissions::oracle::Oracle;
use crate::session::permissions::{Lists, Permissions, Rules, Verdicts};
use crate::subject::is_valid_pattern;

/// The bytes are choices: of rules, then of questions until none is left.
pub fn permissions(data: &[u8]) {
    examine(data);
}

/// The same; answers how many questions were asked.
pub fn examine(data: &[u8]) -> u64 {
    let mut choices = Choices(data);
    let rules = rules(&mut choices);
    let mut inquiry = Inquiry {
        oracle: Oracle::new(&rules),
        permissions: Permissions::new(rules),
        verdicts: Verdicts::default(),
        asked: 0,
    };
    while !choices.is_exhausted() {
        if choices.below(3) > 0 {
            let subject = text(&mut choices, true);
            inquiry.publish(&subject);
        } else {
            let pattern = text(&mut choices, false);
            let queue = queue(&mut choices, 4);
            inquiry.subscribe(&pattern, queue);
        }
    }
    inquiry.asked
}

struct Inquiry {
    permissions: Permissions,
    oracle: Oracle,
    verdicts: Verdicts,
    asked: u64,
}

impl Inquiry {
    fn publish(&mut self, subject: &str) {
        let expected = self.oracle.may_publish(subject);
        assert_eq!(self.permissions.may_publish(subject.as_bytes()), expected, "publish {subject}");
        self.asked += 1;
        self.receive(subject, None);
        // The third answer comes from what is kept.
        for _ in 0..3 {
            let kept = self.verdicts.may_publish(&self.permissions, subject.as_bytes());
            assert_eq!(kept, expected, "publish {subject}, kept");
        }
    }

    fn receive(&mut self, subject: &str, queue: Option<&str>) -> bool {
        let expected = self.oracle.may_receive(subject, queue);
        let (subject_bytes, queue_bytes) = (subject.as_bytes(), queue.map(str::as_bytes));
        let answered = self.permissions.may_receive(subject_bytes, queue_bytes);
        assert_eq!(answered, expected, "receive {subject} {queue:?}");
        let kept = self.verdicts.may_receive(&self.permissions, subject_bytes, queue_bytes);
        assert_eq!(kept, expected, "receive {subject} {queue:?}, kept");
        self.asked += 1;
        expected
    }

    /// The promise: of a subscription that is allowed, exactly what is denied is not delivered, and where nothing
    /// has to be asked nothing is denied.
    fn subscribe(&mut self, pattern: &str, queue: Option<&str>) {
        let (pattern_bytes, queue_bytes) = (pattern.as_bytes(), queue.map(str::as_bytes));
        let expected = self.oracle.may_subscribe(pattern, queue);
        let answered = self.permissions.may_subscribe(pattern_bytes, queue_bytes);
        assert_eq!(answered, expected, "subscribe {pattern} {queue:?}");
        self.asked += 1;
        if !is_valid_pattern(pattern_bytes) {
            return;
        }
        let filtered = self.permissions.must_filter(pattern_bytes, queue.is_some());
        let mut is_ever_denied = false;
        concrete(pattern, &mut |subject| {
            is_ever_denied |= self.oracle.is_ever_denied(subject, queue.is_some());
            let is_delivered = self.receive(subject, queue);
            assert!(
                is_delivered || filtered,
                "{subject} is denied to {pattern} {queue:?}, and not asked for"
            );
        });
        assert_eq!(filtered, is_ever_denied, "filter {pattern} {queue:?}");
    }
}

/// Subjects of up to four tokens that a pattern matches. One token of them is in no rule.
fn concrete(pattern: &str, visit: &mut impl FnMut(&str)) {
    let mut subjects = vec![String::new()];
    let tokens: Vec<&str> = pattern.split('.').collect();
    for at in 0..4 {
        let is_open = tokens.last() == Some(&">") && at + 1 >= tokens.len();
        let of = match tokens.get(at) {
            Some(&"*" | &">") => &["a", "b", "*a", "z"][..],
            Some(token) => std::slice::from_ref(token),
            None if is_open => &["a", "b", "*a", "z"],
            None => break,
        };
        let longer = |subject: &String| {
            let dot = if subject.is_empty() { "" } else { "." };
            of.iter().map(|token| format!("{subject}{dot}{token}")).collect::<Vec<String>>()
        };
        subjects = subjects.iter().flat_map(longer).collect();
        if is_open || at + 1 == tokens.len() {
            subjects.iter().for_each(|subject| visit(subject));
        }
    }
}

fn rules(choices: &mut Choices<'_>) -> Rules {
    Rules { publish: lists(choices, 1), subscribe: lists(choices, 4), responses: None }
}

fn lists(choices: &mut Choices<'_>, queues: usize) -> Lists {
    let allow = (choices.below(3) > 0).then(|| list(choices, queues));
    Lists { allow, deny: list(choices, queues) }
}

fn list(choices: &mut Choices<'_>, queues: usize) -> Vec<String> {
    (0..choices.below(5)).map(|_| entry(choices, queues)).collect()
}

fn entry(choices: &mut Choices<'_>, queues: usize) -> String {
    let subject = text(choices, false);
    match (choices.below(64), queue(choices, queues)) {
        (0, _) => ["", "a b c", "a..b", ">.a", "a b.", " "][choices.below(6)].to_owned(),
        // A queue where none belongs.
        (1, None) => format!(" {subject}  q"),
        (2, Some(queue)) => format!("\t{subject}\t{queue} "),
        (_, Some(queue)) => format!("{subject} {queue}"),
        (_, None) => subject,
    }
}

/// One of a few queues, or in so many cases of eight none.
fn queue(choices: &mut Choices<'_>, some: usize) -> Option<&'static str> {
    if choices.below(8) >= some.max(2) || some < 2 {
        return None;
    }
    Some(["q", "r", "q.a", "q.*", "q.>", "*", ">", "*a.*"][choices.below(8)])
}

/// One to four tokens. What is no pattern is published, too.
fn text(choices: &mut Choices<'_>, to_publish: bool) -> String {
    let length = 1 + choices.below(4);
    let mut tokens = Vec::new();
    for at in 0..length {
        let is_last = at + 1 == length;
        tokens.push(match choices.below(16) {
            0..=4 => "a",
            5..=8 => "b",
            9 if to_publish => "",
            9 => "*a",
            10 if to_publish => ">",
            11 | 12 if to_publish => "a",
            13..=15 if is_last && !to_publish => ">",
            _ => "*",
        });
    }
    tokens.join(".")
}
