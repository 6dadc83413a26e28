//! A log is taken away as a whole, with its loss said exactly, and comes back byte for byte.

use std::fs;
use std::path::{Path, PathBuf};

use formats::{Verdict, detect, survey};
use mend::reset::Reset;
use mend::{Loss, MendError, Mending, Newer, Site, Span, apply, undo};
use tempfile::TempDir;

use super::log;
use super::tree::{self, order, terms, tree};

fn plan(path: &Path) -> Result<Reset, MendError> {
    Reset::plan(detect(path, None).unwrap().as_ref(), &order())
}

pub(super) fn reset(data: &Path) {
    apply(&plan(data).unwrap(), &terms()).unwrap();
}

/// Takes the newest change of a Prometheus data directory back.
pub(super) fn take_back(data: &Path, newer: Newer) -> Result<(), MendError> {
    let site = Site::with_quarantine(data).unwrap();
    apply(&undo(&site, None, newer)?, &terms()).map(drop)
}

/// A data directory with everything that a reset is about, and more.
fn data() -> TempDir {
    let data = TempDir::new().unwrap();
    log::write(data.path());
    for other in ["wbl", "chunks_head", "chunk_snapshot.000002.0000000512", "queries.active.d"] {
        fs::create_dir(data.path().join(other)).unwrap();
    }
    data
}

#[test]
fn a_reset_says_exactly_what_is_lost() {
    let data = data();
    let bytes: u64 =
        (0..3).map(|at| data.path().join(format!("wal/{at:08}")).metadata().unwrap().len()).sum();
    let scrapes = 3 * u64::try_from(log::SCRAPES).unwrap();
    let expected = Loss {
        records: Some(scrapes + 1),
        samples: Some(scrapes * log::SERIES),
        series: Some(log::SERIES),
        bytes,
        times: Some(Span { from: log::BEGIN, to: log::BEGIN + (3 * log::SCRAPES - 1) * log::STEP }),
    };
    // The log may be named by its own directory as well.
    for path in [data.path().to_owned(), data.path().join("wal")] {
        assert_eq!(plan(&path).unwrap().plan().loss, expected);
    }
}

#[test]
fn the_log_goes_as_a_whole_and_last_and_comes_back_byte_for_byte() {
    let data = data();
    let before = tree(data.path());
    let planned = plan(data.path()).unwrap();
    let paths: Vec<_> = planned.plan().steps.iter().map(|step| step.path.as_str()).collect();
    assert_eq!(paths, ["chunk_snapshot.000002.0000000512", "wbl", "chunks_head", "wal"]);
    reset(data.path());
    assert_eq!(tree(data.path()).into_keys().collect::<Vec<_>>(), ["queries.active.d/"]);
    take_back(data.path(), Newer::Refuse).unwrap();
    assert_eq!(tree(data.path()), before);
}

#[test]
fn what_a_server_wrote_after_a_reset_is_never_replaced_unasked() {
    let data = data();
    let before = tree(data.path());
    reset(data.path());
    fs::create_dir(data.path().join("wal")).unwrap();
    fs::write(data.path().join("wal/00000000"), "written since").unwrap();
    let refused = take_back(data.path(), Newer::Refuse).unwrap_err();
    assert!(matches!(refused, MendError::Overtaken { .. }), "{refused}");
    take_back(data.path(), Newer::Quarantine).unwrap();
    assert_eq!(tree(data.path()), before);
}

#[test]
fn a_damaged_log_is_said_to_be_repairable() {
    let data = data();
    let segment = data.path().join("wal/00000001");
    let mut bytes = fs::read(&segment).unwrap();
    *bytes.get_mut(100).unwrap() ^= 1;
    fs::write(&segment, bytes).unwrap();
    let planned = plan(data.path()).unwrap();
    assert!(planned.plan().notes.iter().any(|note| note.code == "repairable"));
    // One record of the damaged page at least is lost already, and not with the reset.
    assert!(planned.plan().loss.records < Some(3 * u64::try_from(log::SCRAPES).unwrap() + 1));
}

#[test]
fn a_directory_that_does_not_lie_where_a_server_has_it_is_refused() {
    let data = data();
    let elsewhere = TempDir::new().unwrap();
    tree::copy(&data.path().join("wal"), &elsewhere.path().join("segments"));
    let refused = plan(&elsewhere.path().join("segments")).unwrap_err();
    assert!(refused.advice().unwrap().contains("data directory"), "{refused}");
}

fn node(variant: &str) -> (TempDir, PathBuf) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/tests/corpus/influxdb3");
    let dir = TempDir::new().unwrap();
    let node = dir.path().join("node-a");
    tree::copy(&corpus.join(variant).join("node-a"), &node);
    (dir, node)
}

#[test]
fn a_node_of_influxdb3_starts_with_what_is_persisted() {
    for (variant, rows) in [
        ("v3.10.1/base", Some(43)),
        ("v3.10.1/stray-bak-at-watermark", Some(43)),
        ("v3.10.1/stray-bak", Some(85)),
        ("v3.10.1/tail-zero-byte", None),
    ] {
        let (_dir, node) = node(variant);
        let before = tree(&node);
        assert_eq!(plan(&node).unwrap().plan().loss.samples, rows, "{variant}");
        reset(&node);
        // A node that had no snapshot has no file left to be recognised by.
        let is_left = node.join("snapshots").is_dir();
        assert_eq!(detect(&node, None).is_ok(), is_left, "{variant}");
        if is_left {
            let survey = survey(detect(&node, None).unwrap().as_ref(), &order());
            assert_eq!(survey.verdict, Verdict::Starts, "{variant}");
            assert!(survey.facts.iter().any(|fact| fact.name == "live_files" && fact.value == 0u64.into()));
        }
        take_back(&node, Newer::Refuse).unwrap();
        assert_eq!(tree(&node), before, "{variant}");
    }
}

#[test]
fn what_is_no_start_to_be_saved_is_refused_with_what_to_do() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("job.wal"), b"ARWAL001\x01\0\0\0\0\0\0\0").unwrap();
    let refused = plan(&dir.path().join("job.wal")).unwrap_err();
    assert!(matches!(refused, MendError::Impossible { .. }), "{refused}");
}
