//! Full disks and full budgets, of the daemon and of a proxy: what clients are told, and that it goes on by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{note_lack, wait_for};

use super::fronts::{Service, front};
use super::http::Request;
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

/// Writes to a proxy whose servers are gone until one is refused, and says how many were queued.
fn fill_proxy(daemon: &Daemon) -> usize {
    let mut queued = 0;
    loop {
        let answer = Request::new(front(daemon), "POST", "/a").body(&EVENT).send();
        if answer.status != 202 {
            assert_eq!((answer.status, answer.code().as_str()), (507, "journal-full"), "{answer:?}");
            return queued;
        }
        queued += 1;
    }
}

/// What a balancer in front is told about the proxy: the status, and how its journal is.
fn health(daemon: &Daemon) -> (u16, String) {
    let answer = Request::new(front(daemon), "GET", "/health").send();
    (answer.status, answer.json()["journal"].as_str().unwrap().to_owned())
}

/// The proxy and the daemon say that writes are taken, before anybody has tried, and so it is.
fn proxy_resumes(daemon: &Daemon) {
    let ready = || (health(daemon).1 == "well" && daemon.get("/readyz").status == 200).then_some(());
    wait_for(PATIENCE, ready).expect("it is ready before anybody has tried again");
    assert!([200, 202].contains(&Request::new(front(daemon), "POST", "/a").body(b"last").send().status));
}

/// Waits until a server has got so many writes.
fn has(primary: &Service, writes: usize) {
    let all = || (primary.at("/a").len() == writes).then_some(());
    wait_for(PATIENCE, all).unwrap_or_else(|| panic!("{} of {writes}", primary.at("/a").len()));
}

/// A daemon whose proxy stands in front of a server that is gone.
fn proxied(config: &str, primary: &Service) -> House {
    House::new(&format!(
        "{config}[[proxy]]\nlisten = '127.0.0.1:0'\nprimary = '{}'\nmax_body = '8KiB'\nmax_header = '8KiB'\n\
         check_interval = '100ms'\n",
        primary.url()
    ))
}

#[test]
fn a_proxy_whose_budget_is_full_says_so_until_its_server_has_caught_up() {
    let mut primary = Service::start();
    let config = "[journal]\nsegment_size = '512KiB'\n";
    let house = proxied(config, &primary).with("SEAWALL_PROXY_MAX_BYTES", "4MiB");
    let daemon = house.start();
    primary.go();
    let queued = fill_proxy(&daemon);
    assert_eq!(health(&daemon), (503, "over-budget".to_owned()));
    let ready = daemon.get("/readyz");
    let reason = "the proxy proxy: the journal has reached its max_bytes";
    assert_eq!((ready.status, ready.json()["reasons"][0].as_str()), (503, Some(reason)));
    assert_eq!(daemon.post("/v1/streams/s/events", &EVENT).status, 200, "the daemon's own journal has room");
    primary.come();
    proxy_resumes(&daemon);
    has(&primary, queued + 1);
}

#[test]
#[ignore = "mounts a file system, as root"]
fn a_proxy_on_a_full_disk_refuses_writes_and_reads_on_and_loses_nothing() {
    let mut primary = Service::start();
    let house = proxied("[journal]\nsegment_size = '512KiB'\n", &primary);
    let Some(disk) = Tmpfs::mount(&house.path("journal/proxies"), "4M") else { return };
    let daemon = house.start();
    let other = disk.0.join("somebody-elses");
    fs::write(&other, vec![0; 2 << 20]).unwrap();
    primary.go();
    let mut queued = fill_proxy(&daemon);
    assert_eq!(health(&daemon), (503, "full".to_owned()));
    assert_eq!(daemon.get("/readyz").status, 503);
    fs::remove_file(other).unwrap();
    proxy_resumes(&daemon);
    queued += 1 + fill_proxy(&daemon);
    primary.come();
    // It is full still, and what is read goes on.
    has(&primary, queued);
    let read = Request::new(front(&daemon), "GET", "/a").send();
    assert_eq!(read.body.split(',').count(), queued);
    proxy_resumes(&daemon);
    assert!(daemon.stop().success());
}
