//! Two accounts, one of which imports what the other exports: a service, and a stream of messages.

use crate::failure::{Outcome, fail};
use crate::login::Login;
use crate::measure::Bench;

use super::Setup;
use super::fan::STREAM;
use super::request::SERVICE;

/// Not exported: what is published here stays in its account.
const PRIVATE: &str = "perf.private";

/// Where those who publish or answer are, as those see it who subscribe or ask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Between {
    OneAccount,
    /// In another account, whose exports are imported.
    TwoAccounts,
}

impl Between {
    pub fn setup(self) -> Setup {
        match self {
            Between::OneAccount => Setup::plain(),
            Between::TwoAccounts => Setup { configuration: Some(configuration()), greeter: self.importer() },
        }
    }

    /// Of those who subscribe or ask.
    pub fn importer(self) -> Login {
        match self {
            Between::OneAccount => Login::Anonymous,
            Between::TwoAccounts => Login::password("importer", "imports"),
        }
    }

    /// Of those who publish or answer.
    pub fn exporter(self) -> Login {
        match self {
            Between::OneAccount => Login::Anonymous,
            Between::TwoAccounts => Login::password("exporter", "exports"),
        }
    }

    /// Where there are two accounts, only what is imported crosses from one to the other: else the figures would
    /// be of something cheaper.
    pub fn check(self, bench: &Bench<'_>) -> Outcome<()> {
        if self == Between::OneAccount {
            return Ok(());
        }
        let mut importer = bench.open(&self.importer())?;
        importer.subscribe(PRIVATE, None, 1)?;
        importer.barrier()?;
        let mut exporter = bench.open(&self.exporter())?;
        exporter.write(format!("PUB {PRIVATE} 2\r\nhi\r\n").as_bytes())?;
        exporter.barrier()?;
        importer.barrier()?;
        match importer.scanner.messages() {
            0 => Ok(()),
            _ => fail!("a message crossed to an account that does not import it"),
        }
    }
}

fn configuration() -> String {
    format!(
        r#"accounts {{
  exporter {{
    users: [{{user: "exporter", password: "exports"}}]
    exports: [{{service: "{SERVICE}"}}, {{stream: "{STREAM}.>"}}]
  }}
  importer {{
    users: [{{user: "importer", password: "imports"}}]
    imports: [
      {{service: {{account: exporter, subject: "{SERVICE}"}}}}
      {{stream: {{account: exporter, subject: "{STREAM}.>"}}}}
    ]
  }}
}}
"#
    )
}
