//! Job logs after a repair: every record that verifies is in them, and the program reads all of it.

#![expect(clippy::little_endian_bytes, reason = "tests write what the program writes")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use formats::{Verdict, detect, survey};
use mend::arwal::Repair;
use mend::{Kept, Loss, MendError, Mending, Newer, Receipt, Site, Span, apply, undo};
use proptest::prelude::*;
use tempfile::TempDir;

use super::tree::{order, terms, tree};

/// Milliseconds of 2024-01-01T00:00:00Z; each record is a second later than the one before.
const TIME: i64 = 1_704_067_200_000;

const HEADER: &[u8; 16] = b"ARWAL001\x01\0\0\0\0\0\0\0";

/// What the length field counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    Whole,
    Rest,
}

fn record(rule: Rule, sequence: i64, payload: &[u8]) -> Vec<u8> {
    let time = TIME + sequence * 1000;
    let covered = [&sequence.to_le_bytes()[..], &[1, 0, 0, 0], &time.to_le_bytes(), payload].concat();
    let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &covered);
    let whole = covered.len() + 12;
    let length = u32::try_from(if rule == Rule::Whole { whole } else { whole - 4 }).unwrap();
    [&length.to_le_bytes()[..], &covered, &sum.to_le_bytes()].concat()
}

fn payload(sequence: i64) -> Vec<u8> {
    format!("event {sequence}").into_bytes()
}

/// A log of the records of these numbers.
fn log(rule: Rule, sequences: impl IntoIterator<Item = i64>) -> Vec<u8> {
    let records = sequences.into_iter().map(|sequence| record(rule, sequence, &payload(sequence)));
    records.fold(HEADER.to_vec(), |log, record| [log, record].concat())
}

fn plan(path: &Path) -> Result<Repair, MendError> {
    Repair::plan(detect(path, None).unwrap().as_ref(), &order())
}

fn repair(path: &Path) -> Receipt {
    apply(&plan(path).unwrap(), &terms()).unwrap()
}

fn take_back(dir: &Path) {
    let site = Site::with_quarantine(dir).unwrap();
    apply(&undo(&site, None, Newer::Refuse).unwrap(), &terms()).unwrap();
}

fn written(bytes: &[u8]) -> (TempDir, std::path::PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("job.wal");
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

#[test]
fn after_any_flipped_byte_the_log_holds_every_other_record_bit_for_bit_and_the_program_reads_it() {
    let good = log(Rule::Whole, 1..=5);
    let length = record(Rule::Whole, 1, &payload(1)).len();
    for at in (0..good.len()).filter(|at| !(12..16).contains(at)) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        let (dir, path) = written(&bad);
        let hit = i64::try_from(at.saturating_sub(16) / length).unwrap() + 1;
        let is_harmless = at < 16 || (at - 16) % length < 4;
        let expected = log(Rule::Whole, (1..=5).filter(|&sequence| is_harmless || sequence != hit));
        let loss = plan(&path).unwrap().plan().loss;
        assert_eq!(loss.records, Some(u64::from(!is_harmless)), "byte {at}");
        repair(&path);
        assert_eq!(fs::read(&path).unwrap(), expected, "byte {at}");
        let survey = survey(detect(&path, None).unwrap().as_ref(), &order());
        assert_eq!((survey.verdict, survey.damage.count()), (Verdict::Starts, 0), "byte {at}");
        take_back(dir.path());
        assert_eq!(fs::read(&path).unwrap(), bad, "byte {at}");
    }
}

#[test]
fn records_of_both_rules_become_one_log_that_the_program_reads_to_its_end() {
    let mixed = [
        log(Rule::Whole, [1]),
        record(Rule::Rest, 2, &payload(2)),
        b"noise between two records".to_vec(),
        record(Rule::Rest, 3, &payload(3)),
        record(Rule::Whole, 4, &payload(4)),
    ];
    let (_dir, path) = written(&mixed.concat());
    let repairing = plan(&path).unwrap();
    let kept = |records| Kept { records: Some(records), samples: Some(records), series: None };
    assert_eq!((repairing.plan().kept, repairing.plan().servers_own), (kept(4), Some(kept(1))));
    repair(&path);
    assert_eq!(fs::read(&path).unwrap(), log(Rule::Whole, 1..=4));
}

