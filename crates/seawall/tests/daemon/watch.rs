//! Logs under watch: what is seen, told and done, in the daemon as a whole.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::prometheus::Prometheus;
use testkit::{need_program, wait_for};

use super::http::connect;
use super::running::{Daemon, House, PATIENCE};

/// A pile of files that a command clears away; the room on this machine's disk does not matter.
pub(crate) const PILE: &str = "[[watch]]\nname = 'pile'\npath = 'pile'\nformat = 'directory'\ninterval = '1s'\n\
    max_files = 2\nmin_free = '0%'\n\
    [watch.checkpoint]\ncommand = 'rm -f pile/*'\ncooldown = '0s'\npatience = '1s'\n";

fn pile(house: &House, files: u32) {
    fs::create_dir_all(house.path("pile")).unwrap();
    (0..files).for_each(|number| fs::write(house.path(&format!("pile/{number}")), "x").unwrap());
}

fn listen(daemon: &Daemon) -> TcpStream {
    let mut stream = connect(daemon.address).unwrap();
    stream.write_all(b"GET /api/v1/events?since=0 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    stream
}

/// The events that follow number 0, as they come, until one of them is the last one that is wanted.
pub(crate) fn events(daemon: &Daemon, mut last: impl FnMut(&Value) -> bool) -> Vec<Value> {
    let mut events = Vec::new();
    for line in BufReader::new(listen(daemon)).lines() {
        let line = line.unwrap();
        let Some(event) = line.strip_prefix("data: ") else { continue };
        events.push(serde_json::from_str(event).unwrap());
        if last(&events[events.len() - 1]) {
            break;
        }
    }
    events
}

/// What events say, in a word or two each.
pub(crate) fn words(events: &[Value]) -> Vec<String> {
    let word = |event: &Value| {
        let details = &event["details"];
        let to = ["to", "outcome", "restart", "reason"].iter().find_map(|name| details[name].as_str());
        format!("{} {}", event["event"].as_str().unwrap(), to.unwrap_or_default())
    };
    events.iter().map(word).collect()
}

pub(crate) fn health(daemon: &Daemon, wanted: &str) -> Value {
    let find = || {
        let answer = daemon.get("/wal-management/health");
        let is = answer.status == 200 && answer.json()["healthStatus"] == wanted;
        is.then(|| answer.json())
    };
    wait_for(PATIENCE, find).unwrap_or_else(|| panic!("not {wanted}: {:?}", daemon.get("/api/v1/targets")))
}

#[test]
fn a_pile_that_grows_is_cleared_and_each_step_of_that_is_told_once() {
    let house = House::new(PILE);
    pile(&house, 1);
    let daemon = house.start();
    let well = health(&daemon, "healthy");
    assert_eq!((&well["fileCount"], &well["lastCheckpoint"]), (&json!(1), &Value::Null));
    pile(&house, 3);
    let told = events(&daemon, |event| event["details"]["from"] == "warning");
    let expected = [
        "wal.health healthy",
        "wal.health warning",
        "wal.checkpoint_begun warning",
        "wal.checkpoint effective",
        "wal.health healthy",
    ];
    assert_eq!(words(&told), expected);
    let numbers: Vec<u64> = told.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let stats = daemon.get("/wal-management/stats").json();
    assert_eq!(
        stats["systemInfo"],
        json!({"maxWALFiles": 2, "maxWALSizeGB": null, "checkpointCooldownMs": 0})
    );
    assert!(stats["lastCheckpoint"].is_string() && stats["checkpointStatus"]["canTrigger"] == true);
    let page = daemon.get("/metrics").body;
    assert!(
        page.contains("seawall_target_checkpoints_total{target=\"pile\",outcome=\"effective\"} 1"),
        "{page}"
    );
    assert!(page.contains("seawall_target_health{target=\"pile\",health=\"healthy\"} 1"));
}

#[test]
fn a_checkpoint_that_did_not_happen_or_did_not_help_is_no_success() {
    let config = format!(
        "{}\n[[watch]]\nname = 'idle'\npath = 'pile'\nformat = 'directory'\nmin_free = '0%'\ncheckpoint.command = 'true'\ncheckpoint.patience = '1s'\n\
         [[watch]]\nname = 'mute'\npath = 'pile'\nformat = 'directory'\nmin_free = '0%'\n",
        PILE.replace("rm -f pile/*", "echo no such slot >&2; false")
            .replace("cooldown = '0s'", "cooldown = '1h'")
    );
    let house = House::new(&config);
    pile(&house, 1);
    let daemon = house.start();
    let seen = || {
        daemon.get("/api/v1/targets").body.lines().all(|line| !line.contains("\"looked\":null")).then_some(())
    };
    wait_for(PATIENCE, seen).unwrap();
    let failed = daemon.post("/wal-management/checkpoint", b"");
    assert_eq!((failed.status, failed.code().as_str()), (502, "failed"), "{failed:?}");
    assert_eq!(failed.json()["success"], false);
    assert!(failed.json()["message"].as_str().unwrap().contains("no such slot"), "{failed:?}");
    // Nothing was done that wants rest: who has set it right may try at once.
    let status = daemon.get("/wal-management/checkpoint-status").json();
    assert_eq!((&status["canTrigger"], &status["cooldownRemaining"]), (&json!(true), &json!(0)));
    let in_vain = daemon.post("/api/v1/targets/idle/checkpoint", b"");
    assert_eq!((in_vain.status, in_vain.code().as_str()), (502, "ineffective"), "{in_vain:?}");
    let again = daemon.post("/wal-management/checkpoint?target=idle", b"");
    assert_eq!((again.status, again.code().as_str()), (409, "cooldown"), "{again:?}");
    assert!(again.head.contains("retry-after: "));
    let status = daemon.get("/wal-management/checkpoint-status?target=idle").json();
    assert!(
        status["canTrigger"] == false && status["cooldownRemaining"].as_u64().unwrap() > 1_000,
        "{status}"
    );
    fs::write(house.path("pile/9"), "x").unwrap();
    let looked = || {
        daemon.post("/api/v1/targets/pile/checkpoint", b"");
        (daemon.get("/api/v1/targets/pile").json()["files"] == 2).then_some(())
    };
    wait_for(PATIENCE, looked).expect("the log is looked at however often somebody asks");
    let mute = daemon.post("/api/v1/targets/mute/checkpoint", b"");
    assert_eq!((mute.status, mute.code().as_str()), (409, "no-checkpoint"));
    let nobody = daemon.post("/api/v1/targets/nobody/checkpoint", b"");
    assert_eq!((nobody.status, nobody.code().as_str()), (404, "no-target"));
}

#[test]
fn what_cannot_be_seen_is_unknown_with_its_reason_and_null_and_never_well() {
    let house = House::new(PILE);
    pile(&house, 1);
    let daemon = house.start();
    health(&daemon, "healthy");
    fs::remove_dir_all(house.path("pile")).unwrap();
    let blind = health(&daemon, "unknown");
    assert_eq!((&blind["fileCount"], &blind["totalSizeGB"]), (&Value::Null, &Value::Null));
    assert!(blind["recommendations"][1].as_str().unwrap().contains("failed to list"), "{blind}");
    assert!(!daemon.get("/metrics").body.contains("seawall_target_files{"));
    pile(&house, 1);
    health(&daemon, "healthy");
}

#[test]
fn a_running_daemon_watches_what_a_new_configuration_names() {
    let house = House::new("");
    pile(&house, 1);
    let mut daemon = house.start();
    let none = daemon.get("/wal-management/health");
    assert_eq!((none.status, none.code().as_str()), (404, "no-target"));
    house.write("seawall.toml", PILE);
    daemon.signal(Signal::HUP);
    health(&daemon, "healthy");
    house.write("seawall.toml", &PILE.replace("max_files = 2", "max_files = 0\ncritical_files = 9"));
    daemon.signal(Signal::HUP);
    let told = events(&daemon, |event| event["event"] == "wal.checkpoint");
    assert_eq!(
        words(&told)[1..],
        ["wal.health warning", "wal.checkpoint_begun warning", "wal.checkpoint effective"]
    );
    house.write("seawall.toml", "");
    daemon.signal(Signal::HUP);
    let gone = || daemon.get("/api/v1/targets").body.is_empty().then_some(());
    wait_for(PATIENCE, gone).unwrap();
    let mut listener = BufReader::new(listen(&daemon));
    assert!(listener.by_ref().lines().any(|line| line.unwrap() == ": listening"));
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().success());
    let late = |line: &Value| line["message"].as_str().unwrap().contains("had not ended");
    assert!(!daemon.told().iter().any(late), "who listens does not hold up the end: {:?}", daemon.told());
}

