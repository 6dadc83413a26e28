//! What is known of a log from reading it in full, and when it is read again: what a reader says and the present in, events
//! and flaws out. A state machine without effects.
//!
//! * A pass begins when its time has come or somebody asks. One at a time.
//! * Damage is told once, when it is found, and is known until its file is gone or was read again without it. A damaged file
//!   that has changed is read again by itself, at most once a minute.
//! * How many damages have a place is bounded; more are counted.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::time::Duration;

use formats::{Damage, Part, Progress, UnixTime};

use super::{Pass, Place, Scrub, Scrubbed, Stamp};
use crate::course::span;
use crate::{Flaw, FlawKind, Happening, Severity};

/// Damages that are kept with their place: more than anybody looks at, in some kilobytes.
pub(super) const MOST_PLACES: usize = 100;

/// Damages of one pass that are told one by one.
const MOST_TOLD: usize = 10;

/// Files that are known to have been read. A log of more has them counted, and not named.
const MOST_FILES: usize = 10_000;

/// After a pass that could not be made.
const RETRY: Duration = Duration::from_mins(10);

/// Between two readings of a damaged file that changes.
const RECHECK: Duration = Duration::from_mins(1);

/// What is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Every file.
    All,
    /// These.
    Parts(BTreeSet<String>),
}

impl Scope {
    pub(super) fn has(&self, part: &Part) -> bool {
        match self {
            Scope::All => true,
            Scope::Parts(names) => names.contains(&part.name),
        }
    }
}

/// What reading a file has shown.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) part: String,
    pub(super) stamp: Stamp,
    pub(super) bytes: u64,
    /// At most [`MOST_PLACES`].
    pub(super) damage: Vec<Damage>,
    /// Beyond these.
    pub(super) more: u64,
    /// Why it could not be read to its end.
    pub(super) error: Option<(ErrorKind, String)>,
}

/// How a pass ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// All was read.
    Whole,
    /// There was nothing that could be read, or it was broken off.
    Failed,
}

/// A pass that is on its way.
#[derive(Debug)]
struct Way {
    number: u64,
    scope: Scope,
    began: UnixTime,
    files: u64,
    bytes: u64,
    total: u64,
    progress: Progress,
    told: usize,
    untold: u64,
    found: Found,
}

/// What was found.
#[derive(Clone, Debug, Default)]
struct Found {
    places: Vec<Place>,
    more: BTreeMap<String, u64>,
    /// Files that could not be read, with their reason.
    unread: BTreeMap<String, (ErrorKind, String)>,
    /// Files that were read.
    files: BTreeMap<String, Stamp>,
}

/// What is known of a log.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    way: Option<Way>,
    begun: u64,
    /// When a pass over all began that has not come to its end.
    tried: Option<UnixTime>,
    rechecked: Option<UnixTime>,
    is_asked: bool,
    changed: BTreeSet<String>,
    last: Option<Pass>,
    passes: u64,
    bytes: u64,
    found: Found,
    news: Vec<Happening>,
}

impl Knowledge {
    /// Somebody wants it read now; an answer if that is on its way already.
    pub(crate) fn ask(&mut self) -> bool {
        let is_running = self.way.as_ref().is_some_and(|way| way.scope == Scope::All);
        self.is_asked |= !is_running;
        !is_running
    }

    /// What is to be read now, if anything is.
    pub(crate) fn due(&self, scrub: &Scrub, now: UnixTime) -> Option<Scope> {
        if self.way.is_some() {
            return None;
        }
        // Beyond the present lies what a clock said that was set back since.
        let is_past = |at: Option<UnixTime>, pause| at.is_none_or(|at| at > now || span(at, now) >= pause);
        let began = self.last.map(|pass| pass.began);
        let is_time = scrub.every.is_some_and(|every| is_past(began, every)) && is_past(self.tried, RETRY);
        if self.is_asked || is_time {
            return Some(Scope::All);
        }
        let is_time = !self.changed.is_empty() && is_past(self.rechecked, RECHECK);
        is_time.then(|| Scope::Parts(self.changed.clone()))
    }

    /// A pass begins; the number that it has.
    pub(crate) fn begin(&mut self, scope: Scope, progress: Progress, now: UnixTime) -> u64 {
        match &scope {
            Scope::All => (self.is_asked, self.tried) = (false, Some(now)),
            Scope::Parts(_) => self.rechecked = Some(now),
        }
        self.changed.clear();
        self.begun += 1;
        let number = self.begun;
        let found = Found::default();
        self.way = Some(Way {
            number,
            scope,
            began: now,
            files: 0,
            bytes: 0,
            total: 0,
            progress,
            told: 0,
            untold: 0,
            found,
        });
        number
    }

