//! What a plan says, that its change can be taken back, and that it is needed once.

use formats::{Depth, Order, UnixTime};
use mend::prometheus::Repair;
use mend::{Mending, Newer, Terms, apply, undo};

use formats::prometheus::Compression;

use crate::damage::{Case, of_the_log};
use crate::sound::{Begin, Dir, dirs, tree};

pub(crate) fn order() -> Order {
    Order::new(Depth::Bytes, UnixTime::from_seconds(1_800_000_000))
}

pub(crate) fn terms() -> Terms {
    Terms { now: UnixTime::from_seconds(1_800_000_000), progress: formats::Progress::default() }
}

/// Repairs, and demands that it was needed and is not needed again.
pub(crate) fn repair(case: &Case) -> Repair {
    let repair = Repair::plan(case.dir.path(), &order()).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    assert!(!repair.plan().is_empty(), "{}: nothing to do", case.name);
    apply(&repair, &terms()).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let again = Repair::plan(case.dir.path(), &order()).unwrap();
    assert!(again.plan().is_empty(), "{}: {:?} after {:?}", case.name, again.plan().steps, repair.plan().steps);
    repair
}

/// Series and values of a content.
fn count(case: &Case) -> u64 {
    case.good.values().map(|values| values.len() as u64).sum()
}

#[test]
fn a_sound_log_is_left_as_it_is() {
    let begin = Begin::recently();
    let late = begin.plain(Compression::Snappy);
    begin.add_late(&late);
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../formats/tests/corpus/prometheus/sound");
    for dir in [begin.plain(Compression::None), begin.with_checkpoint(), late, Dir::copy_of(corpus.as_ref())] {
        let repair = Repair::plan(dir.path(), &order()).unwrap();
        assert!(repair.plan().is_empty(), "{:?}", repair.plan().steps);
        assert!(repair.plan().loss.is_none(), "{:?}", repair.plan().loss);
    }
}

#[test]
fn every_repair_can_be_taken_back_to_the_byte() {
    for case in of_the_log(Begin::recently()) {
        let (before, dirs_before) = (tree(case.dir.path()), dirs(case.dir.path()));
        let planned = repair(&case);
        let changed = tree(case.dir.path()) != before || dirs(case.dir.path()) != dirs_before;
        assert!(changed, "{}: nothing was done", case.name);
        let back = undo(&planned.plan().site, None, Newer::Refuse)
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        apply(&back, &terms()).unwrap();
        assert!(tree(case.dir.path()) == before, "{}: not as it was", case.name);
        assert_eq!(dirs(case.dir.path()), dirs_before, "{}", case.name);
    }
}

#[test]
fn sound_segments_stay_byte_for_byte() {
    let begin = Begin::recently();
    for case in of_the_log(begin).into_iter().filter(|case| case.name.starts_with("flipped")) {
        let before = tree(case.dir.path());
        let planned = repair(&case);
        let after = tree(case.dir.path());
        let changed: Vec<_> = before.iter().filter(|(name, bytes)| after.get(*name) != Some(bytes)).collect();
        assert_eq!((changed.len(), planned.plan().steps.len()), (1, 1), "{}", case.name);
        assert_eq!(planned.plan().loss.records, Some(1), "{}", case.name);
        assert!(planned.plan().loss.times.is_some(), "{}", case.name);
        let kept = planned.plan().kept;
        assert_eq!((kept.records, kept.series), (Some(301), Some(100)), "{}", case.name);
        assert_eq!(kept.samples, Some(count(&case)), "{}", case.name);
    }
}
