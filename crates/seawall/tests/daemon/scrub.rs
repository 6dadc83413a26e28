//! Reading watched logs in full while their servers run: damage is found before a restart meets it, and nothing else is.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::prometheus::{Prometheus, Server};
use testkit::{need_program, wait_for};

use super::alerts::receiver::Receiver;
use super::postgres::Cluster;
use super::running::{Daemon, House, PATIENCE};
use super::watch::{FILL, Shell, events, health};

/// A figure of a target, if it is told.
fn figure(daemon: &Daemon, name: &str, target: &str) -> Option<f64> {
    let page = daemon.get("/metrics").body;
    let line = format!("{name}{{target=\"{target}\"}} ");
    page.lines().find_map(|text| text.strip_prefix(&line)).map(|value| value.parse().unwrap())
}

/// Waits until so many more passes over a log have been made.
fn passes(daemon: &Daemon, target: &str, more: f64) {
    let count = || figure(daemon, "seawall_target_scrub_passes_total", target);
    let before = count().unwrap_or(0.0);
    let done = || count().filter(|count| *count >= before + more);
    wait_for(PATIENCE, done).unwrap_or_else(|| panic!("{:?}", daemon.get("/api/v1/targets")));
}

fn flip(path: &Path, at: u64) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0xff], at).unwrap();
}

/// A server that writes its second segment, and its first one, which is complete.
fn with_an_old_segment(prometheus: &Prometheus, data: &Path) -> Server {
    let fill = || prometheus.on(data).scraping_itself(Duration::from_millis(200)).start().unwrap();
    let server = fill();
    let filled = || fs::metadata(data.join("wal/00000000")).ok().filter(|file| file.len() > 100_000);
    wait_for(PATIENCE, filled).unwrap();
    server.stop().unwrap();
    fill()
}

