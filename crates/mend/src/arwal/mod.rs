//! ARWAL001: a damaged job log is replaced by one with every record that verifies, on both sides of the damage.
//!
//! The program itself cuts a log at the first thing that it does not understand, and so loses all that lies behind.
//!
//! * Everything that the checksum covers (sequence, status, time, payload) is written as it was read, in the order of
//!   the file; the length before it by the program's own rule, whichever rule it followed.
//! * An archive becomes a new archive. One in which nothing verifies is left alone: nothing could be saved, and no
//!   start depends on it.
//! * A torn end alone is no reason to write a log anew: the program cuts it off itself and loses nothing.
//! * Events of two attempts at a job lie one after the other and stay so; which of them count, nothing in the file says.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

use formats::arwal::{Salvaged, file_header, length_before, salvage};
use formats::{Body, Entry, Log, Note, Order, Part, Progress, Role, TimeRange};

use crate::{Action, Kept, Loss, MendError, Mending, Plan, Site, Source, Span, Stage, Step, StepKind};

/// Zstandard's default, with which the program writes its archives.
const LEVEL: i32 = 3;

/// Writes every damaged log anew.
#[derive(Debug)]
pub struct Repair {
    plan: Plan,
    damaged: Vec<(Part, Salvaged)>,
}

impl Repair {
    /// Reads every file and plans which to write anew.
    pub fn plan(log: &dyn Log, order: &Order) -> Result<Self, MendError> {
        let plan = Plan {
            action: Action::Repair,
            site: Site::of(log),
            sources: Vec::new(),
            steps: Vec::new(),
            loss: Loss::NONE,
            kept: Kept { records: Some(0), samples: Some(0), series: None },
            servers_own: Some(Kept { records: Some(0), samples: Some(0), series: None }),
            needs: 0,
            work: 0,
            notes: Vec::new(),
        };
        let mut repair = Self { plan, damaged: Vec::new() };
        for part in log.parts().iter().filter(|part| part.role != Role::Stray) {
            repair.examine(part, &order.progress)?;
        }
        Ok(repair)
    }

    fn examine(&mut self, part: &Part, progress: &Progress) -> Result<(), MendError> {
        let mut examined = Examined::default();
        let salvaged = examined.read(part, progress)?;
        if examined.is_sound(&salvaged) {
            self.keep(salvaged.records, salvaged.records);
            return Ok(());
        }
        if salvaged.is_compressed && salvaged.records == 0 {
            let message = "nothing in it verifies, so it is left as it is".to_owned();
            self.plan.notes.push(Note { code: "nothing-to-save", file: part.name.clone(), message });
            return Ok(());
        }
        if let Some(bytes) = examined.too_large {
            return Err(MendError::Impossible {
                reason: format!(
                    "{} holds a record of {bytes} bytes, larger than any that the program reads",
                    part.name
                ),
                advice: "another program wrote it, which has to repair it".to_owned(),
            });
        }
        // Where the name is not UTF-8, there is no such path, and no receipt could say it.
        let path = self.plan.site.root.join(&part.name);
        self.plan.sources.push(Source::of(&path).map_err(MendError::io("look at", &path))?);
        // It is only logs that the program cuts.
        let readable = if salvaged.is_compressed { salvaged.records } else { salvaged.readable };
        self.keep(salvaged.records, readable);
        self.lose(&examined.loss);
        self.plan.steps.push(Step {
            kind: StepKind::Replace,
            path: part.name.clone(),
            bytes_before: Some(part.bytes),
            bytes_after: (!salvaged.is_compressed).then_some(examined.written),
            why: format!("{} of its records verify; {}", salvaged.records, examined.why()),
        });
        self.plan.needs += examined.written;
        self.plan.work += part.bytes;
        self.plan.notes.append(&mut examined.notes);
        self.damaged.push((part.clone(), salvaged));
        Ok(())
    }

    fn keep(&mut self, records: u64, readable: u64) {
        let add = |kept: &mut Kept, more: u64| {
            kept.records = kept.records.map(|records| records + more);
            kept.samples = kept.records;
        };
        add(&mut self.plan.kept, records);
        if let Some(own) = &mut self.plan.servers_own {
            add(own, readable);
        }
    }

    fn lose(&mut self, loss: &Loss) {
        let so_far = self.plan.loss;
        let records = so_far.records.zip(loss.records).map(|(one, other)| one + other);
        self.plan.loss = Loss {
            records,
            samples: records,
            series: Some(0),
            bytes: so_far.bytes + loss.bytes,
            times: Span::merge(so_far.times, loss.times),
        };
    }
}

