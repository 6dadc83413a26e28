//! Reading all of a log and adding it up, on several cores and in bounded memory.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{
    Body, DamageList, Depth, Entry, Log, Note, Order, Part, ReadError, Role, TimeRange, Value, Verdict,
};

/// How many notes are kept; a log with more of them says the same thing over and over.
pub const MAX_NOTES: usize = 1_000;

/// What a whole log holds.
#[derive(Debug, Default)]
pub struct Survey {
    /// One per part, in the order of [`Log::parts`].
    pub parts: Vec<PartSurvey>,
    /// All damage, in the order of the log.
    pub damage: DamageList,
    /// Remarks, at most [`MAX_NOTES`].
    pub notes: Vec<Note>,
    /// Records by type; empty when they were not read.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Distinct series; `None` when the format has none or they were not counted.
    pub series: Option<u64>,
    /// Measured values; `None` when the format has none or they were not counted.
    pub samples: Option<u64>,
    /// First and last time in the records that a start reads.
    pub times: Option<TimeRange>,
    /// What the server would do at its next start.
    pub verdict: Verdict,
    /// What else the format tells about itself.
    pub facts: Vec<Fact>,
    /// The largest contributors.
    pub top: Vec<TopTable>,
    /// What the next start will take.
    pub estimate: Option<Estimate>,
    /// Parts that could not be read.
    pub unreadable: Vec<ReadError>,
}

/// What one part holds.
#[derive(Clone, Debug)]
pub struct PartSurvey {
    /// The part.
    pub part: Part,
    /// Records in it; `None` when it was not read.
    pub records: Option<u64>,
    /// Measured values in it.
    pub samples: u64,
    /// Times in it.
    pub times: Option<TimeRange>,
    /// Damages in it.
    pub damage: u64,
}

/// A named value that one format has and others do not.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// A stable name in `snake_case`, used in JSON.
    pub name: &'static str,
    /// Its value.
    pub value: Value,
}

/// The largest contributors by one criterion.
#[derive(Clone, Debug, PartialEq)]
pub struct TopTable {
    /// What the rows are, such as `metric`.
    pub by: &'static str,
    /// Name, series and samples of each, largest first.
    pub rows: Vec<TopRow>,
}

impl Estimate {
    /// The most memory that the start should take: what a limit must allow.
    pub fn memory_at_most(&self) -> u64 {
        let error = self.memory_bytes as f64 * self.memory_error;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a number of bytes"
        )]
        self.memory_bytes.saturating_add(error.max(0.0) as u64)
    }
}

/// One row of a [`TopTable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopRow {
    /// Its name.
    pub name: String,
    /// Series of that name.
    pub series: u64,
    /// Samples of that name.
    pub samples: u64,
}

/// What the next start of the server will take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Time until the log is replayed.
    pub replay_seconds: f64,
    /// Memory of the server when it is replayed.
    pub memory_bytes: u64,
    /// How far the memory may be off, as a part of it.
    pub memory_error: f64,
}

impl PartSurvey {
    /// A part that was not read.
    pub fn unread(part: &Part) -> Self {
        Self { part: part.clone(), records: None, samples: 0, times: None, damage: 0 }
    }
}

impl Survey {
    /// Files and bytes that a start has to read.
    pub fn weight(&self) -> (u64, u64) {
        let counting = self.parts.iter().filter(|survey| survey.part.role.counts());
        counting.fold((0, 0), |(files, bytes), survey| (files + 1, bytes + survey.part.bytes))
    }

    /// Records of all types; `None` when they were not read.
    pub fn records(&self) -> Option<u64> {
        let read = self.parts.iter().any(|survey| survey.records.is_some());
        read.then(|| self.kinds.values().sum())
    }

    /// Adds a note unless there are too many.
    pub fn note(&mut self, note: Note) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        }
    }

    /// Adds a fact.
    pub fn fact(&mut self, name: &'static str, value: impl Into<Value>) {
        self.facts.push(Fact { name, value: value.into() });
    }

    /// Puts damage in the order of the log.
    fn sort_damage(&mut self) {
        let ranks: BTreeMap<&str, usize> =
            self.parts.iter().enumerate().map(|(rank, part)| (part.part.name.as_str(), rank)).collect();
        self.damage.sort_by_rank(|file| ranks.get(file).copied().unwrap_or(usize::MAX));
    }

    /// Adds a damage that lies in no part that was read, such as a missing file.
    pub fn damage(&mut self, damage: crate::Damage) {
        if let Some(survey) = self.parts.iter_mut().find(|survey| survey.part.name == damage.file) {
            survey.damage += 1;
        }
        self.damage.push(damage);
    }
}

