//! Which WAL files stay, which go, and what goes with them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use formats::influxdb3::{Flaw, Held, NodeFile, Use, WAL, WalFile, wal_name};
use formats::{Note, Progress, TimeRange};

use super::removal;
use crate::{Kept, Loss, MendError, Span, Stage, Step, StepKind};

/// The largest number that fits into the eleven digits of a name.
const LARGEST: u64 = 99_999_999_999;

/// What is done to a node.
#[derive(Debug)]
pub(super) struct Choice {
    /// Files that are put under the name of the number that they hold.
    placed: Vec<Placed>,
    /// What goes, in order.
    removed: Vec<Step>,
    loss: Loss,
    kept: Kept,
    notes: Vec<Note>,
}

#[derive(Debug)]
struct Placed {
    from: PathBuf,
    step: Step,
}

impl Choice {
    /// Keeps one sound file for each number above the watermark, and removes everything else that a start replays.
    pub(super) fn of(files: &[NodeFile<'_>], watermark: Option<u64>) -> Self {
        let replayed: Vec<Replayed<'_>> =
            files.iter().filter_map(|file| Replayed::of(file, watermark)).collect();
        let keepers = keepers(&replayed, watermark);
        let mut choice = Self::keeping(keepers.values().copied());
        for (&number, keeper) in keepers.iter().filter(|(number, keeper)| keeper.named != Some(**number)) {
            choice.place(number, keeper, &replayed);
        }
        let stays = |file: &Replayed<'_>| {
            file.named.is_some_and(|named| keepers.get(&named).is_some_and(|keeper| keeper.is(file)))
        };
        // The last goes first: with one of several still there, a server would write up to that one.
        for file in replayed.iter().rev().filter(|file| !stays(file)) {
            let (why, loss) = file.fate(&keepers, watermark);
            choice.lose(loss);
            choice.removed.push(removal(file.file, why));
        }
        choice
    }

    /// Removes everything that a start replays.
    pub(super) fn nothing_of(files: &[NodeFile<'_>], watermark: Option<u64>) -> Self {
        let replayed: Vec<Replayed<'_>> =
            files.iter().filter_map(|file| Replayed::of(file, watermark)).collect();
        let keepers = keepers(&replayed, watermark);
        let mut choice = Self::keeping(std::iter::empty());
        for keeper in keepers.values() {
            choice.lose(keeper.sound().map_or_else(|| keeper.unknown(), |sound| lost(keeper, sound)));
        }
        for file in replayed.iter().rev() {
            let is_counted = |number: u64| keepers.get(&number).is_some_and(|keeper| keeper.is(file));
            if !file.number().is_some_and(is_counted) {
                choice.lose(file.fate(&keepers, watermark).1);
            }
            choice.removed.push(removal(file.file, "taken away with the whole log"));
        }
        choice
    }

    fn keeping<'r>(keepers: impl Iterator<Item = &'r Replayed<'r>>) -> Self {
        let (mut records, mut samples) = (Some(0), Some(0));
        for keeper in keepers {
            let file = keeper.sound();
            records = records.zip(file).map(|(sum, file)| sum + file.records());
            samples = samples.zip(file).map(|(sum, file)| sum + file.rows);
        }
        let kept = Kept { records, samples, series: None };
        Self { placed: Vec::new(), removed: Vec::new(), loss: Loss::NONE, kept, notes: Vec::new() }
    }

