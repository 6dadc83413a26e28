//! What a command has to know of a daemon and its journal: where it listens, its token, and what its journal is opened with.
//!
//! It reads the configuration of the daemon, and less of it: a token that this user may not read is no problem where the
//! Unix socket lets him in.

use std::path::PathBuf;

use super::{JournalSettings, Problem, Sources, Token, Written, journal, server};
use server::Listen;

/// What a configuration says about a daemon that may run.
#[derive(Clone, Debug)]
pub(crate) struct Nearby {
    /// How it is reached.
    pub(crate) door: Door,
    /// Its journal, for when it does not run.
    pub(crate) journal: JournalSettings,
}

/// How a daemon is reached.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// The address that it listens on.
    pub(crate) listen: Listen,
    /// Its Unix socket, which is taken first.
    pub(crate) socket: Option<PathBuf>,
    /// Its token.
    pub(crate) token: Option<Token>,
}

impl Nearby {
    /// Reads and understands what a command needs, or says everything that is wrong with it.
    pub(crate) fn load(sources: &Sources) -> Result<Self, Vec<Problem>> {
        let (written, mut problems) = Written::read(sources);
        let door = server::door(&written, &mut problems);
        let journal = journal::understand(&written, &sources.environment, &mut problems);
        if door.as_ref().is_some_and(|door| door.socket.is_some()) {
            problems.retain(|problem| problem.key != "server.token");
        }
        match (door, journal) {
            (Some(door), Some(journal)) if problems.is_empty() => Ok(Self { door, journal }),
            _ => Err(problems),
        }
    }
}
