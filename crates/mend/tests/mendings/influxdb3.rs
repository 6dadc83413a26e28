//! Nodes of `InfluxDB` 3 after a repair, over a corpus that real servers wrote and judged.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use formats::{Survey, Value, Verdict, detect, survey};
use mend::influxdb3::Repair;
use mend::{Loss, MendError, Mending, Newer, Site, StepKind, apply, undo};
use serde_json::Value as Json;
use tempfile::TempDir;

use super::tree::{self, order, terms, tree};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/tests/corpus/influxdb3")
}

fn expected() -> Json {
    serde_json::from_slice(&fs::read(corpus().join("expected.json")).unwrap()).unwrap()
}

/// A copy of one directory of the corpus, by its node.
struct Copy {
    dir: TempDir,
}

impl Copy {
    fn of(variant: &str) -> Self {
        let dir = TempDir::new().unwrap();
        tree::copy(&corpus().join(variant).join("node-a"), &dir.path().join("node-a"));
        Self { dir }
    }

    fn node(&self) -> PathBuf {
        self.dir.path().join("node-a")
    }

    fn wal(&self, name: &str) -> PathBuf {
        self.node().join("wal").join(name)
    }

    fn site(&self) -> Site {
        Site::of(detect(&self.node(), None).unwrap().as_ref())
    }

    fn plan(&self) -> Result<Repair, MendError> {
        Repair::plan(detect(&self.node(), None).unwrap().as_ref(), &order())
    }

    fn repair(&self) {
        apply(&self.plan().unwrap(), &terms()).unwrap();
    }

    fn undo(&self) {
        apply(&undo(&self.site(), None, Newer::Refuse).unwrap(), &terms()).unwrap();
    }

    fn survey(&self) -> Survey {
        survey(detect(&self.node(), None).unwrap().as_ref(), &order())
    }

    /// Adds a newest snapshot that does not parse to a node without snapshots.
    fn break_first_snapshot(&self) {
        let snapshots = self.node().join("snapshots");
        fs::create_dir(&snapshots).unwrap();
        fs::write(snapshots.join(format!("{:020}.info.json", u64::MAX - 1)), b"").unwrap();
        assert_eq!(self.survey().verdict.name(), "refuses");
    }

    /// That it starts, whatever the release and its flags.
    fn assert_starts(&self, name: &str) {
        let survey = self.survey();
        assert_eq!(survey.verdict, Verdict::Starts, "{name}");
        for reader in ["verdict_strict", "verdict_v3_0"] {
            assert_eq!(fact(&survey, reader), &Value::from("starts"), "{name}: {reader}");
        }
    }
}

fn fact<'s>(survey: &'s Survey, name: &str) -> &'s Value {
    &survey.facts.iter().find(|fact| fact.name == name).unwrap().value
}

/// What has to leave `wal/` of each directory that does not run, or not with every flag, or replays rows twice.
const LEAVING: [(&str, &[&str]); 23] = [
    ("v3.10.1/tail-zero-byte", &["00000000023.wal"]),
    ("v3.10.1/tail-three-zero-byte", &["00000000021.wal", "00000000022.wal", "00000000023.wal"]),
    (
        "v3.10.1/tail-all-live-zero-byte",
        &["00000000019.wal", "00000000020.wal", "00000000021.wal", "00000000022.wal", "00000000023.wal"],
    ),
    ("v3.10.1/tail-short-header", &["00000000023.wal"]),
    ("v3.10.1/tail-header-only", &["00000000023.wal"]),
    ("v3.10.1/tail-truncated", &["00000000023.wal"]),
    ("v3.10.1/tail-truncated-one-byte", &["00000000023.wal"]),
    ("v3.10.1/tail-zero-filled", &["00000000023.wal"]),
    ("v3.10.1/tail-trailing-garbage", &["00000000023.wal"]),
    ("v3.10.1/mid-flipped-byte", &["00000000021.wal"]),
    ("v3.10.1/mid-flipped-crc", &["00000000021.wal"]),
    ("v3.10.1/mid-wrong-magic", &["00000000021.wal"]),
    ("v3.10.1/mid-zero-byte", &["00000000021.wal"]),
    ("v3.10.1/mid-short-body-valid-crc", &["00000000021.wal"]),
    ("v3.10.1/json-body", &["00000000023.wal"]),
    ("v3.10.1/stray-bak", &["00000000010.wal.bak"]),
    ("v3.10.1/stray-bak-at-watermark", &["00000000018.wal.bak"]),
    ("v3.10.1/stray-invalid-bak", &["00000000023.wal.bad"]),
    ("v3.10.1/stray-text", &["README.txt"]),
    ("v3.10.1/quarantine-inside", &["quarantine/00000000021.wal"]),
    ("v3.10.1/name-ahead-of-content", &["00000000024.wal"]),
    ("v3.10.1/duplicate-content", &["00000000023.wal"]),
    ("v3.6.0/server-tail-zero-byte", &["00000000032.wal"]),
];

