//! Public keys of operators, accounts, users and the like. Source: the nkeys library, as nats-server uses it.

use nkeys::{KeyPairType, from_public_key};

/// Whether the text is a public key of that kind.
pub fn is_public(text: &str, kind: KeyPairType) -> bool {
    from_public_key(text).is_ok_and(|(prefix, _)| KeyPairType::from(prefix) == kind)
}

/// Whether the text is a public key of any kind that nats-server knows.
pub fn is_any_public(text: &str) -> bool {
    from_public_key(text).is_ok_and(|(prefix, _)| {
        !matches!(KeyPairType::from(prefix), KeyPairType::Module | KeyPairType::Service)
    })
}
