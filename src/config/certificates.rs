//! Files of certificates and keys, looked at as nats-server does when it reads a configuration. Errors are in
//! Go's words. Source: Go's `crypto/tls:X509KeyPair`, `crypto/x509:AppendCertsFromPEM`.

use rustls::crypto::ring;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::parser::reason;

/// A certificate, with those that vouch for it, and its private key, which must belong together.
pub fn pair(cert_file: &str, key_file: &str) -> Result<(), String> {
    let (cert_text, key_text) = (read(cert_file)?, read(key_file)?);
    let (certificates, keys) = (kinds(&cert_text), kinds(&key_text));
    if !certificates.contains(&SectionKind::Certificate) {
        return Err(no_certificate(&certificates));
    }
    if !keys.iter().any(is_private_key) {
        return Err(no_key(&keys));
    }
    match belong_together(&cert_text, &key_text) {
        true => Ok(()),
        false => Err("tls: private key does not match public key".to_owned()),
    }
}

fn no_certificate(found: &[SectionKind]) -> String {
    match found {
        [] => "tls: failed to find any PEM data in certificate input".to_owned(),
        [only] if is_private_key(only) => {
            "tls: failed to find certificate PEM data in certificate input, but \
             did find a private key; PEM inputs may have been switched"
                .to_owned()
        }
        skipped => format!(
            "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of \
             the following types: {}",
            listed(skipped)
        ),
    }
}

fn no_key(found: &[SectionKind]) -> String {
    match found {
        [] => "tls: failed to find any PEM data in key input".to_owned(),
        [SectionKind::Certificate] => {
            "tls: found a certificate rather than a key in the PEM for the private key".to_owned()
        }
        skipped => format!(
            "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping \
             PEM blocks of the following types: {}",
            listed(skipped)
        ),
    }
}

/// False only where it is certain: Go takes kinds of certificates and keys that are not understood here.
fn belong_together(cert_text: &[u8], key_text: &[u8]) -> bool {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(cert_text).filter_map(Result::ok).collect();
    let Ok(key) = PrivateKeyDer::from_pem_slice(key_text) else { return true };
    let mismatch = Error::InconsistentKeys(InconsistentKeys::KeyMismatch);
    !CertifiedKey::from_der(chain, key, &ring::default_provider()).is_err_and(|error| error == mismatch)
}

/// Certificates that vouch for those of peers.
pub fn authorities(file: &str) -> Result<(), String> {
    match kinds(&read(file)?).contains(&SectionKind::Certificate) {
        true => Ok(()),
        false => Err("failed to parse root ca certificate".to_owned()),
    }
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| {
        // A folder can be opened, only not read.
        let doing = if error.kind() == std::io::ErrorKind::IsADirectory { "read" } else { "open" };
        format!("{doing} {path}: {}", reason(&error))
    })
}

/// The kinds of blocks in a file; what is no block is skipped.
fn kinds(text: &[u8]) -> Vec<SectionKind> {
    let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(text);
    sections.filter_map(Result::ok).map(|(kind, _)| kind).collect()
}

fn is_private_key(kind: &SectionKind) -> bool {
    matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey)
}

fn listed(kinds: &[SectionKind]) -> String {
    let names: Vec<&str> = kinds
        .iter()
        .map(|kind| match kind {
            SectionKind::Certificate => "CERTIFICATE",
            SectionKind::PublicKey => "PUBLIC KEY",
            SectionKind::RsaPrivateKey => "RSA PRIVATE KEY",
            SectionKind::PrivateKey => "PRIVATE KEY",
            SectionKind::EcPrivateKey => "EC PRIVATE KEY",
            SectionKind::Crl => "X509 CRL",
            SectionKind::Csr => "CERTIFICATE REQUEST",
            SectionKind::EchConfigList => "ECHCONFIG",
            _ => "unknown",
        })
        .collect();
    format!("[{}]", names.join(" "))
}
