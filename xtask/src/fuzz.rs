//! `fuzz`: runs the fuzz targets for a while.

use crate::command::{Failure, Outcome};

/// `cargo xtask fuzz`.
pub(crate) fn run(words: &[&str]) -> Outcome {
    Err(Failure::Usage(format!("fuzz: `{}` is not a target", words.join(" "))))
}
