//! Cutting a server's bytes into protocol units: a line, or a message line with its payload. Every unit
//! keeps its line end.

/// The bytes of the first whole unit of `buffer`, or `None` while it is not all there.
pub fn first(buffer: &[u8]) -> Option<usize> {
    let line_end = buffer.iter().position(|byte| *byte == b'\n')? + 1;
    let line = &buffer[..line_end];
    let whole = match payload_bytes(line) {
        Some(payload) => line_end + payload + 2,
        None => line_end,
    };
    (buffer.len() >= whole).then_some(whole)
}

/// The payload size that a message line announces; `None` for every other line.
fn payload_bytes(line: &[u8]) -> Option<usize> {
    if !line.starts_with(b"MSG ") && !line.starts_with(b"HMSG ") {
        return None;
    }
    let last = line.trim_ascii_end().rsplit(|byte| *byte == b' ').next()?;
    std::str::from_utf8(last).ok()?.parse().ok()
}

/// The payload of a message unit.
pub fn payload(unit: &[u8]) -> &[u8] {
    let line_end = unit.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    &unit[line_end..unit.len().saturating_sub(2).max(line_end)]
}
