//! The logs that benchmarks run on: made once, by the product's own encoder, and taken by the real servers.

use std::path::PathBuf;

use testkit::prometheus::{BenchSize, Prometheus};

use crate::command::Failure;
use crate::workspace::{cargo, output, target};

/// What a log holds.
#[derive(Clone, Copy)]
pub(crate) struct Recipe {
    /// Name of its directory.
    pub(crate) name: &'static str,
    shape: &'static str,
    series: u32,
    scrapes: u32,
    compression: &'static str,
    /// Seconds between two scrapes.
    interval: u32,
}

const fn recipe(
    name: &'static str,
    shape: &'static str,
    series: u32,
    scrapes: u32,
    compression: &'static str,
) -> Recipe {
    Recipe { name, shape, series, scrapes, compression, interval: 15 }
}

/// Thirty million samples of a hundred thousand series, in each compression.
pub(crate) const LARGE: [Recipe; 3] = [
    recipe("steady-snappy", "steady", 100_000, 300, "snappy"),
    recipe("steady-zstd", "steady", 100_000, 300, "zstd"),
    recipe("steady-none", "steady", 100_000, 300, "none"),
];

/// Small and large, many series and many samples, churn and native histograms.
pub(crate) const SHAPES: [Recipe; 9] = [
    recipe("few", "steady", 1_000, 480, "snappy"),
    recipe("steady-small", "steady", 10_000, 480, "snappy"),
    recipe("steady-snappy", "steady", 100_000, 300, "snappy"),
    recipe("series-short", "steady", 200_000, 30, "snappy"),
    recipe("series-many", "steady", 600_000, 10, "snappy"),
    recipe("churn", "churn", 50_000, 240, "snappy"),
    recipe("churn-fast", "churn", 200_000, 60, "snappy"),
    recipe("histograms", "histograms", 10_000, 240, "snappy"),
    recipe("histograms-many", "histograms", 30_000, 120, "snappy"),
];

/// Logs that have not been cut for hours, as after a crash loop: forty million samples of a hundred thousand series in
/// seven hours, thirty million of a million series in five, and native histograms.
pub(crate) const OLD: [Recipe; 3] = [
    recipe("old-samples", "steady", 100_000, 400, "snappy").every(60),
    recipe("old-series", "steady", 1_000_000, 30, "snappy").every(600),
    recipe("old-histograms", "histograms", 10_000, 400, "snappy").every(60),
];

/// Forty million samples of a hundred thousand series, written by the newest server's own code; `None` without one.
pub(crate) fn by_server() -> Result<Option<PathBuf>, Failure> {
    let Some(newest) = Prometheus::versions().pop() else { return Ok(None) };
    let out = target().join("bench").join("by-server");
    let data = out.join("storage");
    if data.join("wal").is_dir() && out.join("finished").is_file() {
        return Ok(Some(data));
    }
    let broken = |cause: String| Failure::Work(format!("could not have a log written: {cause}"));
    let size = BenchSize { series: 100_000, scrapes: 400 };
    newest.bench_write(&out, size).map_err(|cause| broken(cause.to_string()))?;
    std::fs::write(out.join("finished"), newest.version()).map_err(|cause| broken(cause.to_string()))?;
    Ok(Some(data))
}

impl Recipe {
    /// The same with another scrape interval.
    const fn every(self, interval: u32) -> Self {
        Self { interval, ..self }
    }

    /// The log's data directory, made if it is not there yet.
    pub(crate) fn make(self) -> Result<PathBuf, Failure> {
        let dir = target().join("bench").join(self.name);
        if dir.join("wal").is_dir() {
            return Ok(dir);
        }
        // Beside its place first: a log that was interrupted must not pass for a finished one.
        let unfinished = target().join("bench").join(format!("{}.unfinished", self.name));
        let broken = |cause: String| Failure::Work(format!("could not make the log {}: {cause}", self.name));
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished).map_err(|cause| broken(cause.to_string()))?;
        }
        let mut make =
            cargo(["run", "--quiet", "--release", "--package", "formats", "--example", "make_wal", "--"]);
        make.arg(&unfinished).args([
            self.shape,
            &self.series.to_string(),
            &self.scrapes.to_string(),
            self.compression,
            &self.interval.to_string(),
        ]);
        output(&mut make).map_err(broken)?;
        #[expect(clippy::disallowed_methods, reason = "a log of a benchmark need not survive a crash")]
        std::fs::rename(&unfinished, &dir).map_err(|cause| broken(cause.to_string()))?;
        Ok(dir)
    }
}
