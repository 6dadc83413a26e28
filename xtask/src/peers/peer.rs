//! One server: where its packages are, and how we know that it is there and runs.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::apt::Apt;
use super::directory;
use super::mirror::Mirror;
use crate::workspace::{output, said};

/// In each peer's directory, the release, or the Python, that it was made for; written last, so that it also marks a whole peer.
pub(super) const ORIGIN: &str = "debian-release";

/// Debian's release from which a server is taken.
pub(crate) enum Suite {
    /// This one, on every machine: the server has few needs, and its age matters.
    Named(&'static str),
    /// The machine's own, because the server needs libraries that must fit the machine's C library.
    OfThisMachine,
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "Debian {name}"),
            Self::OfThisMachine => f.write_str("this Debian release"),
        }
    }
}

/// A server to fetch.
pub(crate) struct Peer {
    /// The name that its directory begins with.
    pub(crate) name: &'static str,
    pub(crate) suite: Suite,
    pub(crate) packages: &'static [&'static str],
    /// What must be there and run. The first is asked for its version.
    pub(crate) programs: &'static [&'static str],
}

impl Peer {
    /// Takes the server that is there, or fetches it; answers with the line to show.
    pub(crate) fn find_or_fetch(&self, mirror: Result<&Mirror, &String>) -> Result<String, String> {
        let own = mirror.map_or("", |mirror| mirror.suite.as_str());
        let suite = match self.suite {
            Suite::Named(name) => name,
            Suite::OfThisMachine => own,
        };
        if let Some(there) = self.find(suite) {
            return Ok(format!("{} is there ({suite})", shown(&there)));
        }
        let fetched = self.fetch(suite, mirror.map_err(String::clone)?)?;
        Ok(format!("{} was fetched ({suite})", shown(&fetched)))
    }

    /// The server's directory, if it was fetched from this release before.
    fn find(&self, suite: &str) -> Option<PathBuf> {
        let entries = fs::read_dir(directory()).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        entries.into_iter().find(|path| {
            let named = shown(path).strip_prefix(self.name).is_some_and(|rest| rest.starts_with('-'));
            named && fs::read_to_string(path.join(ORIGIN)).is_ok_and(|origin| origin.trim() == suite)
        })
    }

    /// Downloads, unpacks, proves that every program runs, and only then gives the directory its name.
    fn fetch(&self, suite: &str, mirror: &Mirror) -> Result<PathBuf, String> {
        let home = directory().join(format!(".fetch-{}-{suite}", self.name));
        let apt = Apt::of(suite, mirror, &home)?;
        let root = home.join("root");
        drop(fs::remove_dir_all(&root));
        apt.unpack(&self.with_libraries(&apt)?, &root)?;
        let mut version = None;
        for program in self.programs {
            let said = ask_version(&root, program)?;
            version = version.or(Some(said));
        }
        let version = version.ok_or("no program is named for it")?;
        let place = directory().join(format!("{}-{version}", self.name));
        drop(fs::remove_dir_all(&place));
        fs::write(root.join(ORIGIN), suite).map_err(|cause| format!("could not write {ORIGIN}: {cause}"))?;
        move_directory(&root, &place)?;
        drop(fs::remove_dir_all(&home));
        Ok(place)
    }

    /// The packages to unpack: those named, those of the same family that they need, and libraries this machine lacks.
    fn with_libraries(&self, apt: &Apt) -> Result<Vec<String>, String> {
        let mut wanted: Vec<String> = self.packages.iter().map(|&name| name.to_owned()).collect();
        if matches!(self.suite, Suite::OfThisMachine) {
            for name in apt.closure(self.packages)? {
                let family = self.packages.iter().any(|package| name.starts_with(package));
                // The compiler behind PostgreSQL's optional query compilation is larger than all the rest.
                let library =
                    name.starts_with("lib") && !name.starts_with("libllvm") && !name.ends_with("-perl");
                if (family || library && !is_installed(&name)) && !wanted.contains(&name) {
                    wanted.push(name);
                }
            }
        }
        Ok(wanted)
    }
}

/// Whether the machine has a package, so that its libraries are found without our help.
fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}\n", package]);
    output(&mut query).is_ok_and(|states| states.lines().any(|state| state == "installed"))
}

/// Runs `program --version` and picks the version out of what it says.
fn ask_version(root: &Path, program: &str) -> Result<String, String> {
    let path =
        find_program(root, program).ok_or_else(|| format!("its packages hold no program {program}"))?;
    let libraries = std::env::join_paths(library_folders(root)).unwrap_or_default();
    let mut command = Command::new(path);
    let question = match program {
        "etcdctl" => "version",
        "nginx" | "haproxy" => "-v",
        _ => "--version",
    };
    let said = said(command.arg(question).env("LD_LIBRARY_PATH", libraries))?;
    version_in(&said).ok_or_else(|| format!("{program} does not tell its version: {said}"))
}

/// Where Debian puts programs: on the path, or in a directory for each major version.
fn find_program(root: &Path, program: &str) -> Option<PathBuf> {
    let versions = subfolders(&root.join("usr/lib/postgresql")).into_iter().map(|folder| folder.join("bin"));
    let folders = ["usr/bin", "usr/sbin"].into_iter().map(|folder| root.join(folder)).chain(versions);
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Where Debian puts libraries: one directory for each kind of machine.
fn library_folders(root: &Path) -> Vec<PathBuf> {
    let folders = ["usr/lib", "lib"].into_iter().flat_map(|lib| subfolders(&root.join(lib)));
    folders.filter(|folder| shown(folder).contains("-linux-")).collect()
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect()
}

/// The first word that begins with a digit, up to the distribution's additions.
fn version_in(said: &str) -> Option<String> {
    let words =
        said.split_whitespace().map(|word| word.trim_start_matches("v=").trim_start_matches("nginx/"));
    let word = words.into_iter().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    Some(word.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect())
}

/// A path's last part.
pub(super) fn shown(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[expect(clippy::disallowed_methods, reason = "what a crash would lose here is fetched again")]
pub(super) fn move_directory(from: &Path, to: &Path) -> Result<(), String> {
    fs::rename(from, to).map_err(|cause| format!("could not move it to {}: {cause}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn the_version_is_found_in_what_each_server_says() {
        for (said, version) in [
            ("prometheus, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5)", "2.42.0"),
            ("3.40.1 2022-12-28 14:03:47 df5c253c0b3dd24916e4ec7cf77d", "3.40.1"),
            ("etcd Version: 3.4.23\nGit SHA: Not provided", "3.4.23"),
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "7.0.15"),
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"),
            ("nginx version: nginx/1.22.1", "1.22.1"),
            ("HAProxy version 2.6.12-1+deb12u3 2025/10/01 - https://haproxy.org/", "2.6.12"),
        ] {
            assert_eq!(version_in(said).as_deref(), Some(version));
        }
        assert_eq!(version_in("no version"), None);
    }
}
