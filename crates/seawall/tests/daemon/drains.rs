//! The procedure that has InfluxDB 3 persist its log, run by the daemon: on logs that real servers have written, with a
//! stand-in for systemd that puts in place what a real server made of one of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use testkit::wait_for;

use super::http::Answer;
use super::running::{Daemon, House, PATIENCE};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A log that a server of that version has left.
fn left(name: &str) -> PathBuf {
    repository().join("crates/formats/tests/corpus/influxdb3").join(name)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &to) } else { fs::copy(&path, &to).map(drop).unwrap() }
    }
}

/// A house with a node, and a `systemctl` whose restart does this while the limit is set.
fn house(node: &str, drained: &str) -> House {
    let house = House::new("");
    copy(&left(node), &house.path("data"));
    let bin = house.path("bin");
    fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$*\" >>{log}\n\
         if [ \"$1\" = restart ] && grep -q MEM_THRESHOLD=1b {limit}; then {drained}; fi\n",
        log = house.path("systemctl.log").display(),
        limit = house.path("run/influxdb3.service.d/seawall-drain.conf").display(),
    );
    fs::write(bin.join("systemctl"), script).unwrap();
    fs::set_permissions(bin.join("systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
    let drain = repository().join("deploy/influxdb3/drain.sh");
    let command = format!("{} influxdb3.service data/node-a", drain.display());
    house.write(
        "seawall.toml",
        &format!(
            "[[watch]]\nname = 'node'\npath = 'data/node-a'\nformat = 'influxdb3'\ninterval = '1s'\nmin_free = '0%'\n\
             max_files = 1000\ncheckpoint.command = '{command}'\ncheckpoint.patience = '1s'\n"
        ),
    );
    let seawall = Path::new(env!("CARGO_BIN_EXE_seawall")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{}:{path}", bin.display(), seawall.display());
    let run = house.path("run").display().to_string();
    house.with("PATH", &path).with("DROP_INS", &run).with("LIVE", "2").with("PATIENCE", "1")
}

fn drain(daemon: &Daemon) -> Answer {
    let seen = || daemon.get("/api/v1/targets/node").json()["looked"].is_string().then_some(());
    wait_for(PATIENCE, seen).unwrap();
    daemon.post("/api/v1/targets/node/checkpoint", b"")
}

fn told_systemd(house: &House) -> String {
    fs::read_to_string(house.path("systemctl.log")).unwrap_or_default()
}

const TWO_STARTS: &str = "daemon-reload\nrestart --no-ask-password influxdb3.service\n\
    daemon-reload\nrestart --no-ask-password influxdb3.service\n";

#[test]
fn a_node_is_drained_by_a_start_with_a_limit_and_started_without_it_again() {
    let drained = left("v3.6.0/server-forced-drain");
    let house = house("v3.6.0/server-healthy", &format!("rm -r data; cp -r {} data", drained.display()));
    let daemon = house.start();
    let answer = drain(&daemon);
    assert_eq!(answer.status, 200, "{answer:?}");
    let done = answer.json();
    assert_eq!((&done["outcome"], &done["freed_replay"]), (&json!("effective"), &json!(6)), "{done}");
    assert_eq!(told_systemd(&house), TWO_STARTS);
    assert!(!house.path("run/influxdb3.service.d").exists(), "nothing is left of the limit");
}

#[test]
fn a_node_that_does_not_drain_in_time_runs_without_the_limit_again() {
    let house = house("v3.6.0/server-healthy", "true");
    let daemon = house.start();
    let answer = drain(&daemon);
    assert_eq!((answer.status, answer.code().as_str()), (502, "failed"), "{answer:?}");
    assert!(answer.body.contains("8 of 8 files are live after 1 seconds"), "{answer:?}");
    assert_eq!(told_systemd(&house), TWO_STARTS);
    assert!(!house.path("run/influxdb3.service.d").exists());
}

#[test]
fn a_damaged_node_is_not_started_anew() {
    let house = house("v3.10.1/tail-zero-byte", "true");
    let daemon = house.start();
    let answer = drain(&daemon);
    assert_eq!((answer.status, answer.code().as_str()), (502, "failed"), "{answer:?}");
    assert!(answer.body.contains("nothing was done: seawall verify"), "{answer:?}");
    assert_eq!(told_systemd(&house), "");
}
