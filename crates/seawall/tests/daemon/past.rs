//! What was, through the daemon: imports, archives and replays say and do what they do without it, whatever is killed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use testkit::wait_for;

use super::running::{Daemon, House, PATIENCE, names, opened};
use super::sample;

pub(crate) const SOCKET: &str = "[server]\nsocket = 'seawall.sock'\n";

/// A command that asks the daemon.
pub(crate) fn asking(house: &House, args: &[&str]) -> Command {
    let mut command = house.seawall(args);
    command.args(["-c", "seawall.toml"]).env_remove("SEAWALL_SERVER_LISTEN");
    command
}

pub(crate) fn ran(house: &House, args: &[&str]) -> Output {
    asking(house, args).output().unwrap()
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn rows(output: &Output) -> Vec<Value> {
    text(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn wanted(tag: &str, records: u32) -> Vec<String> {
    (1..=records).map(|number| format!("{tag} {number}")).collect()
}

pub(crate) fn payloads(house: &House, stream: &str) -> Vec<String> {
    let events = house.events(stream).into_iter();
    events.map(|(_, payload)| String::from_utf8(payload).unwrap()).collect()
}

#[test]
fn an_import_through_the_daemon_brings_what_one_without_it_brings_and_each_knows_of_the_other() {
    let house = House::new(SOCKET);
    sample::write_worker(&house.path("worker"));
    let daemon = house.start();
    let rehearsed = ran(&house, &["import", "--dry-run", "--json", "worker"]);
    assert_eq!(rehearsed.status.code(), Some(2), "{rehearsed:?}");
    assert!(daemon.get("/v1/streams").body.is_empty(), "a rehearsal has changed something");
    let brought = ran(&house, &["import", "--json", "--close", "worker/wal"]);
    assert_eq!(brought.status.code(), Some(2), "{brought:?}");
    let counts: Vec<_> =
        rows(&brought).iter().map(|row| (row["imported"].clone(), row["closed"].clone())).collect();
    assert_eq!(counts, [(json!(3), json!(true)), (json!(2), json!(true))]);
    // Once more, when the streams were closed and archived.
    let is_there = || (names(&house.path("journal/archive")).len() == 2).then_some(());
    wait_for(PATIENCE, is_there).expect("they are archived");
    let again = ran(&house, &["import", "--json", "--close", "worker/wal"]);
    assert!(
        rows(&again).iter().all(|row| row["imported"] == 0 && row["already"] == row["records"]),
        "{again:?}"
    );
    assert!(daemon.stop().success());
    let direct = ran(&house, &["import", "--json", "worker/wal/job-1.wal"]);
    assert_eq!(
        (&rows(&direct)[0]["already"], &rows(&direct)[0]["imported"]),
        (&json!(3), &json!(0)),
        "{direct:?}"
    );
    let direct = ran(&house, &["import", "--json", "worker/archive"]);
    assert_eq!(rows(&direct)[0]["imported"], 2, "{direct:?}");
    let daemon = house.start();
    let through = ran(&house, &["import", "--json", "worker/archive"]);
    assert_eq!((&rows(&through)[0]["already"], &rows(&through)[0]["imported"]), (&json!(2), &json!(0)));
    drop(daemon);
}

#[test]
fn a_file_that_has_grown_brings_what_is_new_and_another_log_of_its_name_is_refused() {
    let house = House::new(SOCKET);
    let daemon = house.start();
    let write = |records, tag| fs::write(house.path("job.wal"), sample::log(records, tag, 0)).unwrap();
    for (records, imported) in [(3, 3), (1200, 1197), (3, 0), (1200, 0)] {
        write(records, "a");
        let row = rows(&ran(&house, &["import", "--json", "job.wal"])).remove(0);
        assert_eq!((&row["imported"], &row["error"]), (&json!(imported), &Value::Null), "{records}: {row}");
    }
    for records in [2, 1200, 5000] {
        write(records, "b");
        let output = ran(&house, &["import", "--json", "job.wal"]);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert_eq!(rows(&output)[0]["error"]["code"], "differs", "{records}");
    }
    let elsewhere = ran(&house, &["import", "--stream", "job/2", "job.wal"]);
    assert!(
        elsewhere.status.success() && text(&elsewhere).contains("imported 5,000 events"),
        "{elsewhere:?}"
    );
    // A batch that leaves records out is not taken, nor is a name that leads out of the directory.
    let ahead =
        daemon.post("/api/v1/imports/job?stream=job&records=5000&sum=1", b"{\"sum\":\"2\",\"text\":\"x\"}\n");
    assert_eq!((ahead.status, ahead.code().as_str()), (409, "ahead"));
    let outside = daemon.post("/api/v1/imports/..%2Fjob?stream=job", b"{\"sum\":\"2\",\"text\":\"x\"}\n");
    assert_eq!((outside.status, outside.code().as_str()), (400, "bad-name"));
    assert!(daemon.stop().success());
    assert_eq!(payloads(&house, "job"), wanted("a", 1200));
    assert_eq!(payloads(&house, "job/2"), wanted("b", 5000));
}

#[test]
fn what_is_imported_is_there_once_and_in_order_however_often_the_daemon_is_killed_and_others_append() {
    let house = House::new(SOCKET);
    let records = 30_000;
    // What others append is what the file holds too: only numbers tell whose it is.
    fs::write(house.path("job.wal"), sample::log(records, "a", 0)).unwrap();
    let mut daemon = house.start();
    let mut import = asking(&house, &["import", "--json", "job.wal"]);
    import.stdout(Stdio::piped()).stderr(File::create(house.path("said")).unwrap());
    let mut child = import.spawn().unwrap();
    let (mut kills, mut foreign) = (0, 0);
    let last = |daemon: &Daemon| {
        let page = daemon.get("/v1/streams").body;
        page.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["last"].as_u64().unwrap()).next()
    };
    let mut seen = 0;
    while child.try_wait().unwrap().is_none() {
        let is_further = || {
            let now = last(&daemon).unwrap_or(0);
            (now > seen + 2000 || child.try_wait().unwrap().is_some()).then_some(now)
        };
        seen = wait_for(PATIENCE, is_further).expect("it goes on");
        if kills < 6 {
            daemon.kill();
            daemon = house.start();
            kills += 1;
        }
        let answer = daemon.post("/v1/streams/job/events", b"foreign");
        foreign += u32::from(answer.status == 200);
    }
    let output = child.wait_with_output().unwrap();
    let said = fs::read_to_string(house.path("said")).unwrap();
    assert!(output.status.success(), "{output:?}\n{said}");
    assert!(kills > 3, "only {kills} kills");
    let row = rows(&output).remove(0);
    let sum = row["imported"].as_u64().unwrap() + row["already"].as_u64().unwrap();
    assert_eq!(sum, u64::from(records), "{row}");
    assert!(daemon.stop().success());
    let (ours, others): (Vec<String>, Vec<String>) =
        payloads(&house, "job").into_iter().partition(|payload| payload != "foreign");
    assert_eq!(others.len(), usize::try_from(foreign).unwrap());
    assert!(ours == wanted("a", records), "{} of {records} are there, in another order or twice", ours.len());
}

#[test]
fn a_file_with_a_record_that_is_too_large_for_the_daemon_is_refused_before_any_of_it_is_sent() {
    let house = House::new("[server]\nsocket = 'seawall.sock'\n[journal]\nmax_event = '64KiB'\n");
    let mut log = sample::log(3, "a", 0);
    let large = "x".repeat(64 << 10);
    log.extend_from_slice(&sample::log(1, &large, 0)[16..]);
    fs::write(house.path("job.wal"), &log).unwrap();
    fs::write(house.path("small.wal"), sample::log(3, "b", 0)).unwrap();
    fs::write(house.path("packed.wal.zst"), zstd::encode_all(log.as_slice(), 1).unwrap()).unwrap();
    let daemon = house.start();
    for args in [&["import", "--dry-run", "--json"][..], &["import", "--json"]] {
        let args = [args, &["job.wal", "small.wal", "packed.wal.zst"]].concat();
        let output = ran(&house, &args);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let rows = rows(&output);
        assert_eq!(
            (&rows[1]["imported"], &rows[1]["error"]),
            (&json!(3), &Value::Null),
            "the others come in"
        );
        for (row, file) in [(&rows[0], "job.wal"), (&rows[2], "packed.wal.zst")] {
            assert_eq!((&row["imported"], &row["error"]["code"]), (&json!(0), &json!("too-large")), "{row}");
            let message = row["error"]["message"].as_str().unwrap();
            for part in [file, "record 4", "has 65538 bytes", "at most 65536"] {
                assert!(message.contains(part), "{part}: {message}");
            }
            assert!(row["error"]["hint"].as_str().unwrap().contains("journal.max_event"), "{row}");
        }
    }
    assert_eq!(daemon.get("/v1/streams").body.lines().count(), 1, "nothing of the two is there");
    let line = format!("{{\"sum\":\"2\",\"text\":\"{large}1\"}}\n");
    let refused = daemon.post("/api/v1/imports/job?stream=job", line.as_bytes());
    assert_eq!((refused.status, refused.code().as_str()), (413, "event-too-large"), "{refused:?}");
    assert!(daemon.stop().success());
    // As it advises, without the daemon; which then knows them.
    let direct = house.seawall(&["import", "--json", "--journal", "journal", "job.wal"]).output().unwrap();
    assert_eq!(rows(&direct)[0]["imported"], 4, "{direct:?}");
    let _daemon = house.start();
    let again = ran(&house, &["import", "--json", "job.wal"]);
    assert_eq!((again.status.code(), &rows(&again)[0]["already"]), (Some(0), &json!(4)), "{again:?}");
}

#[test]
fn what_a_kill_has_left_of_an_import_is_told_from_what_others_append_after_it() {
    let house = House::new(SOCKET);
    fs::write(house.path("job.wal"), sample::log(6, "a", 0)).unwrap();
    // As a kill leaves it: a batch of six was begun behind the number 2, and three of it are there.
    let journal = opened(&house.path("journal"));
    let stream = journal.stream("job").unwrap();
    journal.append_all(&stream, ["x", "y", "a 1", "a 2", "a 3"]).unwrap();
    drop(journal);
    fs::create_dir_all(house.path("journal/imports")).unwrap();
    let begun = "{\"records\":0,\"sum\":0,\"next\":3,\"until\":8}\n";
    fs::write(house.path("journal/imports/job.jsonl"), begun).unwrap();
    fs::write(house.path("journal/imports/under-way.json"), "{\"ledger\":\"job\",\"stream\":\"job\"}\n")
        .unwrap();
    let daemon = house.start();
    // These are what the file would bring next.
    for payload in ["a 4", "a 5"] {
        assert_eq!(daemon.post("/v1/streams/job/events", payload.as_bytes()).status, 200);
    }
    let rehearsed = rows(&ran(&house, &["import", "--dry-run", "--json", "job.wal"])).remove(0);
    assert_eq!((&rehearsed["already"], &rehearsed["imported"]), (&json!(3), &json!(3)), "{rehearsed}");
    let brought = rows(&ran(&house, &["import", "--json", "job.wal"])).remove(0);
    assert_eq!((&brought["already"], &brought["imported"]), (&json!(3), &json!(3)), "{brought}");
    assert!(daemon.stop().success());
    let expected = ["x", "y", "a 1", "a 2", "a 3", "a 4", "a 5", "a 4", "a 5", "a 6"];
    assert_eq!(payloads(&house, "job"), expected);
}

/// A daemon with a closed stream, which it does not archive by itself before long.
fn closed(house: &House) -> Daemon {
    let daemon = house.start();
    for stream in ["done", "other/one"] {
        let path = format!("/v1/streams/{}/", stream.replace('/', "%2F"));
        assert_eq!(daemon.post(&format!("{path}events"), b"{\"n\":1}").status, 200);
        assert_eq!(daemon.post(&format!("{path}events"), b"two").status, 200);
        assert_eq!(daemon.post(&format!("{path}close"), b"").status, 200);
    }
    daemon
}

#[test]
fn archives_are_made_listed_extracted_and_removed_through_the_daemon_as_without_it() {
    let house = House::new(SOCKET);
    let daemon = closed(&house);
    let made = ran(&house, &["archive", "run", "--level", "19", "--json"]);
    assert!(made.status.success(), "{made:?}");
    // The keeper may have been faster; whoever made them, they are there now.
    let files: BTreeSet<String> = names(&house.path("journal/archive")).into_iter().collect();
    assert_eq!(files, ["done.wal.zst", "other%2Fone.wal.zst"].map(str::to_owned).into());
    let elsewhere = ran(&house, &["archive", "run", "--archive-dir", "elsewhere"]);
    assert_eq!(elsewhere.status.code(), Some(64), "{elsewhere:?}");
    let commands: [&[&str]; 5] = [
        &["archive", "list", "--json"],
        &["archive", "extract", "done", "other/one"],
        &["archive", "extract", "--as", "lines", "other%2Fone.wal.zst"],
        &["archive", "extract", "--as", "wal", "done"],
        &["archive", "extract", "absent"],
    ];
    let through: Vec<Output> = commands.iter().map(|args| ran(&house, args)).collect();
    let whole = daemon.get("/api/v1/archives/done");
    let bytes = fs::metadata(house.path("journal/archive/done.wal.zst")).unwrap().len();
    assert!(whole.head.contains(&format!("content-length: {bytes}")), "{}", whole.head);
    for outside in ["..%2Fjournal.id", "journal.id", "%2Fetc%2Fpasswd"] {
        let answer = daemon.get(&format!("/api/v1/archives/{outside}"));
        assert_eq!((answer.status, answer.code().as_str()), (404, "no-archive"), "{outside}");
    }
    assert!(daemon.stop().success());
    for (args, through) in commands.iter().zip(&through) {
        let direct = house.seawall(args).env_remove("SEAWALL_SERVER_LISTEN").output().unwrap();
        assert_eq!((text(through), through.status.code()), (text(&direct), direct.status.code()), "{args:?}");
    }
    let daemon = house.start();
    let asked = ran(&house, &["archive", "cleanup", "--older-than", "0s"]);
    assert!(
        asked.status.code() == Some(1) && text(&asked).contains("2 archives would be removed"),
        "{asked:?}"
    );
    assert_eq!(names(&house.path("journal/archive")).len(), 2);
    let done = ran(&house, &["archive", "cleanup", "--json", "--yes", "--max-size", "1"]);
    let document: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&document["applied"], document["archives"].as_array().unwrap().len()), (&json!(true), 2));
    assert!(names(&house.path("journal/archive")).is_empty());
    let figures = daemon.get("/metrics").body;
    for figure in ["wal_archive_size_bytes 0", "seawall_archives_removed_total 2"] {
        assert!(figures.contains(&format!("\n{figure}\n")), "{figure}: {figures}");
    }
}

