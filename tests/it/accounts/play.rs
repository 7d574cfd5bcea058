//! Plays a case against a server: each act is done, then everybody is asked what they were told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::keys;
use super::script::{Act, Case, Does, Stage};
use super::wording;
use crate::conformance::escape;
use crate::support::PATIENCE;
use crate::support::process::Signal;
use crate::support::program;
use crate::support::raw::{Raw, Received};
use crate::support::scratch::Scratch;
use crate::support::server::{Launch, Server};
use crate::support::shape::Shape;

/// How long a recording waits for more; only recordings rest on time.
const SILENCE: Duration = Duration::from_millis(60);

/// In the line that ends every attempt to reload.
const RELOAD_ENDS: &str = " server configuration";
const VIOLATION: &str = "-ERR 'Authorization Violation'";

/// A running server, and the file that it read.
pub struct Theatre {
    pub server: Server,
    scratch: Scratch,
}

impl Theatre {
    pub fn open(shape: Shape, stage: &Stage) -> Theatre {
        let scratch = Scratch::new();
        let mut launch = Launch::new(shape);
        if !stage.configuration.is_empty() {
            let file = scratch.file("server.conf");
            std::fs::write(&file, known(&stage.configuration)).expect("a configuration file");
            launch = launch.flag("-c").flag(file.to_str().expect("a path"));
        }
        let launch = stage.flags.iter().fold(launch, Launch::flag);
        let launch = stage.environment.iter().fold(launch, |launch, (name, value)| launch.env(name, value));
        Theatre { server: launch.start(), scratch }
    }

    /// Has the configuration read; false when it is refused.
    pub fn reload(&self, text: &str) -> bool {
        let ended = || {
            let text = self.server.log.text();
            text.lines().filter(|line| line.contains(RELOAD_ENDS)).map(str::to_owned).collect::<Vec<_>>()
        };
        let before = ended().len();
        std::fs::write(self.scratch.file("server.conf"), known(text)).expect("a configuration file");
        self.server.process.signal(Signal::HUP);
        self.server.log.expect_times(RELOAD_ENDS, before + 1);
        ended()[before].contains("Reloaded")
    }
}

/// A configuration with the keys of users in it.
pub fn known(text: &str) -> String {
    wording::filled(text, &|word| Some(keys::of(word.strip_prefix("key:")?).public_key()))
}

/// The case with what was really told.
pub fn record(case: &Case, theatre: &Theatre) -> Case {
    let mut recorded = case.clone();
    let mut playing = Playing::new(theatre);
    for act in &mut recorded.acts {
        playing.perform(&act.does, None);
        act.told = playing.told(None, act);
    }
    recorded
}

/// What differs from what should be told, if anything.
pub fn verify(case: &Case, theatre: &Theatre) -> Result<(), String> {
    let mut playing = Playing::new(theatre);
    for (at, act) in case.acts.iter().enumerate() {
        playing.perform(&act.does, Some(act));
        let told = playing.told(Some(act), act);
        if told != act.told {
            return Err(difference(case, at, &told));
        }
    }
    Ok(())
}

fn difference(case: &Case, at: usize, told: &BTreeMap<char, Vec<String>>) -> String {
    let until = Case { acts: case.acts[..=at].to_vec(), ..case.clone() };
    let indent = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let told = told.values().flatten().map(|line| format!("{line}\n")).collect::<String>();
    format!("{}\n  but they were told\n{}", indent(&until.render()), indent(&told))
}

struct Playing<'a> {
    theatre: &'a Theatre,
    connections: BTreeMap<char, Client>,
    /// How the reload that was done last ended.
    reloaded: Option<bool>,
}

struct Client {
    raw: Raw,
    /// What the act that was last done made known already.
    told: Vec<Vec<u8>>,
    /// A PING is answered: CONNECT was sent.
    introduced: bool,
    closed: bool,
    reply: String,
}

