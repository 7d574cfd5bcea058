//! Subjects and patterns as vocabulary: what is well formed. Pure functions over bytes.

pub mod pattern;
pub mod transform;

/// Whether bytes may name the subject of a subscription: no empty token, no blank inside a token, `>` only
/// as the last token. Source: nats-server `sublist.go:isValidSubject`.
pub fn is_valid_pattern(subject: &[u8]) -> bool {
    let mut after_tail = false;
    for token in subject.split(|byte| *byte == b'.') {
        if token.is_empty() || after_tail || token.iter().any(|byte| is_blank(*byte)) {
            return false;
        }
        after_tail = token == b">";
    }
    true
}

/// Whether bytes may name the subject of a message in pedantic mode: a valid pattern without wildcards.
/// Source: nats-server `sublist.go:IsValidLiteralSubject`.
pub fn is_valid_literal(subject: &[u8]) -> bool {
    is_valid_pattern(subject) && is_literal(subject)
}

/// Whether no token is a wildcard.
pub fn is_literal(subject: &[u8]) -> bool {
    subject.split(|byte| *byte == b'.').all(|token| token != b"*" && token != b">")
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for good in ["a", "a.b", "*", ">", "a.*.b", "a.>", "*.>", "a*", "a.b>", "$SYS.x", ">x"] {
            assert!(is_valid_pattern(good.as_bytes()), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", ">.a", "a.>.b", "a b", "a.\t"] {
            assert!(!is_valid_pattern(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn literals() {
        assert!(is_valid_literal(b"a.b*"));
        assert!(!is_valid_literal(b"a.*"));
        assert!(!is_valid_literal(b">"));
        assert!(!is_valid_literal(b"a..b"));
    }
}
