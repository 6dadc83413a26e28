//! Changes to logs of Prometheus, and of programs that frame theirs alike.
//!
//! * [`Repair`] keeps what is good on both sides of any damage.
//! * [`Drain`] moves the old part of a log into blocks: nothing is lost, and the next start is quick and small.
//! * [`Trim`] drops it.

mod cut;
mod repair;

pub use cut::drain::{Cut, Drain};
pub use cut::trim::{Trim, TrimTo};
pub use repair::Repair;

use std::path::Path;

use crate::MendError;

/// Names in a directory of which `wanted` says so, sorted.
fn names_in(dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, MendError> {
    let entries = std::fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(MendError::io("list", dir))?;
    let names = entries.into_iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| wanted(name)).collect();
    names.sort();
    Ok(names)
}
