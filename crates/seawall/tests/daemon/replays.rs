//! Replays against a real receiver, which is a daemon: what arrives is what was archived, in order, whatever ends a replay.

use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use testkit::wait_for;

use super::running::{Daemon, House, PATIENCE, names};

fn lines(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:05} {}", "x".repeat(number * 37 % 300))).collect()
}

/// A house whose archive holds these lines as the stream `jobs`.
fn archived(lines: &[String]) -> House {
    let house = House::new("");
    let daemon = house.start();
    let body = lines.join("\n");
    let request = daemon.request("POST", "/v1/streams/jobs/events");
    let answer = request.header("Content-Type", "application/vnd.seawall.lines").body(body.as_bytes()).send();
    assert_eq!(answer.status, 200, "{answer:?}");
    daemon.post("/v1/streams/jobs/close", b"");
    let is_there = || (names(&house.path("journal/archive")) == ["jobs.wal.zst"]).then_some(());
    wait_for(PATIENCE, is_there).expect("it is archived");
    assert!(daemon.stop().success());
    house
}

/// A replay to a daemon, which takes one event with each request.
fn replay(house: &House, to: &Daemon, args: &[&str]) -> Command {
    let url = format!("http://{}/v1/streams/{{stream}}/events", to.address);
    let mut command = house.seawall(&["replay", "--server", &url, "--format", "raw"]);
    command.env_remove("SEAWALL_SERVER_LISTEN").args(args);
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn payloads(house: &House) -> Vec<String> {
    house.events("jobs").into_iter().map(|(_, payload)| String::from_utf8(payload).unwrap()).collect()
}

#[test]
fn what_is_replayed_from_the_archive_is_what_was_archived() {
    let wanted = lines(300);
    let house = archived(&wanted);
    let receiver = House::new("");
    let daemon = receiver.start();
    let output = replay(&house, &daemon, &["--all"]).output().unwrap();
    assert!(output.status.success() && text(&output).contains("sent 300 events"), "{output:?}");
    // Again, from a file: the receiver knows the events by their keys.
    let output = replay(&house, &daemon, &["journal/archive/jobs.wal.zst"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let extract = ["archive", "extract", "--as", "wal", "--to", "out", "jobs"];
    let extracted = house.seawall(&extract).env_remove("SEAWALL_SERVER_LISTEN").status().unwrap();
    assert!(extracted.success());
    let output = replay(&house, &daemon, &["out/jobs.wal"]).output().unwrap();
    assert!(output.status.success() && text(&output).contains("sent 300 events"), "{output:?}");
    // With a filter, and nothing is sent that does not match.
    let output = replay(&house, &daemon, &["--match", "00007 ", "--json", "--all"]).output().unwrap();
    let row: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&row["events"], &row["refused"]), (&1.into(), &0.into()));
    assert!(daemon.stop().success());
    assert_eq!(payloads(&receiver), wanted);
}

#[test]
fn a_replay_that_was_killed_goes_on_where_it_ended() {
    let wanted = lines(400);
    let house = archived(&wanted);
    let receiver = House::new("");
    let daemon = receiver.start();
    let mut killed = replay(&house, &daemon, &["--all"]).stderr(Stdio::null()).spawn().unwrap();
    let has = |least: u64| {
        let streams = daemon.get("/v1/streams").body;
        let last = serde_json::from_str::<Value>(&streams).ok().and_then(|stream| stream["last"].as_u64());
        last.filter(|last| *last >= least)
    };
    let there = wait_for(PATIENCE, || has(50)).expect("some have arrived");
    killed.kill().unwrap();
    killed.wait().unwrap();
    let output = replay(&house, &daemon, &["--resume", "--json", "--all"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let row: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sent = row["events"].as_u64().unwrap();
    assert!(sent <= 400 - there + 1, "{sent} were sent after {there} had arrived");
    assert!(daemon.stop().success());
    assert_eq!(payloads(&receiver), wanted);
}

#[test]
fn what_the_server_refuses_is_told_and_the_rest_is_sent() {
    let mut wanted = lines(20);
    wanted.insert(7, "y".repeat(20_000));
    let house = archived(&wanted);
    let receiver = House::new("[journal]\nmax_event = '16KiB'\n");
    let daemon = receiver.start();
    let output = replay(&house, &daemon, &["--all"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("event 8 of jobs is refused: the server answered 413"), "{said}");
    assert!(text(&output).contains("1 refused") && text(&output).contains("sent 20 events"), "{output:?}");
    assert!(daemon.stop().success());
    wanted.remove(7);
    assert_eq!(payloads(&receiver), wanted);
}

#[test]
fn a_server_that_is_gone_ends_a_replay_after_its_patience() {
    let house = archived(&lines(3));
    let receiver = House::new("");
    let daemon = receiver.start();
    let mut gone = replay(&house, &daemon, &["--retry-for", "100ms", "--json", "--all"]);
    daemon.kill();
    let output = gone.output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(error["error"]["code"], "not-taken");
    assert!(error["error"]["hint"].as_str().unwrap().contains("--resume"));
}

#[test]
fn a_replay_sends_as_a_ship_of_the_configuration_does() {
    let wanted = lines(50);
    let house = archived(&wanted);
    let receiver = House::new("");
    let daemon = receiver.start();
    let url = format!("http://{}/v1/streams/{{stream}}/events", daemon.address);
    house.write("ships.toml", &format!("[[ship]]\nname = 'there'\nurl = '{url}'\nformat = 'raw'\n"));
    let args = ["replay", "-c", "ships.toml", "--ship", "there", "--rate", "5000/s", "--all"];
    let output = house.seawall(&args).env_remove("SEAWALL_SERVER_LISTEN").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(daemon.stop().success());
    assert_eq!(payloads(&receiver), wanted);
    assert!(fs::exists(house.path("journal/replays")).unwrap(), "how far it is, is noted");
}
