//! `bench forecast`: what the forecast of a start says, and what the start then takes.

use std::path::Path;

use testkit::prometheus::Prometheus;

use super::logs::SHAPES;
use super::peers_replay::{Figures, measure_copy};
use crate::command::{Failure, Outcome};
use crate::workspace::{cargo, output};

const HEAD: &str = "log              version   replay s  forecast   off    peak MiB  forecast   off";

/// Runs every shape of log through every server.
pub(crate) fn run() -> Outcome {
    println!("{HEAD}");
    for recipe in SHAPES {
        let dir = recipe.make()?;
        let forecast = Forecast::of(&dir)?;
        for prometheus in Prometheus::versions() {
            let figures = measure_copy(&prometheus, &dir)?;
            println!("{:<16} {:<8} {}", recipe.name, prometheus.version(), forecast.beside(&figures));
        }
    }
    println!("\n`off` is forecast over measured, less one: above zero the forecast was high.");
    Ok(())
}

/// What `seawall inspect` forecasts.
struct Forecast {
    replay_seconds: f64,
    memory_bytes: f64,
}

impl Forecast {
    fn of(dir: &Path) -> Result<Self, Failure> {
        let mut inspect =
            cargo(["run", "--quiet", "--release", "--package", "seawall", "--", "inspect", "--json"]);
        let json = output(inspect.arg(dir)).map_err(Failure::Work)?;
        let told: serde_json::Value = serde_json::from_str(&json)
            .map_err(|cause| Failure::Work(format!("inspect told no JSON: {cause}")))?;
        let number = |name: &str| {
            let number = told.pointer(&format!("/estimate/{name}")).and_then(serde_json::Value::as_f64);
            number.ok_or_else(|| Failure::Work(format!("inspect forecast no {name} for {}", dir.display())))
        };
        Ok(Self { replay_seconds: number("replay_seconds")?, memory_bytes: number("memory_bytes")? })
    }

    fn beside(&self, figures: &Figures) -> String {
        const MIB: f64 = 1_048_576.0;
        let off = |forecast: f64, measured: f64| format!("{:+.0}%", (forecast / measured - 1.0) * 100.0);
        let time = figures.replay_seconds.map_or("         -         -     -".to_owned(), |seconds| {
            format!("{seconds:>9.2} {:>9.2} {:>5}", self.replay_seconds, off(self.replay_seconds, seconds))
        });
        let memory = figures.peak_bytes.map_or("         -         -     -".to_owned(), |bytes| {
            let bytes = bytes as f64;
            let (peak, forecast) = (bytes / MIB, self.memory_bytes / MIB);
            format!("{peak:>11.0} {forecast:>9.0} {:>5}", off(self.memory_bytes, bytes))
        });
        format!("{time} {memory}")
    }
}
