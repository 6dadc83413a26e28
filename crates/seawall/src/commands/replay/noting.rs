//! Where it is noted how far a replay is: beside the journal, by this process or by the daemon that has it.

use std::collections::HashMap;
use std::path::Path;

use crc_fast::{CrcAlgorithm, checksum};
use hyper::Method;
use serde_json::json;

use crate::client::{self, Client};
use crate::failure::{Failure, JournalFailure};
use crate::journals::marks::{Marks, Replay};

/// Where it is noted how far a replay is.
pub(super) enum Notes {
    /// In the directory of the journal.
    Journal(Marks),
    /// With the daemon.
    Daemon {
        client: Client,
        path: String,
        /// What it knew when the replay began.
        known: HashMap<u64, u64>,
    },
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
    pub(super) fn of_daemon(mut client: Client, replay: Replay) -> Result<Self, Failure> {
        let known = client::marks(&mut client, &replay.to_string())?.into_iter().collect();
        Ok(Self::Daemon { client, path: format!("/api/v1/replays/{replay}"), known })
    }

    /// Up to which event a stream is done.
    pub(super) fn done(&self, stream: u64) -> u64 {
        match self {
            Self::Journal(marks) => marks.done(stream),
            Self::Daemon { known, .. } => known.get(&stream).copied().unwrap_or(0),
        }
    }

    /// Notes that a stream is done up to an event.
    pub(super) fn note(&mut self, stream: u64, done: u64) -> Result<(), Failure> {
        match self {
            Self::Journal(marks) => Ok(marks.note(stream, done).map_err(JournalFailure::Disk)?),
            Self::Daemon { client, path, .. } => {
                let mark = json!({"id": format!("{stream:016x}"), "done": done});
                client.change(Method::POST, path, &mark)?;
                Ok(())
            }
        }
    }
}
