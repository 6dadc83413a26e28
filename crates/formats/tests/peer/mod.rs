//! Programs that the tests are run against: the machine's own, or those that `cargo xtask peers` fetched.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::Peer;

/// Where a peer's programs lie.
pub(crate) enum Programs {
    /// Installed in this directory.
    Installed(PathBuf),
    /// Fetched, in this directory of the package.
    Fetched(Peer, &'static str),
}

impl Programs {
    /// One of the programs, ready to be given arguments.
    pub(crate) fn command(&self, program: &str) -> Command {
        match self {
            Programs::Installed(dir) => Command::new(dir.join(program)),
            Programs::Fetched(peer, dir) => peer.command(&format!("{dir}/{program}")),
        }
    }
}

/// Finds the server called `wanted` by its `program`, on `PATH` or in `dir` of the machine or of the fetched package.
///
/// When it is nowhere, the test that asked is skipped by name.
pub(crate) fn find(wanted: &str, program: &str, dir: &'static str) -> Option<Programs> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain([Path::new("/").join(dir)]);
    let found = dirs.into_iter().map(|dir| dir.join(program)).find(|file| is_program(file));
    // A link to one program of several leads to where the others are.
    let home = found.and_then(|file| Some(file.canonicalize().ok()?.parent()?.to_owned()));
    home.map(Programs::Installed).or_else(|| Some(Programs::Fetched(testkit::need_peer(wanted)?, dir)))
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