#[test]
fn what_needs_no_repair_is_not_touched() {
    let whole = log(Rule::Whole, 1..=3);
    let torn = whole[..whole.len() - 5].to_vec();
    let other_writers = log(Rule::Rest, 1..=3);
    for sound in [whole, torn, other_writers, HEADER.to_vec()] {
        let (_dir, path) = written(&sound);
        let planned = plan(&path).unwrap();
        assert!(planned.plan().is_empty());
        assert_eq!(planned.plan().loss, Loss::NONE);
    }
}

#[test]
fn the_receipt_says_how_much_more_was_kept_than_the_program_would_have() {
    let mut bad = log(Rule::Whole, 1..=12_000);
    let third = bad.len() / 3;
    bad[third] ^= 1;
    let (_dir, path) = written(&bad);
    let planned = plan(&path).unwrap();
    let plan = planned.plan();
    assert_eq!((plan.kept.records, plan.loss.records), (Some(11_999), Some(1)));
    let own = plan.servers_own.unwrap().records.unwrap();
    assert!((3_900..4_100).contains(&own), "{own}");
    let lost = i64::try_from(own).unwrap() + 1;
    let around = Span { from: TIME + (lost - 1) * 1000, to: TIME + (lost + 1) * 1000 };
    assert_eq!(plan.loss.times, Some(around));
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

#[test]
fn a_damaged_archive_becomes_a_new_archive() {
    let mut bad = log(Rule::Whole, 1..=500);
    bad[1000] ^= 1;
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("job.wal.zst");
    fs::write(&path, packed(&bad)).unwrap();
    repair(&path);
    let unpacked = zstd::decode_all(fs::read(&path).unwrap().as_slice()).unwrap();
    let length = record(Rule::Whole, 1, &payload(1)).len();
    // The numbers of one digit are shorter than the rest.
    let hit = 10 + i64::try_from((1000 - 16 - 9 * length) / (length + 1)).unwrap();
    assert_eq!(unpacked, log(Rule::Whole, (1..=500).filter(|&sequence| sequence != hit)));
}

#[test]
fn an_archive_that_breaks_off_keeps_what_comes_before() {
    let noise = |at: i64| {
        (0..200).map(move |byte| u8::try_from((at * 7919 + byte * byte * 31 + at * at) % 251).unwrap())
    };
    let records = (1..=4000).map(|at| record(Rule::Whole, at, &noise(at).collect::<Vec<_>>()));
    let whole = records.fold(HEADER.to_vec(), |mut log, record| {
        log.extend(record);
        log
    });
    let archive = packed(&whole);
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("job.wal.zst");
    fs::write(&path, &archive[..archive.len() * 3 / 4]).unwrap();
    let planned = plan(&path).unwrap();
    let kept = planned.plan().kept.records.unwrap();
    assert!(kept > 500 && planned.plan().loss.records.is_none(), "{kept}");
    repair(&path);
    let unpacked = zstd::decode_all(fs::read(&path).unwrap().as_slice()).unwrap();
    assert!(whole.starts_with(&unpacked));
    assert_eq!(unpacked.len() as u64, 16 + kept * (32 + 200));
}

#[test]
fn an_archive_in_which_nothing_verifies_is_left() {
    let dir = TempDir::new().unwrap();
    let archive = packed(&log(Rule::Whole, 1..=5));
    fs::write(dir.path().join("job.wal.zst"), &archive[..8]).unwrap();
    let planned = plan(&dir.path().join("job.wal.zst")).unwrap();
    assert!(planned.plan().is_empty());
    assert_eq!(planned.plan().notes[0].code, "nothing-to-save");
}

/// Damaged logs, a damaged archive, a sound log and a foreign file.
pub(super) fn write_damaged(dir: &Path) {
    let mut bad = log(Rule::Whole, 1..=9);
    bad[60] ^= 1;
    fs::write(dir.join("one.wal"), &bad).unwrap();
    fs::write(dir.join("two.wal"), log(Rule::Whole, 1..=9)).unwrap();
    fs::write(dir.join("three.wal"), &bad[..12]).unwrap();
    fs::write(dir.join("four.wal.zst"), packed(&bad)).unwrap();
    fs::write(dir.join("notes.txt"), "not ours").unwrap();
}

#[test]
fn a_directory_is_repaired_at_once_and_what_is_sound_in_it_stays_the_same_file() {
    let dir = TempDir::new().unwrap();
    write_damaged(dir.path());
    let before = tree(dir.path());
    let inode = |name: &str| dir.path().join(name).metadata().unwrap().ino();
    let sound = inode("two.wal");
    let receipt = repair(dir.path());
    let mut paths: Vec<_> = receipt.steps.iter().map(|step| step.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["four.wal.zst", "one.wal", "three.wal"]);
    assert_eq!(inode("two.wal"), sound);
    let survey = survey(detect(dir.path(), None).unwrap().as_ref(), &order());
    assert_eq!(
        (survey.records(), survey.damage.count(), survey.verdict),
        (Some(8 + 9 + 8), 0, Verdict::Starts)
    );
    assert_eq!(fs::read(dir.path().join("three.wal")).unwrap(), HEADER);
    take_back(dir.path());
    assert_eq!(tree(dir.path()), before);
}

#[test]
fn a_new_file_has_the_owner_and_the_mode_of_the_old_one() {
    let mut bad = log(Rule::Whole, 1..=9);
    bad[60] ^= 1;
    let (_dir, path) = written(&bad);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    // Only root can give a file away; to anybody else, the owner stays the same anyway.
    std::os::unix::fs::chown(&path, Some(12_345), Some(12_346)).unwrap_or(());
    let of = |metadata: fs::Metadata| (metadata.uid(), metadata.gid(), metadata.mode());
    let before = of(path.metadata().unwrap());
    repair(&path);
    assert_eq!(of(path.metadata().unwrap()), before);
}

#[test]
fn a_worker_that_has_the_log_open_is_not_disturbed() {
    use std::process::{Command, Stdio};
    let mut bad = log(Rule::Whole, 1..=9);
    bad[60] ^= 1;
    let (_dir, path) = written(&bad);
    let open = fs::OpenOptions::new().append(true).open(&path).unwrap();
    let mut worker = Command::new("sleep").arg("600").stdout(Stdio::from(open)).spawn().unwrap();
    let refused = apply(&plan(&path).unwrap(), &terms());
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert!(matches!(refused.unwrap_err(), MendError::Held { .. }));
    assert_eq!(fs::read(&path).unwrap(), bad);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is written over a log, what a repair leaves is a log without damage, and a second repair has nothing to
    /// do.
    #[test]
    fn a_repair_leaves_nothing_to_repair(
        at in 16usize..400,
        noise in proptest::collection::vec(any::<u8>(), 1..120),
    ) {
        let mut bad = log(Rule::Whole, 1..=12);
        let end = (at + noise.len()).min(bad.len());
        bad[at..end].copy_from_slice(&noise[..end - at]);
        let (_dir, path) = written(&bad);
        let planned = plan(&path).unwrap();
        let kept = planned.plan().kept.records;
        if !planned.plan().is_empty() {
            apply(&planned, &terms()).unwrap();
        }
        let after = plan(&path).unwrap();
        prop_assert!(after.plan().is_empty());
        prop_assert_eq!(after.plan().kept.records, kept);
    }
}
