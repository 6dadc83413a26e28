//! A file system that loses power: ext4 in a file, mounted by the loop device, for what is on a real disk and no other.
//!
//! ext4 can be told to stop where it is, as if the power had gone: nothing that was not synced reaches the device any
//! more, and every call fails. Unmounting and mounting it again is then a start after a power cut, in which ext4 replays
//! its own journal. A kill of a process is not the same: what it wrote is in the page cache and outlives it.
//!
//! The call has no safe form in Rust, so `perl` makes it, which every Debian has. It asks first whether the directory is
//! a file system of its own, since it would stop the machine's otherwise.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fs, io};

use tempfile::TempDir;

use crate::peers::{need_program, note_lack};
use crate::wait::wait_for;

/// What ext4 does with data while it keeps its own structure whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// It is written before the structure that points to it: the default.
    Ordered,
    /// At any time: after a power cut a file may have a size that was synced and bytes that were not.
    Writeback,
    /// It goes through the file system's own journal.
    Journaled,
}

/// How the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// At once.
    Now,
    /// Right after the file system has brought its own journal to the disk: names and sizes are newer than data.
    AfterTheLog,
}

const SHUTDOWN: &str = r#"
    my ($dir, $how) = @ARGV;
    open(my $at, "<", $dir) or die "$dir: $!\n";
    (stat $at)[0] != (stat "$dir/..")[0] or die "$dir is no file system of its own\n";
    my $flag = pack("L", $how);
    ioctl($at, 0x8004587d, $flag) or die "cannot stop $dir: $!\n";
"#;

/// Until a process that was killed has let go of the last file.
const PATIENCE: Duration = Duration::from_secs(20);

/// A disk of its own, which is unmounted and removed with this value.
#[derive(Debug)]
pub struct PowerDisk {
    image: PathBuf,
    place: PathBuf,
    _directory: TempDir,
}

impl PowerDisk {
    /// Makes one of so many bytes, and leaves it off; noted as a skip where it cannot be mounted or stopped.
    pub fn need(bytes: u64) -> Option<Self> {
        for program in ["mkfs.ext4", "e2fsck", "mount", "umount", "perl"] {
            need_program(program)?;
        }
        let tried = Self::make(bytes).and_then(|disk| {
            disk.power_on(Data::Ordered)?;
            disk.lose_power(Cut::Now)?;
            disk.power_off()?;
            Ok(disk)
        });
        tried.inspect_err(|error| note_lack("a file system that loses power", &error.to_string())).ok()
    }

    fn make(bytes: u64) -> io::Result<Self> {
        let directory = quick_directory()?;
        let (image, place) = (directory.path().join("image"), directory.path().join("disk"));
        fs::File::create(&image)?.set_len(bytes)?;
        fs::create_dir(&place)?;
        run("mkfs.ext4", [OsStr::new("-q"), OsStr::new("-F"), image.as_os_str()])?;
        Ok(Self { image, place, _directory: directory })
    }

    /// Where it is mounted while it is on.
    pub fn path(&self) -> &Path {
        &self.place
    }

    /// Mounts it. After a power cut, that is when ext4 replays its journal.
    pub fn power_on(&self, data: Data) -> io::Result<()> {
        let options = match data {
            Data::Ordered => "loop,data=ordered",
            Data::Writeback => "loop,data=writeback",
            Data::Journaled => "loop,data=journal",
        };
        let words = ["-t", "ext4", "-o", options].map(OsStr::new);
        run("mount", words.into_iter().chain([self.image.as_os_str(), self.place.as_os_str()]))
    }

    /// Lets the power go: from here on every call on it fails.
    pub fn lose_power(&self, cut: Cut) -> io::Result<()> {
        let how = match cut {
            Cut::Now => "2",
            Cut::AfterTheLog => "1",
        };
        run("perl", [OsStr::new("-e"), OsStr::new(SHUTDOWN), self.place.as_os_str(), OsStr::new(how)])
    }

    /// Unmounts it, once nobody uses it any more.
    pub fn power_off(&self) -> io::Result<()> {
        let mut last = Ok(());
        wait_for(PATIENCE, || {
            last = run("umount", [&self.place]);
            last.is_ok().then_some(())
        });
        last
    }

    /// Whether the file system itself is sound; it has to be off.
    pub fn check(&self) -> io::Result<()> {
        run("e2fsck", [OsStr::new("-f"), OsStr::new("-n"), self.image.as_os_str()])
    }
}

impl Drop for PowerDisk {
    fn drop(&mut self) {
        // After a test that failed, something may still be open there: then it goes once that is closed.
        let is_on = fs::read_to_string("/proc/mounts")
            .is_ok_and(|mounts| mounts.contains(&format!(" {} ", self.place.display())));
        if is_on {
            run("umount", [OsStr::new("-l"), self.place.as_os_str()]).unwrap_or(());
        }
    }
}

/// A directory in memory, where files can be had there, and else on the disk: for what is failed, killed and stopped on
/// purpose, and has nothing to gain from a real disk below.
pub fn quick_directory() -> io::Result<TempDir> {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())
}

fn run(program: &str, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> io::Result<()> {
    let output = Command::new(program).args(words).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    // A skip is noted in one line.
    let said = String::from_utf8_lossy(&said).trim().replace('\n', "; ");
    Err(io::Error::other(format!("{program} failed: {said}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "mounts a file system"]
    fn what_was_not_synced_is_gone_after_a_power_cut_and_what_was_is_there() {
        let Some(disk) = PowerDisk::need(16 << 20) else { return };
        disk.power_on(Data::Ordered).unwrap();
        let synced = fs::File::create(disk.path().join("synced")).unwrap();
        synced.sync_all().unwrap();
        fs::write(disk.path().join("unsynced"), "text").unwrap();
        disk.lose_power(Cut::Now).unwrap();
        fs::write(disk.path().join("later"), "text").unwrap_err();
        drop(synced);
        disk.power_off().unwrap();
        disk.power_on(Data::Writeback).unwrap();
        disk.power_off().unwrap();
        disk.check().unwrap();
        disk.power_on(Data::Journaled).unwrap();
        let there = ["synced", "unsynced", "later"].map(|name| disk.path().join(name).exists());
        assert_eq!(there, [true, false, false]);
    }

    #[test]
    #[ignore = "mounts a file system"]
    fn what_is_no_file_system_of_its_own_is_not_stopped() {
        let Some(disk) = PowerDisk::need(16 << 20) else { return };
        let error = disk.lose_power(Cut::Now).unwrap_err();
        assert!(error.to_string().contains("is no file system of its own"), "{error}");
    }
}
