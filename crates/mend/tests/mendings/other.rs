//! Logs of other engines are left alone, with what to do in place of a repair.

use std::fs;

use formats::{Format, detect};
use mend::other::{Intact, refusal};
use mend::{Loss, MendError, Mending};
use tempfile::TempDir;

use super::log;
use super::tree::{order, tree};

#[test]
fn every_engine_has_its_own_tool_named() {
    for (format, tool) in [
        (Format::Postgres, "pg_resetwal"),
        (Format::Etcd, "etcdutl snapshot restore"),
        (Format::Sqlite, ".recover"),
        (Format::Loki, "replication factor"),
    ] {
        let error = refusal(format, "it is damaged");
        assert!(error.to_string().contains(format.name()), "{error}");
        assert!(error.advice().unwrap().contains(tool), "{format}");
    }
}

#[test]
fn a_sound_log_needs_nothing_and_a_damaged_one_is_refused_and_not_touched() {
    let data = TempDir::new().unwrap();
    log::write(data.path());
    let intact = Intact::plan(detect(data.path(), None).unwrap().as_ref(), &order()).unwrap();
    assert!(intact.plan().is_empty());
    assert_eq!(intact.plan().loss, Loss::NONE);
    let segment = data.path().join("wal/00000001");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[100] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let before = tree(data.path());
    let error = Intact::plan(detect(data.path(), None).unwrap().as_ref(), &order()).unwrap_err();
    assert!(matches!(error, MendError::Impossible { .. }));
    assert!(error.to_string().contains("wal/00000001 at byte"), "{error}");
    assert_eq!(tree(data.path()), before);
}
