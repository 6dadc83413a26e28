//! Taking the records of a log apart: samples that go into blocks, and what stays.
//!
//! Decoding, filtering and packing happens on several cores; what depends on the order of the log is done by whoever
//! is handed the outcome.

use formats::prometheus::record::{Record, Series, SeriesRef, Tombstone, Type};
use formats::prometheus::{Compression, Frame, Framing, Packer};
use formats::{Damage, Malformed};

use super::division::Division;
use super::inventory::Inventory;
use super::points::{self, Measured};
use super::roster::SeriesId;

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sieve<'a> {
    pub(super) inventory: &'a Inventory,
    /// Samples from here on are looked for.
    pub(super) from: i64,
    /// Samples from here on are not.
    pub(super) until: i64,
    /// What stays, and how many files are written anew; nothing if that is not asked for.
    pub(super) rest: Option<&'a Division>,
}

/// What was found in a block of a file.
#[derive(Default)]
pub(super) struct Siftings {
    /// Samples in the order of the log.
    pub(super) samples: Vec<Sifted>,
    /// Packed histograms that samples refer to.
    pub(super) histograms: Vec<u8>,
    /// Declarations of series: behind how many samples, and of which series, if its number still means one.
    pub(super) declared: Vec<(usize, Option<SeriesId>)>,
    /// What stays, packed, one record after the other.
    pub(super) packed: Vec<u8>,
    /// Where each of these records ends, and how it is compressed.
    pub(super) ends: Vec<(usize, Compression)>,
    /// Records of which every sample is older than what is looked for ends.
    pub(super) gone: u64,
    pub(super) damage: Option<Damage>,
    packer: Packer,
    encoded: Vec<u8>,
}

/// A sample that was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sifted {
    pub(super) series: SeriesId,
    pub(super) time: i64,
    pub(super) value: Value,
}

/// Its value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    /// The bits of a number.
    Float(u64),
    /// Where a packed histogram begins and ends.
    Histogram(u32, u32),
}

impl Siftings {
    /// Empties it.
    pub(super) fn clear(&mut self) {
        self.samples.clear();
        self.histograms.clear();
        self.declared.clear();
        self.packed.clear();
        self.ends.clear();
        self.gone = 0;
    }

    /// Takes apart what was found in the file of that number.
    pub(super) fn add(&mut self, sieve: &Sieve<'_>, part: usize, framing: &Framing<'_>) {
        match framing {
            Framing::Record(frame) => {
                // It was checked before it was handed out.
                self.record(sieve, part, frame).unwrap_or(());
            }
            Framing::Damage(damage) => {
                self.damage.get_or_insert_with(|| damage.clone());
            }
            Framing::Note(_) => {}
        }
    }

    fn record(&mut self, sieve: &Sieve<'_>, part: usize, frame: &Frame<'_>) -> Result<(), Malformed> {
        let Some(kind) = frame.gist.kind else { return Ok(()) };
        self.gone += u64::from(frame.gist.times.is_some_and(|(_, max)| max < sieve.until));
        if kind == Type::Series {
            if let Record::Series(all) = Record::decode(frame.record)? {
                let refs = sieve.inventory.series.refs();
                let declared = all.iter().map(|one| refs.get(one.series.0));
                self.declared.extend(declared.map(|series| (self.samples.len(), series)));
            }
        } else if frame.gist.times.is_some_and(|(min, max)| max >= sieve.from && min < sieve.until) {
            self.samples(sieve, kind, frame.record)?;
        }
        match sieve.rest.filter(|division| part < division.replaced) {
            Some(division) => self.rest(sieve.inventory, division, frame),
            None => Ok(()),
        }
    }

    fn samples(&mut self, sieve: &Sieve<'_>, kind: Type, record: &[u8]) -> Result<(), Malformed> {
        let mut refs = sieve.inventory.series.refs().reader();
        let (samples, histograms) = (&mut self.samples, &mut self.histograms);
        points::each(record, kind, |number, time, measured| {
            if time < sieve.from || time >= sieve.until {
                return;
            }
            let Some(series) = refs.get(number.0) else { return };
            let value = match measured {
                Measured::Float(value) => Value::Float(value.to_bits()),
                histogram => {
                    let start = place(histograms);
                    histogram.pack(histograms);
                    Value::Histogram(start, place(histograms))
                }
            };
            samples.push(Sifted { series, time, value });
        })
    }

    /// Keeps what stays of a record.
    fn rest(
        &mut self,
        inventory: &Inventory,
        division: &Division,
        frame: &Frame<'_>,
    ) -> Result<(), Malformed> {
        let from = division.keep_from;
        match (frame.gist.kind, frame.gist.times) {
            (Some(Type::Empty) | None, _) => {}
            (_, Some((_, max))) if max < from => {}
            (_, Some((min, _))) if min >= from => self.keep(frame),
            (Some(kind), None) if !needs_a_look(kind) => self.keep(frame),
            _ => {
                let keeps = |number: SeriesRef| division.keeps(inventory, number);
                let record = selected(Record::decode(frame.record)?, keeps);
                let record = record.and_then(|record| points::filtered(record, |time| time >= from));
                if let Some(record) = record {
                    self.encode(&record, frame);
                }
            }
        }
        Ok(())
    }

    /// Keeps a record as it stands.
    fn keep(&mut self, frame: &Frame<'_>) {
        self.packed.extend_from_slice(frame.packed);
        self.ends.push((self.packed.len(), frame.compression));
    }

    /// Keeps what is left of a record, compressed as it was.
    fn encode(&mut self, record: &Record<'_>, frame: &Frame<'_>) {
        self.encoded.clear();
        record.encode(&mut self.encoded);
        let stored = self.packer.pack(&self.encoded, frame.compression, &mut self.packed);
        self.ends.push((self.packed.len(), stored));
    }
}

/// A block of a log with a record of four gigabytes is not read in the first place.
fn place(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// Whether a record without points is about series that may go, or about times.
fn needs_a_look(kind: Type) -> bool {
    matches!(kind, Type::Series | Type::Tombstones | Type::Metadata | Type::Exemplars)
}

/// What a record says of series that stay; `None` if that is nothing.
fn selected(record: Record<'_>, keeps: impl Fn(SeriesRef) -> bool) -> Option<Record<'_>> {
    match record {
        Record::Series(mut all) => {
            all.retain(|one: &Series<'_>| keeps(one.series));
            (!all.is_empty()).then_some(Record::Series(all))
        }
        Record::Tombstones(mut all) => {
            all.retain(|one: &Tombstone| keeps(one.series));
            (!all.is_empty()).then_some(Record::Tombstones(all))
        }
        Record::Metadata(mut all) => {
            all.retain(|one| keeps(one.series));
            (!all.is_empty()).then_some(Record::Metadata(all))
        }
        other => Some(other),
    }
}
