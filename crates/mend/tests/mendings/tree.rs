//! What tests of changes share: directories that are copied and compared with all that is in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use formats::{Depth, Order, Progress, UnixTime};
use mend::Terms;

/// What lies below a directory, but for the quarantine: files with what they hold; directories end in a slash.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// The present of all tests.
fn now() -> UnixTime {
    UnixTime::from_seconds(1_800_000_000)
}

pub(crate) fn order() -> Order {
    Order::new(Depth::Bytes, now())
}

pub(crate) fn terms() -> Terms {
    Terms { now: now(), progress: Progress::default() }
}

/// Everything below `root` but for its quarantine, and for a lock that nobody holds, as any crash leaves it.
pub(crate) fn tree(root: &Path) -> Tree {
    let mut all = Tree::new();
    collect(root, "", &mut all);
    all.retain(|name, _| name != "lock");
    all
}

fn collect(dir: &Path, prefix: &str, all: &mut Tree) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if name == mend::QUARANTINE {
        } else if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), all);
            all.insert(format!("{name}/"), Vec::new());
        } else {
            all.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

/// Copies a directory with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let there = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &there);
        } else {
            fs::copy(entry.path(), there).unwrap();
        }
    }
}
