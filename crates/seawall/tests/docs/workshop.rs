//! Where the commands of the documents run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::blocks::repository;
use crate::sample;

/// The logs that the documents speak of lie here, below the repository.
const CORPUS: &str = "crates/formats/tests/corpus/prometheus";

/// A directory with `data`, `damaged`, `events`, `worker` and `app.log` in it.
pub(crate) struct Workshop(TempDir);

impl Workshop {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (log, name) in [("sound", "data"), ("flipped-byte", "damaged")] {
            copy(&repository().join(CORPUS).join(log), &dir.path().join(name));
        }
        sample::write(&dir.path().join("events"));
        sample::write_worker(&dir.path().join("worker"));
        fs::write(dir.path().join("app.log"), "started\nready\n").unwrap();
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// A shell in `dir` that finds the binary as `seawall`, with an environment that is the same everywhere.
pub(crate) fn shell(dir: &Path, line: &str) -> Command {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_seawall"));
    let mut path = binary.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(dir).env_clear().env("PATH", path).env("LC_ALL", "C.UTF-8");
    shell.env("SEAWALL_JOURNAL_DIR", "events").env("SEAWALL_JOURNAL_SEGMENT_SIZE", "64KiB");
    shell
}
