//! Sizes and durations as nats-server's configuration writes them.

use std::time::Duration;

/// A size: `64MB`, `1k`, `4096`. Two-letter suffixes count in 1024s, one-letter ones in 1000s.
/// Source: nats-server `conf/lex.go`, `conf/parse.go`.
pub fn size(text: &str) -> Option<usize> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let number: usize = text[..digits].parse().ok()?;
    let factor = match text[digits..].to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1000,
        "m" => 1000 * 1000,
        "g" => 1000 * 1000 * 1000,
        "kb" | "ki" | "kib" => 1 << 10,
        "mb" | "mi" | "mib" => 1 << 20,
        "gb" | "gi" | "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A duration: `500ms`, `1m30s`, `2` (seconds).
pub fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return (0.0..1e9).contains(&seconds).then(|| Duration::from_secs_f64(seconds));
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        rest = &rest[letters..];
        let part = number * unit;
        total += (part < 1e9).then(|| Duration::from_secs_f64(part))?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, want) in [("0", 0), ("4096", 4096), ("1k", 1000), ("64MB", 64 << 20), ("1KiB", 1024)] {
            assert_eq!(size(text), Some(want), "{text}");
        }
        for text in ["", "x", "1x", "-1", "99999999999999999999", "9999999999999999g"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, want) in [("2", 2000), ("500ms", 500), ("1m30s", 90_000), ("1.5s", 1500), ("0.5", 500)] {
            assert_eq!(duration(text), Some(Duration::from_millis(want)), "{text}");
        }
        for text in ["x", "1x", "-1", "s", "1e99", "1h1"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
