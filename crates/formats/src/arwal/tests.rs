//! The laws of reading ARWAL001: what is found, what is damage, and where.

#![expect(clippy::little_endian_bytes, reason = "tests write what the reader reads")]

use std::io;
use std::path::Path;

use proptest::prelude::*;

use super::frame::LengthRule;
use super::*;
use crate::effort::Effort;
use crate::harvest::{Harvest, fact, surveyed};
use crate::sum::crc64_nvme;
use crate::{Record, UnixTime, Value, detect};

const GOLDEN: [u8; 52] = [
    0x41, 0x52, 0x57, 0x41, 0x4c, 0x30, 0x30, 0x31, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, //
    0x24, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, //
    0x00, 0xf4, 0x51, 0xc2, 0x8c, 0x01, 0x00, 0x00, 0x08, 0x01, 0x18, 0x07, 0x3f, 0xc4, 0xec, 0x18, //
    0x3e, 0x91, 0xfb, 0x3e,
];

const GOLDEN_EMPTY_RECORD: [u8; 32] = [
    0x20, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, //
    0x00, 0xf4, 0x51, 0xc2, 0x8c, 0x01, 0x00, 0x00, 0x97, 0x18, 0xb9, 0xad, 0xc4, 0x41, 0xdf, 0x74,
];

/// Milliseconds of 2024-01-01T00:00:00Z.
const TIME: i64 = 1_704_067_200_000;

fn file_header() -> Vec<u8> {
    [MAGIC, &VERSION.to_le_bytes(), &[0; 4]].concat()
}

fn record(rule: LengthRule, sequence: i64, payload: &[u8]) -> Vec<u8> {
    let covered = [&sequence.to_le_bytes()[..], &[1, 0, 0, 0], &TIME.to_le_bytes(), payload].concat();
    let whole = covered.len() + 12;
    let length = u32::try_from(if rule == LengthRule::Whole { whole } else { whole - 4 }).unwrap();
    [&length.to_le_bytes()[..], &covered, &crc64_nvme(&covered).to_le_bytes()].concat()
}

/// A log of records with these payloads, numbered from 1.
fn log(rule: LengthRule, payloads: &[&[u8]]) -> Vec<u8> {
    let records = (1..).zip(payloads).map(|(number, payload)| record(rule, number, payload));
    records.fold(file_header(), |log, record| [log, record].concat())
}

fn harvest(bytes: &[u8]) -> Harvest {
    let found = Harvest::of(|visit| scan(bytes, visit).unwrap());
    if !bytes.starts_with(&ZSTD_MAGIC) {
        found.assert_in_order(bytes.len() as u64);
    }
    found
}

fn sequences(found: &Harvest) -> Vec<i64> {
    let number = |value| if let Value::Signed(number) = value { number } else { panic!("{value:?}") };
    found.field("sequence").into_iter().map(number).collect()
}

