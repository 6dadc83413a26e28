//! Which processes are writing a log, found out without locking or touching it.
//!
//! Every process shows its open files under `/proc/PID/fd`. A writer is one that holds a file of the log, or any file
//! below the log's root, open for writing. This is best effort: processes of other users can be looked at by root alone,
//! and a server that opens, writes and closes is not seen in between. So a holder that is found is sure, and none found
//! means nothing.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use formats::Log;

/// A process that writes the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its name, as the system has it.
    pub name: String,
}

/// The processes that hold files of `log` open for writing.
pub fn of(log: &dyn Log) -> Vec<Holder> {
    let parts = log.parts().iter().map(|part| part.path.clone()).collect();
    holding(&Files::of(log.root(), parts), Path::new("/proc"))
}

/// The processes that hold any file below `root` open for writing.
pub fn below(root: &Path) -> Vec<Holder> {
    holding(&Files::of(root, Vec::new()), Path::new("/proc"))
}

/// The files that are looked for.
struct Files {
    /// The log's root, where that is a directory.
    below: Option<PathBuf>,
    /// Its files, for those that reach it by another path (a container's mount).
    parts: Vec<PathBuf>,
    /// Their bare names: a file of another name is not looked at twice.
    names: HashSet<String>,
}

impl Files {
    fn of(root: &Path, parts: Vec<PathBuf>) -> Self {
        let names = parts.iter().filter_map(|path| name_of(path)).collect();
        let below = fs::canonicalize(root).ok().filter(|root| root.is_dir());
        Self { below, parts, names }
    }

    fn holds(&self, descriptor: &Path) -> bool {
        let Ok(target) = fs::read_link(descriptor) else { return false };
        if self.below.as_ref().is_some_and(|root| target.starts_with(root)) {
            return true;
        }
        let Some(name) = name_of(&target).filter(|name| self.names.contains(name)) else { return false };
        // The same name somewhere else is common; the same file is not.
        let Ok(open) = fs::metadata(descriptor) else { return false };
        let mut namesakes = self.parts.iter().filter(|part| name_of(part).as_ref() == Some(&name));
        namesakes.any(|part| {
            fs::metadata(part).is_ok_and(|file| (file.dev(), file.ino()) == (open.dev(), open.ino()))
        })
    }
}

fn name_of(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

fn holding(files: &Files, proc: &Path) -> Vec<Holder> {
    let Ok(processes) = fs::read_dir(proc) else { return Vec::new() };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let others = pids.filter(|pid| *pid != std::process::id());
    let mut holders: Vec<Holder> =
        others.filter_map(|pid| holder(files, &proc.join(pid.to_string()), pid)).collect();
    holders.sort();
    holders
}

fn holder(files: &Files, process: &Path, pid: u32) -> Option<Holder> {
    // Asked first: once it is another program, the descriptors are gone.
    if is_becoming(process) {
        return None;
    }
    let descriptors = fs::read_dir(process.join("fd")).ok()?;
    let mut names = descriptors.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.find(|name| {
        files.holds(&process.join("fd").join(name)) && may_write(&process.join("fdinfo").join(name))
    })?;
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    Some(Holder { pid, name: name.trim().to_owned() })
}

/// Whether it is a child of this process that is about to become another program: until then it has this process's
/// descriptors, and writes nothing.
fn is_becoming(process: &Path) -> bool {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse::<u32>().ok());
    let program = |process: &Path| fs::read_link(process.join("exe")).ok();
    parent == Some(std::process::id()) && program(process) == program(Path::new("/proc/self"))
}

/// Whether the descriptor was opened for writing: the last octal digit of its flags is 1 (write) or 2 (both).
///
/// Readers, such as a backup or another Seawall, do not change the log and are not its server.
fn may_write(info: &Path) -> bool {
    let Ok(text) = fs::read_to_string(info) else { return false };
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    flags.is_some_and(|flags| matches!(flags.trim().chars().last(), Some('1' | '2')))
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// The processes that hold the file `00000000` of `dir`, or one below `dir` where that is looked at.
    fn of(dir: &Path) -> Vec<Holder> {
        holding(&Files::of(dir, vec![dir.join("00000000")]), Path::new("/proc"))
    }

    /// A process that holds `file` open until it is dropped.
    struct Holding(Child);

    impl Holding {
        fn open(file: File) -> Self {
            let mut sleep = Command::new("sleep");
            Self(sleep.arg("600").stdout(Stdio::from(file)).spawn().unwrap())
        }
    }

    impl Drop for Holding {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    #[test]
    fn a_process_that_writes_a_part_is_found_and_one_that_reads_is_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("00000000"), b"x").unwrap();
        assert_eq!(of(dir.path()), []);
        let path = dir.path().join("00000000");
        let reader = Holding::open(File::open(&path).unwrap());
        assert_eq!(of(dir.path()), []);
        let writer = Holding::open(OpenOptions::new().append(true).open(&path).unwrap());
        assert_eq!(of(dir.path()).iter().map(|holder| holder.pid).collect::<Vec<_>>(), [writer.0.id()]);
        drop(reader);
    }

    #[test]
    fn a_child_of_ours_that_is_not_yet_another_program_is_no_server() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("00000000");
        std::thread::scope(|scope| {
            let children = scope.spawn(|| {
                for _ in 0..300 {
                    Command::new("true").status().unwrap();
                }
            });
            while !children.is_finished() {
                drop(File::create(&path).unwrap());
                assert_eq!(of(dir.path()), []);
            }
        });
    }

    #[test]
    fn any_file_below_the_root_gives_a_server_away() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("00000000"), b"x").unwrap();
        let lock = Holding::open(File::create(dir.path().join("lock")).unwrap());
        assert_eq!(of(dir.path()).iter().map(|holder| holder.pid).collect::<Vec<_>>(), [lock.0.id()]);
    }

    #[test]
    fn a_part_that_is_reached_by_another_path_is_the_same_file() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("00000000"), b"x").unwrap();
        fs::hard_link(dir.path().join("00000000"), elsewhere.path().join("00000000")).unwrap();
        let file = OpenOptions::new().write(true).open(elsewhere.path().join("00000000")).unwrap();
        let writer = Holding::open(file);
        assert_eq!(of(dir.path()).iter().map(|holder| holder.pid).collect::<Vec<_>>(), [writer.0.id()]);
    }
}
