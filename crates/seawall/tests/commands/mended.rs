//! Changes where they meet the world: real servers, full disks, a person at a terminal.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::prometheus::Prometheus;
use testkit::{need_program, note_lack};

use crate::world::World;

/// Ten minutes after the first scrape of the world's logs, in seconds since 1970.
const LATER: i64 = 1_769_861_400;

/// Every sample that a server has of the world's series.
fn served(prometheus: &Prometheus, data: &Path) -> usize {
    let server = prometheus.on(data).start().unwrap();
    let answer: serde_json::Value = serde_json::from_str(&server.query_at("up[1h]", LATER).unwrap()).unwrap();
    server.stop().unwrap();
    let list = |json: &serde_json::Value, path| json.pointer(path).unwrap().as_array().unwrap().clone();
    list(&answer, "/data/result").iter().map(|series| list(series, "/values").len()).sum()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

#[test]
#[ignore = "starts a real server"]
fn a_server_serves_everything_that_a_repair_kept_and_more_than_it_would_have_kept() {
    for version in ["2.42", "2.53", "3.5"] {
        let Some(prometheus) = Prometheus::need(version) else { continue };
        let world = World::new();
        copy(&world.path("damaged"), &world.path("own"));
        let own = served(&prometheus, &world.path("own"));
        let ran = world.run(&["repair", "--yes", "--json", "damaged"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let kept = usize::try_from(ran.json()["kept"]["samples"].as_u64().unwrap()).unwrap();
        assert_eq!(served(&prometheus, &world.path("damaged")), kept, "{version}");
        assert_eq!(served(&prometheus, &world.path("damaged")), kept, "{version}, started again");
        assert!(kept > own, "{version}: kept {kept}, the server itself keeps {own}");

        // The server has written since, and nobody said that this may go.
        let undo = world.run(&["undo", "--yes", "--json", "damaged"]);
        assert_eq!((undo.code, &undo.json()["error"]["code"]), (Some(4), &"overtaken".into()), "{undo:?}");
        let undo = world.run(&["undo", "--yes", "--newer", "quarantine", "damaged"]);
        assert_eq!(undo.code, Some(0), "{undo:?}");
        assert_eq!(world.run(&["verify", "damaged"]).code, Some(2), "the damage is back");
    }
}

#[test]
#[ignore = "starts a real server"]
fn a_running_server_is_refused_with_its_lock_file_and_without() {
    let Some(prometheus) = Prometheus::need("3.5") else { return };
    for flags in [&[][..], &["--storage.tsdb.no-lockfile"]] {
        let world = World::new();
        let setup = prometheus.on(world.path("wide")).scraping_itself(Duration::from_millis(200));
        let server = flags.iter().fold(setup, |setup, flag| setup.flag(*flag)).start().unwrap();
        assert_eq!(world.path("wide/lock").exists(), flags.is_empty());
        for change in
            [&["repair"][..], &["drain", "--keep", "0s"], &["trim", "--max-size", "1"], &["reset"], &["undo"]]
        {
            let ran = world.run(&[change, &["--yes", "--json", "wide"]].concat());
            assert_eq!(ran.code, Some(4), "{change:?}: {ran:?}");
            assert_eq!(ran.json()["error"]["code"], "in-use", "{change:?}");
            assert!(ran.stderr.contains(&format!("(process {})", server.pid())), "{}", ran.stderr);
        }
        let gate = ["check", "--max-size", "1", "--fix", "drain", "--json", "wide"];
        let ran = world.run(&gate);
        assert_eq!((ran.code, ran.json()["fixes"].as_array().unwrap().len()), (Some(4), 0), "{ran:?}");
        assert!(!world.path("wide/wal-quarantine").exists(), "nothing was written");
        server.stop().unwrap();
        assert_eq!(world.run(&["drain", "--yes", "--keep", "0s", "wide"]).code, Some(0));
    }
}

/// A file system of its own, in memory, of so many bytes. It is taken away with this value.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    pub(crate) fn at(dir: &Path, bytes: u64) -> Option<Self> {
        fs::create_dir(dir).unwrap();
        let size = format!("size={bytes}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir).output();
        let mounted = mount.is_ok_and(|mount| mount.status.success());
        if !mounted {
            note_lack("a file system of its own", "cannot be mounted here; run it as root");
        }
        mounted.then(|| Self(dir.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).output());
    }
}

#[test]
fn too_little_room_is_told_before_anything_is_written() {
    let world = World::new();
    let Some(_disk) = SmallDisk::at(&world.path("small"), 80 * 1024) else { return };
    copy(&world.path("damaged"), &world.path("small"));
    let before = fs::read(world.path("small/wal/00000000")).unwrap();
    let ran = world.run(&["repair", "--yes", "--json", "small"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(ran.json()["error"]["code"], "no-room");
    assert!(ran.json()["error"]["message"].as_str().unwrap().contains("bytes free"));
    assert_eq!(fs::read(world.path("small/wal/00000000")).unwrap(), before);
    assert_eq!(world.run(&["quarantine", "list", "--json", "small"]).stdout, "", "no change was begun");

    // A gate that could not fix says so beside what is wrong.
    let ran = world.run(&["check", "--fix", "repair", "--json", "small"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(ran.json()["fixes"][0]["error"]["code"], "no-room");
    let codes: Vec<_> =
        ran.json()["findings"].as_array().unwrap().iter().map(|finding| finding["code"].clone()).collect();
    assert!(codes.contains(&"not-fixed".into()) && codes.contains(&"damage".into()), "{codes:?}");
}

#[test]
fn at_a_terminal_one_is_asked_and_no_is_the_default() {
    for (typed, code, changed) in [("\n", 1, false), ("n\n", 1, false), ("y\n", 0, true)] {
        let Some(mut script) = need_program("script") else { return };
        let world = World::new();
        let line = format!("{} repair damaged", env!("CARGO_BIN_EXE_seawall"));
        script.args(["-qec", &line, "/dev/null"]).current_dir(world.path(""));
        let mut terminal = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut keyboard = terminal.stdin.take().unwrap();
        keyboard.write_all(typed.as_bytes()).unwrap();
        let shown = terminal.wait_with_output().unwrap();
        drop(keyboard);
        let text = String::from_utf8_lossy(&shown.stdout);
        assert!(text.contains("Carry this out?"), "{text}");
        assert_eq!(shown.status.code(), Some(code), "{typed:?}: {text}");
        assert_eq!(world.run(&["verify", "damaged"]).code == Some(0), changed, "{typed:?}: {text}");
    }
}
