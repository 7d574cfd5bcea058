//! `--signal`: telling a running server something. Source: nats-server `signal.go:ProcessSignal`.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// Sends `command[=pid or pid file]`.
pub fn send(text: &str) -> Result<(), String> {
    let (command, target) = text.split_once('=').unwrap_or((text, ""));
    let signal = match command {
        "stop" => Signal::KILL,
        "quit" => Signal::INT,
        "term" => Signal::TERM,
        "reopen" => Signal::USR1,
        "ldm" => Signal::USR2,
        "reload" => Signal::HUP,
        other => return Err(format!("unknown signal {other:?}")),
    };
    let pid = if target.is_empty() { running()? } else { pid_of(target)? };
    kill_process(pid, signal)
        .map_err(|error| format!("cannot signal process {}: {error}", pid.as_raw_nonzero()))
}

/// A process id, or a file that holds one. Zero and below are refused: to the system they mean groups of
/// processes, and -1 every process there is.
fn pid_of(target: &str) -> Result<Pid, String> {
    let invalid = || format!("invalid pid: {target}");
    let pid = match target.parse::<i32>() {
        Ok(pid) => pid,
        Err(_) => {
            let text = std::fs::read_to_string(target).map_err(|_| invalid())?;
            text.trim().parse().map_err(|_| invalid())?
        }
    };
    if pid > 0 { Pid::from_raw(pid).ok_or_else(invalid) } else { Err(invalid()) }
}

/// The one other process that runs this program, or the one that has since been replaced by it on disk.
fn running() -> Result<Pid, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut replaced = own.clone().into_os_string();
    replaced.push(" (deleted)");
    let processes = std::fs::read_dir("/proc").map_err(|error| error.to_string())?;
    let found: Vec<i32> = processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| *pid != std::process::id() as i32)
        .filter(|pid| {
            let program = std::fs::read_link(Path::new("/proc").join(pid.to_string()).join("exe"));
            program.is_ok_and(|program| program == own || program.as_os_str() == replaced)
        })
        .collect();
    match found[..] {
        [pid] => Pid::from_raw(pid).ok_or_else(|| format!("invalid pid: {pid}")),
        [] => Err("no corebus processes running".to_owned()),
        _ => {
            let list: Vec<String> = found.iter().map(i32::to_string).collect();
            Err(format!("multiple corebus processes running:\n{}", list.join("\n")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Never tried on the real thing: it would end the machine's every process.
    #[test]
    fn groups_of_processes_are_no_target() {
        let file = std::env::temp_dir().join(format!("corebus-signal-{}", std::process::id()));
        for text in ["-1", "0", "-7", "", "99999999999", "1.5"] {
            assert!(pid_of(text).is_err(), "{text:?}");
            std::fs::write(&file, text).unwrap();
            assert!(pid_of(&file.display().to_string()).is_err(), "{text:?} in a file");
        }
        std::fs::write(&file, "4711\n").unwrap();
        let pid = pid_of(&file.display().to_string()).map(Pid::as_raw_nonzero);
        assert_eq!(pid.map(i32::from), Ok(4711));
        assert_eq!(pid_of("12").map(Pid::as_raw_nonzero).map(i32::from), Ok(12));
        std::fs::remove_file(&file).unwrap();
    }
}
