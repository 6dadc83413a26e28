//! The memory that a hostile WAL file of `InfluxDB` 3 can make the reader take.
//!
//! In a process of their own, since the peak is that of the whole process.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::little_endian_bytes, clippy::big_endian_bytes, reason = "the file's own byte orders")]

use std::ops::ControlFlow;

use formats::influxdb3::decode_file;
use formats::{Body, Depth, Entry, Order, UnixTime, detect, survey};

/// Head of a record: times, number 1, then the length of the list of operations.
const HEAD: &[u8] = &[6, 0, 6, 0, 6, 0, 6, 1];

/// A column of lengths that holds one, too large for a byte.
fn length(count: usize) -> Vec<u8> {
    [&[255, 0], (count as u64).to_le_bytes().as_slice()].concat()
}

/// A column of bits, eight values in a byte.
fn bits(count: usize, byte: u8) -> Vec<u8> {
    [vec![10], vec![byte; count.div_ceil(8)]].concat()
}

fn framed(body: &[u8]) -> Vec<u8> {
    let sum = u32::try_from(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, body)).unwrap();
    [b"idb3.001".as_slice(), &sum.to_be_bytes(), body].concat()
}

/// Operations of two bits each, which take 80 bytes each in memory when they are kept.
fn noops(count: usize) -> Vec<u8> {
    framed(&[HEAD, &length(count), &bits(count, 0xff), &[6], &bits(count, 0), &[0]].concat())
}

/// Rows of two bits each.
fn rows(count: usize) -> Vec<u8> {
    // One write, of catalog 1, into database 1, named "db", with one table, 0, with one chunk.
    let write = [&[1, 0, 6, 1, 4, 1, 2], b"db".as_slice(), &[1, 4, 0, 6, 0, 6, 0, 1, 6, 0]].concat();
    let rows = [length(count), vec![6], bits(count, 0), bits(count, 0)].concat();
    framed(&[HEAD, &write, &rows, &[6, 0, 6, 0, 0]].concat())
}

/// The largest amount of memory that this process held since it was last asked to forget.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

/// What `work` takes beside what is held already.
fn taken(work: impl FnOnce()) -> u64 {
    // Makes the kernel forget the peak so far.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    work();
    peak() - before
}

#[test]
fn a_file_that_unfolds_is_read_in_constant_memory() {
    let count = 32 << 20;
    for file in [noops(count), rows(count)] {
        let taken = taken(|| {
            let decoded = decode_file(&file).unwrap();
            assert_eq!(decoded.noops + decoded.rows, count as u64);
        });
        assert!(taken < 1 << 20, "{taken} bytes for a file of {}", file.len());
    }
    // Not a test of its own: the two would measure each other.
    its_records_are_handed_out_in_constant_memory();
}

fn its_records_are_handed_out_in_constant_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("00000000001.wal");
    let count = 4 << 20;
    for file in [noops(count), rows(count)] {
        std::fs::write(&path, &file).unwrap();
        let log = detect(&path, None).unwrap();
        let order = Order::new(Depth::Bytes, UnixTime::from_seconds(0));
        let taken = taken(|| {
            let survey = survey(log.as_ref(), &order);
            let noops = survey.kinds.get("noop").copied().unwrap_or(0);
            assert_eq!(noops + survey.samples.unwrap(), count as u64);
            let mut shown = 0;
            let mut visit = |entry: Entry| {
                match entry.body {
                    Body::Record(record) if record.kind == "noop" => shown += 1,
                    Body::Record(record) => shown += record.samples,
                    other => panic!("{other:?}"),
                }
                ControlFlow::Continue(())
            };
            log.read(&log.parts()[0], &order, &mut visit).unwrap();
            assert_eq!(shown, count as u64);
        });
        assert!(taken < 24 << 20, "{taken} bytes for a file of {}", file.len());
    }
}
