//! Bytes as one line of text and back: `\r \n \t \\ \0 \xNN`, and `\{5000*a}` for repetition.

/// Runs at least this long are written as a repetition.
const RUN_BYTES_MIN: usize = 40;

pub fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let code = rest[at + 1..].chars().next().unwrap_or_else(|| panic!("nothing follows \\ in {text:?}"));
        let after = &rest[at + 2..];
        rest = match code {
            'r' => literal(&mut bytes, b'\r', after),
            'n' => literal(&mut bytes, b'\n', after),
            't' => literal(&mut bytes, b'\t', after),
            '0' => literal(&mut bytes, 0, after),
            '\\' => literal(&mut bytes, b'\\', after),
            'x' => {
                let byte = u8::from_str_radix(&after[..2], 16).expect("two hexadecimal digits");
                literal(&mut bytes, byte, &after[2..])
            }
            '{' => {
                let (inside, after) = after.split_once('}').expect("a closing brace");
                let (count, unit) = inside.split_once('*').expect("count*text");
                bytes.extend(decode(unit).repeat(count.parse().expect("a count")));
                after
            }
            other => panic!("unknown escape \\{other} in {text:?}"),
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

fn literal<'a>(bytes: &mut Vec<u8>, byte: u8, rest: &'a str) -> &'a str {
    bytes.push(byte);
    rest
}

pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|byte| **byte == bytes[at]).count();
        if run >= RUN_BYTES_MIN {
            text.push_str(&format!("\\{{{run}*{}}}", encode_byte(bytes[at])));
            at += run;
        } else {
            text.push_str(&encode_byte(bytes[at]));
            at += 1;
        }
    }
    text
}

fn encode_byte(byte: u8) -> String {
    match byte {
        b'\r' => "\\r".into(),
        b'\n' => "\\n".into(),
        b'\t' => "\\t".into(),
        b'\\' => "\\\\".into(),
        b' '..=b'~' => char::from(byte).into(),
        other => format!("\\x{other:02x}"),
    }
}

/// What is written comes back, whatever the bytes.
#[test]
fn round_trip() {
    let bytes: Vec<u8> = (0..=255).chain([b'a'; 100]).chain(*b"\\{2*x}").collect();
    assert_eq!(decode(&encode(&bytes)), bytes);
    assert_eq!(decode(r"a\{3*b\n}\x00\0"), b"ab\nb\nb\n\0\0");
}
