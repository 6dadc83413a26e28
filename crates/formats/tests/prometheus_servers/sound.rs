//! Sound logs of the own encoder, to be damaged or to be replayed as they are.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use formats::prometheus::record::{Labels, Point, Record, Series, SeriesRef};
use formats::prometheus::{Compression, Pages};
use tempfile::TempDir;

pub(crate) const PAGE: usize = 32 * 1024;

/// Series in every log here.
pub(crate) const SERIES: u64 = 100;

/// Scrapes in each segment, so that a segment has more than two pages and the whole log less than three hours.
pub(crate) const SCRAPES: i64 = 60;

/// 2026-01-01T00:00:00Z.
pub(crate) const BEGIN: i64 = 1_767_225_600_000;

/// Scrape interval.
pub(crate) const STEP: i64 = 15_000;

/// A data directory.
pub(crate) struct Sound {
    dir: TempDir,
}

impl Sound {
    /// Segments 0 to 4 with everything in them.
    pub(crate) fn plain() -> Self {
        let sound = Self::empty();
        for segment in 0..5 {
            let mut pages = if segment == 0 { declared() } else { Pages::default() };
            for time in times(segment) {
                pages.log(&samples(SERIES, time), Compression::None);
            }
            sound.write(&segment_name(segment), &closed(pages));
        }
        sound
    }

    /// The same samples, where the first two segments have become a checkpoint.
    pub(crate) fn with_checkpoint() -> Self {
        let sound = Self::plain();
        let mut pages = declared();
        for time in times(0).chain(times(1)) {
            pages.log(&samples(SERIES, time), Compression::None);
        }
        sound.write("wal/checkpoint.00000001/00000000", &closed(pages));
        for segment in 0..2 {
            sound.remove(&segment_name(segment));
        }
        sound
    }

    /// Nothing yet.
    pub(crate) fn empty() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    /// The same once more, to be damaged in another way.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::empty();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(self.path().join(&folder)).unwrap() {
                let name = folder.join(entry.unwrap().file_name());
                if self.path().join(&name).is_dir() {
                    folders.push(name);
                } else {
                    copy.write(name.to_str().unwrap(), &self.read(name.to_str().unwrap()));
                }
            }
        }
        copy
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), bytes).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.at(name)).unwrap();
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.read(name);
        change(&mut bytes);
        self.write(name, &bytes);
    }

    /// Names of the segments that are there.
    pub(crate) fn segments(&self) -> Vec<String> {
        let entries = fs::read_dir(self.at("wal")).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.metadata().unwrap().is_file());
        let mut names: Vec<_> = files.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// The path of a segment below the data directory.
pub(crate) fn segment_name(segment: i64) -> String {
    format!("wal/{segment:08}")
}

/// The bytes of a segment that was closed.
pub(crate) fn closed(mut pages: Pages) -> Vec<u8> {
    pages.close();
    pages.bytes().to_vec()
}

/// A segment that declares every series.
pub(crate) fn declared() -> Pages {
    let mut pages = Pages::default();
    let all: Vec<_> = (1..=SERIES).map(labels).collect();
    let series = (1..=SERIES).zip(&all);
    let series = series.map(|(number, pairs)| Series {
        series: SeriesRef(number),
        labels: Labels::of_pairs(pairs).unwrap(),
    });
    pages.log(&encoded(&Record::Series(series.collect())), Compression::None);
    pages
}

/// The labels of a series.
pub(crate) fn labels(number: u64) -> Vec<u8> {
    let number = number.to_string();
    Labels::write_pairs([(&b"__name__"[..], &b"sound"[..]), (b"number", number.as_bytes())])
}

/// When the scrapes of a segment took place.
pub(crate) fn times(segment: i64) -> impl Iterator<Item = i64> {
    (segment * SCRAPES..(segment + 1) * SCRAPES).map(|scrape| BEGIN + scrape * STEP)
}

/// A log with a record in the middle of segment 2, and where the record lies.
pub(crate) fn with_record(record: &[u8]) -> (Sound, usize) {
    let sound = Sound::plain();
    let mut pages = Pages::default();
    let mut at = 0;
    for (scrape, time) in (0..SCRAPES).zip(times(2)) {
        if scrape == SCRAPES / 2 + 1 {
            at = pages.bytes().len();
            pages.log(record, Compression::None);
        }
        pages.log(&samples(SERIES, time), Compression::None);
    }
    sound.write(&segment_name(2), &closed(pages));
    (sound, at)
}

/// One sample of each series.
pub(crate) fn samples(series: u64, time: i64) -> Vec<u8> {
    let value = |number: u64| ((number * 7919 + time.unsigned_abs() / 1000) % 1000) as f64 / 8.0;
    let point = |number| Point { series: SeriesRef(number), time, value: value(number) };
    encoded(&Record::Samples((1..=series).map(point).collect()))
}

/// A record's bytes.
pub(crate) fn encoded(record: &Record<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    record.encode(&mut out);
    out
}

/// Where the fragments of a sound segment lie.
pub(crate) fn fragments(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if PAGE - at % PAGE < 7 || bytes[at] == 0 {
            at = (at / PAGE + 1) * PAGE;
            continue;
        }
        let len = 7 + usize::from(bytes[at + 1]) * 256 + usize::from(bytes[at + 2]);
        all.push(at..at + len);
        at += len;
    }
    all
}
