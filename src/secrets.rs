//! Hides secrets given on the command line from the process list.

/// Flags whose values are hidden.
const SECRET: [&str; 3] = ["user", "pass", "auth"];

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
    let mut value_follows = false;
    for argument in arguments.split(|byte| *byte == 0) {
        let end = start + argument.len();
        if value_follows {
            ranges.push((start, end));
        }
        value_follows = false;
        let dashes = argument.iter().take_while(|byte| **byte == b'-').count();
        if (1..=2).contains(&dashes) {
            let flag = &argument[dashes..];
            let name_len = flag.iter().position(|byte| *byte == b'=').unwrap_or(flag.len());
            if SECRET.iter().any(|name| name.as_bytes() == &flag[..name_len]) {
                match name_len < flag.len() {
                    true => ranges.push((start + dashes + name_len + 1, end)),
                    false => value_follows = true,
                }
            }
        }
        start = end + 1;
    }
    ranges
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
}