    /// Puts the bytes of a file under the name of the number that it holds.
    fn place(&mut self, number: u64, keeper: &Replayed<'_>, replayed: &[Replayed<'_>]) {
        let there = replayed.iter().find(|file| file.named == Some(number)).map(|file| file.file.part.bytes);
        let step = Step {
            kind: if there.is_some() { StepKind::Replace } else { StepKind::Create },
            path: format!("{WAL}{}", wal_name(number)),
            bytes_before: there,
            bytes_after: Some(keeper.file.part.bytes),
            why: format!("what {} holds, under the name of its number", keeper.file.part.name),
        };
        self.placed.push(Placed { from: keeper.file.part.path.clone(), step });
    }

    fn lose(&mut self, loss: Loss) {
        let sum = |one: Option<u64>, other: Option<u64>| one.zip(other).map(|(one, other)| one + other);
        self.loss = Loss {
            records: sum(self.loss.records, loss.records),
            samples: sum(self.loss.samples, loss.samples),
            series: Some(0),
            bytes: self.loss.bytes + loss.bytes,
            times: Span::merge(self.loss.times, loss.times),
        };
    }

    /// Removes snapshot files, after everything else: as long as one is there, nothing starts.
    pub(super) fn add_snapshots(&mut self, leaving: Vec<Step>) {
        self.removed.extend(leaving);
    }

    pub(super) fn note(&mut self, code: &'static str, message: &str) {
        self.notes.push(Note { code, file: String::new(), message: message.to_owned() });
    }

    /// What happens, in order: what is put in place comes before that which it was taken from goes.
    pub(super) fn steps(&self) -> impl Iterator<Item = &Step> {
        // A file that is replaced does not have to go as well.
        self.placed
            .iter()
            .map(|placed| &placed.step)
            .chain(self.removed.iter().filter(|step| !self.replaces(step)))
    }

    fn replaces(&self, step: &Step) -> bool {
        self.placed.iter().any(|placed| placed.step.path == step.path)
    }

    pub(super) fn loss(&self) -> Loss {
        self.loss
    }

    pub(super) fn kept(&self) -> Kept {
        self.kept
    }

    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Bytes that are going to be written.
    pub(super) fn written(&self) -> u64 {
        self.placed.iter().filter_map(|placed| placed.step.bytes_after).sum()
    }

    pub(super) fn write(&self, stage: &mut Stage, progress: &Progress) -> Result<(), MendError> {
        for Placed { from, step } in &self.placed {
            let there = stage.beside(&step.path)?;
            let bytes = fs::copy(from, &there).map_err(MendError::io("copy", from))?;
            progress.add(bytes);
            stage.place(&step.path)?;
        }
        for step in self.removed.iter().filter(|step| !self.replaces(step)) {
            stage.remove(&step.path);
        }
        Ok(())
    }
}

/// A file that a start replays, or fails at.
struct Replayed<'a> {
    file: &'a NodeFile<'a>,
    /// The number in its name, if it has the name of a WAL file.
    named: Option<u64>,
}

/// The file to keep of each number: the one of that name, or else the first.
fn keepers<'r, 'a>(replayed: &'r [Replayed<'a>], watermark: Option<u64>) -> BTreeMap<u64, &'r Replayed<'a>> {
    let mut keepers: BTreeMap<u64, &Replayed<'_>> = BTreeMap::new();
    for file in replayed {
        let Some(number) =
            file.number().filter(|&number| number <= LARGEST && watermark.is_none_or(|w| number > w))
        else {
            continue;
        };
        if file.named == Some(number) {
            keepers.insert(number, file);
        } else {
            keepers.entry(number).or_insert(file);
        }
    }
    keepers
}

impl<'a> Replayed<'a> {
    fn of(file: &'a NodeFile<'a>, watermark: Option<u64>) -> Option<Self> {
        match file.used {
            Use::Unlistable => Some(Self { file, named: None }),
            Use::Replayed(named) => {
                let name = file.part.name.strip_prefix(WAL)?;
                let above = watermark.is_none_or(|watermark| *name > *wal_name(watermark));
                let is_there = !matches!(file.held, Held::Vanished | Held::Other);
                (above && is_there).then_some(Self { file, named })
            }
            Use::Snapshot | Use::Unused => None,
        }
    }

