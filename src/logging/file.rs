//! The log file: appended to, rotated at a size, old ones taken away. Source: nats-server `logger/log.go`
//! (`fileLogger`).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::cause;
use super::format::{Format, Line, Severity};

/// Bytes gathered before they are written, while there are more lines.
const BATCH_BYTES: usize = 1 << 16;

/// A log may tell more than everybody should read.
const MODE: u32 = 0o640;

pub struct LogFile {
    path: PathBuf,
    file: File,
    /// Bytes in the file.
    written: u64,
    batch: String,
    /// 0 means no rotation.
    size_limit: u64,
    /// What is rotated at: the limit, or more after a rotation that failed.
    rotate_above: u64,
    files_max: usize,
}

impl LogFile {
    pub fn open(path: &Path, size_limit: u64, files_max: usize) -> io::Result<LogFile> {
        let (file, written) = open(path)?;
        let path = path.to_owned();
        let batch = String::new();
        Ok(LogFile { path, file, written, batch, size_limit, rotate_above: size_limit, files_max })
    }

    /// Goes on in a file of the same name. On an error the old one stays.
    pub fn reopen(&mut self) -> io::Result<()> {
        (self.file, self.written) = open(&self.path)?;
        self.rotate_above = self.size_limit;
        Ok(())
    }

    pub fn is_over_limit(&self) -> bool {
        self.size_limit > 0 && self.written + self.batch.len() as u64 > self.rotate_above
    }

    /// Takes a line; the one that brings the file over its limit is the last of it.
    pub fn add(&mut self, line: &Line, format: &Format) {
        self.batch.push_str(&format.line(line));
        if !self.batch.ends_with('\n') {
            self.batch.push('\n');
        }
        if self.is_over_limit() {
            self.finish();
            self.rotate(format);
        } else if self.batch.len() >= BATCH_BYTES {
            self.finish();
        }
    }

    pub fn finish(&mut self) {
        if self.file.write_all(self.batch.as_bytes()).is_ok() {
            self.written += self.batch.len() as u64;
        }
        self.batch.clear();
    }

    /// The file gets a name with the time, and a new one takes its place. Where that fails the old one is
    /// written on, and it is tried again at twice the size; nats-server says that all went well, or ends.
    fn rotate(&mut self, format: &Format) {
        if !self.is_over_limit() {
            return;
        }
        let backup = backup_name(&self.path, &Zoned::new(Timestamp::now(), TimeZone::system()));
        let moved = std::fs::rename(&self.path, &backup);
        if let Err(error) = &moved
            && error.kind() != io::ErrorKind::NotFound
        {
            return self.later(&format!("Unable to rename logfile for rotation ({})", cause(error)), format);
        }
        match open(&self.path) {
            Ok(opened) => (self.file, self.written) = opened,
            Err(error) => {
                let _ = std::fs::rename(&backup, &self.path);
                let path = self.path.display().to_string();
                let said =
                    format!("Unable to re-open the logfile {path:?} after rotation ({})", cause(&error));
                return self.later(&said, format);
            }
        }
        self.rotate_above = self.size_limit;
        let said = match moved {
            Ok(()) => format!("Rotated log, backup saved as {:?}", backup.display().to_string()),
            Err(_) => "Rotated log, it had been moved away".to_owned(),
        };
        self.say(Severity::Notice, &said, format);
        if self.files_max > 0 {
            self.purge(format);
        }
    }

    fn later(&mut self, said: &str, format: &Format) {
        self.rotate_above = self.rotate_above.saturating_mul(2);
        let said = format!("{said}, will attempt next rotation at size {}", self.rotate_above);
        self.say(Severity::Error, &said, format);
    }

    /// Takes the oldest files away, so that with the one in use no more than `files_max` are left.
    fn purge(&mut self, format: &Format) {
        let folder = match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut backups = match backups(&folder, &self.path) {
            Ok(backups) => backups,
            Err(error) => {
                let folder = folder.display().to_string();
                let cause = cause(&error);
                let said = format!("Unable to read directory {folder:?} for log purge ({cause})");
                return self.say(Severity::Error, &(said + ", will attempt next rotation"), format);
            }
        };
        backups.sort();
        let beyond = backups.len().saturating_sub(self.files_max - 1);
        for name in &backups[..beyond] {
            if let Err(error) = std::fs::remove_file(folder.join(name)) {
                let cause = cause(&error);
                let said = format!("Unable to remove backup log file {name:?} ({cause})");
                return self.say(Severity::Error, &(said + ", will attempt next rotation"), format);
            }
            self.say(Severity::Notice, &format!("Purged log file {name:?}"), format);
        }
    }

    /// Writes a line about the file itself, which is ended as nats-server ends them.
    fn say(&mut self, severity: Severity, text: &str, format: &Format) {
        let line = format.line(&Line::now(severity, text.to_owned()));
        self.batch.push_str(&line);
        self.batch.push_str("\r\n");
        self.finish();
    }
}

/// The file, and how long it is already.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).mode(MODE).open(path)?;
    let len = file.metadata()?.len();
    Ok((file, len))
}

fn backup_name(path: &Path, now: &Zoned) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(now.strftime(".%Y.%m.%d.%H.%M.%S.%9f").to_string());
    name.into()
}

/// The names of rotated files of `path`.
fn backups(folder: &Path, path: &Path) -> io::Result<Vec<String>> {
    let Some(base) = path.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let stamp = name.strip_prefix(base).and_then(|rest| rest.strip_prefix('.'));
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder && stamp.is_some_and(is_stamp) {
            found.push(name);
        }
    }
    Ok(found)
}