#[test]
#[ignore = "starts a real server"]
fn a_flipped_byte_is_found_while_the_server_runs_told_once_and_over_when_it_is_right_again() {
    let Some(prometheus) = Prometheus::need("3.5") else { return };
    let receiver = Receiver::willing();
    let house = House::new(&format!(
        "[[watch]]\nname = 'prom'\npath = 'data'\ninterval = '1s'\nmin_free = '0%'\nscrub = '1s'\nscrub_rate = '64MiB/s'\n\
         [[alert]]\nkind = 'webhook'\nevents = ['wal.damage']\nurl = '{}'\n",
        receiver.url("/"),
    ));
    let server = with_an_old_segment(&prometheus, &house.path("data"));
    let daemon = house.start();
    passes(&daemon, "prom", 3.0);
    let well = daemon.get("/api/v1/targets/prom").json();
    assert_eq!(
        (&well["health"], &well["damage"]),
        (&json!("healthy"), &json!([])),
        "a busy server is no sick one"
    );
    let old = house.path("data/wal/00000000");
    flip(&old, 50_000);
    let told = events(&daemon, |event| event["event"] == "wal.damage");
    let damage = &told[told.len() - 1]["details"];
    assert_eq!((&damage["file"], &damage["kind"]), (&json!("wal/00000000"), &json!("damage")));
    let span = damage["start"].as_u64().unwrap()..damage["end"].as_u64().unwrap();
    assert!(span.contains(&50_000), "{damage}");
    let sick = health(&daemon, "critical");
    assert!(sick["recommendations"].to_string().contains("wal/00000000: "), "{sick}");
    let letter = &receiver.wait(1)[0].body;
    assert_eq!((&letter["state"], &letter["severity"]), (&json!("firing"), &json!("critical")));
    assert!(letter["advice"].as_str().unwrap().contains("seawall repair"), "{letter}");
    passes(&daemon, "prom", 3.0);
    let verified = house.seawall(&["verify", "--live", "data", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!((verified.status.code(), report["damage"].as_array().unwrap().len()), (Some(2), 1));
    let target = daemon.get("/api/v1/targets/prom").json();
    assert_eq!(target["damage"], report["damage"]);
    let lines = daemon.get("/api/v1/targets/prom/segments").body;
    let of = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let damaged: Vec<Value> = lines.lines().map(of).filter(|file| file["damage"][0].is_object()).collect();
    assert_eq!((damaged.len(), &damaged[0]["name"]), (1, &json!("wal/00000000")));
    flip(&old, 50_000);
    let told = events(&daemon, |event| event["event"] == "wal.mended");
    let damages = told.iter().filter(|event| event["event"] == "wal.damage").count();
    assert_eq!(damages, 1, "{told:?}");
    health(&daemon, "healthy");
    assert_eq!(receiver.wait(2)[1].body["state"], "resolved");
    assert_eq!(figure(&daemon, "seawall_target_scrub_damage", "prom"), Some(0.0));
    server.kill().unwrap();
}

/// Ends a loop when it is dropped.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Writes as long as the logs of two databases are read, at a pace at which they change under the reader.
fn write_all_the_time(cluster: &Cluster, sqlite: &mut Shell, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        sqlite.ask(FILL);
        sqlite.ask("PRAGMA wal_checkpoint(RESTART); DELETE FROM t");
        cluster.sql(
            "INSERT INTO t SELECT repeat(md5(i::text), 20) FROM generate_series(1, 20000) i; CHECKPOINT; \
             SELECT pg_switch_wal()",
        );
    }
}

#[test]
#[ignore = "starts a real server"]
fn databases_that_write_checkpoint_and_recycle_all_the_time_give_no_false_alarm() {
    let (Some(cluster), Some(sqlite)) = (Cluster::start(), need_program("sqlite3")) else { return };
    let house = House::new(&format!(
        "[[watch]]\nname = 'orders'\npath = '{}'\ninterval = '1s'\nmin_free = '0%'\nscrub = '1s'\nscrub_rate = '8MiB/s'\n\
         [[watch]]\nname = 'shop'\npath = 'log.db'\ninterval = '1s'\nmin_free = '0%'\nscrub = '1s'\nscrub_rate = '400kB/s'\n",
        cluster.data().display()
    ));
    let mut shop = Shell::open(sqlite, &house);
    shop.ask("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(x)");
    let ended = AtomicBool::new(false);
    let daemon = house.start();
    let told = std::thread::scope(|scope| {
        scope.spawn(|| write_all_the_time(&cluster, &mut shop, &ended));
        // The writer ends whatever becomes of this.
        let _end = End(&ended);
        passes(&daemon, "orders", 4.0);
        passes(&daemon, "shop", 1.0);
        daemon.told()
    });
    let alarms: Vec<&Value> = told.iter().filter(|line| line["level"] == "error").collect();
    assert!(alarms.is_empty(), "{alarms:?}");
}

#[test]
fn somebody_may_have_a_log_read_in_full_and_any_files_are_none() {
    let house = House::new(
        "[[watch]]\nname = 'job'\npath = 'job.wal'\nmin_free = '0%'\nscrub = '0s'\nscrub_rate = '1kB/s'\n\
         [[watch]]\nname = 'pile'\npath = 'pile'\nformat = 'directory'\nmin_free = '0%'\n",
    );
    fs::create_dir(house.path("pile")).unwrap();
    let mut log = b"ARWAL001".to_vec();
    log.extend([0; 400]);
    fs::write(house.path("job.wal"), log).unwrap();
    let daemon = house.start();
    let seen = || daemon.get("/api/v1/targets/job").json()["looked"].is_string().then_some(());
    wait_for(PATIENCE, seen).unwrap();
    assert_eq!(daemon.get("/api/v1/targets/job").json()["damage"], Value::Null, "nobody has looked");
    let begun = daemon.post("/api/v1/targets/job/scrub", b"");
    assert_eq!((begun.status, &begun.json()["id"]), (202, &json!("job")), "{begun:?}");
    let ended = || daemon.get("/api/v1/targets/job").json()["scrub"]["last"].is_object().then_some(());
    wait_for(PATIENCE, ended).unwrap();
    let files = daemon.post("/api/v1/targets/pile/scrub", b"");
    assert_eq!((files.status, files.code().as_str()), (409, "no-scrub"));
    let nobody = daemon.post("/api/v1/targets/nobody/scrub", b"");
    assert_eq!((nobody.status, nobody.code().as_str()), (404, "no-target"));
}
