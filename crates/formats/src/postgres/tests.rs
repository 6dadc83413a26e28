//! The laws of reading PostgreSQL segments.

#![expect(clippy::little_endian_bytes, reason = "tests write what the reader reads")]

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::control::{Control, restart};
use super::page::{LONG, SHORT};
use super::writer::{PAGE, SEGMENT, SYSTEM, Writer};
use super::*;
use crate::effort::Effort;
use crate::harvest::{Harvest, fact, surveyed};
use crate::{Value, Verdict, detect};

/// Two pages of a segment of PostgreSQL 15.18, from a cluster with segments of 1 MiB, with its control file and a slot.
const GOLDEN: &[u8] = include_bytes!("../../golden/postgres-000000010000000000000006");
const GOLDEN_CONTROL: &[u8] = include_bytes!("../../golden/postgres-pg_control");
const GOLDEN_SLOT: &[u8] = include_bytes!("../../golden/postgres-slot-state");

/// Two pages and more, with records that lie on one page and on two.
fn three_pages() -> Writer {
    Writer::new(5 * SEGMENT).records(60, 301)
}

fn harvest(bytes: &[u8]) -> Harvest {
    let found = Harvest::of(|visit| scan(bytes, visit).unwrap());
    found.assert_in_order(bytes.len() as u64);
    found
}

/// Where the records that were found begin.
fn starts(found: &Harvest) -> Vec<u64> {
    found.records.iter().map(|(span, _)| span.start).collect()
}

/// A data directory without anything but these segments, the first with that number.
fn cluster(first: u64, segments: &[Vec<u8>]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("PG_VERSION"), "15\n").unwrap();
    fs::create_dir(dir.path().join("pg_wal")).unwrap();
    for (number, segment) in (first..).zip(segments) {
        fs::write(segment_path(dir.path(), number), segment).unwrap();
    }
    dir
}

fn segment_path(data: &Path, number: u64) -> PathBuf {
    data.join("pg_wal").join(format!("0000000100000000{number:08X}"))
}

fn name(number: u64) -> String {
    format!("pg_wal/0000000100000000{number:08X}")
}

#[test]
fn the_golden_segment_reads_as_pg_waldump_reads_it() {
    let found = harvest(GOLDEN);
    assert_eq!((found.damage.len(), found.noted()), (0, vec!["torn-tail"]));
    assert_eq!(found.records.len(), GOLDEN_RECORDS);
    let first = &found.records[0];
    assert_eq!((first.0.clone(), first.1.kind), (0x108..0x168, "standby"));
    let fields = ["lsn", "length", "transaction", "previous"].map(|name| found.field(name)[0].clone());
    assert_eq!(fields, ["0/600108".into(), Value::Unsigned(90), Value::Unsigned(0), "0/5FE0E8".into()]);
}

/// As `pg_waldump -s 0/600028 -e 0/604000` counts them.
const GOLDEN_RECORDS: usize = 20;

#[test]
fn the_golden_control_file_and_slot_are_read() {
    let control = Control::read(GOLDEN_CONTROL).unwrap();
    assert_eq!(control.timeline, 1);
    assert!(control.is_stopped_in_order());
    assert_eq!(restart(GOLDEN_SLOT).map(|lsn| lsn.to_string()), Some("0/600768".to_owned()));
    for byte in 0..296 {
        let mut bad = GOLDEN_CONTROL.to_vec();
        bad[byte] ^= 1;
        assert!(!scan_control(&bad) || byte >= 292, "byte {byte}");
    }
}

#[test]
fn what_the_writer_of_these_tests_writes_is_read() {
    let writer = three_pages();
    let expected: Vec<u64> = writer.records.iter().map(|at| at - writer.start).collect();
    let found = harvest(&writer.page_filled());
    assert_eq!((starts(&found), found.damage.len(), found.notes.len()), (expected, 0, 0));
}

/// The page header that byte `at` lies in, if it does.
fn page_header(at: u64) -> Option<(u64, u64)> {
    let page = at - at % PAGE;
    let len = if page == 0 { LONG } else { SHORT };
    (at - page < len).then_some((page, page + len))
}

