//! Checking a record's structure and counting what it holds, without keeping any of it.
//!
//! Verifying a log must be as fast as decompressing it, so samples, the bulk of every log, are not decoded one by
//! one: in a record, consecutive samples nearly always take the same number of bytes and share their time, and a
//! run of those is recognised by one masked comparison each. Everything else goes through the decoder.

use super::record::{Base, Record, Type, series_next};
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

/// Checks a whole record, and calls `series` for each series that it declares.
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
            while !bytes.is_empty() {
                series(series_next(&mut bytes)?);
            }
            Ok(Skim { kind, points: 0, times: None })
        }
        _ => Ok(of_record(&Record::decode(record)?)),
    }
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
#[expect(clippy::little_endian_bytes, reason = "byte n of memory becomes byte n of the word")]
fn skip_alike(model: &[u8], place_len: usize, bytes: &mut Bytes<'_>) -> u64 {
    let Some((word, _)) = model.split_first_chunk::<8>().filter(|_| place_len <= 8) else { return 0 };
    let word = u64::from_le_bytes(*word);
    // Bits that end or continue the reference, then all bits of the time.
    let ref_len = ((!word & 0x8080_8080_8080_8080).trailing_zeros() / 8 + 1) as usize;
    let place_mask = u64::MAX >> (64 - 8 * place_len);
    let ref_mask = u64::MAX >> (64 - 8 * ref_len.min(place_len));
    let mask = (place_mask & !ref_mask) | (ref_mask & 0x8080_8080_8080_8080);
    let wanted = word & mask;
    let stride = place_len + 8;
    let mut rest = bytes.rest();
    let mut count = 0;
    while let Some((next, _)) = rest.split_first_chunk::<8>()
        && u64::from_le_bytes(*next) & mask == wanted
        && let Some((_, behind)) = rest.split_at_checked(stride)
    {
        rest = behind;
        count += 1;
    }
    bytes.skip_to(rest.len());
    count
}
