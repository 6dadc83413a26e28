//! The laws of reading etcd logs.

#![expect(clippy::little_endian_bytes, reason = "tests write what the reader reads")]

use std::fs;

use proptest::prelude::*;

use super::frame::LENGTH_FIELD;
use super::*;
use crate::effort::Effort;
use crate::harvest::{Harvest, fact, order, surveyed};
use crate::sum::Crc32c;
use crate::{Liveness, detect};

/// The log of a new member that took five keys, as etcd 3.4.23 wrote it, with the beginning of its zero tail.
const GOLDEN: &[u8] = include_bytes!("../../golden/etcd.wal");

/// Writes a file of a log.
struct Writer {
    sum: u32,
    bytes: Vec<u8>,
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

/// Fields 1 to 3 as numbers, field 4 as bytes.
fn message(numbers: &[u64], payload: Option<&[u8]>) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        (1u8..).zip(numbers).flat_map(|(n, value)| [vec![n << 3], varint(*value)].concat()).collect();
    if let Some(payload) = payload {
        bytes.extend([vec![0x22], varint(payload.len() as u64), payload.to_vec()].concat());
    }
    bytes
}

impl Writer {
    /// The first file of a member, or one that goes on from `sum`.
    fn new(sum: u32) -> Self {
        Self { sum, bytes: Vec::new() }
            .frame(&[vec![8, 4, 0x10], varint(sum.into())].concat())
            .with(1, &message(&[7, 9], None))
    }

    fn frame(mut self, record: &[u8]) -> Self {
        let padding = (8 - record.len() % 8) % 8;
        let top = if padding == 0 { 0 } else { 0x80 | padding as u64 };
        self.bytes.extend((record.len() as u64 | top << 56).to_le_bytes());
        self.bytes.extend_from_slice(record);
        self.bytes.extend(vec![0; padding]);
        self
    }

    fn with(mut self, kind: u8, data: &[u8]) -> Self {
        let mut sum = Crc32c::after(self.sum);
        sum.update(data);
        self.sum = sum.finish();
        let record = [
            vec![8, kind, 0x10],
            varint(self.sum.into()),
            vec![0x1a],
            varint(data.len() as u64),
            data.to_vec(),
        ];
        self.frame(&record.concat())
    }

    fn entry(self, index: u64, payload: &[u8]) -> Self {
        self.with(2, &message(&[0, 3, index], Some(payload)))
    }

    fn entries(self, indexes: std::ops::RangeInclusive<u64>) -> Self {
        indexes.fold(self, |writer, index| writer.entry(index, format!("value of {index}").as_bytes()))
    }

    /// The file with some of the zeros that are allocated ahead.
    fn preallocated(mut self) -> Vec<u8> {
        self.bytes.extend([0; 4096]);
        self.bytes
    }
}

fn harvest(bytes: &[u8]) -> Harvest {
    let found = Harvest::of(|visit| scan(bytes, visit).unwrap());
    found.assert_in_order(bytes.len() as u64);
    found
}

/// The frames of a sound file: where each begins and ends.
fn frames(bytes: &[u8]) -> Vec<(u64, u64)> {
    harvest(bytes).spans.iter().map(|span| (span.start, span.end)).collect()
}

fn indexes(found: &Harvest) -> Vec<u64> {
    let entries = found.records.iter().filter(|(_, record)| record.kind == "entry");
    let index =
        |record: &crate::Record| record.fields.iter().find(|(name, _)| name == "index").unwrap().1.clone();
    entries
        .map(|(_, record)| if let Value::Unsigned(index) = index(record) { index } else { panic!() })
        .collect()
}

/// A member's data directory with these files of its log.
fn member(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("member/wal")).unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join("member/wal").join(name), bytes).unwrap();
    }
    dir
}

const FIRST: &str = "0000000000000000-0000000000000000.wal";
const SECOND: &str = "0000000000000001-0000000000000004.wal";
const THIRD: &str = "0000000000000002-0000000000000007.wal";

/// Three files that go on from each other, with entries 1 to 9.
fn three_files() -> [Vec<u8>; 3] {
    let first = Writer::new(0).entries(1..=3);
    let second = Writer::new(first.sum).entries(4..=6);
    let third = Writer::new(second.sum).entries(7..=9);
    [first.bytes, second.bytes, third.preallocated()]
}

