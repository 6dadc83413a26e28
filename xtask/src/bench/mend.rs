//! `bench mend`: what draining and repairing a log take, in time and in memory, beside the servers' own replay of it.
//!
//! The repaired copy has one flipped byte in the middle of each segment. Reading, planning, writing and syncing all
//! count.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use testkit::prometheus::Prometheus;

use super::logs::{OLD, Recipe};
use super::peers_replay::{Copy, measure_copy};
use crate::command::{Failure, Outcome};
use crate::workspace::{cargo, output};

const HEAD: &str = "log              who              seconds   peak MiB";

/// Drains and repairs every log, and starts every server on the same log as it was.
pub(crate) fn run() -> Outcome {
    println!("{HEAD}");
    for recipe in OLD {
        let dir = recipe.make()?;
        let mended = [("drain", Figures::of("drain", &dir)?), ("repair", Figures::of("repair", &dir)?)];
        for (who, figures) in &mended {
            figures.show(recipe, who);
        }
        for prometheus in Prometheus::versions() {
            let replay = Figures::of_replay(&prometheus, &dir)?;
            replay.show(recipe, &format!("replay by {}", prometheus.version()));
            for (who, figures) in &mended {
                let percent = |one: f64, other: f64| 100.0 * one / other;
                println!(
                    "{:>51} {who} takes {:.0} % of its time, {:.0} % of its memory",
                    "",
                    percent(figures.seconds, replay.seconds),
                    percent(figures.peak, replay.peak)
                );
            }
        }
    }
    Ok(())
}

/// Flips a byte in the middle of each segment.
fn harm(data: &Path) -> Outcome {
    let broken = |cause: std::io::Error| Failure::Work(format!("could not harm {}: {cause}", data.display()));
    for entry in fs::read_dir(data.join("wal")).map_err(broken)? {
        let file = OpenOptions::new().read(true).write(true).open(entry.map_err(broken)?.path());
        let file = file.map_err(broken)?;
        let middle = file.metadata().map_err(broken)?.len() / 2;
        let mut byte = [0];
        let flip = file.read_exact_at(&mut byte, middle).and_then(|()| {
            let [byte] = byte;
            file.write_all_at(&[byte ^ 1], middle)
        });
        flip.map_err(broken)?;
    }
    Ok(())
}

/// What something took.
struct Figures {
    seconds: f64,
    /// In MiB.
    peak: f64,
}

impl Figures {
    /// Does it to a copy, plan and all.
    fn of(action: &str, dir: &Path) -> Result<Self, Failure> {
        let copy = Copy::of(dir)?;
        if action == "repair" {
            harm(copy.path())?;
        }
        let mut mend = cargo(["run", "--quiet", "--release", "--package", "mend", "--example", "mend", "--"]);
        let told = output(mend.arg(action).arg(copy.path())).map_err(Failure::Work)?;
        let number = |before: &str| {
            let behind = told.lines().last()?.split_once(before)?.1;
            behind.split_whitespace().next()?.parse::<f64>().ok()
        };
        let figures = number("all ").zip(number("peak ")).map(|(seconds, peak)| Self { seconds, peak });
        figures.ok_or_else(|| Failure::Work(format!("{action} told no figures: {told}")))
    }

    fn of_replay(prometheus: &Prometheus, dir: &Path) -> Result<Self, Failure> {
        let figures = measure_copy(prometheus, dir)?;
        let both = figures.replay_seconds.zip(figures.peak_bytes);
        let both = both.map(|(seconds, bytes)| Self { seconds, peak: bytes as f64 / 1_048_576.0 });
        both.ok_or_else(|| Failure::Work(format!("prometheus {} told no replay", prometheus.version())))
    }

    fn show(&self, recipe: Recipe, who: &str) {
        println!("{:<16} {who:<16} {:>7.2} {:>10.0}", recipe.name, self.seconds, self.peak);
    }
}
