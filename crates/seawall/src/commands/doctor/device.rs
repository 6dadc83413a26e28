//! The disks that a file system lies on, as sysfs describes them. What it does not tell is unknown.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor};

/// Disks that lie below each other at most: a mapped volume on a mapped volume on an array is three.
const DEEPEST: usize = 8;

/// Disks that are named at most.
const MOST: usize = 64;

/// A disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) model: Option<String>,
    pub(crate) is_rotational: Option<bool>,
    /// `write back` or `write through`.
    pub(crate) write_cache: Option<String>,
}

/// Names of disks that a hypervisor makes, and words in the models of others.
const VIRTUAL_NAMES: [&str; 2] = ["vd", "xvd"];
const VIRTUAL_MODELS: [&str; 8] =
    ["qemu", "virtual", "vbox", "vmware", "virtio", "amazon elastic", "google persistent", "msft"];

impl Device {
    /// Whether a host makes it, so that what a sync does is up to that.
    pub(crate) fn is_virtual(&self) -> bool {
        let model = self.model.as_deref().unwrap_or_default().to_ascii_lowercase();
        VIRTUAL_NAMES.iter().any(|name| self.name.starts_with(name))
            || VIRTUAL_MODELS.iter().any(|word| model.contains(word))
    }

    /// Whether it says that it keeps writes in memory until it is told to flush.
    pub(crate) fn is_write_back(&self) -> bool {
        self.write_cache.as_deref() == Some("write back")
    }
}

/// The disks below a device number; none where it is no block device.
pub(super) fn below(device: u64) -> Vec<Device> {
    let start = PathBuf::from(format!("/sys/dev/block/{}:{}", major(device), minor(device)));
    let mut found = Vec::new();
    gather(&start, 0, &mut found);
    found
}

fn gather(link: &Path, depth: usize, found: &mut Vec<Device>) {
    let Ok(mut place) = link.canonicalize() else { return };
    if depth > DEEPEST || found.len() >= MOST {
        return;
    }
    // A partition lies in its disk.
    if place.join("partition").exists() {
        place.pop();
    }
    let below: Vec<PathBuf> = fs::read_dir(place.join("slaves"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    below.iter().for_each(|link| gather(link, depth + 1, found));
    let device = described(&place);
    if below.is_empty() && !found.contains(&device) {
        found.push(device);
    }
}

fn described(place: &Path) -> Device {
    let text = |name: &str| {
        let text = fs::read_to_string(place.join(name)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    Device {
        name: place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        model: text("device/model"),
        is_rotational: text("queue/rotational").map(|flag| flag == "1"),
        write_cache: text("queue/write_cache"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_what_it_lies_on_and_a_partition_its_disk() {
        let sys = tempfile::tempdir().unwrap();
        for (disk, cache) in [("sda", "write back"), ("vdb", "write through")] {
            fs::create_dir_all(sys.path().join(disk).join("queue")).unwrap();
            fs::create_dir_all(sys.path().join(disk).join("part1")).unwrap();
            fs::write(sys.path().join(disk).join("part1/partition"), "1\n").unwrap();
            fs::write(sys.path().join(disk).join("queue/write_cache"), format!("{cache}\n")).unwrap();
            fs::write(sys.path().join(disk).join("queue/rotational"), "1\n").unwrap();
        }
        fs::create_dir_all(sys.path().join("md0/slaves")).unwrap();
        for disk in ["sda", "vdb"] {
            let (part, link) =
                (sys.path().join(disk).join("part1"), sys.path().join("md0/slaves").join(disk));
            std::os::unix::fs::symlink(part, link).unwrap();
        }
        let mut found = Vec::new();
        gather(&sys.path().join("md0"), 0, &mut found);
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let told: Vec<_> =
            found.iter().map(|one| (one.name.as_str(), one.is_write_back(), one.is_virtual())).collect();
        assert_eq!(told, [("sda", true, false), ("vdb", false, true)]);
    }
}
