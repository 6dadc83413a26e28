//! Programs that the tests are run against, where they are installed.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where peers are put that are not installed: `target/peers`.
fn fetched() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers")
}

/// The program of that name on `PATH`, under `target/peers`, or in `more`; without it the test is skipped by name.
#[expect(clippy::print_stderr, reason = "a skipped test says so by name")]
pub(crate) fn find(program: &str, more: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).chain(more.iter().map(PathBuf::from));
    let found = installed.map(|dir| dir.join(program)).find(|file| is_program(file));
    let found = found.or_else(|| below(&fetched(), program, 6));
    if found.is_none() {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        eprintln!("SKIPPED {test}: {program} is neither installed nor under {}", fetched().display());
    }
    found
}

/// An unpacked package also holds scripts of the program's name, below `etc`.
fn below(dir: &Path, program: &str, depth: usize) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = std::fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path()).collect();
    let here = entries.iter().find(|path| path.ends_with(program) && is_program(path));
    here.cloned().or_else(|| {
        let mut dirs = entries.iter().filter(|path| path.is_dir() && depth > 0 && !path.ends_with("etc"));
        dirs.find_map(|dir| below(dir, program, depth - 1))
    })
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
