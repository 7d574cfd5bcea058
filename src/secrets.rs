//! Hides secrets given on the command line from the process list.

/// Flags whose values are hidden.
const FLAGS: [&str; 3] = ["user", "pass", "auth"];

/// What the names of secrets hold. Whoever is let in is hidden as nats-server hides it (`RedactArgs`).
const NAMES: [&[u8]; 7] = [b"auth", b"user", b"pass", b"token", b"nkey", b"jwt", b"seed"];

/// Whether a key of the configuration, or what `--set` says of one, is about a secret. It is asked for every value
/// of a file.
pub fn is_named(key: &str) -> bool {
    let holds = |rest: &[u8], name: &[u8]| {
        rest.len() >= name.len()
            && rest[0].eq_ignore_ascii_case(&name[0])
            && rest[..name.len()].eq_ignore_ascii_case(name)
    };
    let key = key.as_bytes();
    (0..key.len()).any(|at| NAMES.iter().any(|name| holds(&key[at..], name)))
}

/// Overwrites the values of secret flags in this process's own argument memory.
/// To be called before there is another thread.
pub fn scrub() {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return };
    // After the name in parentheses; `arg_start` is field 48, the state behind the name field 3.
    let Some((_, fields)) = stat.rsplit_once(") ") else { return };
    let Some(start) = fields.split(' ').nth(45).and_then(|field| field.parse::<usize>().ok()) else { return };
    let Ok(arguments) = std::fs::read("/proc/self/cmdline") else { return };
    for (from, to) in secret_ranges(&arguments) {
        for at in from..to {
            // SAFETY: the kernel says that this process's arguments begin at `start`; the range lies within
            // what it just showed of them, and nobody else reads or writes them now.
            unsafe { std::ptr::write_volatile((start + at) as *mut u8, b'x') };
        }
    }
}

/// Where the values of secret flags lie in zero-ended arguments.
fn secret_ranges(arguments: &[u8]) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let mut start = 0;
    // The flag whose value is the next argument.
    let mut waiting: Option<&[u8]> = None;
    for argument in arguments.split(|byte| *byte == 0) {
        let end = start + argument.len();
        if let Some(flag) = waiting.take() {
            ranges.extend(hidden(flag, argument, start));
        } else if let Some(flag) = argument.strip_prefix(b"--").or(argument.strip_prefix(b"-")) {
            let name_len = flag.iter().position(|byte| *byte == b'=').unwrap_or(flag.len());
            match flag.get(name_len + 1..) {
                Some(value) => ranges.extend(hidden(&flag[..name_len], value, end - value.len())),
                None => waiting = takes_value(flag).then_some(flag),
            }
        }
        start = end + 1;
    }
    ranges
}

fn takes_value(flag: &[u8]) -> bool {
    flag == b"set" || FLAGS.iter().any(|name| name.as_bytes() == flag)
}

/// What is hidden of a flag's value that begins at `start`: all of it, or with `--set` what stands behind the
/// key.
fn hidden(flag: &[u8], value: &[u8], start: usize) -> Option<(usize, usize)> {
    let end = start + value.len();
    if flag != b"set" {
        return takes_value(flag).then_some((start, end));
    }
    let key = value.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte)).count();
    is_named(&String::from_utf8_lossy(value)).then_some((start + (key + 1).min(value.len()), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_values_in_every_form() {
        let arguments = b"corebus\0--user\0u1\0-pass=p1\0-p\x001\0--auth=a=b\0-user\0u2\0";
        let shown: Vec<&[u8]> =
            secret_ranges(arguments).iter().map(|(from, to)| &arguments[*from..*to]).collect();
        assert_eq!(shown, [&b"u1"[..], b"p1", b"a=b", b"u2"]);
    }

    #[test]
    fn finds_what_set_says_of_secrets() {
        let arguments = b"corebus\0--set\0authorization.password=p1\0-set=Authorization={ token: p2 }\0--set\0\
            max_payload=1\0--set\0authorization.timeout\0-s\0--set=max_payload=1; authorization { pass: p3 }\0";
        let shown: Vec<String> = secret_ranges(arguments)
            .iter()
            .map(|(from, to)| String::from_utf8_lossy(&arguments[*from..*to]).into_owned())
            .collect();
        assert_eq!(shown, ["p1", "{ token: p2 }", "", "1; authorization { pass: p3 }"]);
    }
}
