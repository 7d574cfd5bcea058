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
    MaximumPayloadExceeded,
    MaximumControlLineExceeded,
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

/// Replies no client may ask for: those of service imports.
pub fn is_reserved_reply(reply: &[u8]) -> bool {
    reply.starts_with(b"_R_.") || is_gateway_reply(reply)
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

pub fn too_many_tokens(subject: &[u8]) -> String {
    format!("Permissions Violation for Subscription to {}, too many tokens", quoted(subject))
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