    /// The number that it holds, as far as a start gets to know it.
    fn number(&self) -> Option<u64> {
        match &self.file.held {
            Held::Sound(sound) if sound.is_replayable() => Some(sound.number),
            // Its checksum matches, and nothing says that its name is wrong.
            Held::NotDecoded => self.named,
            _ => None,
        }
    }

    fn is(&self, other: &Replayed<'_>) -> bool {
        self.file.part.name == other.file.part.name
    }

    fn sound(&self) -> Option<&'a WalFile> {
        if let Held::Sound(file) = &self.file.held { Some(file) } else { None }
    }

    /// The number in the name that it has or that it was given another one from, as `00000000023.wal.bak`.
    fn once_named(&self) -> Option<u64> {
        let name = self.file.part.name.rsplit('/').next()?;
        let (digits, rest) = name.split_at_checked(11)?;
        if rest.starts_with(".wal") { digits.parse().ok() } else { None }
    }

    /// Why it goes, and what is lost with it.
    fn fate(&self, keepers: &BTreeMap<u64, &Replayed<'_>>, watermark: Option<u64>) -> (String, Loss) {
        let persisted = |number: u64| watermark.is_some_and(|watermark| number <= watermark);
        match &self.file.held {
            Held::Sound(sound) if !sound.is_replayable() => {
                ("the server panics at it: its first time is after its last".to_owned(), lost(self, sound))
            }
            Held::Sound(sound) if persisted(sound.number) => {
                (format!("holds number {}, whose rows are persisted", sound.number), Loss::NONE)
            }
            Held::Sound(sound) => {
                let number = sound.number;
                let Some(keeper) = keepers.get(&number) else {
                    return (format!("holds number {number}, which no name can have"), lost(self, sound));
                };
                let is_saved = same_bytes(&self.file.part.path, &keeper.file.part.path);
                let why = format!("holds number {number}, which is not its name");
                (why, if is_saved { Loss::NONE } else { lost(self, sound) })
            }
            held => {
                let why = match held {
                    Held::Flawed(flaw) => reason(flaw, self.named),
                    _ => "does not belong here".to_owned(),
                };
                // A damaged copy of something that is there takes nothing with it, and neither does a foreign file.
                let is_spare = |number| persisted(number) || keepers.contains_key(&number);
                (why, if self.once_named().is_none_or(is_spare) { Loss::NONE } else { self.unknown() })
            }
        }
    }

    fn unknown(&self) -> Loss {
        Loss { records: None, samples: None, bytes: self.file.part.bytes, ..Loss::NONE }
    }
}

fn reason(flaw: &Flaw, named: Option<u64>) -> String {
    let what = if named.is_some() { "damaged" } else { "does not belong here" };
    format!("{what}: {flaw}")
}

fn lost(file: &Replayed<'_>, sound: &WalFile) -> Loss {
    Loss {
        records: Some(sound.records()),
        samples: Some(sound.rows),
        series: Some(0),
        bytes: file.file.part.bytes,
        times: sound.times.map(span),
    }
}

/// A range in nanoseconds as the milliseconds that hold it.
fn span(times: TimeRange) -> Span {
    let millis = |nanos: i128| i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(i64::MAX);
    Span { from: millis(times.min.nanos()), to: millis(times.max.nanos() + 999_999) }
}

/// Whether two files hold the same; one that cannot be read does not.
fn same_bytes(one: &Path, other: &Path) -> bool {
    one == other || differ(one, other).is_ok_and(|differ| !differ)
}

fn differ(one: &Path, other: &Path) -> std::io::Result<bool> {
    let (mut one, mut other) = (BufReader::new(File::open(one)?), BufReader::new(File::open(other)?));
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let common = left.len().min(right.len());
        if common == 0 {
            return Ok(left.len() != right.len());
        }
        if left.iter().zip(right).any(|(left, right)| left != right) {
            return Ok(true);
        }
        one.consume(common);
        other.consume(common);
    }
}
