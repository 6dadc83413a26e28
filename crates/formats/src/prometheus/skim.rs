//! Checking a record's structure and counting what it holds, without keeping any of it.
//!
//! Verifying a log must be as fast as decompressing it, so samples, the bulk of every log, are not decoded one by
//! one: in a record, consecutive samples nearly always take the same number of bytes and share their time, and a
//! run of those is recognised by one masked comparison each. Everything else goes through the decoder.

use super::record::{Base, Record, Type, pass_histograms, series_next};
use crate::{Bytes, Malformed, TimeRange, UnixTime};

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Skim {
    /// Its type.
    pub(crate) kind: Type,
    /// Samples or histograms in it.
    pub(crate) points: u64,
    /// Their first and last time in milliseconds.
    pub(crate) times: Option<(i64, i64)>,
}

impl Skim {
    /// The times as points in time.
    pub(crate) fn range(&self) -> Option<TimeRange> {
        let (min, max) = self.times?;
        Some(TimeRange { min: UnixTime::from_millis(min), max: UnixTime::from_millis(max) })
    }
}

/// Checks a whole record, and calls `series` for each series that it declares once all of it is known to be sound.
#[inline]
pub(crate) fn skim<'a>(
    record: &'a [u8],
    mut series: impl FnMut(super::record::Series<'a>),
) -> Result<Skim, Malformed> {
    let mut bytes = Bytes::new(record);
    let kind = Type::read(&mut bytes)?;
    match kind {
        Type::Samples => skim_samples(bytes),
        Type::Series => {
            let mut ahead = bytes;
            while !ahead.is_empty() {
                series_next(&mut ahead)?;
            }
            // A record that breaks off is lost as a whole, and the series before the break with it.
            while !bytes.is_empty() {
                series(series_next(&mut bytes)?);
            }
            Ok(Skim { kind, points: 0, times: None })
        }
        _ => match skim_histograms(bytes, kind) {
            Some(skim) => Ok(skim),
            None => Ok(of_record(&Record::decode(record)?)),
        },
    }
}

/// Counts and times native histograms; `None` where they have to be decoded to be understood, and other records.
fn skim_histograms(bytes: Bytes<'_>, kind: Type) -> Option<Skim> {
    let mut skim = Skim { kind, points: 0, times: None };
    pass_histograms(bytes, kind, |_, time, _| {
        skim.points += 1;
        let (min, max) = skim.times.unwrap_or((time, time));
        skim.times = Some((min.min(time), max.max(time)));
    })?;
    Some(skim)
}

/// The same for a record that was decoded.
pub(crate) fn of_record(record: &Record<'_>) -> Skim {
    let times: &mut dyn Iterator<Item = i64> = match record {
        Record::Samples(all) => &mut all.iter().map(|sample| sample.time),
        Record::Histograms(_, _, all) => &mut all.iter().map(|point| point.time),
        Record::SamplesV2(all) => &mut all.iter().map(|(point, _)| point.time),
        Record::HistogramsV2(_, all) => &mut all.iter().map(|(point, _)| point.time),
        _ => &mut std::iter::empty(),
    };
    let mut skim = Skim { kind: record.kind(), points: 0, times: None };
    for time in times {
        skim.points += 1;
        let (min, max) = skim.times.unwrap_or((time, time));
        skim.times = Some((min.min(time), max.max(time)));
    }
    skim
}

fn skim_samples(mut bytes: Bytes<'_>) -> Result<Skim, Malformed> {
    let mut skim = Skim { kind: Type::Samples, points: 0, times: None };
    let Some(base) = Base::read(&mut bytes)? else { return Ok(skim) };
    while !bytes.is_empty() {
        let before = bytes;
        let (_, time) = base.place(&mut bytes)?;
        let place_len = bytes.position() - before.position();
        bytes.take(8, "value")?;
        let (min, max) = skim.times.unwrap_or((time, time));
        skim.times = Some((min.min(time), max.max(time)));
        skim.points += 1 + skip_alike(before.rest(), place_len, &mut bytes);
    }
    Ok(skim)
}

/// Skips samples that have the shape and the time of the one that `model` begins with.
fn skip_alike(model: &[u8], place_len: usize, bytes: &mut Bytes<'_>) -> u64 {
    if !(2..=8).contains(&place_len) {
        return 0;
    }
    // A sample has at least ten bytes, so the word is there.
    let word = first_word(model);
    // Bits that end or continue the reference, then all bits of the time.
    let ref_len = ((!word & 0x8080_8080_8080_8080).trailing_zeros() / 8 + 1) as usize;
    let place_mask = u64::MAX >> (64 - 8 * place_len);
    let ref_mask = u64::MAX >> (64 - 8 * ref_len.min(place_len));
    let mask = (place_mask & !ref_mask) | (ref_mask & 0x8080_8080_8080_8080);
    let alike = Alike { mask, wanted: word & mask };
    let rest = bytes.rest();
    let count = match place_len {
        2 => alike.run::<10>(rest),
        3 => alike.run::<11>(rest),
        4 => alike.run::<12>(rest),
        5 => alike.run::<13>(rest),
        6 => alike.run::<14>(rest),
        7 => alike.run::<15>(rest),
        8 => alike.run::<16>(rest),
        _ => 0,
    };
    bytes.skip_to(rest.len() - count * (place_len + 8));
    count as u64
}

/// The first eight bytes that samples have in common.
#[derive(Clone, Copy)]
struct Alike {
    mask: u64,
    wanted: u64,
}

impl Alike {
    /// Samples that are looked at together: one branch for all of them.
    const GROUP: usize = 8;

    /// How many samples of `STRIDE` bytes at the start of `rest` are alike.
    ///
    /// The stride is a constant in each copy of this function, so that the compiler sees that no access can fail.
    #[inline]
    fn run<const STRIDE: usize>(self, rest: &[u8]) -> usize {
        let (samples, _) = rest.as_chunks::<STRIDE>();
        let (groups, _) = samples.as_chunks::<{ Self::GROUP }>();
        let differs = |sample: &[u8; STRIDE]| (first_word(sample) ^ self.wanted) & self.mask;
        let group_is_alike = |group: &&[[u8; STRIDE]; Self::GROUP]| {
            group.iter().fold(0, |differences, sample| differences | differs(sample)) == 0
        };
        let in_groups = groups.iter().take_while(group_is_alike).count() * Self::GROUP;
        let behind = samples.get(in_groups..).unwrap_or_default();
        in_groups + behind.iter().take_while(|sample| differs(sample) == 0).count()
    }
}

/// The first eight bytes of a sample.
#[expect(clippy::little_endian_bytes, reason = "byte n of memory becomes byte n of the word")]
#[inline]
fn first_word(sample: &[u8]) -> u64 {
    sample.first_chunk::<8>().map_or(0, |word| u64::from_le_bytes(*word))
}
