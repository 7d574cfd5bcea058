//! Where a figure was measured, and of which sources.

use std::fmt;
use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// Figures of different machines say nothing about each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub kernel: String,
}

impl Machine {
    pub fn this() -> Machine {
        let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| parse_cpu(&text));
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Machine { cpu: cpu.unwrap_or_else(|| std::env::consts::ARCH.to_owned()), cores, kernel }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {} cores, Linux {}", self.cpu, self.cores, self.kernel)
    }
}

fn parse_cpu(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(line.trim_start().strip_prefix(':')?.trim().to_owned())
}

/// The commit of the sources around the working directory, `-dirty` where they were changed since; `unknown`
/// outside of a checkout.
pub fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}-dirty"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_named_as_the_kernel_does() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC 7R13 Processor\nflags\t: fpu\n";
        assert_eq!(parse_cpu(text).as_deref(), Some("AMD EPYC 7R13 Processor"));
        assert_eq!(parse_cpu("processor\t: 0\n"), None);
    }
}
