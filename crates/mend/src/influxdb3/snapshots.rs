//! Snapshot files that keep a node from starting.
//!
//! A snapshot file is the only one that knows the Parquet files of its rows, and its watermark keeps the WAL files
//! from being replayed that these came from. Without it the rows are still there only if the WAL files are: the next
//! start then replays them, and writes the same Parquet files again. If they are not, a start would replay those that
//! are left and might write a smaller Parquet file over the one that holds all the rows. So that is never begun.

use formats::Role;
use formats::influxdb3::{Held, Node, NodeFile, SNAPSHOTS, Use, WAL};

use super::removal;
use crate::{MendError, Step};

/// What becomes of the snapshots.
pub(super) struct Snapshots {
    /// The last WAL file whose rows are persisted, as far as what stays says.
    pub(super) watermark: Option<u64>,
    pub(super) leaving: Vec<Step>,
}

/// Chooses which snapshot files go, or says why none may.
pub(super) fn choose(node: &Node, files: &[NodeFile<'_>]) -> Result<Snapshots, MendError> {
    let mut leaving = Vec::new();
    let mut newest: Option<u64> = None;
    let mut broken = Vec::new();
    for file in files {
        match &file.held {
            Held::Snapshot { wal } => {
                newest.get_or_insert(*wal);
            }
            Held::Broken(_) if file.used != Use::Snapshot && file.part.name.starts_with(SNAPSHOTS) => {}
            Held::Broken(cause) if file.part.role == Role::Stray => {
                leaving.push(removal(
                    file,
                    format!("does not belong here, and no server starts over it: {cause}"),
                ));
            }
            Held::Broken(cause) if newest.is_some() || file.used != Use::Snapshot => {
                return Err(irreplaceable(
                    file,
                    cause,
                    "it is not the newest, and what it persisted is gone from the WAL",
                ));
            }
            Held::Broken(cause) => broken.push((file, cause)),
            _ => {}
        }
    }
    for (file, cause) in broken {
        demand_wal(node, files, file, newest.unwrap_or(0))
            .map_err(|missing| irreplaceable(file, cause, &missing))?;
        leaving.push(removal(
            file,
            format!("does not parse: {cause}; all that it persisted is still in the WAL"),
        ));
    }
    Ok(Snapshots { watermark: newest, leaving })
}

/// Fails if a row that `snapshot` persisted may be nowhere in the WAL files above `base`.
fn demand_wal(node: &Node, files: &[NodeFile<'_>], snapshot: &NodeFile<'_>, base: u64) -> Result<(), String> {
    if base == 0 && node.root().join("snapshot-checkpoints").is_dir() {
        return Err("what the checkpoints beside it persisted cannot be told from the rest".to_owned());
    }
    // The server deletes the lowest first: what lies above the lowest that is left was never there or was lost before.
    match node.lowest() {
        Some(lowest) if lowest <= base.saturating_add(1) => {}
        lowest => {
            let have =
                lowest.map_or("none is there".to_owned(), |lowest| format!("the first there is {lowest}"));
            return Err(format!("the WAL files from {} on that it persisted are deleted: {have}", base + 1));
        }
    }
    let last = last_persisted(files, snapshot).unwrap_or(u64::MAX);
    let covered = |number: u64| number > base && number <= last;
    let flawed = files.iter().find(|file| {
        let Use::Replayed(Some(named)) = file.used else { return false };
        covered(named) && !matches!(file.held, Held::Sound(_) | Held::NotDecoded)
    });
    flawed.map_or(Ok(()), |file| {
        Err(format!("{} is damaged, whose rows it may have persisted", file.part.name))
    })
}

/// The last WAL file of a snapshot, which one of the files says that began it.
fn last_persisted(files: &[NodeFile<'_>], snapshot: &NodeFile<'_>) -> Option<u64> {
    let digits = snapshot.part.name.strip_prefix(SNAPSHOTS)?.strip_suffix(".info.json")?;
    let number = u64::MAX - digits.parse::<u64>().ok()?;
    let mut markers = files
        .iter()
        .filter(|file| file.part.name.starts_with(WAL))
        .filter_map(|file| if let Held::Sound(sound) = &file.held { sound.snapshot } else { None });
    markers.find(|marker| marker.number == number).map(|marker| marker.last_wal)
}

fn irreplaceable(file: &NodeFile<'_>, cause: &str, why: &str) -> MendError {
    MendError::Impossible {
        reason: format!(
            "{} does not parse ({cause}), and without it the rows that it persisted would be lost: {why}",
            file.part.name
        ),
        advice: format!("bring {} back from a backup; nothing was changed", file.part.name),
    }
}