/// Not repaired: files that only the broken snapshot covers are deleted already.
const REFUSED: [&str; 2] = ["v3.10.1/snapshot-json-zero-byte", "v3.10.1/snapshot-json-truncated"];

fn leaving(variant: &str) -> Vec<String> {
    let files = LEAVING.iter().find(|(name, _)| *name == variant).map_or(&[][..], |(_, files)| files);
    files.iter().map(|file| format!("wal/{file}")).collect()
}

/// Every directory but those that are refused, with what the real readers said about it.
fn repairable(expected: &Json) -> Vec<(&String, &Json)> {
    let variants = expected["variants"].as_object().unwrap();
    assert_eq!(variants.len(), 42);
    variants.iter().filter(|(name, _)| !REFUSED.contains(&name.as_str())).collect()
}

#[test]
fn every_directory_of_the_corpus_starts_after_a_repair_and_is_put_back_byte_for_byte() {
    for (name, _) in repairable(&expected()) {
        let leaving = leaving(name);
        let copy = Copy::of(name);
        let before = tree(&copy.node());
        let repair = copy.plan().unwrap();
        let removals = repair.plan().steps.iter().filter(|step| step.kind == StepKind::Remove);
        let mut removed: Vec<&str> = removals.map(|step| step.path.as_str()).collect();
        removed.sort_unstable();
        assert_eq!(removed, leaving, "{name}");
        assert_eq!(repair.plan().is_empty(), leaving.is_empty(), "{name}: what is sound is left alone");
        if !leaving.is_empty() {
            let receipt = apply(&repair, &terms()).unwrap();
            let quarantine = copy.node().join("wal-quarantine").join(&receipt.id).join("old");
            for path in &leaving {
                assert_eq!(Some(&fs::read(quarantine.join(path)).unwrap()), before.get(path), "{name}");
                assert!(!copy.node().join(path).exists(), "{name}");
            }
        }
        copy.assert_starts(name);
        assert!(copy.plan().unwrap().plan().is_empty(), "{name}: a second repair has nothing to do");
        if !leaving.is_empty() {
            copy.undo();
        }
        assert_eq!(tree(&copy.node()), before, "{name}");
    }
}

/// The rows of sound files above the watermark, each number once, counted from what the real library said.
fn rows_above(expected: &Json, variant: &Json) -> u64 {
    let watermark = variant["watermark_wal"].as_u64().unwrap_or(0);
    let mut rows = BTreeMap::new();
    for file in variant["files"].as_array().unwrap().iter().filter(|file| file["check"] == "ok") {
        let content = &expected["contents"][file["content"].as_str().unwrap()];
        let number = content["wal_file_number"].as_u64().unwrap();
        if number > watermark {
            rows.insert(number, content["rows"].as_u64().unwrap());
        }
    }
    rows.values().sum()
}

#[test]
fn every_row_that_verifies_is_replayed_once_after_a_repair() {
    let expected = expected();
    let mut rows_of_all = 0;
    for (name, variant) in repairable(&expected) {
        let copy = Copy::of(name);
        let rows = rows_above(&expected, variant);
        let repair = copy.plan().unwrap();
        assert_eq!(repair.plan().kept.samples, Some(rows), "{name}");
        if !repair.plan().is_empty() {
            copy.repair();
        }
        assert_eq!(fact(&copy.survey(), "rows_to_replay"), &Value::from(rows), "{name}");
        rows_of_all += rows;
    }
    assert!(rows_of_all > 1000);
}

#[test]
fn what_is_lost_is_said_and_what_cannot_be_known_is_not_called_nothing() {
    let loss = |variant: &str| Copy::of(variant).plan().unwrap().plan().loss;
    let garbage = Copy::of("v3.10.1/tail-trailing-garbage").wal("00000000023.wal").metadata().unwrap().len();
    for (variant, bytes) in [
        ("v3.10.1/tail-three-zero-byte", 0),
        ("v3.10.1/tail-trailing-garbage", garbage),
        ("v3.10.1/mid-zero-byte", 0),
        ("v3.10.1/stray-invalid-bak", 0),
    ] {
        let loss = loss(variant);
        assert_eq!((loss.records, loss.samples, loss.bytes), (None, None, bytes), "{variant}");
    }
    for variant in [
        "v3.10.1/base",
        "v3.10.1/stray-bak",
        "v3.10.1/stray-bak-at-watermark",
        "v3.10.1/stray-text",
        "v3.10.1/quarantine-inside",
        "v3.10.1/name-ahead-of-content",
        "v3.10.1/duplicate-content",
    ] {
        assert_eq!(loss(variant), Loss::NONE, "{variant}");
    }
}

