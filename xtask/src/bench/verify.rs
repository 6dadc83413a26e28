//! `bench verify`: how fast a log is verified, beside the raw limit of the machine and the servers' own replay.

use std::path::Path;

use testkit::prometheus::Prometheus;

use super::logs::{LARGE, by_server};
use super::peers_replay::measure_copy;
use crate::command::{Failure, Outcome};
use crate::workspace::{self, cargo};

/// Runs the benchmark on the same samples in each compression, and on a log that a real server's code has written.
pub(crate) fn run() -> Outcome {
    for recipe in LARGE {
        measure(recipe.name, &recipe.make()?)?;
    }
    if let Some(dir) = by_server()? {
        measure("by-server", &dir)?;
    }
    println!("\nA server that does not know a compression finds no series: its replay is no measure then.");
    Ok(())
}

fn measure(name: &str, dir: &Path) -> Outcome {
    println!("\n{name}");
    let mut bench = cargo(["bench", "--quiet", "--package", "formats", "--bench", "verify", "--"]);
    workspace::run(bench.arg(dir))?;
    for prometheus in Prometheus::versions() {
        let figures = measure_copy(&prometheus, dir)?;
        let (Some(seconds), Some(peak)) = (figures.replay_seconds, figures.peak_bytes) else {
            return Err(Failure::Work(format!("prometheus {} told no replay", prometheus.version())));
        };
        let name = format!("replay by {}", prometheus.version());
        println!("{name:<20} {seconds:.4} s  {:>6} MiB at its peak", peak / 1_048_576);
    }
    Ok(())
}