#[test]
fn each_flipped_bit_is_found_exactly_where_it_is_and_costs_one_record_at_most() {
    let writer = three_pages();
    let records: Vec<u64> = writer.records.iter().map(|at| at - writer.start).collect();
    let good = writer.page_filled();
    let last = records[records.len() - 1];
    for byte in (0..good.len()).filter(|byte| *byte as u64 % PAGE < 64 || byte % 13 == 0) {
        let at = byte as u64;
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[byte] ^= 1 << bit;
            let found = harvest(&bad);
            let place = format!("byte {byte} bit {bit}: {:?}", found.damage);
            if let Some(header) = page_header(at) {
                let within = at - header.0;
                // Nothing reads the padding, and one flag; a lower timeline may be an earlier one.
                let is_unread = (20..24).contains(&within) || (within == 2 && bit == 2);
                if is_unread {
                    assert_eq!((found.records.len(), found.damage.len()), (records.len(), 0), "{place}");
                } else if header.0 > 0 {
                    assert_eq!(
                        (found.records.len(), found.damaged()),
                        (records.len(), vec![header]),
                        "{place}"
                    );
                }
                continue;
            }
            let Some(record) = records.iter().rposition(|start| *start <= at) else { panic!("{place}") };
            let (start, end) = (records[record], records.get(record + 1).copied());
            // Zeros between two records, or behind the last.
            let length = u64::from(u32::from_le_bytes(
                good[usize::try_from(start).unwrap()..][..4].try_into().unwrap(),
            ));
            let headers = (start / PAGE + 1..=at / PAGE).count() as u64 * SHORT;
            if at >= start + length + headers {
                assert_eq!((found.records.len(), found.damage.len()), (records.len(), 0), "{place}");
                continue;
            }
            assert_eq!(found.records.len(), records.len() - 1, "{place}");
            if start == last {
                assert!(
                    found.damage.is_empty() && found.noted() == ["torn-tail"],
                    "{place} {:?}",
                    found.notes
                );
                continue;
            }
            assert_eq!(found.damage.len(), 1, "{place}");
            let damage = &found.damage[0];
            let end = end.unwrap();
            assert_eq!((damage.start, damage.end, damage.lost.records), (start, end, Some(1)), "{place}");
        }
    }
}

#[test]
fn each_flipped_bit_in_the_header_of_a_segment_is_found_there_and_costs_no_record() {
    let segments = Writer::new(5 * SEGMENT).records(8000, 301).segments();
    let dir = cluster(5, &segments);
    let path = segment_path(dir.path(), 6);
    let count = surveyed(&path).records();
    for byte in (0..20).chain(24..40) {
        for bit in 0..8 {
            let mut bad = segments[1].clone();
            bad[byte] ^= 1 << bit;
            fs::write(&path, &bad).unwrap();
            // The lowest bits of the remaining length show only to who reads the record from its beginning.
            let is_hidden = byte == 16 && bit < 3;
            let survey = surveyed(if is_hidden { dir.path() } else { &path });
            let place = format!("byte {byte} bit {bit} {:?}", survey.damage.listed());
            assert_eq!(survey.records(), if is_hidden { Some(8000) } else { count }, "{place}");
            if byte == 2 && bit == 2 {
                assert!(survey.damage.is_empty(), "a flag that nothing reads: {place}");
                continue;
            }
            let Some(damage) = survey.damage.listed().first() else { panic!("unseen: {place}") };
            // With a wrong remaining length nothing vouches for what lies before the first record.
            let is_remaining = (16..20).contains(&byte);
            assert_eq!((survey.damage.count(), damage.start), (1, 0), "{place}");
            assert!(damage.end == LONG || is_remaining && damage.end < PAGE, "{place}");
        }
    }
}

#[test]
fn a_log_cut_anywhere_keeps_its_whole_records() {
    let writer = three_pages();
    let start = writer.start;
    let records = writer.records.clone();
    let good = writer.bytes;
    let ends: Vec<u64> = harvest(&good).spans.iter().map(|span| span.end).collect();
    for len in (100..good.len()).step_by(7) {
        let found = harvest(&good[..len]);
        // The end of a span is where the next record can begin, up to seven bytes behind the record.
        let whole = ends.iter().filter(|&&end| end <= len as u64).count();
        let surely = found.records.len();
        assert!(surely == whole || surely == whole + 1, "{len}: {surely} {whole}");
        assert!(found.damage.is_empty(), "{len}: {:?}", found.damage);
    }
    assert_eq!(records[0], start + LONG);
}

