//! The laws of reading SQLite logs.

use std::fs;

use proptest::prelude::*;

use super::frame::{FRAME_HEADER, Sum, WordOrder};
use super::*;
use crate::harvest::{Harvest, fact, surveyed};
use crate::{Depth, UnixTime, detect};

/// A log of five frames, its index and its database, as SQLite 3.40 wrote them on x86-64.
const GOLDEN_LOG: &[u8] = include_bytes!("../../golden/sqlite.db-wal");
const GOLDEN_INDEX: &[u8] = include_bytes!("../../golden/sqlite.db-shm");
const GOLDEN_DATABASE: &[u8] = include_bytes!("../../golden/sqlite.db");

const PAGE: usize = 512;
const PAGE_SIZE: u32 = 512;
const FRAME: usize = PAGE + FRAME_HEADER;

/// Writes logs.
struct Writer {
    order: WordOrder,
    salts: [u32; 2],
    sum: Sum,
    bytes: Vec<u8>,
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn sum_bytes(sum: Sum) -> Vec<u8> {
    let Sum(first, second) = sum;
    words(&[first, second])
}

impl Writer {
    fn new(order: WordOrder, salts: [u32; 2]) -> Self {
        let magic = if order == WordOrder::Little { 0x377f_0682 } else { 0x377f_0683 };
        let mut bytes = words(&[magic, frame::VERSION, PAGE_SIZE, 0, salts[0], salts[1]]);
        let sum = Sum::default().after(order, &bytes);
        bytes.extend(sum_bytes(sum));
        Self { order, salts, sum, bytes }
    }

    /// Appends a frame; `database_pages` of 0 leaves the transaction open.
    fn frame(mut self, page: u32, database_pages: u32) -> Self {
        let start = words(&[page, database_pages]);
        let content = vec![words(&[page])[3] ^ 0x5a; PAGE];
        self.sum = self.sum.after(self.order, &start).after(self.order, &content);
        self.bytes.extend([start, words(&self.salts), sum_bytes(self.sum), content].concat());
        self
    }
}

/// Three transactions of two frames each.
fn six_frames() -> Vec<u8> {
    let writer = Writer::new(WordOrder::Little, [7, 8]);
    (0..3u32).fold(writer, |writer, t| writer.frame(2 * t + 1, 0).frame(2 * t + 2, 9)).bytes
}

fn at(frame: usize) -> u64 {
    (FILE_HEADER + (frame - 1) * FRAME) as u64
}

fn harvest(bytes: &[u8]) -> Harvest {
    let found = Harvest::of(|visit| scan(bytes, visit).unwrap());
    found.assert_in_order(bytes.len() as u64);
    found
}

/// A database beside its log, on disk.
fn stored(log: &[u8], index: Option<&[u8]>) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("x.db");
    fs::write(&database, GOLDEN_DATABASE).unwrap();
    fs::write(beside(&database, "-wal"), log).unwrap();
    if let Some(index) = index {
        fs::write(beside(&database, "-shm"), index).unwrap();
    }
    (dir, database)
}

/// An index of the log with these salts, as a running database has it.
fn index(salts: [u32; 2], last_frame: u32, copied: u32, marks: [u32; 4]) -> Vec<u8> {
    let little =
        |numbers: &[u32]| -> Vec<u8> { numbers.iter().flat_map(|number| number.to_le_bytes()).collect() };
    let mut header = little(&[frame::VERSION, 0, 1, 0x0200_0001, last_frame, 9, 0, 0]);
    header.extend(words(&salts));
    let Sum(first, second) = Sum::default().after(WordOrder::Little, &header);
    header.extend(little(&[first, second]));
    let state = little(&[copied, 0, marks[0], marks[1], marks[2], marks[3], 0, 0, 0, 0]);
    [header.clone(), header, state].concat()
}

const NO_MARKS: [u32; 4] = [u32::MAX; 4];

#[test]
fn the_golden_log_reads_as_sqlite_wrote_it() {
    let found = harvest(GOLDEN_LOG);
    assert_eq!((found.damage.len(), found.notes.len()), (0, 0));
    let numbers = |list: &[u64]| list.iter().map(|&n| Value::Unsigned(n)).collect::<Vec<_>>();
    assert_eq!(found.field("page"), numbers(&[1, 2, 2, 2, 2]));
    assert_eq!(found.field("database_pages"), numbers(&[0, 2, 2, 2, 2]));
}

