//! Accounts, who is let in, who may do what, and which subjects become others.
//!
//! Most of it is written as scripts in `tests/data/accounts`: a configuration, what clients do, and everything that any
//! of them is then told. The answers are nats-server's own, recorded, except those in `deviations.txt`, which say why.
//! `UPDATE_SCRIPTS=1 COREBUS_TEST_SERVER=/path/to/nats-server cargo test accounts::scripts` records them again.
//!
//! A script is read so:
//!
//! | line | meaning |
//! |---|---|
//! | `\| text`, `conf file` | the configuration: above the first case for all of them, in a case for itself alone |
//! | `flag text`, `env NAME=value` | what the server is started with besides |
//! | `## name`, `# text` | a case, and what it proves |
//! | `alone` | the case is given a server of its own |
//! | `A opens`, `A leaves` | a connection that says nothing; its end |
//! | `A connects`, `… ann:pw`, `… {…}` | CONNECT, quiet; with credentials; with fields of one's own |
//! | `A> text` | a line sent; `#` stands for the size of what follows in PUB, for both sizes in HPUB |
//! | `A< text` | all that A is told until all is quiet, messages sorted |
//! | `reload`, then `\| text` | the configuration changes; `Z< <refused>` if not |
//! | `pause 300` | milliseconds in which nothing is done |
//! | `log text` | the log has a line with it |
//!
//! `@reply@` is the reply subject of the last message to who says it (`@reply:B@`: to B), `@key:ann@` and `@sig:ann@`
//! are ann's public key and her signature of this connection's nonce (`@sig:ann:B@`: of B's).

mod graphs;
mod keys;
mod play;
mod script;
mod scripts;
mod secrets;
mod shares;
mod wording;