impl<'a> Playing<'a> {
    fn new(theatre: &'a Theatre) -> Playing<'a> {
        Playing { theatre, connections: BTreeMap::new(), reloaded: None }
    }

    fn perform(&mut self, does: &Does, expected: Option<&Act>) {
        match does {
            Does::Opens(who) => drop(self.connections.insert(*who, Client::open(&self.theatre.server))),
            Does::Leaves(who) => drop(self.connections.remove(who)),
            Does::Connects(who, with) => {
                self.connections.insert(*who, Client::open(&self.theatre.server));
                let introduction = self.fill(*who, &introduction(with));
                self.client(*who).introduced = true;
                self.send(*who, format!("{introduction}\r\n").into_bytes(), expected);
            }
            // Who was refused in this act's place says nothing more.
            Does::Sends(who, _) if !self.connections.contains_key(who) => {}
            Does::Sends(who, lines) => {
                for (at, line) in lines.iter().enumerate() {
                    let mut bytes = wording::sized(escape::decode(&self.fill(*who, line)));
                    bytes.extend(b"\r\n");
                    let is_connect = bytes.len() > 7 && bytes[..7].eq_ignore_ascii_case(b"CONNECT");
                    self.client(*who).introduced |= is_connect;
                    match at + 1 == lines.len() {
                        true => self.send(*who, bytes, expected),
                        false => drop(self.client(*who).raw.try_send(bytes)),
                    }
                }
            }
            Does::Reload(text) => self.reloaded = Some(self.theatre.reload(text)),
            Does::Pause(milliseconds) => std::thread::sleep(Duration::from_millis(*milliseconds)),
            Does::Log(text) => drop(self.theatre.server.log.expect(text)),
            Does::Nothing => {}
        }
    }

    fn client(&mut self, who: char) -> &mut Client {
        self.connections.get_mut(&who).unwrap_or_else(|| panic!("{who} is not there"))
    }

    /// Sends, with a PING behind it in the same write unless the connection is expected to end.
    fn send(&mut self, who: char, bytes: Vec<u8>, expected: Option<&Act>) {
        let ends = expected.is_some_and(|act| ends(act, who));
        let client = self.client(who);
        let ping: &[u8] = if client.introduced && !ends { b"PING\r\n" } else { b"" };
        if client.raw.try_send([&bytes, ping].concat()) && !ping.is_empty() {
            client.until_pong();
        }
    }

    fn fill(&self, who: char, text: &str) -> String {
        wording::filled(text, &|word| {
            let (word, of) = match word.rsplit_once(':') {
                Some((word, of)) if of.len() == 1 && of.as_bytes()[0].is_ascii_uppercase() => {
                    (word, of.chars().next()?)
                }
                _ => (word, who),
            };
            match word.split_once(':') {
                Some(("key", name)) => Some(keys::of(name).public_key()),
                Some(("sig", name)) => {
                    Some(keys::signature(name, self.connections.get(&of)?.raw.info["nonce"].as_str()?))
                }
                None if word == "reply" => Some(self.connections.get(&of)?.reply.clone()),
                _ => None,
            }
        })
    }

    /// What each connection was told since it was asked last; closed ones are taken off the stage.
    /// `written` is the act as it stands in the script.
    fn told(&mut self, expected: Option<&Act>, written: &Act) -> BTreeMap<char, Vec<String>> {
        let mut all = BTreeMap::new();
        let reloaded = self.reloaded.take();
        if reloaded == Some(false) {
            all.insert('Z', vec!["Z< <refused>".to_owned()]);
        }
        for (who, client) in &mut self.connections {
            client.settle(*who, expected);
            let mut lines: Vec<_> = client.told.drain(..).map(|unit| line(*who, &unit)).collect();
            sort_messages(&mut lines);
            if reloaded.is_some() {
                lines.sort();
            }
            if client.closed {
                // nats-server does not always come round to telling those whom a reload cuts.
                let violation = format!("{who}< {VIOLATION}");
                let is_written = written.told.get(who).is_some_and(|lines| lines.contains(&violation));
                if reloaded.is_some() && lines.is_empty() && is_written && !program::is_corebus() {
                    lines.push(violation);
                }
                lines.push(format!("{who}< <closed>"));
            }
            if !lines.is_empty() {
                all.insert(*who, lines);
            }
        }
        self.connections.retain(|_, client| !client.closed);
        all
    }
}

fn ends(act: &Act, who: char) -> bool {
    act.told.get(&who).and_then(|lines| lines.last()).is_some_and(|line| line.ends_with("< <closed>"))
}

impl Client {
    fn open(server: &Server) -> Client {
        let raw = server.accept();
        Client { raw, told: Vec::new(), introduced: false, closed: false, reply: String::new() }
    }

    /// Reads until the PONG of a PING that was sent.
    fn until_pong(&mut self) {
        while self.read(PATIENCE) != Some(true) && !self.closed {}
    }

    /// Reads one unit and keeps it: true for a PONG, which is not kept; `None` when nothing came.
    fn read(&mut self, patience: Duration) -> Option<bool> {
        match self.raw.receive(patience) {
            Received::Unit(unit) if unit == b"PING\r\n" => Some(false),
            Received::Unit(unit) if unit == b"PONG\r\n" => Some(true),
            Received::Unit(unit) => {
                self.reply = wording::reply_subject(&unit).unwrap_or(std::mem::take(&mut self.reply));
                self.told.push(unit);
                Some(false)
            }
            Received::Closed(rest) => {
                if !rest.is_empty() {
                    self.told.push(rest);
                }
                self.closed = true;
                Some(false)
            }
            Received::Silence => None,
        }
    }

    fn settle(&mut self, who: char, expected: Option<&Act>) {
        let Some(expected) = expected else {
            while !self.closed && self.read(SILENCE).is_some() {}
            return self.barrier();
        };
        if ends(expected, who) {
            let deadline = Instant::now() + PATIENCE;
            while !self.closed && Instant::now() < deadline && self.read(PATIENCE).is_some() {}
            return;
        }
        self.barrier();
        // What is told a moment later, as measurements are, is waited for.
        let count = expected.told.get(&who).map_or(0, Vec::len);
        while !self.closed && self.told.len() < count && self.read(PATIENCE / 4).is_some() {}
    }

    fn barrier(&mut self) {
        if self.introduced && !self.closed && self.raw.try_send("PING\r\n") {
            self.until_pong();
        }
    }
}

/// CONNECT of a quiet client that knows headers, with credentials as `user:password` or fields of one's own.
fn introduction(with: &str) -> String {
    let own = match with.strip_prefix('{') {
        Some(fields) => format!(",{fields}"),
        None => match with.split_once(':') {
            Some((user, password)) => format!(r#","user":"{user}","pass":"{password}"}}"#),
            None => "}".to_owned(),
        },
    };
    format!(r#"CONNECT {{"verbose":false,"pedantic":false,"headers":true,"no_responders":true{own}"#)
}

fn line(who: char, unit: &[u8]) -> String {
    let unit = wording::masked(unit);
    let inside = unit.strip_suffix(b"\r\n").unwrap_or(&unit);
    format!("{who}< {}", escape::encode(inside)).trim_end().to_owned()
}

/// Messages that stand side by side, in the order of their texts.
fn sort_messages(lines: &mut [String]) {
    let is_message = |line: &String| line[3..].starts_with("MSG ") || line[3..].starts_with("HMSG ");
    for run in lines.chunk_by_mut(|a, b| is_message(a) && is_message(b)) {
        run.sort();
    }
}