/// A shell of SQLite that has a database open.
pub(crate) struct Shell {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Shell {
    pub(crate) fn open(mut sqlite: Command, house: &House) -> Self {
        sqlite.arg("log.db").current_dir(house.path("")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = sqlite.spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    /// Has something done, and waits until it is.
    pub(crate) fn ask(&mut self, sql: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{sql}; SELECT 'done';").unwrap();
        let mut line = String::new();
        while line != "done\n" {
            line.clear();
            assert!(self.answers.read_line(&mut line).unwrap() > 0, "the shell has ended");
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) const FILL: &str = "INSERT INTO t SELECT randomblob(1000) FROM generate_series(1, 400)";

#[test]
#[ignore = "runs sqlite3"]
fn a_database_whose_log_grows_is_checkpointed_by_sqlite_once_no_reader_keeps_that_from_helping() {
    let Some(sqlite) = need_program("sqlite3") else { return };
    let house = House::new(
        "[[watch]]\nname = 'db'\npath = 'log.db'\ninterval = '1s'\nmax_size = '200KiB'\ncritical_size = '1GiB'\nmin_free = '0%'\n\
         [watch.checkpoint]\nsqlite = 'truncate'\ncooldown = '1s'\npatience = '1s'\n",
    );
    let mut writer = Shell::open(sqlite, &house);
    writer.ask(
        "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(x); INSERT INTO t VALUES(1)",
    );
    let daemon = house.start();
    health(&daemon, "healthy");
    // Somebody reads the beginning of the log from here on, who keeps all that follows.
    let Some(sqlite) = need_program("sqlite3") else { return };
    let mut reader = Shell::open(sqlite, &house);
    reader.ask("BEGIN; SELECT count(*) FROM t");
    writer.ask(FILL);
    let blocked = || {
        let target = daemon.get("/api/v1/targets/db").json();
        let why = target["blockers"][0].as_str()?.to_owned();
        let last = &target["checkpoint"]["last"];
        (last["outcome"] == "ineffective").then(|| (why, last["message"].to_string()))
    };
    let found = wait_for(PATIENCE, blocked);
    let (why, said) = found.unwrap_or_else(|| panic!("{:?}", daemon.get("/api/v1/targets/db")));
    assert!(why.contains("a reader") && said.contains("a reader needs the rest"), "{why} {said}");
    drop(reader);
    let told = events(&daemon, |event| event["details"]["from"] == "warning");
    let all = words(&told);
    let of_health: Vec<&String> = all.iter().filter(|word| word.starts_with("wal.health ")).collect();
    assert_eq!(of_health, ["wal.health healthy", "wal.health warning", "wal.health healthy"]);
    let count = |event: &str| told.iter().filter(|it| it["event"] == event).count();
    assert_eq!(count("wal.checkpoint_begun"), count("wal.checkpoint"), "each is told once: {all:?}");
    let last = &told[told.len() - 2];
    assert_eq!(last["details"]["outcome"], "effective", "{all:?}");
    assert!(last["details"]["freed_bytes"].as_u64().unwrap() > 400_000, "{last}");
    assert_eq!(fs::metadata(house.path("log.db-wal")).unwrap().len(), 0, "the log is empty");
}

#[test]
#[ignore = "starts a real server"]
fn a_prometheus_is_asked_how_it_is_and_one_that_does_not_answer_is_no_healthy_one() {
    let Some(prometheus) = Prometheus::need("3.5") else { return };
    let house = House::new("");
    let server = prometheus.on(house.path("data")).start().unwrap();
    house.write(
        "seawall.toml",
        &format!(
            "[[watch]]\nname = 'prom'\npath = 'data'\ninterval = '1s'\nmin_free = '0%'\nurl = '{}'\n",
            format_args!("http://127.0.0.1:{}", server.port())
        ),
    );
    let daemon = house.start();
    let well = health(&daemon, "healthy");
    assert!(well["totalSizeGB"].is_number(), "{well}");
    let target = daemon.get("/api/v1/targets/prom").json();
    assert_eq!((&target["format"], &target["blockers"]), (&json!("prometheus"), &json!([])));
    let listed = daemon.get("/api/v1/targets/prom/segments").body;
    assert!(listed.contains("\"role\":\"live\""), "{listed}");
    server.stop().unwrap();
    let gone = health(&daemon, "warning");
    let why = gone["recommendations"].to_string();
    // It may be met as it ends, in the middle of an answer.
    assert!(why.contains("failed to ask") || why.contains("broke off"), "{gone}");
}
