//! File systems on which nothing can be written, since they are mounted so, or have no room.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use testkit::{need_program, note_lack};

use crate::{SEGMENT, there};

/// Room for a journal of a few segments.
const BYTES: u64 = 1 << 20;

/// What fits into what is left of the first segment once, and not twice.
const LARGE: usize = 15_000;

/// Files with their bytes, and directories.
type Content = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// A small file system of its own, which is unmounted with this value.
struct Small(TempDir);

impl Small {
    /// Mounts one; noted as a skip where that is not allowed.
    fn need() -> Option<Self> {
        let mut mount = need_program("mount")?;
        need_program("umount")?;
        let place = tempfile::tempdir().unwrap();
        let mounted = mount
            .args(["-t", "tmpfs", "-o", &format!("size={BYTES}"), "tmpfs"])
            .arg(place.path())
            .output()
            .unwrap();
        if !mounted.status.success() {
            note_lack("a small file system", String::from_utf8_lossy(&mounted.stderr).trim());
            return None;
        }
        Some(Self(place))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn mount_read_only(&self) {
        let status = Command::new("mount").args(["-o", "remount,ro"]).arg(self.path()).status();
        assert!(status.unwrap().success());
    }

    /// Writes to a file until there is no room for another byte.
    fn fill(&self) {
        let mut file = fs::File::create(self.path().join("others")).unwrap();
        let error = (0..).find_map(|_| file.write_all(&[1; 4096]).err()).unwrap();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }

    /// All that is there.
    fn content(&self) -> Content {
        let (mut content, mut left) = (Content::new(), vec![self.path().to_owned()]);
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path.clone());
                    content.insert(path, None);
                } else {
                    content.insert(path.clone(), Some(fs::read(path).unwrap()));
                }
            }
        }
        content
    }

    fn seawall(&self, (words, journal): (&[&str], &str), input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(words).args(["--json", "--journal", journal]).current_dir(self.path());
        command.env("SEAWALL_JOURNAL_SEGMENT_SIZE", SEGMENT.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Who does not get so far as to read closes it.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        child.wait_with_output().unwrap()
    }

    fn append(&self, journal: &str, event: &str) -> Output {
        self.seawall((&["append", "job"], journal), event)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // After a test that failed, something may still be open there.
        Command::new("umount").arg("-l").arg(self.path()).status().ok();
    }
}

/// Whether a command could not be carried out, and says so with this word and this advice.
fn assert_failed(output: &Output, code: &str, advice: &str) {
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    // The lines before it are acknowledgements.
    let error = said.find("{\n").and_then(|at| serde_json::from_str::<serde_json::Value>(&said[at..]).ok());
    let error = error.unwrap_or_else(|| panic!("{output:?}"));
    assert_eq!(error["error"]["code"], code, "{output:?}");
    assert!(error["error"]["message"].as_str().unwrap().contains(advice), "{output:?}");
}

#[test]
#[ignore = "mounts a file system"]
fn where_nothing_may_be_written_every_command_says_what_to_do_and_nothing_is_changed() {
    let Some(small) = Small::need() else { return };
    assert!(small.append("journal", "first\nsecond").status.success());
    small.mount_read_only();
    let before = small.content();
    for command in [
        (["append", "job"].as_slice(), "journal"),
        (&["append", "job"], "a/new/journal"),
        (&["streams"], "journal"),
        (&["close", "job"], "journal"),
    ] {
        assert_failed(&small.seawall(command, "third"), "io", "mount it writable");
        assert_eq!(small.content(), before, "{command:?}");
    }
}

#[test]
#[ignore = "mounts a file system"]
fn where_there_is_no_room_what_is_refused_changes_nothing_and_what_has_room_in_its_segment_is_taken() {
    let Some(small) = Small::need() else { return };
    let large = "x".repeat(LARGE);
    for _ in 0..3 {
        assert!(small.append("journal", &large).status.success());
    }
    small.fill();
    assert!(small.append("journal", &large[1..]).status.success());
    let before = small.content();
    assert_failed(&small.append("journal", &large), "no-room", "make room");
    assert!(small.content() == before, "an append that was refused has changed something");
    assert!(small.seawall((&["streams"], "journal"), "").status.success());
    assert!(small.content() == before, "who looks has changed something");
    fs::remove_file(small.path().join("others")).unwrap();
    assert!(small.append("journal", &large).status.success());
    let lengths: Vec<_> = there(small.path()).remove("job").unwrap().0.iter().map(String::len).collect();
    assert_eq!(lengths, [LARGE, LARGE, LARGE, LARGE - 1, LARGE]);
}

#[test]
#[ignore = "mounts a file system"]
fn a_journal_that_there_is_no_room_for_takes_no_room() {
    let Some(small) = Small::need() else { return };
    // Nearly full: a part of a segment would have room.
    small.fill();
    let others = fs::OpenOptions::new().write(true).open(small.path().join("others")).unwrap();
    others.set_len(others.metadata().unwrap().len() - SEGMENT / 2).unwrap();
    assert_failed(&small.append("a/new/journal", "first"), "no-room", "make room");
    let made = small.content().into_iter().filter(|(path, _)| !path.ends_with("others"));
    let bytes: usize = made.filter_map(|(_, bytes)| bytes).map(|bytes| bytes.len()).sum();
    assert_eq!(bytes, 0);
    others.set_len(0).unwrap();
    assert!(small.append("a/new/journal", "first").status.success());
}
