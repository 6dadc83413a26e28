//! `bench proxy`: the proxy beside nginx and `HAProxy` and beside the service itself: reads that pass through, durable
//! writes, and memory. The program is the one that is shipped; what is measured stands in `crates/proxy/benches/rivals`.

use crate::command::{Failure, Outcome};
use crate::peers;
use crate::workspace::{cargo, run as run_shown, target};

/// Names the disk that is measured.
const DIRECTORY: &str = "SEAWALL_BENCH_DIR";

/// Prints tables as they stand in `docs/performance.md`.
pub(crate) fn run() -> Outcome {
    peers::proxies();
    run_shown(&mut cargo(["build", "--quiet", "--release", "--package", "seawall"]))?;
    let directory = std::env::var_os(DIRECTORY).map_or_else(|| target().join("bench"), Into::into);
    std::fs::create_dir_all(&directory)
        .map_err(|cause| Failure::Work(format!("could not make {}: {cause}", directory.display())))?;
    let mut rivals = cargo(["bench", "--quiet", "--package", "proxy", "--bench", "rivals"]);
    rivals.env(DIRECTORY, directory).env("SEAWALL_BENCH_PROGRAM", target().join("release/seawall"));
    run_shown(&mut rivals)
}
