//! Accounts drawn from a seed. Imports lead from later accounts to earlier ones, so that there is no circle; what is
//! imported as a service may be exported again.

use std::fmt::Write;

const ACCOUNTS_MAX: u64 = 50;

pub struct Graph {
    pub accounts: Vec<Account>,
}

#[derive(Default)]
pub struct Account {
    pub exports: Vec<Export>,
    pub imports: Vec<Import>,
    pub subscriptions: Vec<String>,
    /// Subject, and whether an answer is asked for.
    pub publications: Vec<(String, bool)>,
}

pub struct Export {
    pub is_service: bool,
    pub pattern: String,
    /// Open to these alone.
    pub only: Option<Vec<usize>>,
}

pub struct Import {
    pub is_service: bool,
    pub from: usize,
    /// The pattern as the exporter has it.
    pub theirs: String,
    pub local: Local,
}

/// How the importer calls it.
pub enum Local {
    Same,
    Prefix(String),
    /// With `$1`, `$2` for the wildcards where their order changes.
    To(String),
}

/// A small generator of numbers (splitmix64), the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn token(&mut self) -> &'static str {
        ["a", "b", "c"][self.below(3)]
    }
}

impl Graph {
    pub fn draw(seed: u64) -> Graph {
        let mut chance = Chance(seed);
        let count = 2 + chance.below(ACCOUNTS_MAX as usize - 1);
        let mut graph = Graph { accounts: Vec::new() };
        for at in 0..count {
            let account = graph.draw_account(at, count, &mut chance);
            graph.accounts.push(account);
        }
        for at in 0..count {
            let local: Vec<String> = graph.local_patterns(at);
            let account = &mut graph.accounts[at];
            account.subscriptions.push(">".into());
            for _ in 0..4 {
                let pattern = &local[chance.below(local.len())];
                account.subscriptions.push(narrowed(pattern, true, &mut chance));
            }
            for number in 0..12 {
                let pattern = &local[chance.below(local.len())];
                account.publications.push((narrowed(pattern, false, &mut chance), number % 3 == 0));
            }
        }
        graph
    }

    fn draw_account(&self, at: usize, count: usize, chance: &mut Chance) -> Account {
        let mut account = Account::default();
        for number in 0..1 + chance.below(4) {
            let is_service = chance.once_in(2);
            let name = format!("{}{at}{}", if is_service { "v" } else { "s" }, ["x", "y", "z", "w"][number]);
            let pattern = name + ["", ".*", ".*.*", ".>", ".*.>"][chance.below(5)];
            let only = chance.once_in(3).then(|| (0..3).map(|_| chance.below(count)).collect());
            account.exports.push(Export { is_service, pattern, only });
        }
        for number in 0..if at == 0 { 0 } else { chance.below(6) } {
            let from = chance.below(at);
            let exports = &self.accounts[from].exports;
            let export = &exports[chance.below(exports.len())];
            if export.only.as_ref().is_some_and(|only| !only.contains(&at)) {
                continue;
            }
            let theirs =
                if chance.once_in(2) { export.pattern.clone() } else { subset(&export.pattern, chance) };
            // nats-server refuses the same stream twice, and services that meet under one name.
            if account.imports.iter().any(|import| first_token(&import.theirs) == first_token(&theirs)) {
                continue;
            }
            let local = Local::draw(export.is_service, &theirs, &format!("i{at}n{number}"), chance);
            let import = Import { is_service: export.is_service, from, theirs, local };
            if import.is_service && chance.once_in(2) {
                account.exports.push(Export {
                    is_service: true,
                    pattern: import.local_pattern(),
                    only: None,
                });
            }
            account.imports.push(import);
        }
        account
    }

    /// All that means something in an account.
    fn local_patterns(&self, at: usize) -> Vec<String> {
        let account = &self.accounts[at];
        let exported = account.exports.iter().map(|export| export.pattern.clone());
        exported.chain(account.imports.iter().map(Import::local_pattern)).collect()
    }