#[test]
fn the_last_file_leaves_first_so_that_no_server_in_between_writes_into_the_rest() {
    let copy = Copy::of("v3.10.1/tail-three-zero-byte");
    let repair = copy.plan().unwrap();
    let paths: Vec<_> = repair.plan().steps.iter().map(|step| step.path.as_str()).collect();
    assert_eq!(paths, ["wal/00000000023.wal", "wal/00000000022.wal", "wal/00000000021.wal"]);
}

#[test]
fn a_sound_file_under_a_wrong_name_gets_its_own_and_none_of_its_rows_is_lost() {
    let copy = Copy::of("v3.10.1/name-ahead-of-content");
    let bytes = fs::read(copy.wal("00000000024.wal")).unwrap();
    copy.repair();
    assert_eq!(fs::read(copy.wal("00000000023.wal")).unwrap(), bytes);
    assert!(!copy.wal("00000000024.wal").exists());
}

#[test]
fn a_sound_copy_takes_the_place_of_the_damaged_file() {
    let copy = Copy::of("v3.10.1/base");
    let sound = fs::read(copy.wal("00000000021.wal")).unwrap();
    fs::write(copy.wal("00000000021.wal.bak"), &sound).unwrap();
    fs::write(copy.wal("00000000021.wal"), b"").unwrap();
    let before = tree(&copy.node());
    assert_eq!(copy.plan().unwrap().plan().loss, Loss::NONE);
    copy.repair();
    assert_eq!(fs::read(copy.wal("00000000021.wal")).unwrap(), sound);
    copy.assert_starts("copy");
    copy.undo();
    assert_eq!(tree(&copy.node()), before);
}

#[test]
fn two_sound_files_that_hold_one_number_and_differ_cost_the_rows_of_the_misnamed_one() {
    let copy = Copy::of("v3.10.1/base");
    let other = Copy::of("v3.10.1/mid-bad-body-valid-crc");
    fs::copy(other.wal("00000000021.wal"), copy.wal("00000000024.wal")).unwrap();
    let loss = copy.plan().unwrap().plan().loss;
    assert!(loss.samples > Some(0) && loss.records > Some(0), "{loss:?}");
    assert!(loss.bytes > 0 && loss.times.is_some(), "{loss:?}");
    copy.repair();
    copy.assert_starts("two of one number");
}

#[test]
fn a_foreign_file_among_the_snapshots_is_moved() {
    let copy = Copy::of("v3.10.1/base");
    fs::write(copy.node().join("snapshots/README.txt"), "what these files are").unwrap();
    assert_eq!(copy.survey().verdict.name(), "refuses");
    assert_eq!(copy.plan().unwrap().plan().loss, Loss::NONE);
    copy.repair();
    copy.assert_starts("foreign snapshot");
}

#[test]
fn a_broken_snapshot_whose_rows_the_wal_no_longer_has_is_left_and_the_refusal_says_why() {
    for variant in REFUSED {
        let error = Copy::of(variant).plan().unwrap_err();
        let said = error.to_string();
        assert!(said.contains("WAL files from 13 on") && said.contains("the first there is 16"), "{said}");
        assert!(error.advice().unwrap().contains("backup"));
    }
}

#[test]
fn a_broken_newest_snapshot_is_moved_when_the_wal_still_has_all_that_it_persisted() {
    let copy = Copy::of("v3.10.1/fresh-no-snapshot");
    copy.break_first_snapshot();
    let repair = copy.plan().unwrap();
    assert_eq!((repair.plan().loss, repair.plan().kept.samples), (Loss::NONE, Some(85)));
    copy.repair();
    copy.assert_starts("broken snapshot");
}

#[test]
fn a_broken_snapshot_stays_when_a_file_is_damaged_that_it_may_have_persisted() {
    let copy = Copy::of("v3.10.1/fresh-no-snapshot");
    copy.break_first_snapshot();
    fs::write(copy.wal("00000000003.wal"), b"").unwrap();
    assert!(copy.plan().unwrap_err().to_string().contains("00000000003.wal is damaged"));
}

