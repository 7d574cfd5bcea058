//! A key with its value, read as the type it must have. A value of the wrong type is refused with the words
//! nats-server has for it, which are Go's own for a failed type assertion.

use super::problem::Position;
use super::report::Report;
use super::tree::{Map, Node, Value};

/// One key of a block, as it is written, and its value.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub key: &'a str,
    pub node: &'a Node,
    /// Where a value of the wrong type is told, where that is not its own place.
    pub blamed: Option<&'a Position>,
}

impl<'a> Field<'a> {
    pub fn new(key: &'a str, node: &'a Node) -> Field<'a> {
        Field { key, node, blamed: None }
    }

    pub fn at(&self) -> &'a Position {
        &self.node.at
    }

    pub fn string(&self, report: &mut Report) -> Option<&'a str> {
        match &self.node.value {
            Value::String(text) => Some(text),
            _ => self.wrong("string", report),
        }
    }

    pub fn boolean(&self, report: &mut Report) -> Option<bool> {
        match &self.node.value {
            Value::Bool(yes) => Some(*yes),
            _ => self.wrong("bool", report),
        }
    }

    pub fn integer(&self, report: &mut Report) -> Option<i64> {
        match &self.node.value {
            Value::Integer(number) => Some(*number),
            _ => self.wrong("int64", report),
        }
    }

    pub fn map(&self, report: &mut Report) -> Option<&'a Map> {
        match &self.node.value {
            Value::Map(map) => Some(map),
            _ => self.wrong("map[string]interface {}", report),
        }
    }

    pub fn array(&self, report: &mut Report) -> Option<&'a [Node]> {
        match &self.node.value {
            Value::Array(nodes) => Some(nodes),
            _ => self.wrong("[]interface {}", report),
        }
    }

    /// A map, where another value is refused with what is said of its type.
    pub fn map_or(&self, said: &str, report: &mut Report) -> Option<&'a Map> {
        match &self.node.value {
            Value::Map(map) => Some(map),
            other => {
                report.refuse(self.at(), format!("{said}{}", other.type_name()));
                None
            }
        }
    }

    /// An element of a list that is this field's value: it stands where it stands itself.
    pub fn element(&self, node: &'a Node) -> Field<'a> {
        Field { node, ..*self }
    }

    /// A duration in nanoseconds: text with units, or a number of seconds, which is warned of. `name` is what
    /// messages call the key. Source: nats-server `opts.go:parseDuration`.
    pub fn duration(&self, name: &str, report: &mut Report) -> Option<i64> {
        match &self.node.value {
            Value::String(_) => self.duration_text(name, report),
            Value::Integer(seconds) => {
                report.warn(self.at(), name, &format!("{name} should be converted to a duration"));
                Some(seconds.saturating_mul(1_000_000_000))
            }
            _ => {
                report.warn(self.at(), name, &format!("{name} should be converted to a duration"));
                self.wrong("int64", report)
            }
        }
    }

    /// A duration in nanoseconds that must be text.
    pub fn duration_text(&self, name: &str, report: &mut Report) -> Option<i64> {
        match parse_duration(self.string(report)?) {
            Ok(nanoseconds) => Some(nanoseconds),
            Err(error) => {
                report.refuse(self.at(), format!("error parsing {name}: {error}"));
                None
            }
        }
    }

    /// Refuses the value for its type.
    pub fn wrong<T>(&self, wanted: &str, report: &mut Report) -> Option<T> {
        let found = self.node.value.type_name();
        let at = self.blamed.unwrap_or(self.at());
        report.refuse(at, format!("interface conversion: interface {{}} is {found}, not {wanted}"));
        None
    }
}

/// A duration as Go writes it: `1h30m`, `-1.5s`, `0`. In nanoseconds. Source: Go's `time.ParseDuration`.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quoted(text));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_len = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let (number, behind) = rest.split_at(number_len.unwrap_or(rest.len()));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(invalid());
        }
        let unit_len = behind.find(|letter: char| letter.is_ascii_digit() || letter == '.');
        let (unit, behind) = behind.split_at(unit_len.unwrap_or(behind.len()));
        let scale: i128 = match unit {
            "" => return Err(format!("time: missing unit in duration {}", quoted(text))),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => {
                return Err(format!("time: unknown unit {} in duration {}", quoted(unit), quoted(text)));
            }
        };
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let fraction = &fraction[..fraction.len().min(18)];
        let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| invalid())? };
        let nanoseconds = whole.checked_mul(scale).ok_or_else(invalid)?;
        total += nanoseconds + part * scale / 10i128.pow(fraction.len() as u32);
        if total > i128::from(i64::MAX) {
            return Err(invalid());
        }
        rest = behind;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| invalid())
}

