//! Which import has a batch under way, in one small file: what a kill has left of it is told from the stream before anybody
//! else appends to that.
//!
//! There is one at most, since whoever begins a batch of another import settles the last one first. The file is written in
//! its place: where that was interrupted, no batch was begun yet.

use std::path::Path;

use journal::storage::{Disk, Fault, Storage, StoredFile, read_range, write_all};
use journal::{Journal, Seq};
use serde::{Deserialize, Serialize};

use super::BATCH;
use super::ledger::{Entry, FOLDER, Ledger};

const FILE: &str = "under-way.json";

/// Bytes that are read of it: two names of any length that there can be.
const LONGEST: u64 = 4096;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct UnderWay {
    /// The name of the ledger.
    ledger: String,
    stream: String,
}

/// Notes that a batch of an import into a stream is about to be begun.
pub(super) fn note(directory: &Path, journal: &Journal, (ledger, stream): (&str, &str)) -> Result<(), Fault> {
    let new = UnderWay { ledger: ledger.to_owned(), stream: stream.to_owned() };
    let folder = directory.join(FOLDER);
    let folder = Disk::at(&folder).map_err(Fault::on("open the directory", &folder.display().to_string()))?;
    let is_there = folder.list().map_err(Fault::on("list", FOLDER))?.iter().any(|name| name == FILE);
    if is_there {
        let file = folder.open(FILE).map_err(Fault::on("open", FILE))?;
        match read(&*file)? {
            Some(known) if known == new => return Ok(()),
            Some(known) => settle_one(directory, journal, &known)?,
            None => {}
        }
        return write(&*file, &new);
    }
    let file = folder.create(FILE).map_err(Fault::on("create", FILE))?;
    write(&*file, &new)?;
    folder.sync_names().map_err(Fault::on("sync the names in", FOLDER))
}

/// Says in its ledger what of the last batch is in the journal. From then on others may append.
pub(crate) fn settle(directory: &Path, journal: &Journal) -> Result<(), Fault> {
    let path = directory.join(FOLDER);
    if !path.join(FILE).exists() {
        return Ok(());
    }
    let folder = Disk::at(&path).map_err(Fault::on("open the directory", &path.display().to_string()))?;
    let file = folder.open(FILE).map_err(Fault::on("open", FILE))?;
    read(&*file)?.map_or(Ok(()), |known| settle_one(directory, journal, &known))
}

fn settle_one(directory: &Path, journal: &Journal, of: &UnderWay) -> Result<(), Fault> {
    let (mut ledger, known) = Ledger::open(directory, &of.ledger)?;
    let Some(next) = known.next else { return Ok(()) };
    let end = journal.find_stream(&of.stream).and_then(|stream| journal.info(&stream)?.last);
    let until = known.until.unwrap_or(next.saturating_add(BATCH as u64 - 1)).min(end.map_or(0, Seq::get));
    let settled = if until < next {
        Entry { next: None, until: None, ..known }
    } else {
        Entry { until: Some(until), ..known }
    };
    if settled == known { Ok(()) } else { ledger.write(directory, settled) }
}

fn read(file: &dyn StoredFile) -> Result<Option<UnderWay>, Fault> {
    let bytes = read_range(file, 0, LONGEST).map_err(Fault::on("read", FILE))?;
    // What a longer line has left behind this one is of no use.
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(serde_json::from_slice(line).ok())
}

fn write(file: &dyn StoredFile, new: &UnderWay) -> Result<(), Fault> {
    let mut line = serde_json::to_vec(new).unwrap_or_default();
    line.push(b'\n');
    write_all(file, 0, &line).and_then(|()| file.sync()).map_err(Fault::on("write to", FILE))
}
