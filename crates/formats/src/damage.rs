//! What cannot be trusted: where, why, and what is lost with it.

use std::borrow::Cow;

/// How many damages are kept with their place; more are only counted.
///
/// A log that is damaged in ten thousand places is read for its extent, not for a list; the bound keeps memory
/// flat on a file of noise.
pub const MAX_LISTED_DAMAGE: usize = 10_000;

/// A byte range of one file that cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Name of the part.
    pub file: String,
    /// Where the damage starts: not where a reader stops.
    pub start: u64,
    /// Where the next byte that can be trusted lies, or the end of the file.
    pub end: u64,
    /// Why the range cannot be trusted.
    pub cause: Cow<'static, str>,
    /// What is lost with it.
    pub lost: Lost,
}

/// What a damage takes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Lost {
    /// Records, when that can be known.
    pub records: Option<u64>,
    /// Bytes: the damaged ones and sound ones that are useless without them.
    pub bytes: u64,
}

/// Something a reader should know that is no damage: a torn tail, a gap that means nothing, a leftover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// A stable word for scripts, such as `torn-tail`.
    pub code: &'static str,
    /// Name of the part, or empty when it is about the whole log.
    pub file: String,
    /// One sentence.
    pub message: String,
}

/// Damages in the order of the log, the first [`MAX_LISTED_DAMAGE`] with their place.
#[derive(Clone, Debug, Default)]
pub struct DamageList {
    listed: Vec<Damage>,
    count: u64,
    lost_bytes: u64,
}

impl DamageList {
    /// Adds one.
    pub fn push(&mut self, damage: Damage) {
        self.count += 1;
        self.lost_bytes = self.lost_bytes.saturating_add(damage.lost.bytes);
        if self.listed.len() < MAX_LISTED_DAMAGE {
            self.listed.push(damage);
        }
    }

    /// Adds all of `other` behind these.
    pub fn append(&mut self, other: DamageList) {
        let room = MAX_LISTED_DAMAGE.saturating_sub(self.listed.len());
        self.count += other.count;
        self.lost_bytes = self.lost_bytes.saturating_add(other.lost_bytes);
        self.listed.extend(other.listed.into_iter().take(room));
    }

    /// How many there are, listed or not.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes lost with all of them.
    pub fn lost_bytes(&self) -> u64 {
        self.lost_bytes
    }

    /// Those kept with their place.
    pub fn listed(&self) -> &[Damage] {
        &self.listed
    }

    /// Sorts the listed ones by file order (as `rank` gives it) and position.
    pub fn sort_by_rank(&mut self, rank: impl Fn(&str) -> usize) {
        self.listed.sort_by_key(|damage| (rank(&damage.file), damage.start));
    }
}
