//! What is written is sound, and nothing else can be written.

use std::fs;

use formats::prometheus::record::Histogram;
use mend::block::Segments;
use mend::block::chunk::{EncodedChunk, Sample, SampleValue};
use tempfile::TempDir;

use crate::model::{BEGIN, Content, STALE, floats, histograms, labels, packed, row, write, write_chunks};
use crate::reader::{Labels, Read};

/// What samples have in common with what they come back as: all but the hints, and all of an end but that it is one.
fn plain(content: &Content) -> Vec<(&Labels, i64, String)> {
    let text = |value: &SampleValue| match value {
        SampleValue::Float(value) => format!("{:x}", value.to_bits()),
        SampleValue::Histogram(end) if end.sum.to_bits() == STALE.to_bits() => "end".to_owned(),
        SampleValue::Histogram(histogram) => {
            format!("{:?}", Histogram { hint: u8::from(histogram.hint == 3), ..histogram.clone() })
        }
    };
    let samples = content.iter().flat_map(|(labels, samples)| samples.iter().map(move |it| (labels, it)));
    samples.map(|(labels, Sample { time, value })| (labels, *time, text(value))).collect()
}

#[test]
fn a_block_holds_every_sample_of_every_series() {
    let data = TempDir::new().unwrap();
    let mut content = floats(BEGIN);
    content.extend(histograms(BEGIN));
    let (dir, written) = write(data.path(), 1, &content, Segments::default());
    let read = Read::block(&dir);
    assert!(plain(&read.samples()) == plain(&content));
    assert_eq!(read.files, 1);
    let sizes = ["index", "meta.json", "tombstones", "chunks/000001"];
    let sizes = sizes.map(|name| fs::metadata(dir.join(name)).unwrap().len());
    assert_eq!(written.bytes, sizes.iter().sum::<u64>());
    assert_eq!(written.stats.num_samples, content.values().map(|samples| samples.len() as u64).sum::<u64>());
    assert_eq!((written.min_time, written.max_time), (BEGIN, BEGIN + 479 * 15_000 + 1));
}

#[test]
fn chunks_go_to_another_file_when_one_is_full() {
    let data = TempDir::new().unwrap();
    let content = floats(BEGIN);
    let (dir, _) = write(data.path(), 1, &content, Segments { bytes: 40_000 });
    let read = Read::block(&dir);
    assert!(plain(&read.samples()) == plain(&content));
    assert!(read.files > 5);
    for file in fs::read_dir(dir.join("chunks")).unwrap() {
        assert!(file.unwrap().metadata().unwrap().len() <= 40_000);
    }
    let few = content.into_iter().take(20).collect();
    let (dir, _) = write(data.path(), 2, &few, Segments { bytes: 1 });
    let read = Read::block(&dir);
    assert_eq!(read.files as u64, read.meta["stats"]["numChunks"].as_u64().unwrap(), "each has its own");
}

#[test]
fn chunks_of_servers_to_come_are_passed_through() {
    let data = TempDir::new().unwrap();
    let known = packed(&row(BEGIN, [SampleValue::Float(1.0)]));
    let unknown = EncodedChunk { encoding: 4, data: vec![0, 1, 2, 3].into(), ..known[0].clone() };
    let later = EncodedChunk { min_time: BEGIN + 1, max_time: BEGIN + 5, ..unknown.clone() };
    let chunks = vec![(labels(&[("a", "b")]), vec![unknown, later])];
    let dir = data.path().join("block");
    write_chunks(&dir, 1, &chunks, Segments::default()).unwrap();
    assert_eq!(Read::block(&dir).series, chunks);
}

