//! `bench mend`: what draining a log takes, in time and in memory, beside the servers' own replay of the same log.

use std::path::Path;

use testkit::prometheus::Prometheus;

use super::logs::{OLD, Recipe};
use super::peers_replay::{Copy, measure_copy};
use crate::command::{Failure, Outcome};
use crate::workspace::{cargo, output};

const HEAD: &str = "log              who              seconds   peak MiB   of the server's";

/// Drains every log, and starts every server on the same log as it was.
pub(crate) fn run() -> Outcome {
    println!("{HEAD}");
    for recipe in OLD {
        let dir = recipe.make()?;
        let drained = Figures::of_drain(&dir)?;
        drained.show(recipe, "drain");
        for prometheus in Prometheus::versions() {
            let replay = Figures::of_replay(&prometheus, &dir)?;
            replay.show(recipe, &format!("replay by {}", prometheus.version()));
            let percent = |one: f64, other: f64| 100.0 * one / other;
            println!(
                "{:<51} {:.0} % of its time, {:.0} % of its memory",
                "",
                percent(drained.seconds, replay.seconds),
                percent(drained.peak, replay.peak)
            );
        }
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
    /// Drains a copy, plan and all.
    fn of_drain(dir: &Path) -> Result<Self, Failure> {
        let copy = Copy::of(dir)?;
        let mut drain =
            cargo(["run", "--quiet", "--release", "--package", "mend", "--example", "drain", "--"]);
        let told = output(drain.arg(copy.path())).map_err(Failure::Work)?;
        let number = |before: &str| {
            let behind = told.lines().last()?.split_once(before)?.1;
            behind.split_whitespace().next()?.parse::<f64>().ok()
        };
        let figures = number("all ").zip(number("peak ")).map(|(seconds, peak)| Self { seconds, peak });
        figures.ok_or_else(|| Failure::Work(format!("drain told no figures: {told}")))
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