impl Mending for Repair {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn write(&self, stage: &mut Stage, progress: &Progress) -> Result<(), MendError> {
        for (part, salvaged) in &self.damaged {
            let there = stage.beside(&part.name)?;
            write(part, salvaged, &there, progress)?;
            stage.place(&part.name)?;
        }
        Ok(())
    }
}

/// What one file holds beside its records.
#[derive(Default)]
struct Examined {
    damage: u64,
    first_cause: Option<String>,
    loss: Loss,
    notes: Vec<Note>,
    /// Bytes of the log that is written anew, before compression.
    written: u64,
    /// Bytes of a record that cannot be written.
    too_large: Option<usize>,
    /// The time of the record before, and whether something was lost since.
    before: Option<TimeRange>,
    missing: Missing,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Missing {
    #[default]
    Nothing,
    Something,
}

impl Examined {
    fn read(&mut self, part: &Part, progress: &Progress) -> Result<Salvaged, MendError> {
        self.loss = Loss::NONE;
        self.written = file_header().len() as u64;
        let (mut written, mut too_large) = (0, None);
        let mut keep = |behind: &[u8]| {
            written += length_before(behind).map_or(0, |length| length.len() as u64) + behind.len() as u64;
            if length_before(behind).is_none() {
                too_large = Some(behind.len());
            }
        };
        let salvaged = salvage(part, progress, &mut keep, &mut |entry| {
            self.add(entry);
            ControlFlow::Continue(())
        })?;
        self.written += written;
        self.too_large = too_large;
        Ok(salvaged)
    }

    fn add(&mut self, entry: Entry) {
        match entry.body {
            Body::Record(record) => {
                if self.missing == Missing::Something {
                    self.missing = Missing::Nothing;
                    let times = TimeRange::merge(self.before, record.times).map(span);
                    self.loss.times = Span::merge(self.loss.times, times);
                }
                self.before = record.times;
            }
            Body::Damage(damage) => {
                self.damage += 1;
                self.first_cause
                    .get_or_insert_with(|| format!("damaged at byte {}: {}", damage.start, damage.cause));
                if damage.lost.records != Some(0) {
                    self.missing = Missing::Something;
                }
                let sum = self.loss.records.zip(damage.lost.records).map(|(one, other)| one + other);
                (self.loss.records, self.loss.samples) = (sum, sum);
                self.loss.bytes += damage.lost.bytes;
            }
            // What only concerns the old file is said by a check of it.
            Body::Note(note) if note.code == "search-bounded" => self.notes.push(note),
            Body::Note(_) => {}
        }
    }

    /// Whether the program reads all of it, or another one wrote all of it.
    fn is_sound(&self, salvaged: &Salvaged) -> bool {
        let is_of_one_rule = salvaged.rest_lengths == 0 || salvaged.rest_lengths == salvaged.records;
        self.damage == 0 && is_of_one_rule
    }

    fn why(&self) -> String {
        let by_length = || "some leave their length out of it, where the program stops reading".to_owned();
        self.first_cause.clone().unwrap_or_else(by_length)
    }
}

fn span(times: TimeRange) -> Span {
    let millis = |nanos: i128| i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(i64::MAX);
    Span { from: millis(times.min.nanos()), to: millis(times.max.nanos()) }
}

/// Writes the log of a part anew, in the same form.
fn write(part: &Part, salvaged: &Salvaged, there: &Path, progress: &Progress) -> Result<(), MendError> {
    let failed = || MendError::io("write", there);
    let file = BufWriter::new(File::create(there).map_err(failed())?);
    let written = if salvaged.is_compressed {
        let mut archive = zstd::stream::write::Encoder::new(file, LEVEL).map_err(failed())?;
        archive.include_checksum(true).map_err(failed())?;
        records(part, progress, &mut archive).map(|written| written.and_then(|()| archive.finish()?.flush()))
    } else {
        let mut file = file;
        records(part, progress, &mut file).map(|written| written.and_then(|()| file.flush()))
    };
    written?.map_err(failed())
}

/// Copies the sound records of a part; the error outside is one of reading, the one inside of writing.
fn records(part: &Part, progress: &Progress, out: &mut impl Write) -> Result<io::Result<()>, MendError> {
    let mut written = out.write_all(&file_header());
    let mut keep = |behind: &[u8]| {
        if let (Ok(()), Some(length)) = (&written, length_before(behind)) {
            written = out.write_all(&length).and_then(|()| out.write_all(behind));
        }
    };
    salvage(part, progress, &mut keep, &mut |_| ControlFlow::Continue(()))?;
    Ok(written)
}