#[test]
fn segments_are_one_stream_and_recycled_ones_do_not_count() {
    let writer = Writer::new(5 * SEGMENT).records(10_000, 301);
    let count = writer.records.len() as u64;
    let end = writer.at();
    let mut segments = writer.segments();
    let live = segments.len();
    segments.push(Writer::new(2 * SEGMENT).records(9000, 90).bytes[..1 << 20].to_vec());
    let dir = cluster(5, &segments);
    let survey = surveyed(dir.path());
    assert_eq!((survey.damage.count(), survey.records(), survey.notes.len()), (0, Some(count), 0));
    let roles: Vec<Role> = survey.parts.iter().map(|part| part.part.role).collect();
    assert!(
        roles[..live].iter().all(|role| *role == Role::Live) && roles[live..] == [Role::Retained],
        "{roles:?}"
    );
    assert_eq!(fact(&survey, "recycled_segments"), Value::Unsigned(1));
    assert_eq!(fact(&survey, "live_bytes"), Value::Unsigned(end.next_multiple_of(8) - 5 * SEGMENT));
    assert_eq!(fact(&survey, "version"), Value::from("15"));
    assert_eq!(fact(&survey, "system_identifier"), Value::Unsigned(SYSTEM));
    assert_eq!((survey.verdict, survey.samples), (Verdict::Unknown, None));
    let one = surveyed(&segment_path(dir.path(), 6));
    assert_eq!((one.damage.count(), one.parts.len()), (0, 1));
}

#[test]
fn damage_in_a_record_that_crosses_segments_is_told_once_where_the_record_begins() {
    let writer = Writer::new(5 * SEGMENT).records(3000, 301).record(3 * 8192).records(600, 301);
    let records = writer.records.clone();
    let crossing = records.iter().rposition(|at| *at < 6 * SEGMENT).unwrap();
    let mut segments = writer.segments();
    segments[1][50] ^= 1;
    let dir = cluster(5, &segments);
    let survey = surveyed(dir.path());
    let damage = &survey.damage.listed()[0];
    assert_eq!((survey.damage.count(), damage.file.clone()), (1, name(5)));
    assert_eq!((damage.start, damage.end), (records[crossing] - 5 * SEGMENT, SEGMENT));
    assert_eq!(survey.records(), Some(records.len() as u64 - 1));
}

#[test]
fn a_record_that_fills_a_segment_and_more_is_read() {
    let writer = Writer::new(5 * SEGMENT).records(5, 301).record(3 << 20).records(5, 301);
    let dir = cluster(5, &writer.segments());
    let survey = surveyed(dir.path());
    assert_eq!((survey.damage.count(), survey.records(), survey.notes.len()), (0, Some(11), 0));
}

#[test]
fn a_record_torn_at_the_end_of_a_segment_is_a_torn_tail() {
    let writer = Writer::new(5 * SEGMENT).records(3130, 301).record(40_000);
    let crossing = *writer.records.last().unwrap();
    assert!(crossing < 6 * SEGMENT && writer.at() > 6 * SEGMENT + 2 * PAGE);
    let count = writer.records.len() as u64;
    let mut segments = writer.segments();
    // The first page in the newest segment was written, the next ones not.
    let recycled = Writer::new(SEGMENT).records(9000, 90).bytes;
    segments[1][8192..].copy_from_slice(&recycled[8192..1 << 20]);
    let survey = surveyed(cluster(5, &segments).path());
    assert_eq!((survey.damage.count(), survey.records()), (0, Some(count - 1)));
    assert_eq!(survey.notes.iter().map(|note| note.code).collect::<Vec<_>>(), ["torn-tail"]);
}

#[test]
fn behind_a_switch_the_rest_of_the_segment_is_not_used() {
    let writer = Writer::new(5 * SEGMENT).records(20, 301).switch().records(20, 301);
    let survey = surveyed(cluster(5, &writer.segments()).path());
    assert_eq!((survey.damage.count(), survey.records(), survey.kinds["xlog"]), (0, Some(41), 1));
}

#[test]
fn a_record_that_the_server_gave_up_is_a_note() {
    let mut writer = Writer::new(5 * SEGMENT).records(24, 301);
    let before = writer.before;
    writer = writer.record(2000);
    let given_up = *writer.records.last().unwrap();
    // The page on which it would have gone on begins with what the server wrote after its restart.
    writer.bytes.truncate(8192);
    writer.page_header(0);
    writer.bytes[8192 + 2] |= 8;
    writer.before = before;
    let found = harvest(&writer.record_of(0xd0, 0, 16).records(5, 100).page_filled());
    assert_eq!((found.damage.len(), found.noted(), found.records.len()), (0, vec!["given-up-record"], 30));
    assert_eq!(found.notes[0].0, given_up - 5 * SEGMENT..8192);
}

