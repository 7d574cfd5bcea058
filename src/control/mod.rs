//! The control core: an async executor that owns what is rare and global. Signals and the shards' reports
//! come in, orders go out; it sleeps when nothing happens.

mod executor;
mod life;
mod passwords;
mod placement;
mod reload;
mod reports;
mod signals;

use std::convert::Infallible;
use std::io;

use shard::settings::DriverKind;

use crate::accounts::Registry;
use crate::boot::Plan;
use crate::cli::Arguments;
use crate::config::Options;
use crate::logging;
use crate::monitor::Door;
use executor::Kind;
pub use executor::{Executor, Listener, Stream, Task};
use life::Life;
use passwords::Checker;

/// Runs a server from start to end; the process ends in here. Answers only why it could not begin.
pub fn run(arguments: Arguments, options: Options) -> io::Result<Infallible> {
    let (post, happenings) = reports::channel();
    signals::watch(post.clone())?;
    let plan = Plan::make(&options);
    let mut registry = Registry::new();
    let directory = registry.compile(&options).unwrap_or_else(|error| logging::fatal(&error));
    let passwords = Checker::start()?;
    let kind = match plan.driver {
        DriverKind::Uring => Kind::Glommio,
        DriverKind::Epoll => Kind::Smol,
    };
    plan.leave_shards_alone();
    executor::run(kind, async |executor| {
        let door = Door::bind(&executor, &options).await.unwrap_or_else(|error| logging::fatal(&error));
        let monitoring = door.as_ref().map(Door::address);
        let server = plan.start(&options, directory, post.reporter(), monitoring);
        let monitor = door.map(|door| door.open(&executor, &server, &options));
        let code =
            Life::new(server, arguments, options, executor, happenings, monitor, (registry, passwords))
                .live()
                .await;
        // From inside: neither tasks nor rings need an orderly end of their own, and shards that hang
        // may still hold wakers of this executor.
        logging::flush();
        std::process::exit(code)
    })
}