    /// The pass is broken off.
    pub(crate) fn stop(&mut self) {
        if let Some(way) = self.way.take() {
            self.bytes += way.progress.bytes();
            self.tried = None;
        }
    }

    /// What is on its way is a pass of this number, which will read so many bytes.
    pub(super) fn size(&mut self, number: u64, total: u64) {
        if let Some(way) = self.way.as_mut().filter(|way| way.number == number) {
            way.total = total;
        }
    }

    /// Hears what reading a file has shown, and says whether somebody has to be told.
    pub(super) fn hear(&mut self, number: u64, read: Read) -> bool {
        let Some(way) = self.way.as_mut().filter(|way| way.number == number) else { return false };
        (way.files, way.bytes) = (way.files + 1, way.bytes + read.bytes);
        let Read { part, stamp, damage, more, error, .. } = read;
        let is_sound = damage.is_empty() && error.is_none();
        let known: Vec<&Damage> = self.found.places.iter().map(|place| &place.damage).collect();
        let is_known = |new: &Damage| known.iter().any(|old| is_same(old, new));
        let mut new = Vec::new();
        for damage in damage {
            if !is_known(&damage) {
                new.push(damage.clone());
            }
            way.found.add(Place { part: part.clone(), stamp, damage });
        }
        if more > 0 {
            *way.found.more.entry(part.clone()).or_default() += more;
        }
        if let Some(error) = error {
            way.found.unread.insert(part.clone(), error);
        } else if way.found.files.len() < MOST_FILES {
            way.found.files.insert(part.clone(), stamp);
        }
        for damage in new {
            if way.told < MOST_TOLD {
                way.told += 1;
                self.news.push(Happening::Found(damage));
            } else {
                way.untold += 1;
            }
        }
        let is_news = !is_sound || self.found.suspects().any(|suspect| *suspect == part);
        if is_news {
            // It counts at once, and what the last pass has found in other files still does.
            let before = std::mem::replace(&mut self.found, way.found.only(&part));
            self.found.merge(before, |name| *name != part);
        }
        is_news
    }

    /// Hears that the pass has ended.
    pub(super) fn end(&mut self, number: u64, ending: &Ending, now: UnixTime) {
        let Some(way) = self.way.take_if(|way| way.number == number) else { return };
        self.bytes += way.progress.bytes();
        match (ending, way.scope) {
            (Ending::Failed, _) => {}
            (Ending::Whole, Scope::All) => {
                (self.passes, self.tried) = (self.passes + 1, None);
                self.last = Some(Pass { began: way.began, ended: now, files: way.files, bytes: way.bytes });
                self.found = way.found;
            }
            (Ending::Whole, Scope::Parts(names)) => {
                let before = std::mem::replace(&mut self.found, way.found);
                self.found.merge(before, |name| !names.contains(name));
            }
        }
        if way.untold > 0 {
            self.news.push(Happening::FoundMore(way.untold));
        }
    }

    /// Compares what is known with the files that there are: what is gone is damaged no longer, and what has changed is read
    /// again.
    pub(crate) fn see(&mut self, parts: &[Part]) {
        let suspects: BTreeSet<&String> = self.found.suspects().collect();
        if suspects.is_empty() {
            return;
        }
        let there: BTreeMap<&String, &Part> = parts
            .iter()
            .filter(|part| suspects.contains(&part.name))
            .map(|part| (&part.name, part))
            .collect();
        let gone: BTreeSet<String> =
            suspects.iter().filter(|name| !there.contains_key(*name)).map(|name| (*name).clone()).collect();
        let places = self.found.places.iter();
        let is_changed =
            |place: &&Place| there.get(&place.part).is_some_and(|part| Stamp::of(part) != place.stamp);
        self.changed.extend(places.filter(is_changed).map(|place| place.part.clone()));
        self.changed.retain(|name| !gone.contains(name));
        self.found.forget(&gone);
    }

