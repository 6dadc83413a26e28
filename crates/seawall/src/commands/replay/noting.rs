//! Where it is noted how far a replay is: beside the journal, by this process or by the daemon that has it.

use std::collections::HashMap;
use std::path::Path;

use crc_fast::{CrcAlgorithm, checksum};
use hyper::Method;
use serde_json::json;

use crate::client::{self, Client, Patience};
use crate::failure::{Failure, JournalFailure};
use crate::journals::marks::{Marks, Replay};

/// Where it is noted how far a replay is.
pub(super) enum Notes {
    /// In the directory of the journal.
    Journal(Marks),
    /// With the daemon.
    Daemon(Box<Remote>),
}

/// Notes that the daemon keeps.
pub(super) struct Remote {
    client: Client,
    patience: Patience,
    path: String,
    /// What it knew when the replay began.
    known: HashMap<u64, u64>,
}

impl Notes {
    /// What a replay is called that is told from others by `what`.
    pub(super) fn replay(what: &str) -> Replay {
        Replay(checksum(CrcAlgorithm::Crc64Nvme, what.as_bytes()))
    }

    /// Notes beside a journal.
    pub(super) fn of_journal(directory: &Path, replay: Replay) -> Result<Self, Failure> {
        Ok(Self::Journal(Marks::open(directory, replay).map_err(JournalFailure::Disk)?))
    }

    /// Notes of a daemon.
    pub(super) fn of_daemon(
        mut client: Client,
        patience: &Patience,
        replay: Replay,
    ) -> Result<Self, Failure> {
        let name = replay.to_string();
        let known = patience.ask(&mut client, |client| Ok(client::marks(client, &name)?))?;
        let known = known.into_iter().collect();
        let path = format!("/api/v1/replays/{replay}");
        Ok(Self::Daemon(Box::new(Remote { client, patience: patience.clone(), path, known })))
    }

    /// Up to which event a stream is done.
    pub(super) fn done(&self, stream: u64) -> u64 {
        match self {
            Self::Journal(marks) => marks.done(stream),
            Self::Daemon(remote) => remote.known.get(&stream).copied().unwrap_or(0),
        }
    }

    /// Notes that a stream is done up to an event. A daemon that does not answer is waited for: what was sent is sent, and would
    /// be sent again for want of a note.
    pub(super) fn note(&mut self, stream: u64, done: u64) -> Result<(), Failure> {
        match self {
            Self::Journal(marks) => Ok(marks.note(stream, done).map_err(JournalFailure::Disk)?),
            Self::Daemon(remote) => {
                let Remote { client, patience, path, .. } = &mut **remote;
                let mark = json!({"id": format!("{stream:016x}"), "done": done});
                patience.ask(client, |client| Ok(client.change(Method::POST, path, &mark)?))?;
                Ok(())
            }
        }
    }
}
