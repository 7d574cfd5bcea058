//! Every text a client can meet, in one table, so that compatibility is reviewed in one place.
//! Source: nats-server `errors.go`, `client.go`.

/// Why a connection ended. Source: nats-server `monitor.go:ClosedState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    ClientClosed,
    AuthenticationTimeout,
    AuthenticationFailure,
    SlowConsumerPendingBytes,
    SlowConsumerWriteDeadline,
    WriteError,
    ReadError,
    ParseError,
    StaleConnection,
    ProtocolViolation,
    BadClientProtocolVersion,
    MaximumConnectionsExceeded,
    MaximumAccountConnectionsExceeded,
    MaximumPayloadExceeded,
    MaximumControlLineExceeded,
    MaximumSubscriptionsExceeded,
    ServerShutdown,
    NoRespondersRequiresHeaders,
}

impl Reason {
    pub fn text(self) -> &'static str {
        match self {
            Reason::ClientClosed => "Client Closed",
            Reason::AuthenticationTimeout => "Authentication Timeout",
            Reason::AuthenticationFailure => "Authentication Failure",
            Reason::SlowConsumerPendingBytes => "Slow Consumer (Pending Bytes)",
            Reason::SlowConsumerWriteDeadline => "Slow Consumer (Write Deadline)",
            Reason::WriteError => "Write Error",
            Reason::ReadError => "Read Error",
            Reason::ParseError => "Parse Error",
            Reason::StaleConnection => "Stale Connection",
            Reason::ProtocolViolation => "Protocol Violation",
            Reason::BadClientProtocolVersion => "Bad Client Protocol Version",
            Reason::MaximumConnectionsExceeded => "Maximum Connections Exceeded",
            Reason::MaximumAccountConnectionsExceeded => "Maximum Account Connections Exceeded",
            Reason::MaximumSubscriptionsExceeded => "Maximum Subscriptions Exceeded",
            Reason::MaximumPayloadExceeded => "Maximum Message Payload Exceeded",
            Reason::MaximumControlLineExceeded => "Maximum Control Line Exceeded",
            Reason::ServerShutdown => "Server Shutdown",
            Reason::NoRespondersRequiresHeaders => "No Responders Requires Headers",
        }
    }

    /// Whether what was sent so far may still be flushed. Source: nats-server `client.go:markConnAsClosed`.
    pub fn flushes(self) -> bool {
        !matches!(
            self,
            Reason::ReadError
                | Reason::WriteError
                | Reason::SlowConsumerPendingBytes
                | Reason::SlowConsumerWriteDeadline
        )
    }
}

pub const AUTHENTICATION_TIMEOUT: &str = "Authentication Timeout";
pub const AUTHORIZATION_VIOLATION: &str = "Authorization Violation";
pub const INVALID_CLIENT_PROTOCOL: &str = "invalid client protocol";
pub const INVALID_PUBLISH_SUBJECT: &str = "Invalid Publish Subject";
pub const INVALID_SUBJECT: &str = "Invalid Subject";
pub const MAXIMUM_ACCOUNT_CONNECTIONS_EXCEEDED: &str = "maximum account active connections exceeded";
pub const MAXIMUM_CONNECTIONS_EXCEEDED: &str = "maximum connections exceeded";
pub const MAXIMUM_CONTROL_LINE_EXCEEDED: &str = "maximum control line exceeded";
pub const MAXIMUM_PAYLOAD_VIOLATION: &str = "Maximum Payload Violation";
pub const MAXIMUM_SUBSCRIPTIONS_EXCEEDED: &str = "maximum subscriptions exceeded";
pub const NO_RESPONDERS_REQUIRES_HEADERS: &str = "no responders requires headers support";
pub const STALE_CONNECTION: &str = "Stale Connection";
pub const UNKNOWN_PROTOCOL_OPERATION: &str = "Unknown Protocol Operation";

/// Subjects no client may publish to: gateway replies and RAFT groups.
pub fn is_reserved_subject(subject: &[u8]) -> bool {
    [&b"_GR_."[..], b"$GR.", b"$NRG."].iter().any(|prefix| subject.starts_with(prefix))
}

/// Replies no client may ask for: those of service imports and acknowledgements of JetStream messages.
pub fn is_reserved_reply(reply: &[u8]) -> bool {
    reply.starts_with(b"_R_.") || reply.starts_with(b"$JS.ACK.") || is_gateway_reply(reply)
}