#[test]
fn a_whole_page_of_noise_is_one_damage_and_costs_the_records_on_it() {
    let writer = three_pages();
    let records: Vec<u64> = writer.records.iter().map(|at| at - writer.start).collect();
    let mut bad = writer.page_filled();
    bad[8192..16384].fill(0xa5);
    let found = harvest(&bad);
    // From the page on, though the record before it is lost too.
    let next = records.iter().find(|at| **at >= 16384).copied().unwrap();
    assert_eq!(found.damaged(), [(8192, next)]);
    let touched = records.windows(2).filter(|pair| pair[1] > 8192 && pair[0] < 16384).count();
    assert_eq!(found.records.len(), records.len() - touched);
}

#[test]
fn a_missing_segment_is_damage() {
    let segments = Writer::new(5 * SEGMENT).records(10_000, 301).segments();
    let dir = cluster(5, &segments);
    fs::remove_file(segment_path(dir.path(), 6)).unwrap();
    let survey = surveyed(dir.path());
    let gap = survey.damage.listed().iter().find(|damage| damage.file == name(7)).unwrap();
    assert_eq!((gap.start, gap.lost.bytes), (0, SEGMENT));
    // The record before the gap goes on in the missing segment.
    assert!(survey.verdict.what().unwrap().contains("before 0/5F"), "{:?}", survey.verdict);
}

#[test]
fn other_files_are_not_taken_for_segments() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("000000010000000000000001");
    fs::write(&path, [7; 5000]).unwrap();
    assert!(detect(&path, None).is_err());
    assert!(detect(dir.path(), None).is_err());
}

#[test]
fn bytes_that_look_like_records_everywhere_cost_no_more_than_the_bound() {
    let writer = Writer::new(5 * SEGMENT).records(3, 301);
    let lost = writer.at().next_multiple_of(8);
    let mut bytes = writer.bytes;
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let head = [&(900_000u32).to_le_bytes()[..], &[0; 4], &lost.to_le_bytes()].concat();
    while bytes.len() < 1 << 20 {
        if bytes.len().is_multiple_of(8192) {
            let mut page = Writer { start: 5 * SEGMENT, bytes, before: 0, records: Vec::new() };
            page.page_header(0);
            bytes = page.bytes;
        }
        bytes.extend_from_slice(&head);
    }
    bytes.truncate(1 << 20);
    let segment = layout::of_memory(&bytes).unwrap();
    let store = Store::new(Source::Memory(&bytes), 1, segment.geometry, segment.start);
    let mut nothing = |_| std::ops::ControlFlow::Continue(());
    let spent = Reader::new("memory", bytes.len() as u64, segment, store, &mut nothing).spent_by_reading();
    assert!(spent > Effort::FREE / 2, "the bound was never in reach: {spent}");
    assert!(spent <= Effort::FREE + Effort::PER_BYTE * bytes.len() as u64, "{spent}");
}

proptest! {
    #[test]
    fn records_of_any_size_are_read(sizes in prop::collection::vec(0usize..9000, 1..20)) {
        let writer = sizes.iter().fold(Writer::new(5 * SEGMENT), |writer, size| writer.record(*size));
        let expected: Vec<u64> = writer.records.iter().map(|at| at - writer.start).collect();
        let found = harvest(&writer.page_filled());
        prop_assert_eq!(starts(&found), expected);
        prop_assert!(found.damage.is_empty() && found.notes.is_empty());
    }

    #[test]
    fn noise_costs_the_records_that_it_covers(
        sizes in prop::collection::vec(0usize..600, 30..60), at in 100usize..6000,
        noise in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let writer = sizes.iter().fold(Writer::new(5 * SEGMENT), |writer, size| writer.record(*size)).records(30, 100);
        let records: Vec<u64> = writer.records.iter().map(|at| at - writer.start).collect();
        let mut bad = writer.page_filled();
        bad[at..at + noise.len()].copy_from_slice(&noise);
        let (start, end) = (at as u64, (at + noise.len()) as u64);
        let hit = records.windows(2).filter(|pair| pair[0] < end && pair[1] > start).count();
        let found = harvest(&bad);
        prop_assert!(found.records.len() + hit >= records.len(), "{} of {}, {hit} hit", found.records.len(), records.len());
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..20_000), as_log in any::<bool>()) {
        let mut log = if as_log { three_pages().bytes } else { Vec::new() };
        log.extend(bytes);
        drop(scan(&log, &mut |_| std::ops::ControlFlow::Continue(())));
    }

    #[test]
    fn any_control_file_is_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(!scan_control(&bytes));
    }
}