/// A duration as Go prints it: `1m30s`, `1.5s`, `250ms`, `2h0m0s`. Source: Go's `time.Duration.String`.
pub fn shown_duration(duration: std::time::Duration) -> String {
    let nanoseconds = duration.as_nanos();
    let (unit, name) = match nanoseconds {
        0 => return "0s".to_owned(),
        1..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let (minutes, seconds) = match nanoseconds / unit {
        whole if name == "s" => (whole / 60, whole % 60),
        whole => (0, whole),
    };
    let mut out = String::new();
    if minutes >= 60 {
        out.push_str(&format!("{}h", minutes / 60));
    }
    if minutes > 0 {
        out.push_str(&format!("{}m", minutes % 60));
    }
    out.push_str(&seconds.to_string());
    let fraction = nanoseconds % unit;
    if fraction > 0 {
        let digits = unit.ilog10() as usize;
        out.push('.');
        out.push_str(format!("{fraction:0digits$}").trim_end_matches('0'));
    }
    out.push_str(name);
    out
}

/// A whole number; the error is Go's. Source: Go's `strconv.Atoi`.
pub fn parse_integer(text: &str) -> Result<i64, String> {
    text.parse().map_err(|error: std::num::ParseIntError| {
        let why = match error.kind() {
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.Atoi: parsing {}: {why}", quoted(text))
    })
}

/// Text in double quotes, odd characters escaped, as Go's `%q` has it.
pub fn quoted(text: &str) -> String {
    shard::proto::text::quoted(text.as_bytes())
}

/// `host:port`, or a port alone, as `listen` and its kin take it: host (empty where none is given), port.
/// Source: nats-server `opts.go:parseListen`.
pub fn listen<'a>(field: &Field<'a>, report: &mut Report) -> Option<(&'a str, i64)> {
    let said = match &field.node.value {
        Value::Integer(port) => return Some(("", *port)),
        Value::String(text) => match split_host_port(text) {
            None => format!("could not parse address string {}", quoted(text)),
            Some((host, port)) => match port.parse::<i64>() {
                Ok(number) => return Some((host, number)),
                Err(_) => format!("could not parse port {}", quoted(port)),
            },
        },
        other => format!("expected port or host:port, got {}", other.type_name()),
    };
    report.refuse(field.at(), said);
    None
}

/// Source: Go's `net.SplitHostPort`.
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(inner) => {
            inner.strip_suffix(']').filter(|inner| !inner.contains(['[', ']'])).map(|host| (host, port))
        }
        None => (!host.contains([':', '[', ']']) && !port.contains(['[', ']'])).then_some((host, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_reads_them() {
        let second = 1_000_000_000;
        for (text, want) in [
            ("0", 0),
            ("1h30m", 5400 * second),
            ("-1.5s", -3 * second / 2),
            (".5s", second / 2),
            ("1.s", second),
            ("+3ms", 3_000_000),
            ("1us2ns", 1002),
        ] {
            assert_eq!(parse_duration(text), Ok(want), "{text}");
        }
        for (text, want) in [
            ("", "time: invalid duration \"\""),
            ("-", "time: invalid duration \"-\""),
            ("5", "time: missing unit in duration \"5\""),
            ("5x", "time: unknown unit \"x\" in duration \"5x\""),
            ("x", "time: invalid duration \"x\""),
            ("1..5s", "time: invalid duration \"1..5s\""),
            ("9999999999h", "time: invalid duration \"9999999999h\""),
        ] {
            assert_eq!(parse_duration(text), Err(want.to_owned()), "{text}");
        }
    }

    #[test]
    fn durations_as_go_prints_them() {
        let nanoseconds = std::time::Duration::from_nanos;
        for (given, want) in [
            (0, "0s"),
            (5, "5ns"),
            (1_500, "1.5µs"),
            (250_000_000, "250ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1m30s"),
            (7_200_000_000_000, "2h0m0s"),
            (3_661_000_000_001, "1h1m1.000000001s"),
        ] {
            assert_eq!(shown_duration(nanoseconds(given)), want);
        }
    }

    #[test]
    fn hosts_and_ports_as_go_splits_them() {
        for (text, want) in [
            ("a:1", Some(("a", "1"))),
            (":1", Some(("", "1"))),
            ("[::1]:2", Some(("::1", "2"))),
            ("::1:2", None),
            ("a", None),
            ("[a:1", None),
            ("[[a]]:1", None),
        ] {
            assert_eq!(split_host_port(text), want, "{text}");
        }
    }
}
