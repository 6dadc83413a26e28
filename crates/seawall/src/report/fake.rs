//! A log without bytes, for tests: parts with the entries that reading them gives.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use formats::{
    Body, Damage, Entry, Format, Log, Lost, Order, Part, ReadError, Record, Role, Survey, UnixTime, Verdict,
    Visit,
};

/// A log whose content is a list.
pub(crate) struct FakeLog {
    pub(crate) root: PathBuf,
    pub(crate) parts: Vec<Part>,
    pub(crate) entries: Vec<(String, Entry)>,
    pub(crate) verdict: Verdict,
}

impl FakeLog {
    /// A log of parts with names and sizes, with nothing in them.
    pub(crate) fn new(parts: &[(&str, Role, u64)]) -> Self {
        let part = |(name, role, bytes): &(&str, Role, u64)| Part {
            name: (*name).to_owned(),
            path: Path::new("/nowhere").join(name),
            role: *role,
            bytes: *bytes,
            modified: Some(UnixTime::from_seconds(1_000)),
        };
        let parts = parts.iter().map(part).collect();
        Self { root: "/nowhere".into(), parts, entries: Vec::new(), verdict: Verdict::Unknown }
    }

    /// Adds an entry of `len` bytes behind those that the part has already.
    #[must_use]
    pub(crate) fn with(mut self, part: &str, len: u64, body: Body) -> Self {
        let before =
            self.entries.iter().filter(|(name, _)| name == part).map(|(_, entry)| entry.span.end).max();
        let start = before.unwrap_or(0);
        self.entries.push((part.to_owned(), Entry { span: start..start + len, body }));
        self
    }

    /// Adds a record.
    #[must_use]
    pub(crate) fn record(self, part: &str, record: Record) -> Self {
        self.with(part, 10, Body::Record(record))
    }

    /// Adds a damage.
    #[must_use]
    pub(crate) fn damage(self, part: &str, start: u64, end: u64) -> Self {
        let damage = damage(part, start, end);
        self.with(part, end - start, Body::Damage(damage))
    }
}

/// A damage with a cause.
pub(crate) fn damage(part: &str, start: u64, end: u64) -> Damage {
    let lost = Lost { records: Some(1), bytes: end - start };
    Damage { file: part.to_owned(), start, end, cause: "checksum mismatch".into(), lost }
}

impl Log for FakeLog {
    fn format(&self) -> Format {
        Format::Prometheus
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn read(&self, part: &Part, _order: &Order, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        for (_, entry) in self.entries.iter().filter(|(name, _)| *name == part.name) {
            if let ControlFlow::Break(()) = visit(entry.clone()) {
                break;
            }
        }
        Ok(())
    }

    fn conclude(&self, _order: &Order, survey: &mut Survey) {
        survey.verdict = self.verdict.clone();
    }
}
