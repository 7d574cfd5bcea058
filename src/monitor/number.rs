//! Numbers as Go's JSON writes them.

use serde::{Serialize, Serializer};

/// A float: without a fraction where it has none.
#[derive(Clone, Copy)]
pub struct Float(pub f64);

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            whole if whole.fract() == 0.0 && whole.abs() < 1e15 => serializer.serialize_i64(whole as i64),
            other => serializer.serialize_f64(other),
        }
    }
}

/// A part of a whole, 0 where there is nothing.
pub fn ratio(part: f64, whole: f64) -> Float {
    Float(if whole > 0.0 { part / whole } else { 0.0 })
}

/// For fields that are left out when they are nothing.
pub fn is_zero(number: &u64) -> bool {
    *number == 0
}
