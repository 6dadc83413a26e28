//! What a plan says, that its change can be taken back, and that it is needed once.

use formats::{Depth, Order, UnixTime};
use mend::prometheus::Repair;
use mend::{Mending, Newer, Terms, apply, undo};

use formats::prometheus::record::{Marker, Record, SeriesRef};
use formats::prometheus::{Compression, Pages};

use crate::damage::{Case, of_the_log};
use crate::sound::{Begin, Dir, closed, dirs, encoded, name, samples, tree};

pub(crate) fn order() -> Order {
    Order::new(Depth::Bytes, UnixTime::from_seconds(1_800_000_000))
}

pub(crate) fn terms() -> Terms {
    Terms { now: UnixTime::from_seconds(1_800_000_000), progress: formats::Progress::default() }
}

/// Repairs, and demands that it was needed and is not needed again.
pub(crate) fn repair(case: &Case) -> Repair {
    let repair =
        Repair::plan(case.dir.path(), &order()).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    assert!(!repair.plan().is_empty(), "{}: nothing to do", case.name);
    apply(&repair, &terms()).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let again = Repair::plan(case.dir.path(), &order()).unwrap();
    assert!(
        again.plan().is_empty(),
        "{}: {:?} after {:?}",
        case.name,
        again.plan().steps,
        repair.plan().steps
    );
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
    for dir in [begin.plain(Compression::None), begin.with_checkpoint(), late, Dir::copy_of(corpus.as_ref())]
    {
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

/// A late chunk of 100 bytes of data, so of 130 bytes.
#[expect(clippy::big_endian_bytes, reason = "the format stores big-endian numbers")]
fn chunk(series: u64) -> Vec<u8> {
    let mut chunk = series.to_be_bytes().to_vec();
    chunk.extend_from_slice(&[0; 16]);
    chunk.extend_from_slice(&[0x81, 100]);
    chunk.extend_from_slice(&[7; 100]);
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &chunk);
    chunk.extend_from_slice(&u32::try_from(crc).unwrap().to_be_bytes());
    chunk
}

#[test]
fn late_samples_are_told_of_no_chunk_that_is_lost() {
    let begin = Begin::recently();
    let dir = begin.plain(Compression::None);
    dir.change(&name(1), |bytes| bytes[20_000] ^= 1);
    let mut file = b"\x01\x30\xbc\x91\x01\0\0\0".to_vec();
    (1..=3).for_each(|series| file.extend(chunk(series)));
    file[8 + 130 + 60] ^= 1;
    dir.write("chunks_head/000001", &file);
    let at = |chunk: u64| 1 << 32 | (8 + 130 * chunk);
    let markers = [1, 2, 3].map(|series| Marker { series: SeriesRef(series), chunk: at(series - 1) });
    let mut pages = Pages::default();
    pages.log(&encoded(&Record::Markers(markers.to_vec())), Compression::None);
    pages.log(&samples(3, begin.0), Compression::None);
    dir.write("wbl/00000000", &closed(pages));

    let repair = Repair::plan(dir.path(), &order()).unwrap();
    let paths: Vec<_> = repair.plan().steps.iter().map(|step| step.path.as_str()).collect();
    assert_eq!(paths, [name(1).as_str(), "wbl/00000000", "chunks_head/000001"]);
    apply(&repair, &terms()).unwrap();
    assert!(Repair::plan(dir.path(), &order()).unwrap().plan().is_empty());
    let left = [1, 3].map(|series| Marker { series: SeriesRef(series), chunk: at(series - 1) });
    let mut pages = Pages::default();
    pages.log(&encoded(&Record::Markers(left.to_vec())), Compression::None);
    pages.log(&samples(3, begin.0), Compression::None);
    assert!(dir.read("wbl/00000000") == closed(pages));
    let chunks = dir.read("chunks_head/000001");
    assert_eq!(chunks.len(), file.len());
    assert!(chunks[..138] == file[..138] && chunks[268..] == file[268..], "a good chunk has moved");
}

#[test]
fn what_is_lost_is_said_as_far_as_it_is_known() {
    for case in of_the_log(Begin::recently()) {
        let repair = Repair::plan(case.dir.path(), &order()).unwrap();
        let (loss, name) = (repair.plan().loss, case.name.as_str());
        let whole = [
            "all that it was made from",
            "a second name",
            "a copy of the first",
            "older checkpoint",
            "below the checkpoint",
        ];
        let uncounted = [
            "hole",
            "no ",
            "without",
            "far away",
            "noise",
            "zeroed page",
            "never finished",
            "belong",
            "in the place",
            "cut",
            "nothing but",
        ];
        if name.starts_with("flipped") || name.starts_with("a flip") || name.contains("torn end") {
            let both = if name.contains("and one behind it") { 2 } else { 1 };
            assert_eq!(loss.records, Some(both), "{name}");
        } else if whole.iter().any(|part| name.contains(part)) && name != "labels from an older checkpoint" {
            assert!(loss.series == Some(0), "{name}: {loss:?}");
        } else if uncounted.iter().any(|part| name.contains(part)) {
            assert_eq!((loss.records, loss.samples), (None, None), "{name}");
        }
        let lost = 100 - case.good.len() as u64;
        assert_eq!(loss.series, Some(lost), "{name}");
    }
}

#[test]
fn a_log_of_loki_is_refused() {
    // A record of Loki: series of a tenant, one stream.
    let record = |tenant: u8| {
        let mut record = vec![1, 2, b't', tenant, 1];
        record.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, tenant, 1, 3, b'a', b'p', b'p', 1, b'x']);
        record
    };
    let dir = Dir::new();
    for segment in 0..2 {
        let mut pages = Pages::default();
        (1..50).for_each(|tenant| pages.log(&record(tenant), Compression::None));
        dir.write(&name(segment), &closed(pages));
    }
    dir.change(&name(1), |bytes| bytes[100] ^= 1);
    let detected = formats::detect(dir.path(), None).unwrap();
    assert_eq!(detected.format(), formats::Format::Loki);
    let error = Repair::plan(dir.path(), &order()).unwrap_err();
    assert!(matches!(error, mend::MendError::Impossible { .. }), "{error}");
}

#[test]
fn a_part_of_a_log_is_refused() {
    let dir = Begin::recently().with_checkpoint();
    for part in ["wal/checkpoint.00000001", "wal/00000003"] {
        let error = Repair::plan(&dir.at(part), &order()).unwrap_err();
        assert!(matches!(error, mend::MendError::Impossible { .. }), "{error}");
    }
    let error = Repair::plan(&dir.at("wal/checkpoint.00000001/00000000"), &order()).unwrap_err();
    assert!(error.advice().is_some(), "{error}");
}