/// Reads `log` as `order` says and concludes.
pub fn survey(log: &dyn Log, order: &Order) -> Survey {
    let mut survey = match order.depth {
        Depth::Listing => {
            Survey { parts: log.parts().iter().map(PartSurvey::unread).collect(), ..Survey::default() }
        }
        Depth::Bytes | Depth::Contents { .. } => log.survey(order),
    };
    // Threads finish in any order; what is concluded must not depend on it.
    survey.sort_damage();
    log.conclude(order, &mut survey);
    survey.sort_damage();
    survey
}

/// Reads the parts in parallel through [`Log::read`].
pub(crate) fn by_part<L: Log + ?Sized>(log: &L, order: &Order) -> Survey {
    let tallies = each_part(log.parts(), order, |part| Tally::of(log, part, order));
    let mut survey = Survey::default();
    for (part, tally) in log.parts().iter().zip(tallies) {
        tally.add_to(part, &mut survey);
    }
    survey
}

/// Works on every part, on as many threads as were ordered; the results are in the order of the parts.
pub(crate) fn each_part<T: Send>(parts: &[Part], order: &Order, work: impl Fn(&Part) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let thread = || loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(part) = parts.get(index) else { break };
        let result = work(part);
        lock(&done).push((index, result));
    };
    std::thread::scope(|scope| {
        for _ in 1..order.workers.get().min(parts.len()) {
            scope.spawn(thread);
        }
        thread();
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// A lock whose holder cannot have left anything half done: the values behind it are plain sums.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What one part, or some of its blocks, adds up to.
#[derive(Default)]
pub(crate) struct Tally {
    kinds: BTreeMap<&'static str, u64>,
    series: u64,
    samples: u64,
    times: Option<TimeRange>,
    damage: DamageList,
    notes: Vec<Note>,
    error: Option<io::Error>,
}

impl Tally {
    fn of<L: Log + ?Sized>(log: &L, part: &Part, order: &Order) -> Self {
        let mut tally = Self::default();
        tally.read(log, part, order);
        tally
    }

    /// Adds all of a part.
    pub(crate) fn read<L: Log + ?Sized>(&mut self, log: &L, part: &Part, order: &Order) {
        let mut visit = |entry: Entry| {
            self.add(entry);
            ControlFlow::Continue(())
        };
        let result = log.read(part, order, &mut visit);
        self.error = self.error.take().or(result.err().map(|error| error.source));
    }

    /// Adds one entry.
    pub(crate) fn add(&mut self, entry: Entry) {
        match entry.body {
            Body::Record(record) => self.count(record.kind, record.series, record.samples, record.times),
            Body::Damage(damage) => self.damage.push(damage),
            Body::Note(note) if self.notes.len() < MAX_NOTES => self.notes.push(note),
            Body::Note(_) => {}
        }
    }

    /// Adds a record.
    #[inline]
    pub(crate) fn count(&mut self, kind: &'static str, series: u64, samples: u64, times: Option<TimeRange>) {
        *self.kinds.entry(kind).or_default() += 1;
        self.series += series;
        self.samples += samples;
        self.times = TimeRange::merge(self.times, times);
    }

    /// Adds several records of one kind, with what they hold together.
    pub(crate) fn count_many(
        &mut self,
        kind: &'static str,
        records: u64,
        samples: u64,
        times: Option<TimeRange>,
    ) {
        if records > 0 {
            *self.kinds.entry(kind).or_default() += records;
            self.samples += samples;
            self.times = TimeRange::merge(self.times, times);
        }
    }

    /// The part cannot be read any further.
    pub(crate) fn fail(&mut self, error: io::Error) {
        self.error = Some(error);
    }

    /// Adds what another thread found in the same part.
    #[must_use]
    pub(crate) fn merge(mut self, other: Tally) -> Self {
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self.series += other.series;
        self.samples += other.samples;
        self.times = TimeRange::merge(self.times, other.times);
        self.damage.append(other.damage);
        self.notes.extend(other.notes);
        self.error = self.error.or(other.error);
        self
    }

    /// Adds the part to the whole.
    pub(crate) fn add_to(self, part: &Part, survey: &mut Survey) {
        survey.parts.push(PartSurvey {
            part: part.clone(),
            records: self.error.is_none().then(|| self.kinds.values().sum()),
            samples: self.samples,
            times: self.times,
            damage: self.damage.count(),
        });
        survey.damage.append(self.damage);
        for note in self.notes {
            survey.note(note);
        }
        if let Some(error) = self.error {
            survey.unreadable.push(ReadError::new(part, error));
        }
        if !part.role.counts() {
            return;
        }
        for (kind, count) in self.kinds {
            *survey.kinds.entry(kind).or_default() += count;
        }
        survey.times = TimeRange::merge(survey.times, self.times);
        // The log of late samples repeats samples of the main log.
        if part.role != Role::OutOfOrder {
            survey.samples = Some(survey.samples.unwrap_or(0) + self.samples);
        }
        if self.series > 0 {
            survey.series = Some(survey.series.unwrap_or(0) + self.series);
        }
    }
}
