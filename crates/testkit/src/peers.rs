//! Real servers on this machine, and the notes about those that a test had to do without.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, thread};

/// A real server, unpacked on this machine.
#[derive(Clone, Debug)]
pub struct Peer {
    name: String,
    root: PathBuf,
}

impl Peer {
    /// Every server that is here, sorted by name.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir(directory()).into_iter().flatten();
        let folders = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir());
        let mut peers: Vec<_> = folders.filter_map(Self::at).collect();
        peers.sort_by(|one, other| one.name.cmp(&other.name));
        peers
    }

    /// A peer's directory is called after the server and its version; what is half fetched begins with a dot.
    fn at(root: PathBuf) -> Option<Self> {
        let name = root.file_name().and_then(OsStr::to_str)?.to_owned();
        (!name.starts_with('.')).then_some(Self { name, root })
    }

    /// The server's name and version, as in `prometheus-2.42.0`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is unpacked.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// One of its programs, by its path inside the package (`usr/bin/prometheus`), ready to be given arguments.
    ///
    /// Libraries that were fetched along with it are found by it.
    pub fn command(&self, program: &str) -> Command {
        self.command_at(&self.root.join(program))
    }

    /// The same, started through a command that becomes it: its words come first.
    pub(crate) fn command_behind(&self, words: &[String], program: &str) -> Command {
        let Some((first, rest)) = words.split_first() else { return self.command(program) };
        let mut command = self.command_at(Path::new(first));
        command.args(rest).arg(self.root.join(program));
        command
    }

    fn command_at(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let libraries: Vec<_> =
            ["usr/lib", "lib"].iter().flat_map(|lib| library_folders(&self.root.join(lib))).collect();
        if let (false, Ok(path)) = (libraries.is_empty(), env::join_paths(libraries)) {
            command.env("LD_LIBRARY_PATH", path);
        }
        command
    }

    /// Where a program lies in it: on the path, or where Debian keeps several major versions of one server.
    fn program(&self, name: &str) -> Option<PathBuf> {
        let majors = fs::read_dir(self.root.join("usr/lib/postgresql")).into_iter().flatten();
        let majors = majors.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
        std::iter::once(self.root.join("usr/bin"))
            .chain(majors)
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    }

    /// Whether this is the server called `wanted`: `prometheus-2.42` is `prometheus-2.42.0` but not `prometheus-2.4`.
    fn answers_to(&self, wanted: &str) -> bool {
        self.name.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    }
}

/// The directories that Debian names after the kind of machine (`x86_64-linux-gnu`).
fn library_folders(lib: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(lib).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    entries
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("-linux-")))
        .collect()
}

/// Finds the server that a test needs, named with as much of its version as matters: `prometheus-2.42`.
///
/// When it is not here, the test can prove nothing: it should end, and `cargo xtask test` counts it as skipped, by name,
/// because the lack is noted in `target/skipped-tests.txt`. The note goes to a file since the output of a test that
/// ends well is not shown.
pub fn need_peer(wanted: &str) -> Option<Peer> {
    let found = Peer::all().into_iter().rfind(|peer| peer.answers_to(wanted));
    if found.is_none() {
        note_skip(&skip_line(&running_test(), wanted));
    }
    found
}

/// Finds a program that a test needs: in a fetched peer, whose libraries it is then given, or installed on this machine.
///
/// When it is neither, the lack is noted as by [`need_peer`].
pub fn need_program(name: &str) -> Option<Command> {
    let fetched = Peer::all().into_iter().rev().find_map(|peer| Some(peer.command_at(&peer.program(name)?)));
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = || env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
    let found = fetched.or_else(|| installed().map(Command::new));
    if found.is_none() {
        note_skip(&skip_line(&running_test(), name));
    }
    found
}

/// Notes that something cannot be had here that the running test needs, as a skip.
pub fn note_lack(name: &str, what: &str) {
    note_skip(&format!("SKIPPED {}: {name} {what}\n", running_test()));
}

/// The line that `cargo xtask test` shows, and counts by what stands before the colon and the space.
fn skip_line(test: &str, wanted: &str) -> String {
    format!("SKIPPED {test}: {wanted} is not here; run cargo xtask peers\n")
}

#[expect(clippy::print_stderr, reason = "shown with --nocapture, and when the note could not be written")]
fn note_skip(line: &str) {
    eprint!("{line}");
    let record = workspace().join("target/skipped-tests.txt");
    let noted = OpenOptions::new().create(true).append(true).open(&record);
    if let Err(cause) = noted.and_then(|mut file| file.write_all(line.as_bytes())) {
        eprintln!("could not note that in {}: {cause}", record.display());
    }
}

/// The test binary and the test in it. The test runner names each test's thread after it.
fn running_test() -> String {
    let binary = env::current_exe().ok().and_then(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    let binary = binary.unwrap_or_default();
    let suite = binary.rsplit_once('-').map_or(binary.as_str(), |(suite, _hash)| suite);
    format!("{suite}::{}", thread::current().name().unwrap_or("?"))
}

/// Where servers are unpacked; `SEAWALL_PEERS` names another place, to share them between checkouts.
fn directory() -> PathBuf {
    env::var_os("SEAWALL_PEERS").map_or_else(|| workspace().join("target/peers"), PathBuf::from)
}

/// The workspace of the crate under test: the nearest directory upwards that holds the lock file.
fn workspace() -> PathBuf {
    let own = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let own = PathBuf::from(own);
    let root = own.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    root.unwrap_or(&own).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_answers_to_as_much_of_its_version_as_is_given() {
        let peer = Peer::at("/peers/prometheus-2.42.0".into()).unwrap();
        for (wanted, answer) in [
            ("prometheus", true),
            ("prometheus-2", true),
            ("prometheus-2.42", true),
            ("prometheus-2.42.0", true),
            ("prometheus-2.4", false),
            ("prometheus-2.42.1", false),
            ("prom", false),
        ] {
            assert_eq!(peer.answers_to(wanted), answer, "{wanted}");
        }
    }

    #[test]
    fn what_is_half_fetched_is_no_peer() {
        assert!(Peer::at("/peers/.fetch-prometheus-sid".into()).is_none());
    }

    #[test]
    fn a_skip_names_the_test_and_what_it_lacked_on_one_line() {
        let name = running_test();
        assert_eq!(name, "testkit::peers::tests::a_skip_names_the_test_and_what_it_lacked_on_one_line");
        let line = skip_line("suite::law", "prometheus-2.42");
        assert_eq!(line, "SKIPPED suite::law: prometheus-2.42 is not here; run cargo xtask peers\n");
    }
}
