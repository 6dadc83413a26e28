//! A journal for tests and documents: the same events at the same time in each.

#![expect(
    clippy::little_endian_bytes,
    clippy::indexing_slicing,
    reason = "the format's own byte order, in bytes that are written here"
)]

use std::path::Path;

use journal::{Commit, Identity, Journal, JournalId, Millis, Options, Outcome, Seq, Span, Start};

/// 2026-01-31T12:00:00Z.
const NOW: i64 = 1_769_860_800_000;

/// Small segments, so that making one takes no time.
pub(crate) fn options() -> Options {
    let mut options = Options::new(|| Millis::new(NOW));
    options.commit = Commit::Caller;
    options.identity = Identity::Only(JournalId::new(7));
    options.segment_size = 64 << 10;
    options.max_event = 16 << 10;
    options
}

/// `jobs` is open, `web` is closed; `server` has delivered one job and parked the next, `mirror` has done nothing.
pub(crate) fn write(directory: &Path) {
    // A child of another test has a copy of its lock until it becomes the program that it is to be.
    let open = || match Journal::open(directory, options()) {
        Err(journal::OpenError::Held { .. }) => None,
        opened => Some(opened),
    };
    let journal = testkit::wait_for(std::time::Duration::from_mins(1), open).unwrap().unwrap();
    let server = journal.consumer("server", Start::Oldest).unwrap();
    journal.consumer("mirror", Start::Oldest).unwrap();
    let jobs = journal.stream("jobs").unwrap();
    let events = [r#"{"job":1}"#, r#"{"job":"two"}"#, "not JSON", r#"{"job":4}"#];
    journal.append_all(&jobs, events).unwrap();
    let web = journal.stream("web").unwrap();
    journal.append_all(&web, ["GET /", "GET /a b"]).unwrap();
    journal.close_stream(&web).wait().unwrap();
    server.settle(&jobs, Seq::FIRST, Outcome::Delivered).wait().unwrap();
    let refused = Outcome::Parked("400 Bad Request: a job is a number".to_owned());
    server.settle(&jobs, Seq::new(2), refused).wait().unwrap();
    let not_json = Outcome::Parked("415 Unsupported Media Type".to_owned());
    server.settle(&jobs, Span::one(Seq::new(3)), not_json).wait().unwrap();
}

/// A worker's directory: `wal/job-1.wal` is sound, `wal/job-2.wal` is damaged in its second record and torn at its end,
/// `archive/job-3.wal.zst` has the lengths of the other rule.
pub(crate) fn write_worker(directory: &Path) {
    let [wal, archive] = ["wal", "archive"].map(|name| directory.join(name));
    std::fs::create_dir_all(&wal).unwrap();
    std::fs::create_dir_all(&archive).unwrap();
    std::fs::write(wal.join("job-1.wal"), log(3, "one", 0)).unwrap();
    let mut damaged = log(4, "two", 0);
    damaged[16 + 37 + 30] ^= 1;
    damaged.truncate(damaged.len() - 3);
    std::fs::write(wal.join("job-2.wal"), damaged).unwrap();
    let other = zstd::encode_all(log(2, "three", 4).as_slice(), 1).unwrap();
    std::fs::write(archive.join("job-3.wal.zst"), other).unwrap();
}

/// A job log of so many records, whose lengths leave `left_out` of their bytes out.
pub(crate) fn log(records: u32, tag: &str, left_out: u32) -> Vec<u8> {
    let mut bytes = b"ARWAL001\x01\0\0\0\0\0\0\0".to_vec();
    for number in 1..=records {
        record(&mut bytes, number, format!("{tag} {number}").as_bytes(), left_out);
    }
    bytes
}

fn record(bytes: &mut Vec<u8>, number: u32, payload: &[u8], left_out: u32) {
    let total = u32::try_from(payload.len()).unwrap() + 32;
    bytes.extend_from_slice(&(total - left_out).to_le_bytes());
    let covered = bytes.len();
    bytes.extend_from_slice(&i64::from(number).to_le_bytes());
    bytes.extend_from_slice(&[1, 0, 0, 0]);
    bytes.extend_from_slice(&(NOW + i64::from(number)).to_le_bytes());
    bytes.extend_from_slice(payload);
    let sum = crc64(&bytes[covered..]);
    bytes.extend_from_slice(&sum.to_le_bytes());
}

/// CRC-64/NVME, bit by bit.
fn crc64(bytes: &[u8]) -> u64 {
    let mut sum = u64::MAX;
    for byte in bytes {
        sum ^= u64::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0x9a6c_9329_ac4b_c9b5 } else { sum >> 1 };
        }
    }
    !sum
}
