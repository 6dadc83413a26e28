//! How fast a Prometheus WAL is verified, beside the raw limit of the same bytes and the same crates.
//!
//! The raw limit is a bare loop on one core: read, walk the fragments, CRC-32C, decompress, nothing else. Every
//! figure is the median of interleaved runs, so that a drift of the machine hits all alike.
//!
//! `cargo bench -p formats --bench verify -- DIR [RUNS]`; `cargo xtask bench verify` makes the logs and adds the
//! real servers.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod bare;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use formats::{Depth, Order, UnixTime, detect, survey};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let Some(dir) = words.first() else {
        println!("verify: no directory given; `cargo xtask bench verify` makes one");
        return;
    };
    let runs = words.get(1).and_then(|runs| runs.parse().ok()).unwrap_or(7);
    let root = PathBuf::from(dir);
    // First of all, so that the peak is that of verifying and of nothing else.
    verify(&root, 2, Depth::Bytes);
    println!("verify, two cores    {} at its peak", peak_memory());
    let mut timings: [Vec<f64>; 4] = Default::default();
    for _ in 0..runs {
        timings[0].push(time(|| bare::run(&root.join("wal"))));
        timings[1].push(time(|| verify(&root, 1, Depth::Bytes)));
        timings[2].push(time(|| verify(&root, 2, Depth::Bytes)));
        timings[3].push(time(|| verify(&root, 1, Depth::Contents { top: 10 })));
    }
    let [bare, one, two, contents] = timings.map(median);
    let bytes = bytes_in(&root.join("wal")) as f64;
    for (name, seconds) in [
        ("bare loop, one core", bare),
        ("verify, one core", one),
        ("verify, two cores", two),
        ("inspect, one core", contents),
    ] {
        println!(
            "{name:<20} {seconds:.4} s  {:6.3} GB/s  {:.2} of the bare loop",
            bytes / seconds / 1e9,
            bare / seconds
        );
    }
}

fn time(work: impl FnOnce() -> u64) -> f64 {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed().as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

fn verify(root: &Path, workers: usize, depth: Depth) -> u64 {
    let log = detect(root, None).expect("a log");
    let workers = NonZeroUsize::new(workers).expect("not zero");
    let survey = survey(log.as_ref(), &Order::new(depth, UnixTime::from_seconds(0)).workers(workers));
    assert!(survey.damage.is_empty(), "the log is sound");
    survey.samples.unwrap_or(0)
}

/// The most memory that this process has held.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(|| "unknown memory".to_owned(), |peak| peak.trim().to_owned())
}

fn bytes_in(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).expect("a directory");
    files.filter_map(|file| file.ok()?.metadata().ok()).map(|metadata| metadata.len()).sum()
}