#[test]
fn nothing_unsound_can_be_written() {
    let chunk = |begin| packed(&row(begin, [SampleValue::Float(1.0), SampleValue::Float(2.0)])).remove(0);
    let one = |pairs: &[(&str, &str)]| (labels(pairs), vec![chunk(BEGIN)]);
    let wrong = |chunk: EncodedChunk<'static>| vec![(labels(&[("a", "b")]), vec![chunk])];
    for (series, reason) in [
        (vec![], "a block has no series"),
        (vec![one(&[])], "a series has no labels, or one without a name or a value"),
        (vec![one(&[("a", "")])], "a series has no labels, or one without a name or a value"),
        (vec![one(&[("", "a")])], "a series has no labels, or one without a name or a value"),
        (vec![one(&[("b", "x"), ("a", "x")])], "the labels of a series are not in order"),
        (vec![one(&[("a", "x"), ("a", "y")])], "the labels of a series are not in order"),
        (vec![one(&[("a", "b")]), one(&[("a", "b")])], "series are not in the order of their labels"),
        (vec![one(&[("b", "b")]), one(&[("a", "b")])], "series are not in the order of their labels"),
        (
            vec![one(&[("a", "b"), ("c", "d")]), one(&[("a", "b")])],
            "series are not in the order of their labels",
        ),
        (vec![(labels(&[("a", "b")]), vec![])], "a series has no chunks"),
        (
            vec![(labels(&[("a", "b")]), vec![chunk(BEGIN), chunk(BEGIN + 15_000)])],
            "the chunks of a series overlap or are not in order",
        ),
        (wrong(EncodedChunk { samples: 0, ..chunk(0) }), "a chunk has no samples, or ends before it begins"),
        (
            wrong(EncodedChunk { max_time: -1, ..chunk(0) }),
            "a chunk has no samples, or ends before it begins",
        ),
        (
            wrong(EncodedChunk { data: vec![0].into(), ..chunk(0) }),
            "a chunk has no samples, or ends before it begins",
        ),
    ] {
        let data = TempDir::new().unwrap();
        let outcome = write_chunks(&data.path().join("block"), 1, &series, Segments::default());
        let expected = format!("a block was about to become unsound: {reason}");
        assert_eq!(outcome.unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_block_is_not_written_over_anything() {
    let data = TempDir::new().unwrap();
    fs::write(data.path().join("something"), "").unwrap();
    let outcome = write_chunks(data.path(), 1, &[], Segments::default());
    assert!(outcome.unwrap_err().to_string().ends_with("is not empty, so no block can be written there"));
}

/// Pins the description of the index.
#[test]
fn the_bytes_of_an_index_are_golden() {
    let data = TempDir::new().unwrap();
    let values = |count| (0..count).map(|n| SampleValue::Float(f64::from(n)));
    let content = Content::from([
        (labels(&[("__name__", "up"), ("job", "a")]), row(1_000, values(121))),
        (labels(&[("__name__", "up"), ("job", "b")]), row(-2_000, values(1))),
    ]);
    let (dir, _) = write(data.path(), 1, &content, Segments::default());
    let index = fs::read(dir.join("index")).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let lines: Vec<_> = index.chunks(16).map(hex).collect();
    assert_eq!(lines, GOLDEN, "{lines:#?}");
}

/// Symbols; a series with two chunks; a series with one; postings of all, of the name, of each job; their table; contents.
const GOLDEN: [&str; 17] = [
    "baaad700020000001800000005085f5f",
    "6e616d655f5f01610162036a6f620275",
    "70f0b315e70000000000000000000000",
    "11020004030102d00fa8f96c08987500",
    "d202da5ac51300000000000000000000",
    "0b0200040302019f1f00c5019a45c546",
    "0000000c000000020000000300000005",
    "bb33cbd40000000c0000000200000003",
    "00000005bb33cbd40000000800000001",
    "00000003a7692ed20000000800000001",
    "0000000581c8c93a0000002800000004",
    "0200006002085f5f6e616d655f5f0275",
    "707402036a6f620161880102036a6f62",
    "01629801675899e00000000000000005",
    "00000000000000250000000000000000",
    "00000000000000000000000000000060",
    "00000000000000a83f1eee28",
];
