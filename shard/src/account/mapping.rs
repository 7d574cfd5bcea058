//! Subjects of an account that are mapped to others. Source: nats-server `accounts.go:AddWeightedMappings`,
//! `selectMappedSubject`.

/// All mappings of an account, in the order they are looked at.
#[derive(Debug, Default)]
pub struct Mappings;