#[test]
fn the_golden_database_is_surveyed_with_its_index() {
    let (_dir, database) = stored(GOLDEN_LOG, Some(GOLDEN_INDEX));
    for path in [database.clone(), beside(&database, "-wal"), beside(&database, "-shm")] {
        let survey = surveyed(&path);
        let names: Vec<_> = survey.parts.iter().map(|part| part.part.name.as_str()).collect();
        assert_eq!(names, ["x.db-wal", "x.db-shm"]);
        let facts = ["frames", "committed_frames", "uncheckpointed_frames", "live_bytes", "page_size"];
        let expected = [5, 5, 5, GOLDEN_LOG.len() as u64, 512].map(Value::Unsigned);
        assert_eq!(facts.map(|name| fact(&survey, name)), expected);
        assert_eq!((&survey.verdict, survey.samples, survey.records()), (&Verdict::Starts, None, Some(5)));
    }
}

#[test]
fn a_listing_tells_from_the_index_what_counts() {
    let (_dir, database) = stored(GOLDEN_LOG, Some(GOLDEN_INDEX));
    let listing = Order::new(Depth::Listing, UnixTime::from_seconds(0));
    let survey = crate::survey(detect(&database, None).unwrap().as_ref(), &listing);
    assert_eq!(fact(&survey, "committed_frames"), Value::Unsigned(5));
    assert_eq!(survey.verdict, Verdict::Unknown);
}

#[test]
fn logs_of_both_byte_orders_are_read() {
    for order in [WordOrder::Little, WordOrder::Big] {
        let log = Writer::new(order, [1, 2]).frame(1, 0).frame(2, 2).bytes;
        let found = harvest(&log);
        assert_eq!((found.records.len(), found.damage.len(), found.notes.len()), (2, 0, 0), "{order:?}");
    }
}

#[test]
fn each_flipped_bit_is_found_in_its_frame_and_costs_no_other() {
    let good = six_frames();
    for byte in 0..good.len() {
        // Pages are alike byte for byte, so that a few of their bytes stand for all.
        let in_page = byte >= FILE_HEADER && (byte - FILE_HEADER) % FRAME > FRAME_HEADER + 4;
        if in_page && byte % 61 != 0 {
            continue;
        }
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[byte] ^= 1 << bit;
            let found = harvest(&bad);
            let place = format!("byte {byte} bit {bit}");
            if byte < FILE_HEADER {
                assert_eq!((found.damaged(), found.records.len()), (vec![(0, 32)], 6), "{place}");
                assert_eq!(
                    found.damage[0].lost,
                    crate::Lost { records: Some(6), bytes: good.len() as u64 },
                    "{place}"
                );
                continue;
            }
            let frame = (byte - FILE_HEADER) / FRAME + 1;
            assert_eq!(found.records.len(), 5, "{place}");
            if frame == 6 {
                // Nothing behind it, and no index: a torn write looks the same.
                let is_salt = (8..16).contains(&((byte - FILE_HEADER) % FRAME));
                let code = if is_salt { "stale-frames" } else { "torn-tail" };
                assert_eq!((found.damaged(), found.noted()), (vec![], vec![code]), "{place}");
                continue;
            }
            assert_eq!(found.damaged(), [(at(frame), at(frame + 1))], "{place}");
            let kept = (frame - 1) / 2 * 2;
            assert_eq!(found.damage[0].lost.records, Some(6 - kept as u64), "{place}");
            let ignored = found.field("ignored").iter().filter(|value| **value == Value::Bool(true)).count();
            assert_eq!(ignored, 6 - frame, "{place}");
        }
    }
}

#[test]
fn a_damaged_last_frame_that_the_index_knows_to_be_committed_is_damage() {
    let mut log = six_frames();
    let byte = log.len() - 1;
    log[byte] ^= 1;
    let (_dir, database) = stored(&log, Some(&index([7, 8], 6, 0, NO_MARKS)));
    let survey = surveyed(&database);
    let damage = &survey.damage.listed()[0];
    assert_eq!((damage.start, damage.end, damage.lost.records), (at(6), at(7), Some(2)));
    assert_eq!(survey.verdict.name(), "starts-with-loss");
    let (_dir, other) = stored(&log, Some(&index([7, 9], 6, 0, NO_MARKS)));
    assert!(surveyed(&other).damage.is_empty(), "an index of another generation proves nothing");
}

#[test]
fn a_log_cut_short_behind_the_back_of_its_index_is_damage() {
    let mut log = six_frames();
    log.truncate(FILE_HEADER + 4 * FRAME);
    let (_dir, database) = stored(&log, Some(&index([7, 8], 6, 0, NO_MARKS)));
    let survey = surveyed(&database);
    let damage = &survey.damage.listed()[0];
    assert_eq!((damage.start, damage.end, damage.lost.records), (at(5), at(5), Some(2)));
}

