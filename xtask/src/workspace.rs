//! Where the workspace lies, and its cargo.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::command::{Failure, Outcome};

/// The directory that holds the workspace's manifest.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// The directory for everything that is built, fetched or measured.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// The cargo that runs this program, at the workspace's root.
pub(crate) fn cargo<const N: usize>(words: [&str; N]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(program);
    cargo.args(words).current_dir(root());
    cargo
}

/// Runs a program on this terminal and waits for it.
pub(crate) fn run(program: &mut Command) -> Outcome {
    let shown = shown(program);
    println!("== {shown}");
    match program.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Work(format!("`{shown}` failed: {status}"))),
        Err(cause) => Err(Failure::Work(format!("could not start `{shown}`: {cause}"))),
    }
}

/// Runs a program unseen and answers with its standard output; a failure carries what it said on standard error.
pub(crate) fn output(program: &mut Command) -> Result<String, String> {
    ended(program).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The same with what it said on standard error behind it.
pub(crate) fn said(program: &mut Command) -> Result<String, String> {
    let output = ended(program)?;
    Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn ended(program: &mut Command) -> Result<Output, String> {
    let shown = shown(program);
    let output = program.output().map_err(|cause| format!("could not start `{shown}`: {cause}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // apt names the cause in its first error; what follows are consequences. Others end with the cause.
    let first = said.lines().find(|line| line.starts_with("E: "));
    let cause = first.or_else(|| said.lines().rfind(|line| !line.trim().is_empty())).unwrap_or("no message");
    Err(format!("`{shown}` failed: {cause}"))
}

/// The program's file name and its words, as one would type them.
pub(crate) fn shown(program: &Command) -> String {
    let name = Path::new(program.get_program()).file_name().unwrap_or(program.get_program());
    let words = program.get_args().map(|word| word.to_string_lossy().into_owned());
    std::iter::once(name.to_string_lossy().into_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
