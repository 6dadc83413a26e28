//! Events that leave the journal, as JSON lines in a file: the way back from giving them up.
//!
//! A file is written under another name, synced, renamed, and its name synced, before anything is given up. `seawall
//! import` reads it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use formats::UnixTime;
use journal::storage::{Disk, Fault, Storage, StoredFile, write_all};
use journal::{Event, Millis};
use serde_json::{Value, json};

use crate::failure::{Failure, JournalFailure};
use crate::journals::payloads;
use crate::times::rfc3339;

/// The directory of a journal in which exports are left.
const FOLDER: &str = "dropped";

/// What a file is called while it is written.
const ASIDE: &str = "export.tmp";

/// Bytes that are written at once.
const CHUNK: usize = 256 << 10;

/// Where an event stands with a consumer.
pub(crate) struct Place<'p> {
    pub(crate) consumer: &'p str,
    pub(crate) stream: &'p str,
    pub(crate) seq: u64,
    /// When and why it was parked, if it was.
    pub(crate) parked: Option<(Millis, &'p str)>,
}

impl Place<'_> {
    /// What the event is called.
    pub(crate) fn id(&self) -> String {
        format!("{}:{}:{}", self.consumer, self.stream, self.seq)
    }

    /// The object without what is in the event.
    pub(crate) fn object(&self) -> crate::json::Object {
        let mut object = crate::json::Object::new();
        object.insert("id".to_owned(), self.id().into());
        object.insert("consumer".to_owned(), self.consumer.into());
        object.insert("stream".to_owned(), self.stream.into());
        object.insert("seq".to_owned(), self.seq.into());
        let (since, reason) = self.parked.unzip();
        object.insert("since".to_owned(), json!(since.and_then(time)));
        object.insert("reason".to_owned(), json!(reason));
        object
    }

    /// The object with what is in the event; nothing stands for what is damaged.
    pub(crate) fn whole(&self, event: Option<&Event>) -> Value {
        let mut object = self.object();
        object.insert("time".to_owned(), json!(event.and_then(|event| time(event.time))));
        let payload = event.map(|event| payloads::shown(&event.payload));
        let (field, value) = payload.unwrap_or(("damaged", true.into()));
        object.insert(field.to_owned(), value);
        object.into()
    }
}

/// A time of the journal as JSON has it.
pub(crate) fn time(time: Millis) -> Option<String> {
    rfc3339(UnixTime::from_millis(time.get()))
}

/// A file of exported events in the making.
pub(crate) struct Export {
    storage: Arc<dyn Storage>,
    name: String,
    path: PathBuf,
    file: Arc<dyn StoredFile>,
    at: u64,
    buffer: Vec<u8>,
}

impl Export {
    /// Begins one at `path`, or in the journal's own directory under a name that begins with the time.
    pub(crate) fn begin(path: Option<&Path>, journal: &Path, now: UnixTime) -> Result<Self, Failure> {
        let path = path.map_or_else(|| free(&journal.join(FOLDER), now), Path::to_owned);
        let taken =
            || Failure::Usage(format!("{} is there already, or is no name of a file", path.display()));
        let name =
            path.file_name().and_then(|name| name.to_str()).filter(|_| !path.exists()).ok_or_else(taken)?;
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let describe = directory.display().to_string();
        let disk = Disk::at(directory).map_err(Fault::on("open the directory", &describe)).map_err(failed)?;
        let storage: Arc<dyn Storage> = Arc::new(disk);
        // One that was not finished.
        storage.remove(ASIDE).ok();
        let file = storage.create(ASIDE).map_err(Fault::on("create", ASIDE)).map_err(failed)?;
        Ok(Self { storage, name: name.to_owned(), path: path.clone(), file, at: 0, buffer: Vec::new() })
    }

    /// Adds an event as a line.
    pub(crate) fn line(&mut self, object: &Value) -> Result<(), Failure> {
        self.add(format!("{object}\n").as_bytes())
    }

    /// Adds bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() < CHUNK { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        write_all(&*self.file, self.at, &self.buffer)
            .map_err(Fault::on("write to", ASIDE))
            .map_err(failed)?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Makes it last, and says where it is.
    pub(crate) fn end(mut self) -> Result<PathBuf, Failure> {
        self.flush()?;
        let last = || -> io::Result<()> {
            self.file.sync()?;
            self.storage.rename(ASIDE, &self.name)?;
            self.storage.sync_names()
        };
        last().map_err(Fault::on("finish", &self.path.display().to_string())).map_err(failed)?;
        Ok(self.path)
    }
}

fn failed(fault: Fault) -> Failure {
    JournalFailure::Disk(fault).into()
}

/// A name that nothing has.
fn free(folder: &Path, now: UnixTime) -> PathBuf {
    let stamp = rfc3339(UnixTime::from_seconds(seconds(now))).unwrap_or_default().replace(['-', ':'], "");
    let numbered = (1u32..).map(|number| match number {
        1 => folder.join(format!("{stamp}.ndjson")),
        _ => folder.join(format!("{stamp}-{number}.ndjson")),
    });
    let mut free = numbered.filter(|path| !path.exists());
    free.next().unwrap_or_else(|| folder.to_owned())
}

fn seconds(now: UnixTime) -> i64 {
    i64::try_from(now.nanos().div_euclid(1_000_000_000)).unwrap_or(i64::MAX)
}