    pub fn configuration(&self) -> String {
        let mut text = String::from("accounts {\n");
        for (at, account) in self.accounts.iter().enumerate() {
            let _ =
                writeln!(text, "  A{at} {{\n    users: [ {{ user: u{at}, password: p }} ]\n    exports: [");
            for Export { is_service, pattern, only } in &account.exports {
                let kind = if *is_service { "service" } else { "stream" };
                let only = only.as_ref().map(|only| {
                    let names: Vec<_> = only.iter().map(|at| format!("A{at}")).collect();
                    format!(", accounts: [{}]", names.join(", "))
                });
                let _ = writeln!(text, "      {{ {kind}: \"{pattern}\"{} }}", only.unwrap_or_default());
            }
            text.push_str("    ]\n    imports: [\n");
            for Import { is_service, from, theirs, local } in &account.imports {
                let kind = if *is_service { "service" } else { "stream" };
                let local = match local {
                    Local::Same => String::new(),
                    Local::Prefix(prefix) => format!(", prefix: {prefix}"),
                    Local::To(to) => format!(", to: \"{to}\""),
                };
                let _ = writeln!(
                    text,
                    "      {{ {kind}: {{ account: A{from}, subject: \"{theirs}\" }}{local} }}"
                );
            }
            text.push_str("    ]\n  }\n");
        }
        text + "}\n"
    }
}

impl Local {
    fn draw(is_service: bool, theirs: &str, name: &str, chance: &mut Chance) -> Local {
        let wildcards = theirs.matches('*').count();
        let rest = if theirs.ends_with('>') { ".>" } else { "" };
        match chance.below(4) {
            0 => Local::Same,
            1 if !is_service => Local::Prefix(name.into()),
            2 if wildcards == 2 && rest.is_empty() => Local::To(format!("{name}.$2.$1")),
            _ => Local::To(format!("{name}{}{rest}", ".*".repeat(wildcards))),
        }
    }
}

impl Import {
    pub fn local_pattern(&self) -> String {
        match &self.local {
            Local::Same => self.theirs.clone(),
            Local::Prefix(prefix) => format!("{prefix}.{}", self.theirs),
            Local::To(to) => to.replace("$1", "*").replace("$2", "*"),
        }
    }
}

fn first_token(pattern: &str) -> &str {
    pattern.split('.').next().unwrap_or_default()
}

/// A pattern within a pattern, of the same first token.
fn subset(pattern: &str, chance: &mut Chance) -> String {
    let tokens: Vec<&str> = pattern.split('.').collect();
    let mut narrower: Vec<&str> = Vec::new();
    for token in tokens {
        match token {
            "*" if chance.once_in(3) => narrower.push(chance.token()),
            ">" => match chance.below(4) {
                0 => narrower.push(chance.token()),
                1 => narrower.push("*"),
                2 => narrower.extend([chance.token(), ">"]),
                _ => narrower.push(">"),
            },
            other => narrower.push(other),
        }
    }
    narrower.join(".")
}

/// A subject that a pattern holds, now and then one that it does not; or a pattern, where wildcards may stand.
fn narrowed(pattern: &str, wild: bool, chance: &mut Chance) -> String {
    let mut tokens: Vec<&str> = Vec::new();
    for token in pattern.split('.') {
        match token {
            "*" if wild && chance.once_in(2) => tokens.push("*"),
            "*" => tokens.push(chance.token()),
            ">" if wild && chance.once_in(2) => tokens.push(">"),
            ">" => {
                tokens.push(chance.token());
                if chance.once_in(2) {
                    tokens.push(chance.token());
                }
            }
            _ if wild && chance.once_in(8) => tokens.push("*"),
            other => tokens.push(other),
        }
    }
    if chance.once_in(8) && tokens.last() != Some(&">") {
        tokens.push(chance.token());
    }
    tokens.join(".")
}