#[test]
fn the_golden_log_reads_as_etcd_wrote_it() {
    let found = harvest(GOLDEN);
    assert_eq!((found.damage.len(), found.notes.len()), (0, 0));
    assert_eq!(indexes(&found), (1..=10).collect::<Vec<_>>());
    let kinds: Vec<_> = found.records.iter().map(|(_, record)| record.kind).take(6).collect();
    assert_eq!(kinds, ["crc", "metadata", "snapshot", "entry", "state", "entry"]);
    assert_eq!(found.records[1].1.fields[0].1, Value::from("8e9e05c52164694d"));
    assert_eq!(found.spans[0], 0..16);
}

#[test]
fn what_counts_ends_with_the_last_record_and_not_with_the_file() {
    let dir = member(&[(FIRST, GOLDEN), ("0.tmp", &[0; 64])]);
    for below in ["", "member", "member/wal", &format!("member/wal/{FIRST}")] {
        let survey = surveyed(&dir.path().join(below));
        let end = harvest(GOLDEN).spans.last().unwrap().end;
        assert_eq!(fact(&survey, "live_bytes"), Value::Unsigned(end));
        assert_eq!(fact(&survey, "preallocated_bytes"), Value::Unsigned(GOLDEN.len() as u64 - end));
        let facts = ["entries", "first_index", "last_index", "last_term", "entries_since_snapshot"];
        assert_eq!(facts.map(|name| fact(&survey, name)), [10, 1, 10, 2, 10].map(Value::Unsigned));
        assert_eq!((&survey.verdict, survey.samples), (&Verdict::Starts, None), "{below}");
    }
}

#[test]
fn each_flipped_bit_is_found_exactly_where_it_is_and_costs_one_record_at_most() {
    let good = Writer::new(0).entries(1..=5).preallocated();
    let frames = frames(&good);
    let all = frames.len();
    for (number, &(start, end)) in frames.iter().enumerate() {
        for at in start..end {
            for bit in 0..8 {
                let mut bad = good.clone();
                let byte = usize::try_from(at).unwrap();
                bad[byte] ^= 1 << bit;
                let record = byte - usize::try_from(start).unwrap();
                let length = usize::try_from(
                    u64::from_le_bytes(good[byte - record..byte - record + 8].try_into().unwrap()) & 0xff,
                )
                .unwrap();
                let is_unread = record == 7 && (3..7).contains(&bit) || record >= LENGTH_FIELD + length;
                let place = format!("frame {number} byte {record} bit {bit}");
                let found = harvest(&bad);
                if is_unread {
                    assert_eq!((found.damage.len(), found.records.len()), (0, all), "{place}");
                    continue;
                }
                let is_retyped = record == LENGTH_FIELD + 1 && found.damage.is_empty();
                if is_retyped {
                    // Another type that the data fit as well; no checksum covers it.
                    assert_eq!(found.records.len(), all, "{place}");
                    continue;
                }
                let is_length = record < LENGTH_FIELD && number > 0;
                let expected = if is_length { (start, start + 8) } else { (start, end) };
                assert_eq!(found.damaged(), [expected], "{place} {:?}", found.damage);
                assert_eq!(found.records.len(), all - usize::from(!is_length), "{place}");
                // The index of a lost entry is missing, of course.
                assert!(found.noted().iter().all(|code| *code == "index-gap"), "{place}: {:?}", found.notes);
            }
        }
    }
}

#[test]
fn a_log_cut_anywhere_keeps_its_whole_records_and_a_cut_record_is_no_damage() {
    let good = Writer::new(0).entries(1..=3).bytes;
    let frames = frames(&good);
    for len in 16..good.len() {
        let found = harvest(&good[..len]);
        let whole = frames.iter().filter(|(_, end)| *end <= len as u64).count();
        assert_eq!((found.records.len(), found.damage.len()), (whole, 0), "{len}");
        let is_whole = frames.iter().any(|(_, end)| *end == len as u64);
        assert_eq!(found.noted(), if is_whole { vec![] } else { vec!["torn-tail"] }, "{len}");
    }
}

