//! Writes a Prometheus WAL of a given shape, as the real server would: for benchmarks and for calibrating forecasts.
//!
//! `cargo run --release -p formats --example make_wal -- DIR SHAPE SERIES SCRAPES COMPRESSION [SECONDS]`
//!
//! * SHAPE: `steady` (every series in every scrape), `churn` (a tenth of the series is replaced every ten
//!   scrapes), `histograms` (every series is a native histogram)
//! * COMPRESSION: `none`, `snappy`, `zstd`
//!
//! Values are mixed like those of real exporters: 60 % integer counters, 20 % small gauges, 20 % decimals.
//! Scrapes are 15 s apart, or as many as are given, and end an hour before the first of January 2026, so that no server drops them.

#![expect(clippy::print_stdout, reason = "a command-line example")]

mod shape;

use std::fs;
use std::path::{Path, PathBuf};

use formats::prometheus::record::Record;
use formats::prometheus::{Compression, Pages};

use shape::Shape;

/// The server's own default.
const SEGMENT: usize = 128 * 1024 * 1024;

/// Samples in one record: a scrape of a large target.
const RECORD: usize = 1000;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [dir, shape, series, scrapes, compression, seconds @ ..] = words.as_slice() else {
        println!("usage: make_wal DIR steady|churn|histograms SERIES SCRAPES none|snappy|zstd [SECONDS]");
        return;
    };
    let number = |word: &String| word.parse::<u64>().expect("a number");
    let compression = match compression.as_str() {
        "none" => Compression::None,
        "snappy" => Compression::Snappy,
        "zstd" => Compression::Zstd,
        other => panic!("{other} is no compression"),
    };
    let mut shape = Shape::named(shape, number(series)).expect("a shape");
    if let Some(seconds) = seconds.first() {
        shape.scrape_every(number(seconds));
    }
    let mut wal = Wal::create(Path::new(dir), compression);
    for scrape in 0..number(scrapes) {
        shape.declare(scrape, |record| wal.log(&record));
        shape.measure(scrape, RECORD, |record| wal.log(&record));
    }
    wal.flush();
    println!("{} records in {} segments under {dir}/wal", wal.records, wal.segment);
}

/// A WAL directory that is being filled.
struct Wal {
    dir: PathBuf,
    pages: Pages,
    compression: Compression,
    segment: usize,
    records: u64,
    encoded: Vec<u8>,
}

impl Wal {
    fn create(data: &Path, compression: Compression) -> Self {
        let dir = data.join("wal");
        fs::create_dir_all(&dir).expect("a directory");
        Self { dir, pages: Pages::default(), compression, segment: 0, records: 0, encoded: Vec::new() }
    }

    fn log(&mut self, record: &Record<'_>) {
        self.encoded.clear();
        record.encode(&mut self.encoded);
        if self.pages.bytes().len() + self.encoded.len() > SEGMENT {
            self.flush();
        }
        self.pages.log(&self.encoded, self.compression);
        self.records += 1;
    }

    fn flush(&mut self) {
        let mut pages = std::mem::take(&mut self.pages);
        pages.close();
        fs::write(self.dir.join(format!("{:08}", self.segment)), pages.bytes()).expect("room on the disk");
        self.segment += 1;
    }
}
