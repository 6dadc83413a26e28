//! A reader of blocks that shares nothing with their writer, and demands all that a block has to be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use formats::Bytes;
use mend::block::chunk::{EncodedChunk, Sample, Samples};

/// A label set, in its order.
pub(crate) type Labels = Vec<(String, String)>;

/// A series: its labels and chunks.
pub(crate) type Series = (Labels, Vec<EncodedChunk<'static>>);

/// A block, read.
pub(crate) struct Read {
    pub(crate) meta: serde_json::Value,
    pub(crate) series: Vec<Series>,
    /// How many files of chunks there are.
    pub(crate) files: usize,
}

impl Read {
    /// Reads a block, and demands that it is sound.
    pub(crate) fn block(dir: &Path) -> Self {
        let meta: serde_json::Value =
            serde_json::from_slice(&fs::read(dir.join("meta.json")).unwrap()).unwrap();
        assert_eq!(fs::read(dir.join("tombstones")).unwrap(), b"\x01\x30\xba\x30\x01\0\0\0\0");
        let mut files: Vec<_> =
            fs::read_dir(dir.join("chunks")).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let chunks: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        for (file, chunk_bytes) in (1..).zip(&chunks) {
            assert_eq!(files[file - 1].file_name().unwrap().to_str().unwrap(), format!("{file:06}"));
            assert!(chunk_bytes.starts_with(b"\x85\xbd\x40\xdd\x01\0\0\0"));
        }
        let index = fs::read(dir.join("index")).unwrap();
        let series = Index::of(&index).series(&chunks);
        let read = Self { meta, series, files: files.len() };
        read.demand_truth();
        read
    }

    /// Every sample of every series.
    pub(crate) fn samples(&self) -> BTreeMap<Labels, Vec<Sample>> {
        let unpack = |chunks: &Vec<EncodedChunk<'_>>| {
            let all = chunks.iter().flat_map(|chunk| Samples::of(chunk.encoding, &chunk.data).unwrap());
            all.map(Result::unwrap).collect()
        };
        self.series.iter().map(|(labels, chunks)| (labels.clone(), unpack(chunks))).collect()
    }

    /// That the block is what it says.
    fn demand_truth(&self) {
        let chunks: Vec<_> = self.series.iter().flat_map(|(_, chunks)| chunks).collect();
        let first = chunks.iter().map(|chunk| chunk.min_time).min().unwrap();
        let last = chunks.iter().map(|chunk| chunk.max_time).max().unwrap();
        assert_eq!(
            (self.meta["minTime"].as_i64(), self.meta["maxTime"].as_i64()),
            (Some(first), Some(last + 1))
        );
        let number = |name: &str| self.meta["stats"][name].as_u64().unwrap();
        let samples = |encodings: &[u8]| {
            let those = chunks.iter().filter(|chunk| encodings.contains(&chunk.encoding));
            those.map(|chunk| chunk.samples).sum::<u64>()
        };
        assert_eq!(number("numSeries"), self.series.len() as u64);
        assert_eq!(number("numChunks"), chunks.len() as u64);
        assert_eq!(number("numSamples"), samples(&[1, 2, 3, 4]));
        assert_eq!(number("numFloatSamples"), samples(&[1, 4]));
        assert_eq!(number("numHistogramSamples"), samples(&[2, 3]));
    }
}

/// An index, taken apart.
struct Index<'a> {
    bytes: &'a [u8],
    symbols: Vec<&'a str>,
    /// Series by their numbers.
    all: Vec<u32>,
    /// Postings by name and value.
    postings: BTreeMap<(&'a str, &'a str), Vec<u32>>,
}

/// The checksum of bytes.
fn crc32c(bytes: &[u8]) -> u32 {
    u32::try_from(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes)).unwrap()
}

/// What is behind a length of four bytes, if its sum is right; and how long all is.
fn section(bytes: &[u8], at: u64) -> (Bytes<'_>, u64) {
    let rest = &bytes[usize::try_from(at).unwrap()..];
    let mut reader = Bytes::new(rest);
    let len = reader.u32_be("").unwrap() as usize;
    let body = reader.take(len, "").unwrap();
    assert_eq!(reader.u32_be("").unwrap(), crc32c(body), "of the section at {at}");
    (Bytes::new(body), len as u64 + 8)
}

fn text<'a>(bytes: &mut Bytes<'a>) -> &'a str {
    let len = bytes.length("").unwrap();
    std::str::from_utf8(bytes.take(len, "").unwrap()).unwrap()
}

