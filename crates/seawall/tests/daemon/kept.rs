//! What the daemon knows about watched logs outlives it, whatever ends it.

use std::fs;

use serde_json::json;
use testkit::wait_for;

use super::alerts::receiver::Receiver;
use super::running::{Daemon, House, PATIENCE};
use super::watch::{PILE, health};

fn pile(house: &House, files: u32) {
    fs::remove_dir_all(house.path("pile")).ok();
    fs::create_dir_all(house.path("pile")).unwrap();
    (0..files).for_each(|number| fs::write(house.path(&format!("pile/{number}")), "x").unwrap());
}

/// Waits until a file in the directory of the state says so.
fn kept(house: &House, name: &str, what: &str) {
    let path = house.path(&format!("journal/watch/{name}"));
    let read = || fs::read_to_string(&path).ok().filter(|text| text.contains(what));
    wait_for(PATIENCE, read).unwrap_or_else(|| panic!("no {what:?} in {:?}", fs::read_to_string(&path)));
}

fn letters(daemon: &Daemon, figure: &str) -> bool {
    daemon.get("/metrics").body.contains(&format!("seawall_alerts_{figure}\n"))
}

#[test]
fn what_was_told_before_a_kill_is_not_told_again_and_its_end_is() {
    let receiver = Receiver::willing();
    let watch = "[[watch]]\nname = 'pile'\npath = 'pile'\nformat = 'directory'\ninterval = '1s'\nmax_files = 2\nmin_free = '0%'\n";
    let alert = format!("[[alert]]\nname = 'hook'\nkind = 'webhook'\nurl = '{}'\n", receiver.url("/"));
    let house = House::new(&format!("{watch}{alert}"));
    pile(&house, 3);
    let daemon = house.start();
    receiver.wait(1);
    kept(&house, "alerts", " 0 warning ");
    daemon.kill();
    let daemon = house.start();
    health(&daemon, "warning");
    assert!(letters(&daemon, "firing{alert=\"hook\",kind=\"webhook\"} 1"));
    assert!(
        letters(&daemon, "waiting{alert=\"hook\",kind=\"webhook\"} 0"),
        "{}",
        daemon.get("/metrics").body
    );
    daemon.kill();
    // It becomes well while nobody looks.
    pile(&house, 1);
    let daemon = house.start();
    let posts = receiver.wait(2);
    assert_eq!((&posts[0].body["state"], &posts[1].body["state"]), (&json!("firing"), &json!("resolved")));
    health(&daemon, "healthy");
    assert_eq!(receiver.posts().len(), 2);
}

#[test]
fn checkpoints_are_counted_over_a_restart_and_a_file_that_is_damaged_is_set_aside() {
    let house = House::new(&PILE.replace("cooldown = '0s'", "cooldown = '1h'"));
    pile(&house, 3);
    let daemon = house.start();
    health(&daemon, "healthy");
    kept(&house, "pile.watch", "tally 1 0 0 ");
    let before = daemon.get("/wal-management/stats").json();
    daemon.kill();
    let mut daemon = house.start();
    let after = daemon.get("/wal-management/stats").json();
    assert_eq!(before["lastCheckpoint"], after["lastCheckpoint"]);
    assert!(after["checkpointStatus"]["cooldownRemaining"].as_u64().unwrap() > 3_000_000, "{after}");
    let counted = "seawall_target_checkpoints_total{target=\"pile\",outcome=\"effective\"} 1\n";
    assert!(daemon.get("/metrics").body.contains(counted));
    daemon.signal(rustix::process::Signal::TERM);
    assert!(daemon.ended().success());
    let path = house.path("journal/watch/pile.watch");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let daemon = house.start();
    daemon.line("what was known from before cannot be read, and is set aside: the watch begins anew");
    health(&daemon, "healthy");
    assert!(house.path("journal/watch/pile.watch.bad").exists());
    assert!(daemon.get("/wal-management/health").json()["lastCheckpoint"].is_null());
}

#[test]
fn where_nothing_can_be_kept_that_is_told_and_the_watch_goes_on() {
    let house = House::new(PILE);
    house.write("file", "");
    let house = house.with("SEAWALL_SERVER_STATE_DIR", "file/below");
    pile(&house, 1);
    let daemon = house.start();
    let told = daemon.line("what is known cannot be kept over a restart; see server.state_dir");
    assert_eq!(told["level"], "warn");
    health(&daemon, "healthy");
}