#[test]
fn a_log_cut_anywhere_loses_nothing_but_what_was_cut() {
    let good = six_frames();
    for len in (0..good.len()).filter(|len| *len < 40 || len % 37 == 0 || (len - FILE_HEADER) % FRAME < 2) {
        let found = harvest(&good[..len]);
        if len > 0 && len < FILE_HEADER {
            assert_eq!(found.damaged(), [(0, len as u64)], "{len}");
            continue;
        }
        let whole = len.saturating_sub(FILE_HEADER) / FRAME;
        assert_eq!((found.records.len(), found.damage.len()), (whole, 0), "{len}");
        let mut expected = Vec::new();
        if whole % 2 == 1 {
            expected.push("uncommitted-frames");
        }
        if len > 0 && !(len - FILE_HEADER).is_multiple_of(FRAME) {
            expected.push("torn-tail");
        }
        assert_eq!(found.noted(), expected, "{len}");
    }
}

#[test]
fn frames_of_an_earlier_generation_are_no_damage_and_do_not_count() {
    let new = Writer::new(WordOrder::Little, [8, 99]).frame(1, 0).frame(2, 2).bytes;
    let mut log = six_frames();
    log[..new.len()].copy_from_slice(&new);
    let (_dir, database) = stored(&log, None);
    let survey = surveyed(&database);
    assert_eq!((survey.damage.count(), survey.records()), (0, Some(2)));
    assert_eq!(survey.notes.iter().map(|note| note.code).collect::<Vec<_>>(), ["stale-frames"]);
    let facts = ["stale_frames", "live_bytes", "uncheckpointed_frames"].map(|name| fact(&survey, name));
    assert_eq!(facts, [4, new.len() as u64, 2].map(Value::Unsigned));
}

#[test]
fn frames_of_a_rolled_back_transaction_are_no_damage() {
    let committed = Writer::new(WordOrder::Little, [7, 8]).frame(1, 0).frame(2, 9);
    let spilled = Writer { bytes: committed.bytes.clone(), ..committed };
    let spilled = (10..20).fold(spilled, |writer, page| writer.frame(page, 0)).bytes;
    let after =
        Writer::new(WordOrder::Little, [7, 8]).frame(1, 0).frame(2, 9).frame(30, 0).frame(31, 9).bytes;
    let mut log = spilled;
    log[..after.len()].copy_from_slice(&after);
    let found = harvest(&log);
    assert_eq!((found.records.len(), found.damage.len(), found.noted()), (4, 0, vec!["torn-tail"]));
}

#[test]
fn two_damaged_frames_far_apart_are_two_damages_and_one_loss() {
    let mut bad = six_frames();
    bad[FILE_HEADER + FRAME + 100] ^= 1;
    bad[FILE_HEADER + 3 * FRAME + 100] ^= 1;
    let found = harvest(&bad);
    assert_eq!(found.damaged(), [(at(2), at(3)), (at(4), at(5))]);
    let lost: Vec<_> = found.damage.iter().map(|damage| damage.lost.records).collect();
    assert_eq!((lost, found.records.len()), (vec![Some(6), None], 4));
}

#[test]
fn readers_that_hold_the_log_back_are_named() {
    let (_dir, database) = stored(&six_frames(), Some(&index([7, 8], 6, 2, [u32::MAX, 2, 6, u32::MAX])));
    let survey = surveyed(&database);
    assert_eq!(fact(&survey, "uncheckpointed_frames"), Value::Unsigned(4));
    assert_eq!(fact(&survey, "checkpointed_frames"), Value::Unsigned(2));
    assert_eq!(fact(&survey, "reader_marks"), Value::List(vec![Value::Unsigned(2), Value::Unsigned(6)]));
    let Value::Text(blocker) = fact(&survey, "blocker") else { panic!("no blocker") };
    assert!(blocker.contains("frame 2 of 6: no checkpoint gets past it"), "{blocker}");
}

#[test]
fn an_index_that_is_being_written_tells_nothing() {
    let good = index([7, 8], 6, 2, NO_MARKS);
    assert!(scan_index(&good));
    assert_eq!(Index::read(GOLDEN_INDEX).map(|index| (index.last_frame, index.copied)), Some((5, 0)));
    for byte in 0..96 {
        let mut bad = good.clone();
        bad[byte] ^= 4;
        assert!(!scan_index(&bad), "byte {byte}");
    }
}

