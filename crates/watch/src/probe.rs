//! Looks at a log: names, sizes, headers. Nothing is read in full, and nothing is written or locked.
//!
//! What is here may block: on a disk that hangs, for ever.

mod directory;

use std::path::Path;

use formats::{Depth, DetectError, Format, Log, Order, Part, UnixTime};

use crate::{Blocker, Facts, Kind, Replay, Room, Target};

/// How a log is recognised: the binary knows a format that no library does.
pub type Detect = fn(&Path, Option<Format>) -> Result<Box<dyn Log>, DetectError>;

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// What lies there; nothing for any files.
    pub format: Option<Format>,
    /// What is known about it.
    pub facts: Facts,
    /// Its files.
    pub parts: Vec<Part>,
}

/// Looks at a target now; an error says why nothing is known.
pub(crate) fn look(
    target: &Target,
    known: Option<Format>,
    detect: Detect,
    now: UnixTime,
) -> Result<Seen, String> {
    // What cannot be told is left out; a limit for it is broken then.
    let room = Room::of(&target.path).ok();
    if target.kind == Kind::Directory {
        return directory::look(&target.path, room, now);
    }
    let log = open(target, known, detect)?;
    let survey = formats::survey(log.as_ref(), &Order::new(Depth::Listing, now).live());
    let mut facts = Facts::of(&survey, room, now);
    if log.format() == Format::Influxdb3 {
        facts.blockers.extend(facts.replay.and_then(not_snapshotted));
    }
    Ok(Seen { format: Some(log.format()), facts, parts: log.parts().to_vec() })
}

/// Recognises and lists the log of a target; an error says why there is none.
pub(crate) fn open(target: &Target, known: Option<Format>, detect: Detect) -> Result<Box<dyn Log>, String> {
    let wanted = match target.kind {
        Kind::Directory => return Err(format!("{} is watched as a directory", target.path.display())),
        Kind::Log(format) => Some(format),
        // What was recognised once is not guessed at again, as long as it is there.
        Kind::Detected => known,
    };
    let log = match detect(&target.path, wanted) {
        Err(DetectError::Unknown { .. }) if target.kind == Kind::Detected && known.is_some() => {
            detect(&target.path, None)
        }
        other => other,
    };
    log.map_err(|error| error.to_string())
}

/// Files after which a server that is left as it comes takes a snapshot.
const DUE: u64 = 900;

/// Files after which it takes one whatever the times in them are.
const OVERDUE: u64 = 1_800;

/// Why files of `InfluxDB` 3 are still live.
fn not_snapshotted(live: Replay) -> Option<Blocker> {
    let files = live.count;
    let why = match files {
        0 => return None,
        1..DUE => format!(
            "no snapshot is due: the server takes one at {DUE} live files unless it is told otherwise, and there are {files}"
        ),
        DUE..OVERDUE => format!(
            "{files} files are live and a snapshot is due at {DUE}: times in the future keep it from being taken until \
             there are {OVERDUE}"
        ),
        _ => format!(
            "{files} files are live and no snapshot was taken, which is forced at {OVERDUE}: its own log says why it fails"
        ),
    };
    Some(Blocker(why))
}

#[cfg(test)]
#[path = "probe_test.rs"]
mod tests;
