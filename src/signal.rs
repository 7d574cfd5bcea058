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
    let pid = Pid::from_raw(pid).ok_or_else(|| format!("invalid pid: {target}"))?;
    kill_process(pid, signal).map_err(|error| error.to_string())
}

fn pid_of(target: &str) -> Result<i32, String> {
    let text = match target.parse::<i32>() {
        Ok(pid) => return Ok(pid),
        Err(_) => std::fs::read_to_string(target).map_err(|_| format!("invalid pid: {target}"))?,
    };
    text.trim().parse().map_err(|_| format!("invalid pid: {target}"))
}

/// The one other process that runs this program.
fn running() -> Result<i32, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let processes = std::fs::read_dir("/proc").map_err(|error| error.to_string())?;
    let mut found: Vec<i32> = processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| *pid != std::process::id() as i32)
        .filter(|pid| {
            std::fs::read_link(Path::new("/proc").join(pid.to_string()).join("exe")).ok().as_ref()
                == Some(&own)
        })
        .collect();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err("no corebus processes running".to_owned()),
        _ => {
            let list: Vec<String> = found.iter().map(i32::to_string).collect();
            Err(format!("multiple corebus processes running:\n{}", list.join("\n")))
        }
    }
}
