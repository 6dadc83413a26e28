//! `bench peers-replay DIR`: what a start on this log costs each Prometheus, in time and in memory.
//!
//! Each server gets a copy of its own, since a start repairs, truncates and compacts. The series that it then has in
//! memory stand beside the cost: a server that gave up in the middle of the log is quick, too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use testkit::prometheus::{DriveError, Prometheus};

use crate::command::{Failure, Outcome};
use crate::workspace::target;

/// Servers have been seen to replay for an hour. Beyond this, somebody forgot that the benchmark runs.
const PATIENCE: Duration = Duration::from_hours(4);

const HEAD: &str = "version    replay s    ready s   peak MiB       series   corruptions";

/// Runs the benchmark on `given`: a data directory, or a directory of segments.
pub(crate) fn run(given: &Path) -> Outcome {
    let versions = Prometheus::versions();
    if versions.is_empty() {
        return Err(Failure::Work("no Prometheus is here; run cargo xtask peers".to_owned()));
    }
    println!("{HEAD}");
    for prometheus in &versions {
        let copy = Copy::of(given)?;
        match measure(prometheus, &copy.data) {
            Ok(figures) => println!("{:<8} {figures}", prometheus.version()),
            Err(cause) => println!("{:<8} {cause}", prometheus.version()),
        }
    }
    Ok(())
}

/// What one start cost. What cannot be known is `None`, never a zero.
pub(crate) struct Figures {
    pub(crate) replay_seconds: Option<f64>,
    ready_seconds: f64,
    pub(crate) peak_bytes: Option<u64>,
    series: Option<f64>,
    corruptions: Option<f64>,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let or_dash = |figure: Option<String>| figure.unwrap_or_else(|| "-".to_owned());
        let count = |figure: Option<f64>| or_dash(figure.map(|figure| format!("{figure:.0}")));
        write!(
            f,
            "{:>10} {:>10.3} {:>10} {:>12} {:>13}",
            or_dash(self.replay_seconds.map(|seconds| format!("{seconds:.3}"))),
            self.ready_seconds,
            or_dash(self.peak_bytes.map(|bytes| format!("{:.0}", bytes as f64 / 1_048_576.0))),
            count(self.series),
            count(self.corruptions),
        )
    }
}

/// Starts one server on a copy of `given` and reads what it cost.
pub(crate) fn measure_copy(prometheus: &Prometheus, given: &Path) -> Result<Figures, Failure> {
    let copy = Copy::of(given)?;
    measure(prometheus, &copy.data)
        .map_err(|cause| Failure::Work(format!("prometheus {}: {cause}", prometheus.version())))
}

fn measure(prometheus: &Prometheus, data: &Path) -> Result<Figures, DriveError> {
    let server = prometheus.on(data).within(PATIENCE).start()?;
    let figures = Figures {
        replay_seconds: server.replay().map(|replay| replay.total.as_secs_f64()),
        ready_seconds: server.ready_after().as_secs_f64(),
        peak_bytes: server.peak_memory(),
        series: server.metric("prometheus_tsdb_head_series"),
        corruptions: server.metric("prometheus_tsdb_wal_corruptions_total"),
    };
    server.stop()?;
    Ok(figures)
}

/// A data directory to be spoilt. It lies below `target`, on a real disk, and is removed in the end.
pub(crate) struct Copy {
    data: PathBuf,
}

impl Copy {
    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.data
    }

    /// Copies a data directory, or a directory of segments.
    pub(crate) fn of(given: &Path) -> Result<Self, Failure> {
        let copy = Self { data: target().join("bench").join(format!("peers-replay-{}", std::process::id())) };
        let broken = |cause| Failure::Work(format!("could not copy {}: {cause}", given.display()));
        let segments_only = !given.join("wal").is_dir();
        let to = if segments_only { copy.data.join("wal") } else { copy.data.clone() };
        copy_folder(given, &to).map_err(broken)?;
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Err(cause) = fs::remove_dir_all(&self.data) {
            eprintln!("could not remove {}: {cause}", self.data.display());
        }
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}