fn written(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn the_golden_bytes_are_what_is_read_and_what_the_tests_write() {
    assert_eq!(log(LengthRule::Whole, &[&[8, 1, 0x18, 7]]), GOLDEN);
    assert_eq!(record(LengthRule::Whole, 1, &[]), GOLDEN_EMPTY_RECORD);
    let found = harvest(&GOLDEN);
    let (span, event) = &found.records[0];
    assert_eq!((span.clone(), found.records.len(), found.damage.len()), (16..52, 1, 0));
    let time = UnixTime::from_millis(TIME);
    let expected = Record::new("event")
        .with("sequence", 1i64)
        .with("status", "pending")
        .with("time", time)
        .with("event_type", "output-batch")
        .with("payload", Value::text_or_bytes(&[8, 1, 0x18, 7]));
    assert_eq!(event.fields, expected.fields);
    assert_eq!((event.kind, event.times), ("event", Some(crate::TimeRange::at(time))));
}

#[test]
fn both_rules_for_the_length_are_read_even_in_one_file() {
    let payloads: [&[u8]; 3] = [b"one", b"", b"three"];
    for rule in [LengthRule::Whole, LengthRule::Rest] {
        let found = harvest(&log(rule, &payloads));
        assert_eq!((sequences(&found), found.damage.len()), (vec![1, 2, 3], 0), "{rule:?}");
    }
    let mixed = [
        log(LengthRule::Whole, &[b"a"]),
        record(LengthRule::Rest, 2, b"b"),
        record(LengthRule::Whole, 3, b"c"),
    ];
    assert_eq!(sequences(&harvest(&mixed.concat())), [1, 2, 3]);
}

/// Where the field that holds byte `at` begins and ends as damage, in a log of records of `total` bytes.
fn expected_damage(at: u64, total: u64) -> (u64, u64) {
    if at < 16 {
        return (0, 16);
    }
    let start = 16 + (at - 16) / total * total;
    if at - start < 4 { (start, start + 4) } else { (start, start + total) }
}

#[test]
fn each_flipped_bit_is_found_exactly_where_it_is_and_costs_one_record_at_most() {
    for (rule, payload) in
        [(LengthRule::Whole, &b"payload"[..]), (LengthRule::Whole, b""), (LengthRule::Rest, b"payload")]
    {
        let good = log(rule, &[payload; 5]);
        let total = 32 + payload.len() as u64;
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                let found = harvest(&bad);
                if (12..16).contains(&at) {
                    assert_eq!((found.damage.len(), found.noted()), (0, vec!["reserved-bytes"]), "byte {at}");
                    continue;
                }
                if found.noted().contains(&"length-rule") {
                    // The flipped length is right by the other rule.
                    assert_eq!(
                        (found.records.len(), (at - 16) as u64 % total),
                        (5, 0),
                        "byte {at} bit {bit}"
                    );
                    continue;
                }
                let expected = expected_damage(at as u64, total);
                assert_eq!(found.damaged(), [expected], "byte {at} bit {bit}");
                let is_field = expected.1 - expected.0 == 4 || at < 16;
                assert_eq!(found.records.len(), if is_field { 5 } else { 4 }, "byte {at} bit {bit}");
                assert_eq!(found.damage[0].lost.records, Some(u64::from(!is_field)), "byte {at} bit {bit}");
                assert!(found.notes.is_empty(), "byte {at} bit {bit}: {:?}", found.notes);
            }
        }
    }
}

#[test]
fn a_log_cut_anywhere_keeps_every_whole_record_and_a_cut_record_is_no_damage() {
    let good = log(LengthRule::Whole, &[b"one", b"two", b"three"]);
    let ends = [16, 51, 86, 123];
    for len in 0..good.len() {
        let found = harvest(&good[..len]);
        if len < 16 {
            assert_eq!(found.damaged(), [(0, len as u64)], "{len}");
            continue;
        }
        let whole = ends.iter().filter(|&&end| end <= len).count() - 1;
        assert_eq!((found.records.len(), found.damage.len()), (whole, 0), "{len}");
        let torn = if ends.contains(&len) { vec![] } else { vec!["torn-tail"] };
        assert_eq!(found.noted(), torn, "{len}");
    }
}

#[test]
fn a_cut_record_with_others_behind_it_is_damage() {
    let mut bytes = log(LengthRule::Whole, &[b"one", b"a longer payload"]);
    bytes.truncate(bytes.len() - 20);
    let (start, end) = (51, bytes.len() as u64);
    bytes.extend(record(LengthRule::Whole, 3, b"three"));
    let found = harvest(&bytes);
    assert_eq!((found.damaged(), sequences(&found)), (vec![(start, end)], vec![1, 3]));
    assert_eq!(found.damage[0].cause, "record is cut off");
    assert_eq!(found.damage[0].lost.records, None);
}

#[test]
fn zero_bytes_at_the_end_are_damage_since_an_append_never_leaves_them() {
    let bytes = [log(LengthRule::Whole, &[b"one"]), vec![0; 100]].concat();
    let found = harvest(&bytes);
    assert_eq!((found.damaged(), found.records.len()), (vec![(51, 151)], 1));
    assert_eq!(found.damage[0].cause, "record length 0 is not legal");
}

#[test]
fn damage_longer_than_any_record_is_searched_through() {
    let noise = vec![0xa5; frame::MAX_TOTAL + 100_000];
    let front = log(LengthRule::Whole, &[b"one"]);
    let bytes = [front.clone(), noise, record(LengthRule::Whole, 2, b"two")].concat();
    let found = harvest(&bytes);
    let end = bytes.len() as u64 - 35;
    assert_eq!((found.damaged(), sequences(&found)), (vec![(front.len() as u64, end)], vec![1, 2]));
}

#[test]
fn a_record_of_the_largest_legal_size_is_read() {
    let payload = vec![7; frame::MAX_LENGTH as usize - 32];
    let found = harvest(&log(LengthRule::Whole, &[&payload, b"after"]));
    assert_eq!((sequences(&found), found.damage.len()), (vec![1, 2], 0));
}

