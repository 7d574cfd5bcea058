//! What scripts say and what they are told, without what differs from one playing to the next.

use serde_json::Value;

/// `@name@` in a text replaced by what `meaning` says it is.
pub fn filled(text: &str, meaning: &dyn Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('@') {
        let word = rest[start + 1..].split_once('@').and_then(|(word, after)| Some((meaning(word)?, after)));
        filled.push_str(&rest[..start]);
        rest = match word {
            Some((value, after)) => {
                filled.push_str(&value);
                after
            }
            None => {
                filled.push('@');
                &rest[start + 1..]
            }
        };
    }
    filled + rest
}

/// A publication with its sizes where `#` stands for them.
pub fn sized(bytes: Vec<u8>) -> Vec<u8> {
    let Some(line_end) = find(&bytes, b"\r\n") else { return bytes };
    let line = String::from_utf8_lossy(&bytes[..line_end]).into_owned();
    let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
    if !line.contains('#') || !(verb == "PUB" || verb == "HPUB") {
        return bytes;
    }
    let body = &bytes[line_end + 2..];
    let header = find(body, b"\r\n\r\n").map_or(0, |at| at + 4);
    let line = if verb == "HPUB" { line.replacen('#', &header.to_string(), 1) } else { line };
    let line = line.replacen('#', &body.len().to_string(), 1);
    [line.as_bytes(), b"\r\n", body].concat()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The reply subject that a message line has.
pub fn reply_subject(unit: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(&unit[..find(unit, b"\r\n")?]).into_owned();
    let words: Vec<&str> = line.split(' ').collect();
    let with_reply = match words[0] {
        "MSG" => 5,
        "HMSG" => 6,
        _ => return None,
    };
    (words.len() == with_reply && !words[3].is_empty()).then(|| words[3].to_owned())
}

/// A unit as scripts have it: INFO, reply subjects and measurements are another each time.
pub fn masked(unit: &[u8]) -> Vec<u8> {
    if unit.starts_with(b"INFO {") {
        return b"INFO {}\r\n".to_vec();
    }
    let Ok(text) = std::str::from_utf8(unit) else { return unit.to_vec() };
    let text = without_reply_numbers(text);
    match text.starts_with("MSG ") || text.starts_with("HMSG ") {
        true => without_measures(&text).into_bytes(),
        false => text.into_bytes(),
    }
}

/// `_R_.…` as `_R_.?`.
fn without_reply_numbers(text: &str) -> String {
    let mut parts = text.split("_R_.");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let end = part.find([' ', '\r', '"']).unwrap_or(part.len());
        text + "_R_.?" + &part[end..]
    })
}

/// JSON with what was measured taken out, line by line, and no sizes where there was some, for they follow it.
fn without_measures(text: &str) -> String {
    let mut lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
    let mut changed = false;
    for line in &mut lines[1..] {
        let (Some(start), Some(end)) = (line.find('{'), line.rfind('}')) else { continue };
        let Ok(mut json) = serde_json::from_str::<Value>(&line[start..=end]) else { continue };
        mask(&mut json);
        let masked = format!("{}{json}{}", &line[..start], &line[end + 1..]);
        changed |= masked != *line;
        *line = masked;
    }
    if changed {
        lines[0] = without_sizes(&lines[0]);
    }
    lines.join("\r\n")
}

/// nats-server leaves two blanks where its own messages have no reply subject; that is no difference either.
fn without_sizes(line: &str) -> String {
    let words = line.split(' ').filter(|word| !word.is_empty());
    let is_size = |at: usize, word: &str| at > 2 && word.parse::<usize>().is_ok();
    let words = words.enumerate().map(|(at, word)| if is_size(at, word) { "#" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn mask(json: &mut Value) {
    let Value::Object(fields) = json else { return };
    for (name, value) in fields {
        match value {
            Value::Object(_) => mask(value),
            Value::Array(values) => values.iter_mut().for_each(mask),
            Value::Number(_) if name != "status" => *value = Value::String("number".into()),
            Value::String(text) if matches!(name.as_str(), "start" | "timestamp" | "id" | "server") => {
                *text = "text".into();
            }
            _ => {}
        }
    }
}

#[test]
fn words_are_filled_and_masked() {
    let meaning = |word: &str| (word == "reply").then(|| "inbox".to_owned());
    assert_eq!(filled("a@b @reply@ x@", &meaning), "a@b inbox x@");
    assert_eq!(sized(b"PUB a #\r\nxyz".to_vec()), b"PUB a 3\r\nxyz");
    assert_eq!(sized(b"HPUB a # #\r\nNATS/1.0\r\n\r\nxy".to_vec()), b"HPUB a 12 14\r\nNATS/1.0\r\n\r\nxy");
    assert_eq!(reply_subject(b"MSG a 1 b 2\r\nxy\r\n"), Some("b".into()));
    assert_eq!(reply_subject(b"MSG a 1 2\r\nxy\r\n"), None);
    assert_eq!(masked(b"MSG a 1 _R_.x.y 2\r\nxy\r\n"), b"MSG a 1 _R_.? 2\r\nxy\r\n");
    assert_eq!(masked(b"MSG a 1 9\r\n{\"rtt\":12}\r\n"), b"MSG a 1 #\r\n{\"rtt\":\"number\"}\r\n");
}