#[test]
fn a_log_without_its_database_is_deleted_by_sqlite() {
    let (_dir, database) = stored(&six_frames(), None);
    fs::write(&database, b"").unwrap();
    let survey = surveyed(&beside(&database, "-wal"));
    assert!(survey.verdict.what().unwrap().contains("deletes the log"), "{:?}", survey.verdict);
}

#[test]
fn an_unknown_version_keeps_the_database_from_opening() {
    let mut log = Writer::new(WordOrder::Little, [7, 8]);
    log.bytes[4..8].copy_from_slice(&words(&[3_008_000]));
    log.sum = Sum::default().after(WordOrder::Little, &log.bytes[..24]);
    log.bytes[24..32].copy_from_slice(&sum_bytes(log.sum));
    let (_dir, database) = stored(&log.frame(1, 1).bytes, None);
    let survey = surveyed(&database);
    assert_eq!((survey.verdict.name(), survey.damage.count()), ("refuses", 1));
}

#[test]
fn an_empty_log_and_none_at_all_are_fine_beside_a_database_that_keeps_one() {
    let (_dir, database) = stored(&[], None);
    assert_eq!(surveyed(&database).verdict, Verdict::Starts);
    fs::remove_file(beside(&database, "-wal")).unwrap();
    let mut keeps_log = GOLDEN_DATABASE.to_vec();
    keeps_log[18..20].copy_from_slice(&[2, 2]);
    fs::write(&database, &keeps_log).unwrap();
    assert_eq!(surveyed(&database).verdict, Verdict::Starts);
    keeps_log[18..20].copy_from_slice(&[1, 1]);
    fs::write(&database, &keeps_log).unwrap();
    assert!(detect(&database, None).is_err(), "a rollback journal is no log");
}

#[test]
fn a_log_that_a_writer_starts_over_meanwhile_is_not_taken_for_damaged() {
    /// A file that changes after its first frames were read.
    struct Changing {
        files: [Cursor<Vec<u8>>; 2],
        reads: usize,
    }
    impl Changing {
        fn file(&mut self) -> &mut Cursor<Vec<u8>> {
            &mut self.files[usize::from(self.reads > 3)]
        }
    }
    impl io::Read for Changing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.reads += 1;
            let at = self.file().position();
            self.files.iter_mut().for_each(|file| file.set_position(at));
            let read = self.file().read(into)?;
            self.files.iter_mut().for_each(|file| file.set_position(at + read as u64));
            Ok(read)
        }
    }
    impl io::Seek for Changing {
        fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
            let position = self.file().seek(to)?;
            self.files.iter_mut().for_each(|file| file.set_position(position));
            Ok(position)
        }
    }
    let old = six_frames();
    let new =
        (1..4).fold(Writer::new(WordOrder::Little, [8, 77]), |writer, page| writer.frame(page, 9)).bytes;
    let mut changed = old.clone();
    changed[..new.len()].copy_from_slice(&new);
    let source = Changing { files: [Cursor::new(old), Cursor::new(changed)], reads: 0 };
    let found = Harvest::of(|visit| Reader::new("x-wal", source, None, visit).read().1.unwrap());
    assert_eq!((found.damage.len(), found.noted()), (0, vec!["restarted"]));
}

#[test]
fn other_files_are_not_taken_for_a_log() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["x.db", "x.db-wal", "x.db-shm"] {
        fs::write(dir.path().join(name), [0x11; 400]).unwrap();
    }
    for name in ["x.db", "x.db-wal", "x.db-shm"] {
        assert!(detect(&dir.path().join(name), None).is_err(), "{name}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(pages in prop::collection::vec((1u32..1000, any::<bool>()), 0..12), big in any::<bool>()) {
        let order = if big { WordOrder::Big } else { WordOrder::Little };
        let writer = Writer::new(order, [3, 4]);
        let log = pages.iter().fold(writer, |writer, (page, commits)| writer.frame(*page, u32::from(*commits)));
        let found = harvest(&log.bytes);
        let expected: Vec<_> = pages.iter().map(|(page, _)| Value::from(*page)).collect();
        prop_assert_eq!(found.field("page"), expected);
        prop_assert!(found.damage.is_empty());
    }

    #[test]
    fn any_bytes_are_read_to_their_end(
        bytes in prop::collection::vec(any::<u8>(), 0..3000), as_log in any::<bool>(), cut in 0usize..3000,
    ) {
        let mut log = if as_log { six_frames() } else { Vec::new() };
        log.truncate(cut);
        log.extend(bytes);
        harvest(&log);
    }

    #[test]
    fn any_index_is_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!scan_index(&bytes));
    }
}
