//! A control group with a memory limit, as a container has: what needs more is killed by the system.
//!
//! Limits of a single process are not the same. `RLIMIT_AS` counts address space, of which a Go program reserves far
//! more than it uses, and makes allocations fail in place of killing; `GOMEMLIMIT` makes it collect garbage more often
//! and never stops it. An out-of-memory loop is a kill by the system, so the test of one needs the system's kill.
//!
//! The group is made below the one that the test runs in, so every limit that holds for the test holds in it too. Where
//! the machine does not allow that (no root, or a group of the second version whose parent has processes of its own),
//! the test is noted as skipped, by name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::peers::note_lack;

/// The files that the two versions of control groups have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A control group with a memory limit. It goes away with this value; nothing may run in it any more then.
#[derive(Debug)]
pub struct Cage {
    dir: PathBuf,
    version: Version,
}

impl Cage {
    /// Makes one in which no more than `bytes` of memory may be used; noted as a skip where that is not possible.
    pub fn of_memory(bytes: u64) -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        let made = places(&own, &mounts).into_iter().find_map(|(parent, version)| {
            Self { dir: parent.join(format!("seawall-{}", std::process::id())), version }.set_up(bytes).ok()
        });
        if made.is_none() {
            note_lack("a control group with a memory limit", "cannot be made here; run it as root");
        }
        made
    }

    fn set_up(self, bytes: u64) -> io::Result<Self> {
        if self.version == Version::Two {
            let parent = self.dir.parent().unwrap_or(Path::new("/"));
            fs::write(parent.join("cgroup.subtree_control"), "+memory")?;
        }
        fs::create_dir(&self.dir)?;
        let limit = match self.version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        };
        // Where there is swap, what does not fit would go there and nothing would be killed.
        let no_swap = match self.version {
            Version::One => ("memory.memsw.limit_in_bytes", bytes.to_string()),
            Version::Two => ("memory.swap.max", "0".to_owned()),
        };
        fs::write(self.dir.join(limit), bytes.to_string())?;
        fs::write(self.dir.join(no_swap.0), no_swap.1).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => Ok(()),
            _ => Err(error),
        })?;
        Ok(self)
    }

    /// The words that, in front of a command, run it in here.
    pub fn words(&self) -> Vec<String> {
        let enter = format!("echo $$ > '{}' && exec \"$@\"", self.dir.join("cgroup.procs").display());
        ["sh", "-c", &enter, "sh"].map(str::to_owned).to_vec()
    }

    /// How many processes were killed in it for want of memory.
    pub fn kills(&self) -> u64 {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let text = fs::read_to_string(self.dir.join(file)).unwrap_or_default();
        let kills = text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok());
        kills.unwrap_or(0)
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        // A group with processes in it stays; the machine's next start removes it.
        fs::remove_dir(&self.dir).unwrap_or(());
    }
}

/// Where a group may be made: below this process's own, of either version.
fn places(own: &str, mounts: &str) -> Vec<(PathBuf, Version)> {
    let mount = |wanted: fn(&str, &str) -> bool| {
        mounts.lines().find_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            let (place, kind, options) = (words.next()?, words.next()?, words.next()?);
            wanted(kind, options).then(|| PathBuf::from(place))
        })
    };
    let one = mount(|kind, options| kind == "cgroup" && options.split(',').any(|option| option == "memory"));
    let two = mount(|kind, _| kind == "cgroup2");
    let path = |wanted: fn(&str) -> bool| {
        own.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            wanted(controllers).then(|| path.trim_start_matches('/').to_owned())
        })
    };
    let in_one = path(|controllers| controllers.split(',').any(|controller| controller == "memory"));
    let in_two = path(str::is_empty);
    let one = one.zip(in_one).map(|(mount, path)| (mount.join(path), Version::One));
    let two = two.zip(in_two).map(|(mount, path)| (mount.join(path), Version::Two));
    one.into_iter().chain(two).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_made_below_the_own_one_of_the_version_that_has_memory() {
        let mounts = "cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0\n\
                      cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n";
        let own = "4:memory:/jobs/7\n1:cpu:/\n0::/\n";
        let one = (PathBuf::from("/sys/fs/cgroup/memory/jobs/7"), Version::One);
        let two = (PathBuf::from("/sys/fs/cgroup/unified"), Version::Two);
        assert_eq!(places(own, mounts), [one, (two.0.join(""), two.1)]);
        let alone = places("0::/user.slice/a\n", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
        assert_eq!(alone, [(PathBuf::from("/sys/fs/cgroup/user.slice/a"), Version::Two)]);
        assert_eq!(places("", ""), []);
    }
}
