//! A disk that gets full in the middle of imports, archiving and replays: what is not there is told, what is there is known, and
//! all of it goes on once there is room.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;
use testkit::wait_for;

use super::past::{SOCKET, payloads, ran, replay, rows, wanted};
use super::room::Tmpfs;
use super::running::{House, PATIENCE, names};
use super::sample;

const CONFIG: &str = "[server]\nsocket = 'seawall.sock'\n[journal]\nsegment_size = '64KiB'\n";

/// Takes all the room that is left, but for so many bytes.
fn fill(house: &House, left: u64) -> PathBuf {
    let path = house.path("journal/somebody-elses");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    let size = file.metadata().unwrap().len();
    file.set_len(size.saturating_sub(left)).unwrap();
    path
}

fn code(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    document["error"]["code"].clone()
}

#[test]
#[ignore = "mounts a file system, as root"]
fn an_import_that_a_full_disk_has_ended_goes_on_once_there_is_room_and_brings_each_record_once() {
    let house = House::new(CONFIG);
    let Some(_disk) = Tmpfs::mount(&house.path("journal"), "4M") else { return };
    let tag = "x".repeat(100);
    fs::write(house.path("job.wal"), sample::log(9000, &tag, 0)).unwrap();
    let mut daemon = house.start();
    assert_eq!(daemon.post("/v1/streams/job/events", b"foreign").status, 200);
    let mut foreign = 1;
    let mut there = 0;
    for left in [0, 300 << 10, 900 << 10] {
        let other = fill(&house, left);
        let output = ran(&house, &["import", "--json", "job.wal"]);
        assert_eq!(code(&output), "no-room", "{output:?}");
        let row = rows(&output).remove(0);
        let imported = row["imported"].as_u64().unwrap();
        assert!(left == 0 || imported > 0, "{row}");
        // Others append the same meanwhile, if there is room for a little; and a start needs none.
        let next = format!("{tag} {}", there + imported + 1);
        foreign += u32::from(daemon.post("/v1/streams/job/events", next.as_bytes()).status == 200);
        daemon.kill();
        daemon = house.start();
        let known = daemon.get("/api/v1/imports/job").json();
        let beyond = known["beyond"].as_u64().unwrap();
        there = known["records"].as_u64().unwrap() + beyond;
        fs::remove_file(other).unwrap();
    }
    let output = ran(&house, &["import", "--json", "job.wal"]);
    assert!(output.status.success(), "{output:?}");
    assert!(daemon.stop().success());
    let events = payloads(&house, "job");
    assert_eq!(events.len(), 9000 + usize::try_from(foreign).unwrap());
    // What others have appended lies between; without it they are all there, in order.
    let mut rest = events.iter();
    assert!(wanted(&tag, 9000).iter().all(|wanted| rest.any(|event| event == wanted)));
}

#[test]
#[ignore = "mounts a file system, as root"]
fn an_archive_that_does_not_fit_leaves_nothing_and_is_made_once_there_is_room() {
    let house = House::new(CONFIG);
    let Some(_disk) = Tmpfs::mount(&house.path("journal"), "4M") else { return };
    let daemon = house.start();
    let mut dice = 7u64;
    let mut event = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{dice:x}").into_bytes()
    };
    let mut lines: Vec<u8> = Vec::new();
    for _ in 0..40_000 {
        lines.extend(event());
        lines.push(b'\n');
    }
    for lines in lines.chunks(200_000) {
        let request = daemon.request("POST", "/v1/streams/large/events");
        let request = request.header("Content-Type", "application/vnd.seawall.lines");
        assert_eq!(request.body(lines).send().status, 200);
    }
    let other = fill(&house, 200 << 10);
    assert_eq!(daemon.post("/v1/streams/large/close", b"").status, 200);
    let output = ran(&house, &["archive", "run", "--json"]);
    assert_eq!(code(&output), "no-room", "{output:?}");
    assert_eq!(
        names(&house.path("journal/archive")),
        Vec::<String>::new(),
        "what is not whole takes no room"
    );
    assert_eq!(daemon.get("/livez").status, 200);
    fs::remove_file(other).unwrap();
    let again = ran(&house, &["archive", "run", "--json"]);
    assert!(again.status.success(), "{again:?}");
    let is_there = || (names(&house.path("journal/archive")) == ["large.wal.zst"]).then_some(());
    wait_for(PATIENCE, is_there).expect("it is archived");
    let extracted = ran(&house, &["archive", "extract", "--as", "lines", "large"]);
    assert!(extracted.stdout.len() > 300_000, "{:?}", extracted.stderr);
}

#[test]
#[ignore = "mounts a file system, as root"]
fn a_replay_ends_where_it_cannot_be_noted_and_goes_on_there() {
    let (house, receiver) = (House::new(SOCKET), House::new(""));
    let Some(_disk) = Tmpfs::mount(&house.path("journal/replays"), "64K") else { return };
    let (daemon, there) = (house.start(), receiver.start());
    let lines = wanted("a", 30);
    let request = daemon.request("POST", "/v1/streams/live/events");
    let request = request.header("Content-Type", "application/vnd.seawall.lines");
    assert_eq!(request.body(lines.join("\n").as_bytes()).send().status, 200);
    fs::write(house.path("journal/replays/somebody-elses"), vec![1; 64 << 10]).unwrap();
    let output = replay(&house, &there, &["--json", "live"]).output().unwrap();
    assert_eq!(code(&output), "no-room", "{output:?}");
    fs::remove_file(house.path("journal/replays/somebody-elses")).unwrap();
    let output = replay(&house, &there, &["--json", "--resume", "live"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    drop(daemon);
    assert!(there.stop().success());
    assert_eq!(payloads(&receiver, "live"), lines);
}

#[test]
#[ignore = "mounts a file system, as root"]
fn a_copy_of_an_archive_that_does_not_fit_here_is_told_and_leaves_nothing() {
    let house = House::new(SOCKET);
    let Some(_disk) = Tmpfs::mount(&house.path("temporary"), "64K") else { return };
    let daemon = house.start();
    let mut dice = 7u64;
    let mut byte = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 56) as u8
    };
    let event: Vec<u8> = std::iter::repeat_with(&mut byte).take(300 << 10).collect();
    assert_eq!(daemon.post("/v1/streams/s/events", &event).status, 200);
    assert_eq!(daemon.post("/v1/streams/s/close", b"").status, 200);
    assert!(ran(&house, &["archive", "run"]).status.success());
    let mut extract = super::past::asking(&house, &["archive", "extract", "s"]);
    let output = extract.env("TMPDIR", house.path("temporary")).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("failed to copy an archive to") && said.contains("TMPDIR"), "{said}");
    assert!(fs::read_dir(house.path("temporary")).unwrap().next().is_none());
}