#[test]
fn an_older_broken_snapshot_is_never_moved() {
    let copy = Copy::of("v3.10.1/base");
    fs::write(copy.node().join(format!("snapshots/{:020}.info.json", u64::MAX - 2)), b"{").unwrap();
    let error = copy.plan().unwrap_err();
    assert!(error.to_string().contains("not the newest"), "{error}");
}

#[test]
fn wal_files_without_their_node_are_not_touched() {
    let copy = Copy::of("v3.10.1/tail-zero-byte");
    let elsewhere = TempDir::new().unwrap();
    let files = elsewhere.path().join("files");
    tree::copy(&copy.node().join("wal"), &files);
    for path in [files.clone(), files.join("00000000022.wal")] {
        let log = detect(&path, None).unwrap();
        let error = Repair::plan(log.as_ref(), &order()).unwrap_err();
        assert!(error.to_string().contains("no snapshots that say"), "{error}");
    }
}

#[test]
fn a_file_that_the_object_store_cannot_list_is_moved_wherever_its_name_sorts() {
    for name in ["wal/00000000019.wal\n", "wal/00000000001.wal\t", "snapshots/a\nb.json"] {
        let copy = Copy::of("v3.10.1/base");
        fs::write(copy.node().join(name), b"").unwrap();
        assert_eq!(copy.survey().verdict.name(), "refuses", "{name:?}");
        let before = tree(&copy.node());
        copy.repair();
        copy.assert_starts(name);
        copy.undo();
        assert_eq!(tree(&copy.node()), before, "{name:?}");
    }
}

#[test]
fn a_name_that_no_receipt_can_say_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let copy = Copy::of("v3.10.1/base");
    fs::write(copy.node().join("wal").join(std::ffi::OsStr::from_bytes(b"\xff.wal")), b"").unwrap();
    let error = copy.plan().unwrap_err();
    assert!(error.to_string().contains("no name that can be written down"), "{error}");
}

#[test]
fn a_wal_on_another_file_system_is_refused_before_anything_is_promised() {
    let copy = Copy::of("v3.10.1/tail-zero-byte");
    let device = |path: &Path| std::os::unix::fs::MetadataExt::dev(&path.metadata().unwrap());
    let Ok(elsewhere) = TempDir::new_in("/dev/shm") else { return };
    if device(elsewhere.path()) == device(&copy.node()) {
        return;
    }
    let wal = copy.node().join("wal");
    tree::copy(&wal, &elsewhere.path().join("wal"));
    fs::remove_dir_all(&wal).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("wal"), &wal).unwrap();
    let before = tree(&copy.node());
    let error = apply(&copy.plan().unwrap(), &terms()).unwrap_err();
    assert!(error.to_string().contains("another file system"), "{error}");
    assert_eq!((tree(&copy.node()), mend::unfinished(&copy.node())), (before, None));
}

#[test]
fn a_file_that_a_server_has_written_under_the_same_name_since_is_not_replaced_unasked() {
    let copy = Copy::of("v3.10.1/tail-zero-byte");
    let before = tree(&copy.node());
    copy.repair();
    fs::copy(copy.wal("00000000022.wal"), copy.wal("00000000023.wal")).unwrap();
    let refused = undo(&copy.site(), None, Newer::Refuse).unwrap_err();
    assert!(matches!(refused, MendError::Overtaken { .. }), "{refused}");
    apply(&undo(&copy.site(), None, Newer::Quarantine).unwrap(), &terms()).unwrap();
    assert_eq!(tree(&copy.node()), before);
}

#[test]
fn a_plan_is_void_once_a_server_has_added_a_file() {
    let copy = Copy::of("v3.10.1/tail-zero-byte");
    let repair = copy.plan().unwrap();
    fs::write(copy.wal("00000000024.wal"), b"").unwrap();
    let before = tree(&copy.node());
    assert!(matches!(apply(&repair, &terms()).unwrap_err(), MendError::Changed { .. }));
    assert_eq!(tree(&copy.node()), before);
}

#[test]
fn a_node_whose_server_runs_is_refused() {
    use std::process::{Command, Stdio};
    let copy = Copy::of("v3.10.1/tail-zero-byte");
    let open = fs::OpenOptions::new().append(true).open(copy.wal("00000000022.wal")).unwrap();
    let mut server = Command::new("sleep").arg("600").stdout(Stdio::from(open)).spawn().unwrap();
    let refused = copy.plan().and_then(|repair| apply(&repair, &terms()));
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(matches!(refused.unwrap_err(), MendError::Held { .. }));
}
