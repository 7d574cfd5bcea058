//! Files that tell others where the server is: its pid, its ports. They go when it ends.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::Options;

#[derive(Default)]
pub struct Files {
    pid: Option<PathBuf>,
    ports: Option<PathBuf>,
}

impl Files {
    /// Writes the pid file, if there is to be one; an older one at another place goes.
    pub fn write_pid(&mut self, options: &Options) -> Result<(), String> {
        let path = options.pid_file.clone();
        put(&mut self.pid, path, &std::process::id().to_string())
    }

    /// Writes the ports file: a list of addresses per protocol, in JSON. Source: nats-server
    /// `server.go:logPorts`.
    pub fn write_ports(
        &mut self,
        options: &Options,
        clients: &str,
        monitoring: Option<&str>,
    ) -> Result<(), String> {
        let path = options.ports_file_dir.as_ref().map(|dir| dir.join(ports_file_name()));
        let near = |address: &str| address.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:");
        let mut text = format!("{{\"nats\":[\"nats://{}\"]", near(clients));
        if let Some(address) = monitoring {
            text.push_str(&format!(",\"monitoring\":[\"http://{}\"]", near(address)));
        }
        put(&mut self.ports, path, &(text + "}"))
    }

    pub fn remove(&self) {
        self.pid.iter().chain(&self.ports).for_each(|file| drop(std::fs::remove_file(file)));
    }
}

fn ports_file_name() -> String {
    let program = std::env::args().next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    format!("{program}_{}.ports", std::process::id())
}

fn put(place: &mut Option<PathBuf>, path: Option<PathBuf>, text: &str) -> Result<(), String> {
    if let Some(path) = &path {
        replace(path, text).map_err(|error| format!("Could not write {}: {error}", path.display()))?;
    }
    if let Some(old) = std::mem::replace(place, path.clone())
        && path.as_ref() != Some(&old)
    {
        let _ = std::fs::remove_file(old);
    }
    Ok(())
}

/// Writes a file so that nobody sees half of it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    std::fs::write(&temporary, text)?;
    std::fs::rename(&temporary, path)
}