#[test]
fn an_unwritten_sector_in_the_last_record_is_a_torn_tail_and_elsewhere_damage() {
    let writer = Writer::new(0).entries(1..=2);
    let start = writer.bytes.len();
    let writer = writer.entry(3, &[b'x'; 3000]);
    let sector = start.next_multiple_of(512) + 512;
    let tear = |bytes: &mut [u8]| bytes[sector..sector + 512].fill(0);
    let mut torn = Writer { bytes: writer.bytes.clone(), ..writer }.preallocated();
    tear(&mut torn);
    let found = harvest(&torn);
    assert_eq!((found.damage.len(), found.noted()), (0, vec!["torn-tail"]));
    assert_eq!(found.notes[0].0.start, start as u64);

    let mut inside = Writer { bytes: writer.bytes.clone(), ..writer }.entries(4..=6).preallocated();
    tear(&mut inside);
    let survey = surveyed(member(&[(FIRST, &inside)]).path());
    let damage = &survey.damage.listed()[0];
    assert_eq!((damage.start, damage.end), (start as u64, writer.bytes.len() as u64));
    assert_eq!(survey.verdict.name(), "starts-with-loss", "etcd takes it for the end");

    let mut wrong = Writer { bytes: writer.bytes.clone(), ..writer }.preallocated();
    wrong[sector] ^= 1;
    let survey = surveyed(member(&[(FIRST, &wrong)]).path());
    assert_eq!((survey.damage.count(), survey.verdict.name()), (1, "refuses"));
}

#[test]
fn zero_in_place_of_a_record_hides_those_behind_it() {
    let mut bytes = Writer::new(0).entries(1..=6).preallocated();
    let hole = frames(&bytes)[4];
    bytes[usize::try_from(hole.0).unwrap()..usize::try_from(hole.1).unwrap()].fill(0);
    let survey = surveyed(member(&[(FIRST, &bytes)]).path());
    // The record behind the hole has nothing to go on from, so it stays unverified.
    let behind = frames(&Writer::new(0).entries(1..=6).bytes)[5];
    let damage = &survey.damage.listed()[0];
    assert_eq!((damage.start, damage.end, survey.damage.count()), (hole.0, behind.1, 1));
    assert_eq!((survey.verdict.name(), survey.kinds["entry"]), ("starts-with-loss", 4));
}

#[test]
fn a_record_that_is_being_written_is_damage_only_when_nobody_writes() {
    let writer = Writer::new(0).entries(1..=2);
    let end = writer.bytes.len();
    let mut half = writer.entry(3, b"a value that is not yet all there").preallocated();
    half[end + 30..].fill(0);
    let dir = member(&[(FIRST, &half)]);
    let stopped = surveyed(dir.path());
    assert_eq!((stopped.damage.count(), stopped.verdict.name()), (1, "refuses"));
    let running = crate::survey(detect(dir.path(), None).unwrap().as_ref(), &order().live());
    assert_eq!(order().live().liveness, Liveness::Running);
    assert_eq!((running.damage.count(), running.notes[0].code), (0, "torn-tail"));
}

#[test]
fn files_that_go_on_from_each_other_are_one_log() {
    let [first, second, third] = three_files();
    let survey = surveyed(member(&[(FIRST, &first), (SECOND, &second), (THIRD, &third)]).path());
    assert_eq!((survey.damage.count(), &survey.verdict, survey.kinds["entry"]), (0, &Verdict::Starts, 9));
    assert_eq!(fact(&survey, "last_index"), Value::Unsigned(9));
}

#[test]
fn a_wrong_opening_checksum_is_found_from_the_file_before() {
    let [first, mut second, third] = three_files();
    second[11] ^= 1;
    let survey = surveyed(member(&[(FIRST, &first), (SECOND, &second), (THIRD, &third)]).path());
    let damage = survey.damage.listed();
    assert_eq!(
        (damage.len(), damage[0].file.as_str()),
        (1, "member/wal/0000000000000001-0000000000000004.wal")
    );
    assert_eq!((damage[0].start, damage[0].end, survey.kinds["entry"]), (0, 16, 9));
    assert_eq!(survey.verdict.name(), "refuses");
}

#[test]
fn records_missing_at_the_end_of_an_inner_file_are_damage() {
    let [mut first, second, third] = three_files();
    let cut = frames(&first)[3].1;
    first.truncate(usize::try_from(cut).unwrap());
    let survey = surveyed(member(&[(FIRST, &first), (SECOND, &second), (THIRD, &third)]).path());
    let damage = survey.damage.listed();
    assert_eq!(
        (damage.len(), damage[0].start, damage[0].file.as_str()),
        (1, cut, "member/wal/0000000000000000-0000000000000000.wal")
    );
    assert_eq!(survey.verdict.name(), "refuses");
}

