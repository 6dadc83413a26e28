//! Logs of any size and blocks of any time, written by the server's own code through `promtool`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{DriveError, Prometheus};

/// How much to write.
#[derive(Clone, Copy, Debug)]
pub struct BenchSize {
    /// How many series.
    pub series: u32,
    /// How many samples each of them gets; the tool rounds up to a multiple of 100.
    pub scrapes: u32,
}

impl Prometheus {
    /// Writes a data directory with a log, by the code of this version, below `out`; answers with the directory.
    ///
    /// The tool first removes `out` and all that is in it.
    pub fn bench_write(&self, out: &Path, size: BenchSize) -> Result<PathBuf, DriveError> {
        let home =
            TempDir::new().map_err(DriveError::machine("make a directory for the series to be read"))?;
        let input = home.path().join("series.json");
        fs::write(&input, label_sets(size.series))
            .map_err(DriveError::machine("write the series to be read"))?;
        let mut tool = self.peer.command("usr/bin/promtool");
        tool.args(["tsdb", "bench", "write"])
            .arg(format!("--out={}", out.display()))
            .arg(format!("--metrics={}", size.series))
            .arg(format!("--scrapes={}", size.scrapes))
            .arg(&input);
        finish(&mut tool)?;
        Ok(out.join("storage"))
    }

    /// Writes samples, given in the text format of OpenMetrics, as blocks into a data directory, by the code of this
    /// version.
    pub fn write_blocks(&self, openmetrics: &str, data: &Path) -> Result<(), DriveError> {
        let home =
            TempDir::new().map_err(DriveError::machine("make a directory for the samples to be read"))?;
        let input = home.path().join("samples.om");
        fs::write(&input, openmetrics).map_err(DriveError::machine("write the samples to be read"))?;
        let mut tool = self.peer.command("usr/bin/promtool");
        tool.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&input).arg(data);
        finish(&mut tool).map(drop)
    }

    /// Runs `promtool tsdb` with a command on a data directory, and answers with what it prints.
    pub fn tsdb(&self, command: &str, data: &Path) -> Result<String, DriveError> {
        // Some versions make a temporary directory below one of this name.
        let home = TempDir::new().map_err(DriveError::machine("make a directory for promtool"))?;
        fs::create_dir(home.path().join("data"))
            .map_err(DriveError::machine("make a directory for promtool"))?;
        let mut tool = self.peer.command("usr/bin/promtool");
        finish(tool.args(["tsdb", command]).arg(data).current_dir(home.path()))
    }
}

/// Runs `promtool` to its end, and answers with what it prints.
fn finish(tool: &mut Command) -> Result<String, DriveError> {
    let run = tool.output().map_err(DriveError::machine("start promtool"))?;
    if run.status.success() {
        return Ok(String::from_utf8_lossy(&run.stdout).into_owned());
    }
    let log = String::from_utf8_lossy(&run.stderr).into_owned();
    Err(DriveError::Ended { name: "promtool".to_owned(), status: run.status, log })
}

/// The tool's input: one label set as flat JSON on each line. A few names, as in real scrapes, and many instances.
fn label_sets(series: u32) -> String {
    let line = |number: u32| {
        let (name, instance) = (number % 100, number / 100);
        let zone = instance % 3;
        format!(
            r#"{{"__name__":"bench_metric_{name}","instance":"host-{instance}","job":"bench","zone":"zone-{zone}"}}"#
        )
    };
    let lines: Vec<String> = (0..series).map(line).collect();
    lines.join("\n")
}
