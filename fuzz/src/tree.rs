//! A directory with files of any names and contents, made from bytes.
//!
//! The bytes are files one after the other: a length in one byte and the name, a length in two bytes and the content.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// More files than this cost time and show nothing new.
const MOST_FILES: usize = 40;
/// Logs lie three directories deep at most.
const DEEPEST: usize = 4;

/// The directory, which is removed in the end.
pub struct Tree {
    root: PathBuf,
    /// Its files in the order of the bytes.
    pub files: Vec<PathBuf>,
}

impl Tree {
    /// Makes the directory that `packed` describes.
    pub fn unpack(mut packed: &[u8]) -> Self {
        let root = std::env::temp_dir().join(format!("fuzz-tree-{}", std::process::id()));
        let mut tree = Self { root, files: Vec::new() };
        fs::create_dir_all(&tree.root).expect("a directory can be made");
        while let Some((name, content, rest)) = next(packed).filter(|_| tree.files.len() < MOST_FILES) {
            tree.put(name, content);
            packed = rest;
        }
        tree
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes one file, if its name is possible beside the others.
    fn put(&mut self, name: &[u8], content: &[u8]) {
        let is_possible =
            |step: &&[u8]| !matches!(*step, b"" | b"." | b"..") && step.len() <= 200 && !step.contains(&0);
        let steps = name.split(|&byte| byte == b'/').filter(is_possible).take(DEEPEST);
        let path = steps.fold(self.root.clone(), |path, step| path.join(OsStr::from_bytes(step)));
        let Some(folder) = path.parent().filter(|_| path != self.root) else { return };
        if fs::create_dir_all(folder).is_ok() && fs::write(&path, content).is_ok() {
            self.files.push(path);
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.root).expect("a directory can be removed");
    }
}

/// The bytes of a directory with these files.
pub fn pack<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut packed = Vec::new();
    for (name, content) in files {
        packed.push(u8::try_from(name.len()).expect("a short name"));
        packed.extend_from_slice(name.as_bytes());
        packed.extend(u16::try_from(content.len()).expect("a short content").to_le_bytes());
        packed.extend_from_slice(content);
    }
    packed
}

/// Name and content of the first file, and what is behind it.
fn next(packed: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&len, rest) = packed.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(len))?;
    let (len, rest) = rest.split_first_chunk::<2>()?;
    // The last content may be shorter than it says, so that mutations of lengths do not lose it.
    let (content, rest) = rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()));
    Some((name, content, rest))
}
