//! Commands whose daemon is killed in the middle, and two of them at once: what they do is done once and as a whole.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs::{self, File};
use std::process::{Child, Output, Stdio};

use serde_json::Value;
use testkit::wait_for;

use super::past::{SOCKET, asking, payloads, ran, replay, rows, wanted};
use super::running::{Daemon, House, PATIENCE, names};
use super::sample;

/// Kills the daemon and starts it again, each time that `now` is further, until the command has ended.
fn ended_over_kills(
    house: &House,
    (mut child, mut daemon): (Child, Daemon),
    kills: u32,
    step: u64,
    now: &dyn Fn() -> u64,
) -> (Output, Daemon) {
    let (mut killed, mut seen) = (0, 0);
    while child.try_wait().unwrap().is_none() {
        let is_further = || {
            let now = now();
            (now >= seen + step || child.try_wait().unwrap().is_some()).then_some(now)
        };
        seen = wait_for(PATIENCE, is_further).expect("it goes on");
        if killed < kills {
            daemon.kill();
            daemon = house.start();
            killed += 1;
        }
    }
    assert_eq!(killed, kills, "it ended sooner");
    (child.wait_with_output().unwrap(), daemon)
}

/// The events of a stream of a daemon so far.
fn last(daemon: &Daemon, stream: &str) -> u64 {
    let page = daemon.get("/v1/streams").body;
    let lines = page.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found = lines.filter(|line| line["id"] == stream);
    found.next().and_then(|line| line["last"].as_u64()).unwrap_or(0)
}

