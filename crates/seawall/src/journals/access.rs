//! Whom a command works with: the daemon that has the journal open, or the journal itself.
//!
//! `--journal DIR` means the journal in a directory. Without it, a configuration (`-c FILE`, `SEAWALL_CONFIG`) or an address
//! in the environment (`SEAWALL_SERVER_LISTEN`, `SEAWALL_SERVER_SOCKET`) names a daemon. Where that does not run, its
//! journal is worked on directly, if the daemon's place is on this machine.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use journal::{Commit, Journal, Options};

use super::opening::{self, Missing};
use crate::cli::{ConfigFile, JournalArgs};
use crate::client::{Client, Machine};
use crate::commands::config::{self, Search};
use crate::config::{Door, Nearby};
use crate::failure::{DaemonFailure, Failure, RemoteFailure};
use crate::show::{self, Screen};

/// Whom a command works with.
pub(crate) enum Access {
    /// The journal, which this process has open, in its directory.
    Own(Journal, PathBuf),
    /// The daemon.
    Daemon(Client),
}

/// Variables that say where a daemon is.
const ADDRESSES: [&str; 2] = ["SEAWALL_SERVER_LISTEN", "SEAWALL_SERVER_SOCKET"];

/// Reaches the daemon that was named, or opens the journal.
pub(crate) fn access(args: &JournalArgs, missing: Missing, screen: &Screen) -> Result<Access, Failure> {
    let Some(nearby) = nearby(args)? else {
        let directory = directory(args)?;
        let journal = opening::open_at(&directory, missing, screen)?;
        return Ok(Access::Own(journal, directory));
    };
    let directory = nearby.journal.dir;
    match connect(nearby.door, &directory, screen)? {
        Some(client) => Ok(Access::Daemon(client)),
        None => {
            let journal =
                opening::open_with(&directory, &by_hand(nearby.journal.options), (missing, screen))?;
            Ok(Access::Own(journal, directory))
        }
    }
}

/// The daemon that was named, if one was and it runs; of those who need no more than a directory where it does not.
pub(crate) fn reach(args: &JournalArgs, screen: &Screen) -> Result<Option<Client>, Failure> {
    let Some(nearby) = nearby(args)? else { return Ok(None) };
    connect(nearby.door, &nearby.journal.dir, screen)
}

/// The daemon behind a door; nothing, and a hint, if it is one of this machine and does not run.
fn connect(door: Door, directory: &Path, screen: &Screen) -> Result<Option<Client>, Failure> {
    match Client::connect(door) {
        Ok(client) => Ok(Some(client)),
        Err(RemoteFailure::Unreachable { source, place, machine: Machine::This }) if is_absent(&source) => {
            let directory = show::units::path(directory);
            show::hint(screen, &format!("no daemon runs at {place}; working on {directory} itself"));
            Ok(None)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Whether nobody listens there.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
}

/// What is said about a daemon, if one was named.
pub(super) fn nearby(args: &JournalArgs) -> Result<Option<Nearby>, Failure> {
    if args.directory.is_some() {
        return Ok(None);
    }
    let file = ConfigFile { file: args.config.clone() };
    let sources = config::sources(&file, Search::Named);
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if sources.file.is_none() && !ADDRESSES.iter().any(|name| is_set(name)) {
        return Ok(None);
    }
    Nearby::load(&sources).map(Some).map_err(|problems| DaemonFailure::Config(problems).into())
}

/// The directory of the journal that was meant.
pub(crate) fn directory(args: &JournalArgs) -> Result<PathBuf, Failure> {
    match nearby(args)? {
        Some(nearby) => Ok(nearby.journal.dir),
        None => opening::named(args),
    }
}

/// The directory of the archives that belong to the journal that was meant.
pub(crate) fn archive_directory(args: &JournalArgs) -> Result<PathBuf, Failure> {
    match nearby(args)? {
        Some(nearby) => Ok(nearby.journal.archive_dir),
        None => Ok(opening::named(args)?.join("archive")),
    }
}

/// What the journal that was meant is opened with.
pub(crate) fn options(args: &JournalArgs) -> Result<Options, Failure> {
    match nearby(args)? {
        Some(nearby) => Ok(by_hand(nearby.journal.options)),
        None => opening::options(),
    }
}

/// The daemon's options for a command, which has one thread and writes by itself.
fn by_hand(options: Options) -> Options {
    Options { commit: Commit::Caller, ..options }
}
