//! Sound logs of the own encoder, to be harmed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use formats::prometheus::record::{Labels, Marker, Point, Record, Series, SeriesRef};
use formats::prometheus::{Compression, Pages};
use tempfile::TempDir;

pub(crate) const PAGE: usize = 32 * 1024;

/// Series in every log, declared in two records.
pub(crate) const SERIES: u64 = 100;

/// Scrapes in each segment, so that a segment has more than two pages.
pub(crate) const SCRAPES: i64 = 60;

/// Scrape interval: all five segments together stay below what a server compacts.
pub(crate) const STEP: i64 = 15_000;

/// A data directory.
pub(crate) struct Dir {
    dir: TempDir,
}

/// Every file of a tree.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

impl Dir {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub(crate) fn copy_of(other: &Path) -> Self {
        let copy = Self::new();
        for (name, bytes) in tree(other) {
            copy.write(&name, &bytes);
        }
        for name in dirs(other) {
            fs::create_dir_all(copy.at(&name)).unwrap();
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
}

/// Every file below `root` but for the quarantine.
pub(crate) fn tree(root: &Path) -> Tree {
    let mut all = Tree::new();
    walk(root, root, &mut |name, path| {
        if path.is_file() {
            all.insert(name, fs::read(path).unwrap());
        }
    });
    all
}

/// Every directory below `root` but for the quarantine.
pub(crate) fn dirs(root: &Path) -> Vec<String> {
    let mut all = Vec::new();
    walk(root, root, &mut |name, path| {
        if path.is_dir() {
            all.push(name);
        }
    });
    all.sort();
    all
}

fn walk(root: &Path, dir: &Path, visit: &mut dyn FnMut(String, &Path)) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if name == mend::QUARANTINE {
            continue;
        }
        visit(name, &path);
        if path.is_dir() {
            walk(root, &path, visit);
        }
    }
}

/// The present, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "real servers run by the real clock")]
    let now = formats::UnixTime::from(std::time::SystemTime::now());
    i64::try_from(now.nanos() / 1_000_000).unwrap()
}

/// When the samples of these logs begin: so that they end a few minutes ago, and a server takes new ones behind them.
#[derive(Clone, Copy)]
pub(crate) struct Begin(pub(crate) i64);

impl Begin {
    pub(crate) fn recently() -> Self {
        Self::hours_before(0)
    }

    /// So that they end a few minutes and so many hours ago.
    pub(crate) fn hours_before(hours: i64) -> Self {
        let now = now();
        Self(now - now % STEP - 5 * SCRAPES * STEP - 120_000 - hours * 3_600_000)
    }

    /// Segments 0 to 4 with everything in them.
    pub(crate) fn plain(self, compression: Compression) -> Dir {
        let dir = Dir::new();
        for segment in 0..5 {
            let mut pages = Pages::default();
            if segment == 0 {
                declare(&mut pages, 1..=SERIES / 2);
                declare(&mut pages, SERIES / 2 + 1..=SERIES);
            }
            self.measure(&mut pages, segment, compression);
            dir.write(&name(segment), &closed(pages));
        }
        dir
    }

    /// The same samples, where the first two segments have become a checkpoint of two files.
    pub(crate) fn with_checkpoint(self) -> Dir {
        let dir = self.plain(Compression::None);
        let mut pages = Pages::default();
        declare(&mut pages, 1..=SERIES / 2);
        declare(&mut pages, SERIES / 2 + 1..=SERIES);
        self.measure(&mut pages, 0, Compression::None);
        dir.write("wal/checkpoint.00000001/00000000", &closed(pages));
        let mut pages = Pages::default();
        self.measure(&mut pages, 1, Compression::None);
        dir.write("wal/checkpoint.00000001/00000001", &closed(pages));
        dir.remove(&name(0));
        dir.remove(&name(1));
        dir
    }

    /// Late samples of ten series: between the samples of the log, in two files.
    pub(crate) fn add_late(self, dir: &Dir) {
        for file in 0..3_i64 {
            let mut pages = Pages::default();
            if file == 0 {
                let markers = (1..=10).map(|number| Marker { series: SeriesRef(number), chunk: 0 }).collect();
                pages.log(&encoded(&Record::Markers(markers)), Compression::None);
            }
            for scrape in file * 8..(file + 1) * 8 {
                pages.log(&samples(10, self.0 + scrape * STEP + 5000), Compression::None);
            }
            dir.write(&format!("wbl/{file:08}"), &closed(pages));
        }
    }

    /// One record of samples for each scrape of a segment.
    pub(crate) fn measure(self, pages: &mut Pages, segment: i64, compression: Compression) {
        for scrape in segment * SCRAPES..(segment + 1) * SCRAPES {
            pages.log(&samples(SERIES, self.0 + scrape * STEP), compression);
        }
    }
}

/// The path of a segment below the data directory.
pub(crate) fn name(segment: i64) -> String {
    format!("wal/{segment:08}")
}

/// The bytes of a segment that was closed.
pub(crate) fn closed(mut pages: Pages) -> Vec<u8> {
    pages.close();
    pages.bytes().to_vec()
}

/// Declares series in one record.
pub(crate) fn declare(pages: &mut Pages, numbers: std::ops::RangeInclusive<u64>) {
    let all: Vec<_> = numbers.clone().map(labels).collect();
    let series = numbers.zip(&all);
    let series = series.map(|(number, pairs)| Series {
        series: SeriesRef(number),
        labels: Labels::of_pairs(pairs).unwrap(),
    });
    pages.log(&encoded(&Record::Series(series.collect())), Compression::None);
}

fn labels(number: u64) -> Vec<u8> {
    let number = number.to_string();
    Labels::write_pairs([(&b"__name__"[..], &b"sound"[..]), (b"number", number.as_bytes())])
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