#[test]
fn a_sequence_that_goes_back_is_a_note_and_a_fact() {
    let dir = tempfile::tempdir().unwrap();
    let again = [1, 2, 2, 5].map(|number| record(LengthRule::Whole, number, b"x")).concat();
    let path = written(dir.path(), "job.wal", &[log(LengthRule::Whole, &[b"a", b"b", b"c"]), again].concat());
    let survey = surveyed(&path);
    assert_eq!(survey.notes.iter().map(|note| note.code).collect::<Vec<_>>(), ["sequence-backward"]);
    let facts = ["first_sequence", "last_sequence", "sequence_backward", "sequence_duplicates", "pending"];
    let expected =
        [Value::Signed(1), Value::Signed(5), Value::Unsigned(1), Value::Unsigned(3), Value::Unsigned(7)];
    assert_eq!(facts.map(|name| fact(&survey, name)), expected);
    assert_eq!((survey.verdict, survey.samples), (Verdict::Starts, Some(7)));
}

#[test]
fn an_archive_reads_as_the_log_it_holds() {
    let raw = log(LengthRule::Whole, &[b"one", b"two", b"three"]);
    let archive = zstd::encode_all(raw.as_slice(), 3).unwrap();
    let (of_raw, of_archive) = (harvest(&raw), harvest(&archive));
    assert_eq!(of_raw.records, of_archive.records);
    assert_eq!((of_archive.damage.len(), of_archive.notes.len()), (0, 0));
}

fn archive_with_checksum(raw: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    io::copy(&mut &*raw, &mut encoder).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn no_flipped_bit_of_an_archive_goes_unseen_and_none_invents_a_record() {
    let dir = tempfile::tempdir().unwrap();
    let raw = log(LengthRule::Whole, &[b"one one one", b"two", b"three three"]);
    let contents =
        |found: &Harvest| -> Vec<Record> { found.records.iter().map(|(_, r)| r.clone()).collect() };
    let good = contents(&harvest(&raw));
    let archive = archive_with_checksum(&raw);
    for at in 0..archive.len() {
        for bit in 0..8 {
            let mut bad = archive.clone();
            bad[at] ^= 1 << bit;
            let path = written(dir.path(), "job.wal.zst", &bad);
            let log = detect(&path, None).unwrap_or_else(|error| panic!("byte {at} bit {bit}: {error}"));
            let found = Harvest::of_log(log.as_ref());
            assert!(contents(&found).iter().all(|record| good.contains(record)), "byte {at} bit {bit}");
            // Two bits of the frame header are unused, and some window sizes serve as well as the one written.
            let is_frame_header = (4..6).contains(&at);
            let is_whole = contents(&found) == good;
            assert!(!found.damage.is_empty() || is_frame_header && is_whole, "byte {at} bit {bit}");
        }
    }
}

#[test]
fn an_archive_that_breaks_off_keeps_what_was_decompressed_and_is_damaged() {
    let numbers: Vec<Vec<u8>> =
        (0..20_000u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes().to_vec()).collect();
    let payloads: Vec<&[u8]> = numbers.iter().map(Vec::as_slice).collect();
    let raw = log(LengthRule::Whole, &payloads);
    let archive = archive_with_checksum(&raw);
    let found = harvest(&archive[..archive.len() / 2]);
    assert_eq!(found.damage.len(), 1);
    assert!(found.records.len() > 5_000, "{}", found.records.len());
    assert_eq!(found.damage[0].start, 16 + 36 * found.records.len() as u64);
    assert!(found.damage[0].cause.contains("compressed data"), "{}", found.damage[0].cause);
}

#[test]
fn a_frame_that_asks_for_a_huge_window_is_refused() {
    // Frame header: no content size, no checksum, window descriptor of 2 to the power of 41.
    let bomb = [&ZSTD_MAGIC[..], &[0x00, 31 << 3, 0x01, 0x00, 0x00]].concat();
    let found = harvest(&bomb);
    assert_eq!(found.damaged(), [(0, 0)]);
}

#[test]
fn a_directory_of_logs_is_a_log_and_a_worse_file_decides_the_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let mut bad = log(LengthRule::Whole, &[b"one", b"two", b"three"]);
    bad[60] ^= 1;
    written(dir.path(), "a.wal", &GOLDEN);
    written(dir.path(), "b.wal", &bad);
    written(dir.path(), "c.wal.zst", &zstd::encode_all(&GOLDEN[..], 1).unwrap());
    written(dir.path(), "notes.txt", b"not a log");
    let survey = surveyed(dir.path());
    let roles: Vec<_> = survey.parts.iter().map(|part| (part.part.name.as_str(), part.part.role)).collect();
    let live = Role::Live;
    assert_eq!(roles, [("a.wal", live), ("b.wal", live), ("c.wal.zst", live), ("notes.txt", Role::Stray)]);
    assert_eq!((survey.records(), survey.damage.count()), (Some(4), 1));
    let what = survey.verdict.what().unwrap();
    assert!(what.contains("b.wal") && what.contains("keeps 1") && what.contains("loses 1"), "{what}");
}

