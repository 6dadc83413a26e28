//! `bench ship`: delivery to a server on this machine, beside a bare loop that only sends.

use crate::command::Outcome;
use crate::workspace::{self, cargo};

/// Runs it and prints the table as it stands in `docs/performance.md`.
pub(crate) fn run() -> Outcome {
    workspace::run(&mut cargo(["bench", "--quiet", "--package", "ship", "--bench", "delivery"]))
}
