//! The seam: what every format offers.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use crate::{Entry, Format, Order, Part, Survey};

/// What receives the entries of a part; it may break off.
pub type Visit<'a> = dyn FnMut(Entry) -> ControlFlow<()> + 'a;

/// A log that was recognised and listed, ready to be read.
///
/// Implementations never panic, never hang and never take memory in proportion to what they read, whatever the
/// bytes are. A part that vanished since the listing is a note (`vanished`), not an error: running servers
/// delete segments. What makes a part unreadable for another reason is a [`ReadError`].
pub trait Log: Send + Sync {
    /// What it is.
    fn format(&self) -> Format;

    /// The directory that part names are relative to, or the file itself.
    fn root(&self) -> &Path;

    /// Its files, in the order in which a start reads them.
    fn parts(&self) -> &[Part];

    /// Streams one part in the order of the file, resynchronising after damage.
    ///
    /// Every byte of the file lies in exactly one record, damage, note or padding. `order` says whether a server
    /// may be writing meanwhile; in either case a torn end of the newest file is a note, not damage.
    fn read(&self, part: &Part, order: &Order, visit: &mut Visit<'_>) -> Result<(), ReadError>;

    /// The same for those who only want to know what cannot be trusted: records may come without times and fields, where that
    /// is faster.
    fn skim(&self, part: &Part, order: &Order, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        self.read(part, order, visit)
    }

    /// Adds what only the whole shows: missing parts, a sequence that is broken, what the server would do with
    /// this log at its next start. Called once, after every part was read.
    fn conclude(&self, order: &Order, survey: &mut Survey);

    /// Reads every part and adds it up. The default reads the parts in parallel.
    fn survey(&self, order: &Order) -> Survey {
        crate::survey::by_part(self, order)
    }
}

/// A part that could not be read for another reason than what it holds.
#[derive(Debug, thiserror::Error)]
#[error("failed to read {file}: {source}")]
pub struct ReadError {
    /// Name of the part.
    pub file: String,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl ReadError {
    /// The error `source` while reading `part`.
    pub fn new(part: &Part, source: io::Error) -> Self {
        Self { file: part.name.clone(), source }
    }
}