impl<'a> Index<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        assert!(bytes.starts_with(b"\xba\xaa\xd7\x00\x02"));
        let (body, toc) = bytes.split_at(bytes.len() - 52);
        let mut reader = Bytes::new(toc);
        let mut offset = || reader.u64_be("").unwrap();
        let [symbols, series, no_indices, no_table, postings, table] = [(); 6].map(|()| offset());
        assert_eq!(reader.u32_be("").unwrap(), crc32c(&toc[..48]));
        assert_eq!((symbols, no_indices, no_table), (5, 0, 0));

        let (mut list, len) = section(body, symbols);
        assert_eq!(symbols + len, series);
        let symbols: Vec<_> = (0..list.u32_be("").unwrap()).map(|_| text(&mut list)).collect();
        assert!(list.is_empty() && symbols.is_sorted_by(|one, other| one < other));

        let (mut entries, len) = section(body, table);
        assert_eq!(table + len, body.len() as u64);
        let mut index = Self { bytes, symbols, all: Vec::new(), postings: BTreeMap::new() };
        let (mut at, mut before) = (postings, None);
        for _ in 0..entries.u32_be("").unwrap() {
            assert_eq!(entries.u8("").unwrap(), 2);
            let label = (text(&mut entries), text(&mut entries));
            assert!(before < Some(label), "{label:?} is in its place in the table");
            assert_eq!(entries.uvarint("").unwrap(), at, "the postings of {label:?} follow those before");
            let (mut list, len) = section(body, at);
            let ids: Vec<u32> = (0..list.u32_be("").unwrap()).map(|_| list.u32_be("").unwrap()).collect();
            assert!(list.is_empty() && ids.is_sorted_by(|one, other| one < other));
            if before.is_none() {
                assert_eq!(label, ("", ""));
                index.all = ids;
            } else {
                index.postings.insert(label, ids);
            }
            at += len;
            before = Some(label);
        }
        assert!(entries.is_empty());
        assert_eq!(at, table);
        index
    }

    /// Reads all series, and demands that they, their chunks, and their postings are in order.
    fn series(&self, files: &[Vec<u8>]) -> Vec<Series> {
        let mut all = Vec::new();
        let mut postings: BTreeMap<_, Vec<u32>> = BTreeMap::new();
        let mut next_chunk = (0, 8);
        let mut used = BTreeSet::new();
        for &id in &self.all {
            let mut reader = Bytes::new(&self.bytes[id as usize * 16..]);
            let len = reader.length("").unwrap();
            let body = reader.take(len, "").unwrap();
            assert_eq!(reader.u32_be("").unwrap(), crc32c(body), "of the series {id}");
            let mut body = Bytes::new(body);
            let labels: Vec<_> = (0..body.uvarint("").unwrap())
                .map(|_| [(); 2].map(|()| usize::try_from(body.uvarint("").unwrap()).unwrap()))
                .collect();
            used.extend(labels.iter().flatten().copied());
            let labels: Vec<_> =
                labels.iter().map(|&[name, value]| (self.symbols[name], self.symbols[value])).collect();
            assert!(labels.is_sorted_by(|one, other| one.0 < other.0), "{labels:?}");
            labels.iter().for_each(|&label| postings.entry(label).or_default().push(id));
            let chunks = chunks(&mut body, files, &mut next_chunk);
            let labels: Labels =
                labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            all.push((labels, chunks));
        }
        assert_eq!(postings, self.postings);
        assert_eq!(used.len(), self.symbols.len(), "every symbol is used");
        assert!(all.is_sorted_by(|one, other| one.0 < other.0), "series are in order, each once");
        all
    }
}

/// Reads the chunks of a series, and demands that they lie one behind the other, in order, without overlaps.
fn chunks(body: &mut Bytes<'_>, files: &[Vec<u8>], next: &mut (usize, usize)) -> Vec<EncodedChunk<'static>> {
    let mut all: Vec<EncodedChunk<'static>> = Vec::new();
    let mut place = 0i64;
    for number in 0..body.uvarint("").unwrap() {
        let step = |body: &mut Bytes<'_>| i64::try_from(body.uvarint("").unwrap()).unwrap();
        let min_time = match all.last() {
            None => body.varint("").unwrap(),
            Some(before) => before.max_time + step(body),
        };
        assert!(all.last().is_none_or(|before| before.max_time < min_time));
        let max_time = min_time + step(body);
        place += if number == 0 { step(body) } else { body.varint("").unwrap() };
        if next.1 == files[next.0].len() {
            *next = (next.0 + 1, 8);
        }
        assert_eq!(place, i64::try_from(next.0 << 32 | next.1).unwrap(), "chunks follow each other");
        let mut reader = Bytes::new(&files[next.0][next.1..]);
        let len = reader.length("").unwrap();
        let start = next.1 + reader.position();
        let encoding = reader.u8("").unwrap();
        let data = reader.take(len, "").unwrap();
        assert_eq!(reader.u32_be("").unwrap(), crc32c(&files[next.0][start..=start + len]));
        next.1 += reader.position();
        let samples = u64::from(Bytes::new(data).u16_be("").unwrap());
        if (1..=3).contains(&encoding) {
            let times: Vec<_> =
                Samples::of(encoding, data).unwrap().map(|sample| sample.unwrap().time).collect();
            assert_eq!((times.len() as u64, times[0], times[times.len() - 1]), (samples, min_time, max_time));
            assert!(times.is_sorted_by(|one, other| one < other));
        }
        all.push(EncodedChunk { min_time, max_time, encoding, samples, data: data.to_vec().into() });
    }
    assert!(body.is_empty());
    all
}