#[test]
fn a_log_with_a_wrong_header_is_still_recognised_and_refused_by_the_worker() {
    let dir = tempfile::tempdir().unwrap();
    for at in 0..12 {
        let mut bad = GOLDEN;
        bad[at] ^= 0xff;
        let survey = surveyed(&written(dir.path(), "job.wal", &bad));
        assert_eq!((survey.damage.count(), survey.records()), (1, Some(1)), "byte {at}");
        assert_eq!(survey.verdict.name(), "refuses", "byte {at}");
    }
    for len in 0..16 {
        let survey = surveyed(&written(dir.path(), "job.wal", &GOLDEN[..len]));
        assert_eq!((survey.damage.count(), survey.verdict.name()), (1, "refuses"), "{len} bytes");
    }
}

#[test]
fn other_files_are_not_taken_for_job_logs() {
    let dir = tempfile::tempdir().unwrap();
    let texts = zstd::encode_all(&b"plain text, compressed"[..], 1).unwrap();
    for (name, bytes) in
        [("00000000001.wal", &b""[..]), ("x.wal", b"something else than a log"), ("x.wal.zst", &texts)]
    {
        assert!(recognise(&written(dir.path(), name, bytes)).unwrap().is_none(), "{name}");
    }
    assert!(recognise(dir.path()).unwrap().is_none());
}

#[test]
fn bytes_that_promise_huge_records_everywhere_cost_no_more_than_the_bound() {
    let mut bytes = log(LengthRule::Whole, &[b"one"]);
    let huge = [&(frame::MAX_LENGTH - 1).to_le_bytes()[..], &[9; 8], &[1, 0, 0, 0]].concat();
    // Larger than a record, or no promise could be kept even in length.
    (0..(24 << 20) / huge.len()).for_each(|_| bytes.extend_from_slice(&huge));
    let mut nothing = |_| std::ops::ControlFlow::Continue(());
    let reader = Reader::new("memory", bytes.as_slice(), &mut nothing);
    let spent = reader.spent_by_reading();
    assert!(spent > Effort::FREE / 2, "the bound was never in reach: {spent}");
    assert!(spent <= Effort::FREE + Effort::PER_BYTE * bytes.len() as u64, "{spent}");
}

proptest! {
    #[test]
    fn what_is_written_is_read_with_noise_between_as_damage(
        parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..60), any::<bool>(), 0usize..40), 1..12),
        rest in any::<bool>(),
    ) {
        let rule = if rest { LengthRule::Rest } else { LengthRule::Whole };
        let mut bytes = file_header();
        let mut expected = Vec::new();
        for (number, (payload, noisy, noise)) in (1..).zip(&parts) {
            let record = record(rule, number, payload);
            expected.push((number, bytes.len() as u64));
            bytes.extend(record);
            // 0xff can be no part of a length, so that the noise cannot be taken for a record's beginning.
            if *noisy { bytes.extend(vec![0xff; *noise + 4]) }
        }
        let found = harvest(&bytes);
        let starts: Vec<_> =
            sequences(&found).into_iter().zip(found.records.iter().map(|(span, _)| span.start)).collect();
        prop_assert_eq!(starts, expected);
        prop_assert_eq!(found.damage.len(), parts.iter().filter(|part| part.1).count());
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..2000), compressed in any::<bool>()) {
        let log = [file_header(), bytes].concat();
        let found = harvest(&if compressed { archive_with_checksum(&log) } else { log.clone() });
        let covered: u64 = found.spans.iter().map(|span| span.end - span.start).sum();
        prop_assert_eq!(covered + 16, log.len() as u64);
    }

    #[test]
    fn any_compressed_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        harvest(&[&ZSTD_MAGIC[..], &bytes].concat());
    }
}
