//! The file system that a directory lies on, as `/proc/self/mountinfo` lists it.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor};

/// A file system that is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Its type, such as `ext4`.
    pub(crate) kind: String,
    /// What is mounted.
    pub(crate) source: String,
    /// Where.
    pub(crate) point: PathBuf,
    /// How, the options of the mount and of the file system.
    pub(crate) options: Vec<String>,
}

/// The mount that a path on a device lies in; nothing if the kernel does not tell.
pub(super) fn of(path: &Path, device: u64) -> Option<Mount> {
    let table = fs::read_to_string("/proc/self/mountinfo").ok()?;
    find(&table, path, &format!("{}:{}", major(device), minor(device)))
}

/// Of those that hold the path, the innermost; of several at one place the last, which hides the others. The device decides
/// before that, where it is listed: what is mounted inside of a container may have another name outside.
fn find(table: &str, path: &Path, device: &str) -> Option<Mount> {
    let holding = table.lines().filter_map(parsed).filter(|(_, mount)| path.starts_with(&mount.point));
    let best = holding.max_by_key(|(of, mount)| (of == device, mount.point.components().count()));
    best.map(|(_, mount)| mount)
}

/// A line: id, parent, device, root, point, options, optional fields, `-`, type, source, options.
fn parsed(line: &str) -> Option<(String, Mount)> {
    let (front, back) = line.split_once(" - ")?;
    let mut front = front.split(' ').skip(2);
    let (device, _root, point, options) = (front.next()?, front.next()?, front.next()?, front.next()?);
    let mut back = back.split(' ');
    let (kind, source, more) = (back.next()?, back.next()?, back.next().unwrap_or_default());
    let options = options.split(',').chain(more.split(',')).filter(|option| !option.is_empty());
    let mut all: Vec<String> = Vec::new();
    for option in options {
        if all.iter().all(|known| known != option) {
            all.push(option.to_owned());
        }
    }
    let (kind, source, point) = (kind.to_owned(), unescaped(source), PathBuf::from(unescaped(point)));
    Some((device.to_owned(), Mount { kind, source, point, options: all }))
}

/// Blanks and the like stand as three octal digits.
fn unescaped(text: &str) -> String {
    let pairs = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
40 21 8:17 / /var/lib rw,noatime - xfs /dev/sdb1 rw,nobarrier
41 21 0:30 / /mnt/a\\040b rw - tmpfs tmpfs rw,size=1k
no line of a mount";

    #[test]
    fn the_innermost_mount_counts_with_all_its_options() {
        let find = |path: &str, device: &str| find(TABLE, Path::new(path), device).unwrap();
        let inner = find("/var/lib/x", "8:17");
        assert_eq!((inner.kind.as_str(), inner.source.as_str()), ("xfs", "/dev/sdb1"));
        assert_eq!(inner.options, ["rw", "noatime", "nobarrier"]);
        assert_eq!(find("/var/library", "8:1").point, Path::new("/"));
        assert_eq!(find("/mnt/a b/c", "0:30").kind, "tmpfs");
    }
}