/// `2006.01.02.15.04.05`, perhaps with a fraction behind a point: no file but ours is taken away.
fn is_stamp(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let widths: &[usize] = &[4, 2, 2, 2, 2, 2];
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !(6..=7).contains(&parts.len()) || !parts.iter().all(digits) {
        return false;
    }
    if !parts.iter().zip(widths).all(|(part, width)| part.len() == *width) {
        return false;
    }
    let number = |index: usize| parts[index].parse().unwrap_or(-1);
    let year = parts[0].parse().unwrap_or(-1);
    jiff::civil::DateTime::new(year, number(1), number(2), number(3), number(4), number(5), 0).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::scratch::Scratch;
    use super::*;

    fn format() -> Format {
        Format { time: false, zone: TimeZone::UTC, colours: false, pid: 7 }
    }

    fn add(file: &mut LogFile, text: &str) {
        file.add(&Line::now(Severity::Notice, text.to_owned()), &format());
    }

    /// The names in a folder, sorted.
    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn read(folder: &Path, name: &str) -> String {
        std::fs::read_to_string(folder.join(name)).unwrap()
    }

    #[test]
    fn the_line_over_the_limit_is_the_last_of_its_file() {
        let scratch = Scratch::new();
        let path = scratch.path().join("s.log");
        let mut file = LogFile::open(&path, 24, 0).unwrap();
        add(&mut file, "one"); // 14 bytes
        assert_eq!(names(scratch.path()), ["s.log"]);
        add(&mut file, "two");
        add(&mut file, "3");
        file.finish();
        let names = names(scratch.path());
        assert_eq!(names.len(), 3, "{names:?}");
        assert_eq!(read(scratch.path(), &names[1]), "[7] [INF] one\n[7] [INF] two\n");
        assert!(is_stamp(names[1].strip_prefix("s.log.").unwrap()), "{names:?}");
        let backup = scratch.path().join(&names[1]).display().to_string();
        let second = read(scratch.path(), &names[2]);
        assert_eq!(second, format!("[7] [INF] Rotated log, backup saved as {backup:?}\r\n[7] [INF] 3\n"));
        assert!(read(scratch.path(), "s.log").starts_with("[7] [INF] Rotated log, "));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777 & !0o640, 0);
    }

    #[test]
    fn no_more_files_are_kept_than_asked_and_no_other_is_touched() {
        let scratch = Scratch::new();
        let folder = scratch.path();
        let ours = [
            "s.log.2020.01.01.00.00.00.123456789",
            "s.log.2020.01.01.00.00.00",
            "s.log.2020.01.02.00.00.00.1",
        ];
        let others = ["s.log.2020.02.30.00.00.00.1", "s.log.2020.1.1.00.00.00.1", "s.log.txt", "s.logs"];
        for name in ours.iter().chain(&others) {
            std::fs::write(folder.join(name), "").unwrap();
        }
        std::fs::create_dir(folder.join("s.log.2020.01.03.00.00.00.1")).unwrap();
        let mut file = LogFile::open(&folder.join("s.log"), 8, 3).unwrap();
        add(&mut file, "one");
        file.finish();
        let text = read(folder, "s.log");
        let purged: Vec<_> = text.split("\r\n").filter(|line| line.contains("Purged")).collect();
        assert_eq!(
            purged,
            [
                "[7] [INF] Purged log file \"s.log.2020.01.01.00.00.00\"",
                "[7] [INF] Purged log file \"s.log.2020.01.01.00.00.00.123456789\"",
            ]
        );
        let left = names(folder);
        assert!(
            left.contains(&ours[2].to_owned()) && left.contains(&"s.log.2020.01.03.00.00.00.1".to_owned())
        );
        assert!(others.iter().all(|name| left.contains(&(*name).to_owned())), "{left:?}");
        assert_eq!(backups(folder, &folder.join("s.log")).unwrap().len(), 2);
    }

    #[test]
    fn a_folder_that_is_gone_stops_no_log() {
        let scratch = Scratch::new();
        let folder = scratch.path().join("folder");
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("s.log");
        let mut file = LogFile::open(&path, 20, 0).unwrap();
        add(&mut file, "one");
        file.finish();
        let moved = scratch.path().join("moved");
        std::fs::rename(&folder, &moved).unwrap();
        add(&mut file, "two");
        assert!(file.reopen().is_err());
        add(&mut file, "three");
        file.finish();
        let text = read(&moved, "s.log");
        let lines: Vec<_> = text.split_terminator('\n').collect();
        assert_eq!(lines[..2], ["[7] [INF] one", "[7] [INF] two"]);
        let failed = "(no such file or directory), will attempt next rotation at size 40\r";
        assert!(
            lines[2].starts_with("[7] [ERR] Unable to re-open the logfile ") && lines[2].ends_with(failed),
            "{text}"
        );
        assert!(text.contains("\n[7] [INF] three\n"), "{text}");
        std::fs::create_dir(&folder).unwrap();
        file.reopen().unwrap();
        add(&mut file, "four");
        file.finish();
        assert_eq!(read(&folder, "s.log"), "[7] [INF] four\n");
    }

    #[test]
    fn a_file_moved_away_is_not_said_to_be_saved() {
        let scratch = Scratch::new();
        let path = scratch.path().join("s.log");
        let mut file = LogFile::open(&path, 20, 0).unwrap();
        add(&mut file, "one");
        file.finish();
        std::fs::rename(&path, scratch.path().join("moved")).unwrap();
        add(&mut file, "two");
        file.finish();
        assert_eq!(read(scratch.path(), "moved"), "[7] [INF] one\n[7] [INF] two\n");
        assert!(
            read(scratch.path(), "s.log").starts_with("[7] [INF] Rotated log, it had been moved away\r\n")
        );
    }
}
