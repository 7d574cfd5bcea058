//! What stands behind the question mark of a request, read as nats-server reads it, with its complaints.

use crate::config::quoted;

/// Why a request is refused with 400.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

/// Names and values, in the order given.
#[derive(Debug, Default)]
pub struct Arguments(Vec<(String, String)>);

impl Arguments {
    /// Pairs that hold a semicolon or a broken escape are passed over. Source: Go's `net/url.ParseQuery`.
    pub fn parse(query: &str) -> Arguments {
        let pairs = query.split('&').filter(|pair| !pair.contains(';') && has_whole_escapes(pair));
        let decoded = pairs.flat_map(|pair| form_urlencoded::parse(pair.as_bytes()));
        Arguments(decoded.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The first value of a name; empty where it is not given.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }

    /// Source: nats-server `monitor.go:decodeBool`.
    pub fn switch(&self, name: &str) -> Result<bool, Refusal> {
        match self.text(name) {
            "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            other => Err(refusal("boolean", name, "ParseBool", other, "invalid syntax")),
        }
    }

    /// Source: nats-server `monitor.go:decodeInt`.
    pub fn integer(&self, name: &str) -> Result<i64, Refusal> {
        match self.text(name) {
            "" => Ok(0),
            text => text.parse::<i64>().map_err(|error| refusal("int", name, "Atoi", text, fault(&error))),
        }
    }

    /// Source: nats-server `monitor.go:decodeUint64`.
    pub fn unsigned(&self, name: &str) -> Result<u64, Refusal> {
        let refuse = |text, fault| refusal("uint64", name, "ParseUint", text, fault);
        match self.text(name) {
            "" => Ok(0),
            text if text.starts_with('+') => Err(refuse(text, "invalid syntax")),
            text => text.parse::<u64>().map_err(|error| refuse(text, fault(&error))),
        }
    }

    /// Where a list is to begin; negative means its start.
    pub fn offset(&self) -> Result<usize, Refusal> {
        Ok(usize::try_from(self.integer("offset")?).unwrap_or(0))
    }

    /// How long a list may be; none given, or a negative one, means 1024.
    pub fn limit(&self) -> Result<usize, Refusal> {
        let limit = usize::try_from(self.integer("limit")?).unwrap_or(0);
        Ok(if limit == 0 { LIMIT } else { limit })
    }
}

/// Source: nats-server `monitor.go` (`DefaultConnListSize`, `DefaultSubListSize`).
const LIMIT: usize = 1024;

fn has_whole_escapes(text: &str) -> bool {
    let mut pieces = text.split('%');
    pieces.next();
    pieces.all(|piece| piece.len() >= 2 && piece.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit))
}

fn fault(error: &std::num::ParseIntError) -> &'static str {
    match error.kind() {
        std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    }
}

fn refusal(kind: &str, name: &str, function: &str, given: &str, fault: &str) -> Refusal {
    Refusal(format!(
        "Error decoding {kind} for '{name}': strconv.{function}: parsing {}: {fault}",
        quoted(given)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        let arguments = Arguments::parse("a=1&b=x+y%20z&a=2&c&d=%zz&e=1;f=2&=&%41=3");
        assert_eq!(arguments.text("a"), "1");
        assert_eq!(arguments.text("b"), "x y z");
        assert_eq!(arguments.text("A"), "3");
        for absent in ["c", "d", "e", "f", "g"] {
            assert_eq!(arguments.text(absent), "", "{absent}");
        }
    }

    #[test]
    fn wrong_values_are_named() {
        let refused = |query: &str| {
            let arguments = Arguments::parse(query);
            let results =
                [arguments.switch("b").err(), arguments.integer("i").err(), arguments.unsigned("u").err()];
            results.into_iter().flatten().next().unwrap().0
        };
        let said = "Error decoding boolean for 'b': strconv.ParseBool: parsing \"maybe\": invalid syntax";
        assert_eq!(refused("b=maybe"), said);
        let said =
            "Error decoding int for 'i': strconv.Atoi: parsing \"9999999999999999999\": value out of range";
        assert_eq!(refused("i=9999999999999999999"), said);
        let said = "Error decoding uint64 for 'u': strconv.ParseUint: parsing \"-1\": invalid syntax";
        assert_eq!(refused("u=-1"), said);
        assert!(refused("u=%2B1").ends_with("parsing \"+1\": invalid syntax"));
    }

    #[test]
    fn lists_have_bounds() {
        let of = |query: &str| Arguments::parse(query);
        assert_eq!((of("offset=-3").offset(), of("offset=7").offset()), (Ok(0), Ok(7)));
        assert_eq!(
            (of("limit=-1").limit(), of("").limit(), of("limit=%2B5").limit()),
            (Ok(1024), Ok(1024), Ok(5))
        );
    }
}
