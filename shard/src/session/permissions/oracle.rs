//! Permissions as one would write the rules down: lists gone through entry by entry, token by token. What answers
//! fast is held against this.

use super::{Lists, Rules};

pub struct Oracle {
    publish: Sides,
    subscribe: Sides,
}

struct Sides {
    allow: Option<Vec<Entry>>,
    deny: Vec<Entry>,
}

struct Entry {
    tokens: Vec<String>,
    queue: Option<String>,
}

impl Oracle {
    pub fn new(rules: &Rules) -> Oracle {
        let mut publish = Sides::new(&rules.publish);
        // An allowed subject with a queue is no subject; a denied one is denied, whatever the queue.
        if let (Some(entries), Some(texts)) = (&mut publish.allow, &rules.publish.allow) {
            let without_blank = texts.iter().filter(|text| !text.contains(char::is_whitespace));
            *entries = without_blank.filter_map(|text| Entry::new(text)).collect();
        }
        for entry in &mut publish.deny {
            entry.queue = None;
        }
        let mut subscribe = Sides::new(&rules.subscribe);
        if rules.subscribe.allow.as_ref().is_some_and(Vec::is_empty) {
            subscribe.allow = None;
        }
        Oracle { publish, subscribe }
    }

    pub fn may_publish(&self, subject: &str) -> bool {
        let Sides { allow, deny } = &self.publish;
        let covers = |entry: &Entry| entry.covers(subject);
        allow.as_ref().is_none_or(|allow| allow.iter().any(covers)) && !deny.iter().any(covers)
    }

    pub fn may_subscribe(&self, pattern: &str, queue: Option<&str>) -> bool {
        self.is_allowed(pattern, queue) && self.may_receive(pattern, queue)
    }

    fn is_allowed(&self, pattern: &str, queue: Option<&str>) -> bool {
        let Some(allow) = &self.subscribe.allow else { return true };
        let on_pattern: Vec<&Entry> = allow.iter().filter(|entry| entry.covers(pattern)).collect();
        if let Some(queue) = queue
            && on_pattern.iter().any(|entry| entry.queue.is_some())
        {
            return on_pattern.iter().any(|entry| entry.is_for(queue));
        }
        on_pattern.iter().any(|entry| entry.queue.is_none())
    }

    pub fn may_receive(&self, subject: &str, queue: Option<&str>) -> bool {
        let concerns =
            |entry: &Entry| entry.queue.is_none() || queue.is_some_and(|queue| entry.is_for(queue));
        !self.subscribe.deny.iter().any(|entry| entry.covers(subject) && concerns(entry))
    }

    /// Whether the subject is denied to plain subscriptions, or to those of some queue.
    pub fn is_ever_denied(&self, subject: &str, queued: bool) -> bool {
        self.subscribe.deny.iter().any(|entry| entry.covers(subject) && (queued || entry.queue.is_none()))
    }
}

impl Sides {
    fn new(lists: &Lists) -> Sides {
        let entries = |texts: &Vec<String>| texts.iter().filter_map(|text| Entry::new(text)).collect();
        Sides { allow: lists.allow.as_ref().map(entries), deny: entries(&lists.deny) }
    }
}

impl Entry {
    fn new(text: &str) -> Option<Entry> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (subject, queue) = match words[..] {
            [subject] => (subject, None),
            [subject, queue] => (subject, Some(queue)),
            _ => return None,
        };
        if !is_pattern(subject) || queue.is_some_and(|queue| !is_pattern(queue)) {
            return None;
        }
        Some(Entry { tokens: tokens(subject), queue: queue.map(str::to_owned) })
    }

    /// A star is for any token, a tail for any that follow, and every other token for itself.
    fn covers(&self, subject: &str) -> bool {
        let given: Vec<&str> = subject.split('.').collect();
        if given.contains(&"") {
            return false;
        }
        let is_open = self.tokens.last().is_some_and(|token| token == ">");
        let fixed = self.tokens.len() - usize::from(is_open);
        let length_fits = if is_open { given.len() > fixed } else { given.len() == fixed };
        let is_wild = |token: &&str| *token == "*" || *token == ">";
        let fits = |(own, given): (&String, &&str)| own == "*" || (own == given && !is_wild(given));
        length_fits && self.tokens[..fixed].iter().zip(&given).all(fits)
    }

    fn is_for(&self, queue: &str) -> bool {
        let Some(own) = &self.queue else { return false };
        let wide = tokens(own);
        let has_wildcard = wide.iter().any(|token| token == "*" || token == ">");
        own == queue || (has_wildcard && is_within(&tokens(queue), &wide))
    }
}

/// Whether every name that a queue's name could stand for is one of a pattern of queues. A token of the pattern
/// that begins with a star is a star.
fn is_within(queue: &[String], wide: &[String]) -> bool {
    match (queue, wide) {
        ([], []) => true,
        ([_, ..], [tail]) if tail == ">" => true,
        ([name, names @ ..], [token, tokens @ ..]) => {
            let fits = match name.as_str() {
                "" | ">" => false,
                "*" => token == "*",
                name => token.starts_with('*') || token == name,
            };
            fits && is_within(names, tokens)
        }
        _ => false,
    }
}

fn is_pattern(text: &str) -> bool {
    let tokens = tokens(text);
    let early_tail = tokens[..tokens.len() - 1].iter().any(|token| token == ">");
    !early_tail && tokens.iter().all(|token| !token.is_empty())
}

fn tokens(text: &str) -> Vec<String> {
    text.split('.').map(str::to_owned).collect()
}