    /// What has to be told.
    pub(crate) fn take_news(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.news)
    }

    /// Whether a pass is on its way.
    pub(crate) fn is_running(&self) -> bool {
        self.way.is_some()
    }

    /// What is wrong with the log by all this.
    pub(crate) fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        if let Some(first) = self.found.places.first() {
            let Damage { file, start, end, cause, .. } = &first.damage;
            let others = match self.found.count() - 1 {
                0 => String::new(),
                1 => ", and one other place".to_owned(),
                others => format!(", and {others} other places"),
            };
            let what = format!("{file}: {cause}, from byte {start} to {end}{others}");
            flaws.push(Flaw { kind: FlawKind::Found, severity: Severity::Critical, what });
        }
        if let Some((_, what)) = self.unread() {
            // Whom the system does not let read, it would not let tell a healthy log from a sick one.
            let denied = |(kind, _): &(ErrorKind, String)| *kind == ErrorKind::PermissionDenied;
            let is_denied = self.found.unread.values().all(denied);
            let severity = if is_denied { Severity::Warning } else { Severity::Critical };
            flaws.push(Flaw { kind: FlawKind::Unreadable, severity, what });
        }
        flaws
    }

    pub(super) fn places(&self) -> &[Place] {
        &self.found.places
    }

    /// A pass that was made before the start.
    pub(super) fn resume(&mut self, pass: Pass) {
        self.last = Some(pass);
    }

    /// Damage that was found before the start.
    pub(super) fn remember(&mut self, place: Place) {
        self.found.add(place);
    }

    fn unread(&self) -> Option<(u64, String)> {
        let (_, (_, why)) = self.found.unread.first_key_value()?;
        Some((self.found.unread.len() as u64, why.clone()))
    }

    /// What is known.
    pub(crate) fn report(&self) -> Scrubbed {
        let running = self.way.as_ref().map(|way| (way.began, way.progress.bytes(), way.total));
        Scrubbed {
            running,
            last: self.last,
            passes: self.passes,
            bytes: self.bytes + running.map_or(0, |(_, bytes, _)| bytes),
            places: self.found.places.clone(),
            more: self.found.count() - self.found.places.len() as u64,
            unread: self.unread(),
        }
    }

    /// What is known of a file: its damage, or nothing if it was not read since it is as it is.
    pub(crate) fn of(&self, part: &Part) -> Option<Vec<Damage>> {
        let damage = |found: &Found| -> Vec<Damage> {
            let of_part = |place: &&Place| place.part == part.name;
            found.places.iter().filter(of_part).map(|place| place.damage.clone()).collect()
        };
        let stamp = Stamp::of(part);
        let mut found = self.way.iter().map(|way| &way.found).chain([&self.found]);
        found.find(|found| found.files.get(&part.name) == Some(&stamp)).map(damage)
    }
}

impl Found {
    fn add(&mut self, place: Place) {
        if self.places.len() < MOST_PLACES {
            self.places.push(place);
        } else {
            *self.more.entry(place.part).or_default() += 1;
        }
    }

    fn count(&self) -> u64 {
        self.places.len() as u64 + self.more.values().sum::<u64>()
    }

    /// Files that something is wrong with.
    fn suspects(&self) -> impl Iterator<Item = &String> {
        self.places.iter().map(|place| &place.part).chain(self.more.keys()).chain(self.unread.keys())
    }

    fn only(&self, part: &String) -> Self {
        let mut found = Self::default();
        found.merge(self.clone(), |name| name == part);
        found
    }

    /// Adds what was found in some files.
    fn merge(&mut self, other: Self, wanted: impl Fn(&String) -> bool) {
        other.places.into_iter().filter(|place| wanted(&place.part)).for_each(|place| self.add(place));
        for (part, more) in other.more.into_iter().filter(|(part, _)| wanted(part)) {
            *self.more.entry(part).or_default() += more;
        }
        self.unread.extend(other.unread.into_iter().filter(|(part, _)| wanted(part)));
        let room = MOST_FILES.saturating_sub(self.files.len());
        self.files.extend(other.files.into_iter().filter(|(part, _)| wanted(part)).take(room));
    }

    fn forget(&mut self, parts: &BTreeSet<String>) {
        self.places.retain(|place| !parts.contains(&place.part));
        self.more.retain(|part, _| !parts.contains(part));
        self.unread.retain(|part, _| !parts.contains(part));
    }
}

/// Whether two readings have found the same.
pub(super) fn is_same(one: &Damage, other: &Damage) -> bool {
    one.file == other.file && one.start == other.start && one.cause == other.cause
}

#[cfg(test)]
#[path = "knowledge_test.rs"]
mod tests;