/// A replay to a daemon, which takes one event with each request.
pub(crate) fn replay(house: &House, to: &Daemon, args: &[&str]) -> Command {
    let url = format!("http://{}/v1/streams/{{stream}}/events", to.address);
    let mut command = asking(house, &["replay", "--server", &url, "--format", "raw"]);
    command.args(args);
    command
}

#[test]
fn streams_and_archives_of_a_daemon_are_replayed_while_it_runs_and_go_on_after_an_end() {
    let (house, receiver) = (House::new(SOCKET), House::new(""));
    // What this consumer has not delivered stays in the journal when it is archived, and is replayed once all the same.
    house.park("jobs", "server");
    let (daemon, there) = (closed(&house), receiver.start());
    assert_eq!(daemon.post("/v1/streams/jobs/close", b"").status, 200);
    assert!(ran(&house, &["archive", "run"]).status.success());
    let lines: Vec<String> = (1..=300).map(|number| format!("event {number}")).collect();
    let request = daemon.request("POST", "/v1/streams/live/events");
    let lines_of = |answer: super::http::Answer| assert_eq!(answer.status, 200, "{answer:?}");
    lines_of(
        request
            .header("Content-Type", "application/vnd.seawall.lines")
            .body(lines.join("\n").as_bytes())
            .send(),
    );
    let shown = ran(&house, &["replay", "--dry-run", "--json", "--all"]);
    let streams: Vec<_> =
        rows(&shown).iter().map(|row| (row["stream"].clone(), row["events"].clone())).collect();
    let expected = [("done", 2), ("jobs", 3), ("other/one", 2), ("live", 300)];
    assert_eq!(streams, expected.map(|(stream, events)| (json!(stream), json!(events))));
    let matching = ran(&house, &["replay", "--dry-run", "--json", "--match", "event 29", "live"]);
    assert_eq!(rows(&matching)[0]["events"], 11, "{matching:?}");
    let mut killed = replay(&house, &there, &["live"]).stderr(Stdio::null()).spawn().unwrap();
    let has = |least: u64| {
        let page = there.get("/v1/streams").body;
        let last =
            page.lines().next().and_then(|line| serde_json::from_str::<Value>(line).ok()?["last"].as_u64());
        last.filter(|last| *last >= least)
    };
    let came = wait_for(PATIENCE, || has(30)).expect("some have arrived");
    killed.kill().unwrap();
    killed.wait().unwrap();
    let resumed = replay(&house, &there, &["--resume", "--json", "live"]).output().unwrap();
    assert!(resumed.status.success(), "{resumed:?}");
    let sent = rows(&resumed)[0]["events"].as_u64().unwrap();
    assert!(sent <= 300 - came + 1, "{sent} were sent after {came} had arrived");
    // What was noted through the daemon is known without it.
    assert!(daemon.stop().success());
    let without = replay(&house, &there, &["--resume", "--json", "live"]).output().unwrap();
    assert_eq!(rows(&without)[0]["events"], 0, "{without:?}");
    let daemon = house.start();
    let all = replay(&house, &there, &["--resume", "--json", "--all"]).output().unwrap();
    let sent: u64 = rows(&all).iter().filter_map(|row| row["events"].as_u64()).sum();
    assert!(all.status.success() && sent == 7, "{all:?}");
    assert_eq!(ran(&house, &["replay", "--dry-run", "absent"]).status.code(), Some(3));
    assert_eq!(names(&house.path("journal/replays")).len(), 1, "one file for all streams of a replay");
    drop(daemon);
    assert!(there.stop().success());
    assert_eq!(payloads(&receiver, "live"), lines);
    assert_eq!(payloads(&receiver, "other/one"), ["{\"n\":1}", "two"]);
}

#[test]
fn a_token_is_needed_for_what_changes_and_not_for_what_reads() {
    let house = House::new("[server]\ntoken_file = 'token'\n");
    house.write("token", "0123456789abcdef0123456789abcdef");
    let daemon = house.start();
    for (method, path) in [
        ("POST", "/api/v1/archives/run"),
        ("POST", "/api/v1/archives/drop"),
        ("POST", "/api/v1/imports/job?stream=job"),
        ("POST", "/api/v1/replays/0123456789abcdef"),
    ] {
        assert_eq!(daemon.request(method, path).body(b"{}").send().status, 401, "{path}");
    }
    for path in ["/api/v1/archives", "/api/v1/imports/job", "/api/v1/replays/0123456789abcdef"] {
        assert_eq!(daemon.get(path).status, 200, "{path}");
    }
}
