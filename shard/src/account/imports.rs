//! Borders between accounts: how a subject changes there, and which interest crosses. What is imported is
//! configured; that the exporter exports it to the importer was seen to before.

use std::sync::Arc;

use super::AccountId;
use super::snapshot::Service;
use crate::subject::pattern;
use crate::subject::transform::{Transform, numbered, unnumbered};

/// How a subject changes at a border between accounts.
#[derive(Debug, PartialEq, Eq)]
pub enum Renaming {
    /// Not at all.
    Same,
    /// To this literal, whatever it was.
    Literal(Box<str>),
    Transform(Box<Transform>),
}

impl Renaming {
    /// Appends what a subject is called on the other side.
    pub fn apply(&self, subject: &[u8], out: &mut Vec<u8>) {
        match self {
            Renaming::Same => out.extend_from_slice(subject),
            Renaming::Literal(literal) => out.extend_from_slice(literal.as_bytes()),
            Renaming::Transform(transform) => transform.apply_to_pattern(subject, out),
        }
    }
}

/// Messages of another account that this one's subscriptions get. Source: nats-server
/// `accounts.go:streamImport`.
#[derive(Debug)]
pub struct StreamImport {
    pub exporter: AccountId,
    /// The pattern as the exporter knows it, and as it is known here.
    pub there: String,
    pub here: String,
    /// From the subject there to the one here.
    pub renaming: Renaming,
}

impl StreamImport {
    /// `to` may have numbers for its wildcards (`bar.$2.$1`); an empty one is the same subject as there. A prefix
    /// is put before `there` by the caller. Source: nats-server `accounts.go:addMappedStreamImportWithClaim`.
    pub fn new(exporter: AccountId, there: &str, to: &str) -> Result<StreamImport, String> {
        let to = if to.is_empty() { there } else { to };
        let (here, renaming) = if to == there {
            (to.to_owned(), Renaming::Same)
        } else if !pattern::has_wildcard(there) {
            (to.to_owned(), Renaming::Literal(to.into()))
        } else {
            let transform = Transform::reversible(there, &numbered(to))?;
            (unnumbered(to), Renaming::Transform(Box::new(transform)))
        };
        Ok(StreamImport { exporter, there: there.to_owned(), here, renaming })
    }

    /// The pattern in the exporter's account for a subscription here: it matches exactly those messages of the import
    /// that the subscription's pattern matches once they are renamed. `None` where the import brings it nothing.
    /// Source: nats-server `client.go:addShadowSubscriptions`, which gives some subscriptions more than they asked for.
    pub fn shadow(&self, subscription: &[u8]) -> Option<Vec<u8>> {
        match &self.renaming {
            Renaming::Same => pattern::overlap(subscription, self.there.as_bytes()),
            Renaming::Literal(literal) => {
                pattern::matches(subscription, literal.as_bytes()).then(|| self.there.clone().into_bytes())
            }
            Renaming::Transform(transform) => transform.preimage(subscription),
        }
    }

    /// Appends the subject under which a message on `subject` there is seen here.
    pub fn rename(&self, subject: &[u8], out: &mut Vec<u8>) {
        self.renaming.apply(subject, out);
    }
}

/// A service of another account that may be asked from here. Source: nats-server
/// `accounts.go:serviceImport`.
#[derive(Debug)]
pub struct ServiceImport {
    pub exporter: AccountId,
    /// The pattern under which it is known here.
    pub here: String,
    /// From the subject here to the one there.
    pub renaming: Renaming,
    pub service: Arc<Service>,
    /// The exporter is told who asks.
    pub share: bool,
}

impl ServiceImport {
    /// `from` is the pattern here, which may have numbers for the wildcards of `to`; an empty `to` is the same
    /// subject. Source: nats-server `accounts.go:addServiceImport`.
    pub fn new(service: Arc<Service>, from: &str, to: &str, share: bool) -> Result<ServiceImport, String> {
        let (here, renaming) = service_renaming(from, to)?;
        Ok(ServiceImport { exporter: service.account, here, renaming, service, share })
    }

    /// Appends the subject that a request on `subject` here has there.
    pub fn rename(&self, subject: &[u8], out: &mut Vec<u8>) {
        self.renaming.apply(subject, out);
    }
}

fn service_renaming(from: &str, to: &str) -> Result<(String, Renaming), String> {
    let to = if to.is_empty() { from } else { to };
    if to == from {
        return Ok((from.to_owned(), Renaming::Same));
    }
    if !pattern::has_wildcard(to) {
        return Ok((from.to_owned(), Renaming::Literal(to.into())));
    }
    let there = unnumbered(to);
    let back = Transform::reversible(&there, &numbered(from))?.reverse();
    // Where there is no way back nats-server asks on the pattern itself.
    let renaming =
        back.map_or_else(|| Renaming::Literal(there.into()), |back| Renaming::Transform(Box::new(back)));
    Ok((unnumbered(from), renaming))
}
