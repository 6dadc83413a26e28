//! Full disks and full budgets: what clients are told, and that it goes on by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{note_lack, wait_for};

use super::running::{Daemon, House, PATIENCE};

const EVENT: [u8; 8 << 10] = [b'x'; 8 << 10];

/// Appends until that is refused, and says with what.
fn fill(daemon: &Daemon) -> String {
    let refused = || Some(daemon.post("/v1/streams/s/events", &EVENT)).filter(|answer| answer.status != 200);
    let answer = wait_for(PATIENCE, refused).expect("it is full at some time");
    assert_eq!(answer.status, 507, "{answer:?}");
    assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    answer.code()
}

fn resumes(daemon: &Daemon) {
    let ready = || (daemon.get("/readyz").status == 200).then_some(());
    wait_for(PATIENCE, ready).expect("it is ready before anybody has tried again");
    assert_eq!(daemon.post("/v1/streams/t/events", &EVENT).status, 200);
    daemon.line("events are taken again");
}

#[test]
fn a_full_budget_is_told_and_ends_when_events_are_archived() {
    let house = House::new("[journal]\nsegment_size = '64KiB'\nmax_bytes = '640KiB'\n");
    let daemon = house.start();
    assert_eq!(fill(&daemon), "over-budget");
    let ready = daemon.get("/readyz");
    assert_eq!((ready.status, ready.json()["ready"].as_bool()), (503, Some(false)));
    assert!(ready.json()["reasons"][0].as_str().unwrap().contains("has reached its"), "{ready:?}");
    let metrics = daemon.get("/metrics").body;
    assert!(
        metrics.contains("\nseawall_ready 0\n")
            && metrics.contains("wal_failures_total{reason=\"over-budget\"}")
    );
    assert_eq!(daemon.get("/livez").status, 200);
    assert_eq!(
        daemon.post("/v1/streams/s/close", b"").status,
        200,
        "closing makes room, so it is never refused"
    );
    resumes(&daemon);
}

/// A file system of its own, small.
pub(crate) struct Tmpfs(PathBuf);

impl Tmpfs {
    /// Nothing where that is not allowed, which is noted.
    pub(crate) fn mount(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(at.to_owned()));
        }
        note_lack("a tmpfs", "can be mounted by root alone");
        None
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.0).output().ok();
    }
}

#[test]
#[ignore = "mounts a file system, as root"]
fn a_full_disk_is_told_and_ends_when_there_is_room() {
    let house = House::new("[journal]\nsegment_size = '64KiB'\n");
    let Some(disk) = Tmpfs::mount(&house.path("journal"), "2M") else { return };
    let daemon = house.start();
    let other = disk.0.join("somebody-elses");
    fs::write(&other, vec![0; 1 << 20]).unwrap();
    assert_eq!(fill(&daemon), "disk-full");
    assert_eq!(daemon.get("/readyz").status, 503);
    let events = daemon.get("/v1/streams").json()["live"].as_u64().unwrap();
    fs::remove_file(other).unwrap();
    resumes(&daemon);
    assert!(daemon.stop().success());
    assert_eq!(house.events("s").len() as u64, events, "all that was acknowledged is there");
}