fn is_gateway_reply(reply: &[u8]) -> bool {
    reply.starts_with(b"_GR_.") || reply.starts_with(b"$GR.")
}

/// The queue group of nats-server's own service subscriptions, closed to clients.
pub const SYSTEM_QUEUE: &[u8] = b"_sys_";

/// The text of a refused publish.
pub fn publish_violation(subject: &[u8]) -> String {
    format!("Permissions Violation for Publish to {}", quoted(subject))
}

pub fn reply_violation(reply: &[u8]) -> String {
    format!("Permissions Violation for Publish with Reply of {}", quoted(reply))
}

pub fn subscription_violation(subject: &[u8], queue: Option<&[u8]>) -> String {
    match queue {
        None => format!("Permissions Violation for Subscription to {}", quoted(subject)),
        Some(queue) => format!(
            "Permissions Violation for Subscription to {} using queue {}",
            quoted(subject),
            quoted(queue)
        ),
    }
}

/// The text of a subscription that is no longer allowed.
pub fn subscription_withdrawn(subject: &[u8], queue: Option<&[u8]>, sid: &[u8]) -> String {
    format!("{} (sid {})", subscription_violation(subject, queue), quoted(sid))
}

pub fn too_many_tokens(subject: &[u8]) -> String {
    format!("Permissions Violation for Subscription to {}, too many tokens", quoted(subject))
}

/// Bytes of an unknown operation that the log shows.
const SNIPPET_BYTES: usize = 32;

/// Names of fields of CONNECT whose values are secret.
const SECRET_FIELDS: [&str; 5] = ["pass", "auth_token", "sig", "jwt", "nkey"];

/// What stands at `at` of bytes that are no operation, in quotes. A CONNECT that is none may hold what must
/// not be shown. Source: nats-server `parser.go:protoSnippet`.
pub fn snippet(bytes: &[u8], at: usize) -> String {
    let end =
        if at + SNIPPET_BYTES > bytes.len() { bytes.len().saturating_sub(1) } else { at + SNIPPET_BYTES };
    let Some(shown) = bytes.get(at..end) else { return "\"\"".to_owned() };
    let seen = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    if seen.starts_with('c') || SECRET_FIELDS.iter().any(|field| seen.contains(field)) {
        return "\"[REDACTED]\"".to_owned();
    }
    quoted(shown)
}

/// Bytes in double quotes as Go's `%q` shows them, near enough for a log and an error text.
pub fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for piece in bytes.utf8_chunks() {
        for letter in piece.valid().chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\x07' => out.push_str("\\a"),
                '\x08' => out.push_str("\\b"),
                '\x0b' => out.push_str("\\v"),
                '\x0c' => out.push_str("\\f"),
                letter if ('\u{80}'..'\u{a0}').contains(&letter) => {
                    out.push_str(&format!("\\u{:04x}", letter as u32));
                }
                letter if (letter as u32) < 0x20 || letter as u32 == 0x7f => {
                    out.push_str(&format!("\\x{:02x}", letter as u32));
                }
                letter => out.push(letter),
            }
        }
        piece.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_operation_is_shown_unless_it_may_hold_a_secret() {
        assert_eq!(snippet(b"GARBAGE\r\n", 0), "\"GARBAGE\\r\"");
        assert_eq!(snippet(b"PUB a 2\r\nhixx", 11), "\"x\"");
        assert_eq!(snippet(b"x", 0), "\"\"");
        assert_eq!(snippet(b"x", 7), "\"\"");
        assert_eq!(snippet(&[b'x'; 64], 30), format!("\"{}\"", "x".repeat(32)));
        for secret in [
            "CONECT {\"pass\":\"canary\"}\r\n",
            "{\"user\":\"u\",\"Pass\":\"canary\"}\r\n",
            "connecT\0canary\r\n",
        ] {
            assert_eq!(snippet(secret.as_bytes(), 0), "\"[REDACTED]\"", "{secret}");
        }
    }

    #[test]
    fn control_characters_are_written_as_go_writes_them() {
        assert_eq!(quoted(b"\x07\x08\x0b\x0c\x01\x7f\xff"), r#""\a\b\v\f\x01\x7f\xff""#);
        assert_eq!(quoted("é\u{85}\u{a0}".as_bytes()), "\"é\\u0085\u{a0}\"");
    }
}
