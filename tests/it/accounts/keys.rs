//! Keys of users who are known by name alone: the same in every run.

use data_encoding::BASE64URL_NOPAD;
use nkeys::{KeyPair, KeyPairType};
use sha2::{Digest, Sha256};

/// The seed that the book prints, of the key that it configures.
const OF_THE_BOOK: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

pub fn of(name: &str) -> KeyPair {
    match name {
        "book" => KeyPair::from_seed(OF_THE_BOOK).expect("a seed"),
        _ => KeyPair::new_from_raw(KeyPairType::User, Sha256::digest(name).into()).expect("a key"),
    }
}

/// What CONNECT's `sig` says.
pub fn signature(name: &str, nonce: &str) -> String {
    BASE64URL_NOPAD.encode(&of(name).sign(nonce.as_bytes()).expect("a signature"))
}
