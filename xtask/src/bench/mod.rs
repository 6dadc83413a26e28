//! `bench`: figures that anyone can measure again.

use crate::command::{Failure, Outcome};

/// `cargo xtask bench NAME`.
pub(crate) fn run(words: &[&str]) -> Outcome {
    Err(Failure::Usage(format!("bench: `{}` is not a benchmark", words.join(" "))))
}