fn append(daemon: &Daemon, stream: &str, lines: &[String]) {
    for lines in lines.chunks(100) {
        let request = daemon.request("POST", &format!("/v1/streams/{stream}/events"));
        let request = request.header("Content-Type", "application/vnd.seawall.lines");
        let answer = request.body(lines.join("\n").as_bytes()).send();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[test]
fn a_replay_waits_for_a_daemon_that_is_killed_and_leaves_no_event_out() {
    let (house, receiver) = (House::new(SOCKET), House::new(""));
    let (daemon, there) = (house.start(), receiver.start());
    // Some in an archive, and more than two answers hold.
    let lines: Vec<String> = (1..=200).map(|number| format!("{number} {}", "x".repeat(50_000))).collect();
    append(&daemon, "done", &lines[..60]);
    assert_eq!(daemon.post("/v1/streams/done/close", b"").status, 200);
    append(&daemon, "live", &lines);
    assert!(ran(&house, &["archive", "run"]).status.success());
    let mut sending = replay(&house, &there, &["--all", "--json"]);
    let said = File::create(house.path("said")).unwrap();
    let child = sending.stdout(Stdio::piped()).stderr(said).spawn().unwrap();
    let so_far = || last(&there, "done") + last(&there, "live");
    let (output, daemon) = ended_over_kills(&house, (child, daemon), 6, 35, &so_far);
    let said = fs::read_to_string(house.path("said")).unwrap();
    assert!(output.status.success(), "{output:?}\n{said}");
    assert!(said.contains("; trying again for 300s") && said.contains("answers again"), "{said}");
    let sent: u64 = rows(&output).iter().map(|row| row["events"].as_u64().unwrap()).sum();
    assert_eq!(sent, 260, "{output:?}");
    // All of it is noted.
    let again = replay(&house, &there, &["--all", "--json", "--resume"]).output().unwrap();
    assert!(rows(&again).is_empty(), "{again:?}");
    drop(daemon);
    assert!(there.stop().success());
    assert!(payloads(&receiver, "live") == lines && payloads(&receiver, "done") == lines[..60]);
}

#[test]
fn a_daemon_that_is_gone_for_good_ends_a_replay_after_its_patience() {
    let (house, receiver) = (House::new(SOCKET), House::new(""));
    let (daemon, there) = (house.start(), receiver.start());
    append(&daemon, "live", &wanted("a", 2000));
    let mut sending = replay(&house, &there, &["--retry-for", "200ms", "--json", "live"]);
    let child = sending.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(PATIENCE, || (last(&there, "live") > 10).then_some(())).expect("it has begun");
    daemon.kill();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let error = &serde_json::from_slice::<Value>(&output.stdout).unwrap()["error"];
    assert_eq!(error["code"], "no-answer", "{error}");
    assert!(error["message"].as_str().unwrap().contains("did not answer for 200ms"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("--resume"), "{error}");
}

fn write_logs(house: &House, files: usize) {
    fs::create_dir(house.path("logs")).unwrap();
    for number in 0..files {
        let log = sample::log(3, &format!("job {number}"), 0);
        fs::write(house.path(&format!("logs/{number}.wal")), log).unwrap();
    }
}

#[test]
fn files_are_imported_and_closed_behind_a_daemon_that_is_killed_again_and_again() {
    let house = House::new("[server]\nsocket = 'seawall.sock'\n[journal]\narchive = false\n");
    write_logs(&house, 80);
    let daemon = house.start();
    let mut import = asking(&house, &["import", "--json", "--close", "logs"]);
    let child = import.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let ledgers = || names(&house.path("journal/imports")).len() as u64;
    let (output, daemon) = ended_over_kills(&house, (child, daemon), 5, 8, &ledgers);
    assert!(output.status.success(), "{output:?}");
    let rows = rows(&output);
    assert_eq!(rows.len(), 80);
    for row in rows {
        let brought = row["imported"].as_u64().unwrap() + row["already"].as_u64().unwrap();
        assert!(brought == 3 && row["closed"] == true && row["error"].is_null(), "{row}");
    }
    let streams = daemon.get("/v1/streams").body;
    assert_eq!(streams.lines().count(), 80);
    for stream in streams.lines() {
        let stream: Value = serde_json::from_str(stream).unwrap();
        assert_eq!((&stream["state"], &stream["live"]), (&"closed".into(), &3.into()), "{stream}");
    }
}

#[test]
fn two_imports_of_the_same_files_at_once_bring_each_record_once() {
    let house = House::new(SOCKET);
    write_logs(&house, 10);
    fs::write(house.path("logs/long.wal"), sample::log(6000, "long", 0)).unwrap();
    let daemon = house.start();
    let spawn = || asking(&house, &["import", "--json", "logs"]).stdout(Stdio::piped()).spawn().unwrap();
    let both = [spawn(), spawn()].map(|child| child.wait_with_output().unwrap());
    let mut imported = 0;
    for output in both {
        assert!(output.status.success(), "{output:?}");
        for row in rows(&output) {
            imported += row["imported"].as_u64().unwrap();
        }
    }
    assert_eq!(imported, 6030);
    assert!(daemon.stop().success());
    assert_eq!(payloads(&house, "long"), wanted("long", 6000));
    assert_eq!(payloads(&house, "7"), wanted("job 7", 3));
}

#[test]
fn streams_are_archived_once_whoever_asks_at_once_and_as_a_whole_whoever_is_killed() {
    let house = House::new(SOCKET);
    let mut daemon = house.start();
    // It takes a while to compress, and there is no other copy of it.
    let mut dice = 7u64;
    let mut line = |_| {
        let mut text = String::new();
        while text.len() < 20_000 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            write!(text, "{dice:x}").unwrap();
        }
        text
    };
    let lines: Vec<String> = (0..300).map(&mut line).collect();
    append(&daemon, "large", &lines);
    for number in 0..20 {
        append(&daemon, &format!("small-{number}"), &lines[..1]);
        assert_eq!(daemon.post(&format!("/v1/streams/small-{number}/close"), b"").status, 200);
    }
    let spawn = || asking(&house, &["archive", "run", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let both = [spawn(), spawn()].map(|child| child.wait_with_output().unwrap());
    assert!(both.iter().all(|output| output.status.success()), "{both:?}");
    assert_eq!(names(&house.path("journal/archive")).len(), 20, "one for each stream");
    let told: Vec<Value> = both.iter().flat_map(rows).map(|row| row["archive"].clone()).collect();
    assert_eq!(told.len(), told.iter().map(Value::to_string).collect::<BTreeSet<_>>().len(), "{told:?}");
    // Killed while it is written: who has asked is told so, and the next start makes it anew.
    let close = daemon.post("/v1/streams/large/close", b"");
    assert_eq!(close.status, 200, "{close:?}");
    let asked = spawn();
    let is_begun = || house.path("journal/archive/archive.tmp").exists().then_some(());
    wait_for(PATIENCE, is_begun).expect("it is being written");
    daemon.kill();
    let output = asked.wait_with_output().unwrap();
    assert!([Some(3), Some(4), Some(0)].contains(&output.status.code()), "{output:?}");
    daemon = house.start();
    let is_there = || {
        let names = names(&house.path("journal/archive"));
        (names.contains(&"large.wal.zst".to_owned()) && names.len() == 21).then_some(())
    };
    wait_for(PATIENCE, is_there).expect("it is made anew, and what was left of it is gone");
    let extracted = ran(&house, &["archive", "extract", "--as", "lines", "large"]);
    assert!(extracted.status.success());
    assert!(String::from_utf8(extracted.stdout).unwrap().lines().eq(&lines), "it holds what was appended");
    drop(daemon);
}
