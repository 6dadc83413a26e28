//! Logs of Prometheus whose content is known.

use std::fs;
use std::path::Path;

use formats::prometheus::record::{Labels, Point, Record, Series, SeriesRef};
use formats::prometheus::{Compression, Pages};

/// Series in the log.
pub(crate) const SERIES: u64 = 20;
/// Scrapes in each of its three segments.
pub(crate) const SCRAPES: i64 = 30;
/// 2026-01-01T00:00:00Z.
pub(crate) const BEGIN: i64 = 1_767_225_600_000;
/// Scrape interval.
pub(crate) const STEP: i64 = 15_000;

/// Writes a log of three segments into the data directory at `data`.
pub(crate) fn write(data: &Path) {
    write_every(STEP, data);
}

/// The same with scrapes so far apart that the log covers nine hours.
pub(crate) fn write_long(data: &Path) {
    write_every(6 * 60_000, data);
}

fn write_every(step: i64, data: &Path) {
    fs::create_dir_all(data.join("wal")).unwrap();
    for segment in 0..3 {
        let mut pages = Pages::default();
        if segment == 0 {
            declare(&mut pages);
        }
        for scrape in segment * SCRAPES..(segment + 1) * SCRAPES {
            measure(&mut pages, BEGIN + scrape * step);
        }
        pages.close();
        fs::write(data.join(format!("wal/{segment:08}")), pages.bytes()).unwrap();
    }
}

fn declare(pages: &mut Pages) {
    let name = |number: u64| {
        let number = number.to_string();
        Labels::write_pairs([(&b"__name__"[..], &b"known"[..]), (b"number", number.as_bytes())])
    };
    let names: Vec<_> = (1..=SERIES).map(name).collect();
    let series = (1..=SERIES).zip(&names).map(|(number, pairs)| Series {
        series: SeriesRef(number),
        labels: Labels::of_pairs(pairs).unwrap(),
    });
    log(pages, &Record::Series(series.collect()));
}

fn measure(pages: &mut Pages, time: i64) {
    let point = |number| Point { series: SeriesRef(number), time, value: number as f64 };
    log(pages, &Record::Samples((1..=SERIES).map(point).collect()));
}

fn log(pages: &mut Pages, record: &Record<'_>) {
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    pages.log(&bytes, Compression::None);
}
