//! What one user may publish, subscribe to and receive, compiled once and shared by all its connections.
//! Source: nats-server `client.go:setPermissions`, `pubAllowedFullCheck`, `canSubscribeInternal`.

#[cfg(any(test, feature = "fuzzing"))]
pub mod oracle;
mod patterns;
mod responses;
mod scopes;
mod verdicts;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use patterns::Patterns;
pub use responses::ReplyGrants;
use scopes::{Met, Scopes};
pub use verdicts::Verdicts;

use crate::subject::pattern;

/// Permissions as they are configured. Patterns are well formed; one for subscriptions may name a queue behind
/// a blank, which may be a pattern itself. A pattern that is malformed nevertheless allows and denies nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    pub publish: Lists,
    pub subscribe: Lists,
    pub responses: Option<Responses>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// `None` allows everything. An empty list allows nothing to be published, and everything to be subscribed
    /// to, as nats-server has it.
    pub allow: Option<Vec<String>>,
    pub deny: Vec<String>,
}

/// The right to answer: for each request received, so many messages to its reply subject, for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Responses {
    /// Below 1: no bound. In a configuration 0 stands for the default.
    pub max: i64,
    /// `None`: no bound.
    pub expires: Option<Duration>,
}

impl Responses {
    /// What `allow_responses: true` gives. Source: nats-server `const.go:DEFAULT_ALLOW_RESPONSE_MAX_MSGS`,
    /// `DEFAULT_ALLOW_RESPONSE_EXPIRATION`.
    pub const DEFAULT: Responses = Responses { max: 1, expires: Some(Duration::from_secs(120)) };
}

/// The same, ready to be asked. It never changes: shards share it.
///
/// What is denied stays denied whatever is allowed, and for members of a queue whatever is said of other queues.
pub struct Permissions {
    /// Unlike that of any other permissions of this process, never 0.
    number: u64,
    rules: Rules,
    publish_allow: Option<Patterns>,
    publish_deny: Patterns,
    subscribe_allow: Option<Scopes>,
    subscribe_deny: Scopes,
}

impl Permissions {
    pub fn new(rules: Rules) -> Permissions {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let allowed = rules.subscribe.allow.as_deref().unwrap_or_default();
        Permissions {
            number: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            publish_allow: rules.publish.allow.as_ref().map(|allow| patterns(allow, whole)),
            publish_deny: patterns(&rules.publish.deny, without_queue),
            subscribe_allow: (!allowed.is_empty()).then(|| Scopes::new(allowed)),
            subscribe_deny: Scopes::new(&rules.subscribe.deny),
            rules,
        }
    }

    /// Tells them from all others of this process; never 0.
    #[inline]
    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn responses(&self) -> Option<&Responses> {
        self.rules.responses.as_ref()
    }

    /// Whether a message may be published on this subject, responses apart. A response that is granted may be
    /// published even where this says no. Source: nats-server `client.go:pubAllowedFullCheck`.
    pub fn may_publish(&self, subject: &[u8]) -> bool {
        self.publish_allow.as_ref().is_none_or(|allow| allow.matches(subject))
            && !self.publish_deny.matches(subject)
    }

    /// Whether a subscription may be made. The lists see its pattern as if it were a subject: what is denied in a
    /// part of it alone is left to `may_receive`. Source: nats-server `client.go:canSubscribeInternal`.
    pub fn may_subscribe(&self, pattern: &[u8], queue: Option<&[u8]>) -> bool {
        let queue = named(queue);
        let is_allowed = match (&self.subscribe_allow, queue) {
            (None, _) => true,
            (Some(allow), None) => allow.cover(pattern, None),
            // Where queues are named for a subject, only these are allowed on it.
            (Some(allow), Some(queue)) => match allow.meet(pattern, queue) {
                Met { bound: true, queue, .. } => queue,
                Met { plain, .. } => plain,
            },
        };
        is_allowed && !self.subscribe_deny.cover(pattern, queue)
    }

    /// Whether `may_receive` must be asked for each message to a subscription, plain or of some queue: whether some
    /// subject of its pattern is denied. Source: nats-server `client.go:loadMsgDenyFilterIfNeeded`, which decides
    /// for all subscriptions of a connection at once.
    pub fn must_filter(&self, pattern: &[u8], queued: bool) -> bool {
        self.subscribe_deny.overlap(pattern, queued)
    }

    /// Whether a message on this subject may be delivered to a subscription, plain or of this queue. Source:
    /// nats-server `client.go:checkDenySub`.
    pub fn may_receive(&self, subject: &[u8], queue: Option<&[u8]>) -> bool {
        !self.subscribe_deny.cover(subject, named(queue))
    }
}

impl PartialEq for Permissions {
    fn eq(&self, other: &Permissions) -> bool {
        self.rules == other.rules
    }
}

impl Eq for Permissions {}

impl fmt::Debug for Permissions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Permissions").field(&self.rules).finish()
    }
}

/// An empty name is none.
#[inline]
fn named(queue: Option<&[u8]>) -> Option<&[u8]> {
    queue.filter(|name| !name.is_empty())
}

fn patterns(entries: &[String], read: fn(&str) -> Option<&str>) -> Patterns {
    let mut patterns = Patterns::default();
    for pattern in entries.iter().filter_map(|entry| read(entry)) {
        patterns.insert(pattern.as_bytes(), 0);
    }
    patterns
}

fn whole(entry: &str) -> Option<&str> {
    pattern::is_valid(entry).then_some(entry)
}

/// A queue means nothing where one publishes: the subject is denied.
fn without_queue(entry: &str) -> Option<&str> {
    whole(entry).or_else(|| scopes::split(entry).map(|(subject, _)| subject))
}
