//! What one user may publish, subscribe to and receive, compiled once and shared by all its connections.
//! Source: nats-server `client.go:setPermissions`, `pubAllowedFullCheck`, `canSubscribeInternal`.

use std::time::Duration;

use crate::subject::pattern;

/// Permissions as they are configured. Patterns are well formed; one for subscriptions may name a queue behind
/// a blank, which may be a pattern itself.
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
    /// Below 0: no bound.
    pub max: i64,
    /// `None`: no bound.
    pub expires: Option<Duration>,
}

/// The same, ready to be asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Permissions {
    rules: Rules,
}

impl Permissions {
    pub fn new(rules: Rules) -> Permissions {
        Permissions { rules }
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether a message may be published on this subject, responses apart.
    pub fn may_publish(&self, subject: &[u8]) -> bool {
        let subject = String::from_utf8_lossy(subject);
        let Lists { allow, deny } = &self.rules.publish;
        let matches = |list: &[String]| list.iter().any(|wide| pattern::is_subset(&subject, wide));
        allow.as_ref().is_none_or(|allow| matches(allow)) && !matches(deny)
    }
}