#[test]
fn a_missing_file_is_damage_but_the_oldest_may_be_gone() {
    let [first, second, third] = three_files();
    let survey = surveyed(member(&[(FIRST, &first), (THIRD, &third)]).path());
    assert_eq!((survey.damage.count(), survey.verdict.name()), (1, "refuses"));
    let survey = surveyed(member(&[(SECOND, &second), (THIRD, &third)]).path());
    assert_eq!((survey.damage.count(), survey.verdict.name()), (0, "starts"));
}

#[test]
fn a_torn_end_in_an_inner_file_is_damage() {
    let [mut first, second, third] = three_files();
    first.truncate(first.len() - 5);
    let survey = surveyed(member(&[(FIRST, &first), (SECOND, &second), (THIRD, &third)]).path());
    assert_eq!((survey.damage.count(), survey.verdict.name()), (1, "refuses"));
    assert_eq!(survey.damage.listed()[0].start, frames(&three_files()[0])[4].0);
}

#[test]
fn a_copy_that_a_repair_left_is_noted() {
    let name = format!("{FIRST}.broken");
    let survey = surveyed(member(&[(FIRST, GOLDEN), (&name, GOLDEN)]).path());
    assert_eq!((survey.notes.len(), survey.notes[0].code, survey.records()), (1, "broken-copy", Some(23)));
}

#[test]
fn an_index_gap_and_overwritten_entries_are_told() {
    let bytes = Writer::new(0).entries(1..=4).entries(3..=4).entries(9..=9).preallocated();
    let survey = surveyed(member(&[(FIRST, &bytes)]).path());
    assert_eq!(survey.notes.iter().map(|note| note.code).collect::<Vec<_>>(), ["index-gap"]);
    assert_eq!(fact(&survey, "overwritten_entries"), Value::Unsigned(2));
}

#[test]
fn other_files_are_not_taken_for_a_log() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("00000000000000000001.wal"), [1; 100]).unwrap();
    assert!(detect(dir.path(), None).is_err());
    assert!(detect(&dir.path().join("00000000000000000001.wal"), None).is_err());
}

#[test]
fn bytes_that_look_like_records_everywhere_cost_no_more_than_the_bound() {
    let mut bytes = Writer::new(0).entries(1..=3).bytes;
    let length = 1u64 << 20;
    let head = [&length.to_le_bytes()[..], &[8, 2, 0x10, 1, 0x1a], &varint(length - 8)].concat();
    let head = [head, vec![1; 16]].concat();
    let head = &head[..24];
    (0..(8 << 20) / head.len()).for_each(|_| bytes.extend_from_slice(head));
    let mut nothing = |_| ControlFlow::Continue(());
    let extent = Extent { len: bytes.len() as u64, place: Place::Last };
    let spent = Reader::new("memory", bytes.as_slice(), extent, &mut nothing).spent_by_reading();
    assert!(spent > Effort::FREE / 2, "the bound was never in reach: {spent}");
    assert!(spent <= Effort::FREE + Effort::PER_BYTE * bytes.len() as u64, "{spent}");
}

proptest! {
    #[test]
    fn what_is_written_is_read(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..12)) {
        let writer = (1..).zip(&payloads).fold(Writer::new(0), |writer, (index, payload)| writer.entry(index, payload));
        let found = harvest(&writer.preallocated());
        prop_assert_eq!(indexes(&found), (1..=payloads.len() as u64).collect::<Vec<_>>());
        prop_assert!(found.damage.is_empty() && found.notes.is_empty());
    }

    #[test]
    fn noise_in_the_middle_costs_what_it_covers_and_one_record_more_at_most(
        noise in prop::collection::vec(any::<u8>(), 1..200), at in 0usize..400,
    ) {
        let good = Writer::new(0).entries(1..=20).preallocated();
        let mut bad = good.clone();
        bad[200 + at..200 + at + noise.len()].copy_from_slice(&noise);
        let (start, end) = (200 + at as u64, 200 + (at + noise.len()) as u64);
        let frames = frames(&good);
        let hit = frames.iter().filter(|frame| frame.0 < end && frame.1 > start).count();
        let found = harvest(&bad);
        prop_assert!(found.records.len() + hit + 1 >= frames.len(), "{} of {}", found.records.len(), frames.len());
        for damage in &found.damage {
            prop_assert!(damage.start + 200 > start && damage.start < end, "{:?}", damage);
        }
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..2000), as_log in any::<bool>()) {
        let front = if as_log { Writer::new(0).entries(1..=2).bytes } else { Vec::new() };
        harvest(&[front, bytes].concat());
    }
}
