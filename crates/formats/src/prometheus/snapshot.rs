//! Records of a `chunk_snapshot`: the head as it was at a clean stop.
//!
//! Framed like the WAL. 1 series: ref u64, labels, 0 u64, has-chunk varint, then min time i64, max time i64,
//! encoding u8, chunk (length varint, data), and the state of its appender. 2 tombstones: length varint, an encoded
//! tombstones file. 3 exemplars: as in the WAL. For a log whose series records are lost, this is another place where
//! references have names.

use super::record::{Labels, Record as WalRecord, SeriesRef};
use super::values;
use crate::{Bytes, Malformed, Record, TimeRange, UnixTime, Value};

/// A series in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SnapshotSeries<'a> {
    /// Its number.
    pub series: SeriesRef,
    /// Its labels.
    pub labels: Labels<'a>,
    /// The chunk that was open.
    pub chunk: Option<OpenChunk<'a>>,
}

/// A chunk that was open when the snapshot was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenChunk<'a> {
    /// First and last time in milliseconds.
    pub times: (i64, i64),
    /// Encoding.
    pub encoding: u8,
    /// Encoded samples.
    pub data: &'a [u8],
    /// What its appender needs to go on; checked for length where that is fixed.
    pub appender: &'a [u8],
}

/// Appender state of an XOR chunk: four pairs of time and value.
const XOR_APPENDER: usize = 64;

impl<'a> SnapshotSeries<'a> {
    /// Decodes the body of a series record.
    pub fn decode(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut bytes = Bytes::new(body);
        let series = SeriesRef(bytes.u64_be("snapshot series: ref")?);
        let labels = Labels::read(&mut bytes)?;
        bytes.u64_be("snapshot series: chunk range")?;
        let chunk = match bytes.uvarint("snapshot series: has chunk")? {
            0 => None,
            _ => Some(OpenChunk::read(&mut bytes)?),
        };
        if !bytes.is_empty() {
            return Err(bytes.malformed("snapshot series: bytes left over"));
        }
        Ok(Self { series, labels, chunk })
    }
}

impl<'a> OpenChunk<'a> {
    fn read(bytes: &mut Bytes<'a>) -> Result<Self, Malformed> {
        let times = (bytes.i64_be("snapshot series: min time")?, bytes.i64_be("snapshot series: max time")?);
        let encoding = bytes.u8("snapshot series: encoding")?;
        let len = bytes.length("snapshot series: chunk")?;
        let data = bytes.take(len, "snapshot series: chunk")?;
        let state = if matches!(encoding, 1 | 4) { XOR_APPENDER } else { bytes.rest().len() };
        Ok(Self { times, encoding, data, appender: bytes.take(state, "snapshot series: appender")? })
    }
}

/// Decodes a snapshot's record into the terms of a dump.
pub(super) fn record(bytes: &[u8]) -> Result<Record, Malformed> {
    let (&kind, body) = bytes.split_first().ok_or(Malformed { what: "empty record", at: 0 })?;
    match kind {
        1 => SnapshotSeries::decode(body).map(|series| series_record(&series)),
        2 => {
            let mut bytes = Bytes::new(body);
            let len = bytes.length("snapshot tombstones: length")?;
            Ok(Record::new("snapshot_tombstones").with("bytes", len as u64))
        }
        3 => {
            let mut as_wal = vec![4];
            as_wal.extend_from_slice(body);
            WalRecord::decode(&as_wal).map(|record| values::record(&record))
        }
        _ => Ok(Record::new("unknown")),
    }
}

fn series_record(series: &SnapshotSeries<'_>) -> Record {
    let element = Value::map([("ref", series.series.0.into()), ("labels", values::labels(series.labels))]);
    let mut record = Record::new("snapshot_series").with("series", vec![element]);
    record.series = 1;
    if let Some(chunk) = series.chunk {
        let (min, max) = (UnixTime::from_millis(chunk.times.0), UnixTime::from_millis(chunk.times.1));
        record = record.with("min_time", min).with("max_time", max);
        record.times = Some(TimeRange { min, max });
        record.samples = u64::from(Bytes::new(chunk.data).u16_be("count").unwrap_or(0));
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Series 7 with one label and an open chunk of two samples.
    fn golden() -> Vec<u8> {
        let mut bytes = b"\x01\0\0\0\0\0\0\0\x07\x01\x03job\x01a\0\0\0\0\0\0\0\0\x01".to_vec();
        bytes.extend_from_slice(b"\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x09\x01\x03\0\x02\xff");
        bytes.resize(bytes.len() + XOR_APPENDER, 0);
        bytes
    }

    #[test]
    fn a_golden_series_decodes_with_its_chunk() {
        let record = record(&golden()).unwrap();
        assert_eq!((record.kind, record.series, record.samples), ("snapshot_series", 1, 2));
        let times = TimeRange { min: UnixTime::from_millis(5), max: UnixTime::from_millis(9) };
        assert_eq!(record.times, Some(times));
    }

    #[test]
    fn a_series_that_is_cut_or_too_long_is_malformed() {
        let golden = golden();
        for len in 0..golden.len() {
            assert!(record(golden.get(..len).unwrap()).is_err(), "{len} bytes");
        }
        assert!(record(&[golden, vec![0]].concat()).is_err());
    }

    #[test]
    fn exemplars_are_those_of_the_log() {
        let record = record(b"\x03\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0").unwrap();
        assert_eq!(record.kind, "exemplars");
    }
}
