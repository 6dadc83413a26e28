//! What is read from a log must be what PostgreSQL itself says of it, and what the verdict says must be what it does.

#![expect(clippy::unwrap_used, reason = "tests")]

mod peer;

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use formats::{Body, Depth, Order, Survey, UnixTime, Value, detect, survey};
use peer::Programs;

/// Nobody: the server refuses to run as root.
const NOBODY: u32 = 65534;

/// A cluster with segments of 1 MiB, reached through a socket beside its data.
struct Cluster {
    programs: Programs,
    dir: tempfile::TempDir,
}

/// How a server is stopped.
#[derive(Clone, Copy)]
enum Ending {
    /// With a checkpoint.
    InOrder,
    /// As by a crash.
    Crash,
}

impl Cluster {
    fn new() -> Option<Self> {
        let programs = peer::find("postgresql", "initdb", "usr/lib/postgresql/15/bin")?;
        let dir = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        if is_root(dir.path()) {
            chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let cluster = Self { programs, dir };
        cluster.run("initdb", &["--auth=trust", "--username=me", "--wal-segsize=1", "--no-sync"]);
        Some(cluster)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.programs.command(program);
        command.env("PGDATA", self.data()).env("PGHOST", self.dir.path()).env("PGUSER", "me");
        command.env("PGDATABASE", "postgres").current_dir(self.dir.path());
        if is_root(&std::env::current_exe().unwrap()) && is_root(Path::new("/proc/self")) {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn try_run(&self, program: &str, args: &[&str]) -> Output {
        self.command(program).args(args).output().unwrap()
    }

    fn run(&self, program: &str, args: &[&str]) -> String {
        let output = self.try_run(program, args);
        assert!(output.status.success(), "{program} {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn try_start(&self, settings: &[&str]) -> Result<(), String> {
        let socket = format!("-k {} -c listen_addresses= -c autovacuum=off", self.dir.path().display());
        let options = settings.iter().fold(socket, |options, setting| format!("{options} -c {setting}"));
        let log = self.dir.path().join("log");
        // The server keeps what it inherits open; a pipe would never end.
        let mut start = self.command("pg_ctl");
        start.args(["start", "-w", "-o", &options, "-l"]).arg(&log);
        start.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let status = start.status().unwrap();
        if status.success() { Ok(()) } else { Err(fs::read_to_string(log).unwrap_or_default()) }
    }

    fn start(&self) {
        self.try_start(&[]).unwrap();
    }

    fn stop(&self, ending: Ending) {
        let mode = match ending {
            Ending::InOrder => "fast",
            Ending::Crash => "immediate",
        };
        self.run("pg_ctl", &["stop", "-w", "-m", mode]);
    }

    fn sql(&self, sql: &str) -> String {
        self.run("psql", &["-X", "-A", "-t", "-q", "-c", sql])
    }

    /// A table and some rows in it, each its own record.
    fn fill(&self, rows: usize) {
        self.sql("CREATE TABLE IF NOT EXISTS t(x text)");
        self.sql(&format!("INSERT INTO t SELECT repeat(md5(i::text), 10) FROM generate_series(1, {rows}) i"));
    }

    /// What `pg_waldump` makes of the log from its oldest segment on: records, and where it says the log ends.
    fn dumped(&self) -> (Vec<String>, String) {
        // Behind the first page header; a record that began before it is skipped.
        let first = position(&fact(&stopped(&self.data()), "first_lsn")) + 40;
        let first = format!("{:X}/{:X}", first >> 32, first & 0xffff_ffff);
        let output = self.try_run("pg_waldump", &["-p", self.data().to_str().unwrap(), "-s", &first]);
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let records =
            lines.lines().filter_map(|line| line.strip_prefix("rmgr: ")).map(str::to_owned).collect();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let (_, place) = error.rsplit_once(" at ").unwrap_or_else(|| panic!("{error}"));
        (records, place.split([':', ' ', ',']).next().unwrap().to_owned())
    }

    /// Where the log names the record that begins at each place: its file and range, by position.
    fn places(&self) -> Vec<(u64, PathBuf, std::ops::Range<usize>)> {
        let log = detect(&self.data(), None).unwrap();
        let mut places = Vec::new();
        for part in log.parts() {
            let order = Order::new(Depth::Bytes, UnixTime::from_seconds(0));
            log.read(part, &order, &mut |entry| {
                if let Body::Record(record) = entry.body {
                    let [start, end] =
                        [entry.span.start, entry.span.end].map(|at| usize::try_from(at).unwrap());
                    let lsn = record.fields.iter().find(|(name, _)| name == "lsn").unwrap().1.clone();
                    places.push((position(&lsn), part.path.clone(), start..end));
                }
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        }
        places
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            // It may have ended by itself.
            let _stopped = self.try_run("pg_ctl", &["stop", "-w", "-m", "immediate"]);
        }
    }
}

fn is_root(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.uid() == 0)
}

fn position(lsn: &Value) -> u64 {
    let Value::Text(text) = lsn else { panic!("{lsn:?}") };
    let (high, low) = text.split_once('/').unwrap();
    (u64::from_str_radix(high, 16).unwrap() << 32) | u64::from_str_radix(low, 16).unwrap()
}

fn stopped(path: &Path) -> Survey {
    survey(detect(path, None).unwrap().as_ref(), &Order::new(Depth::Bytes, UnixTime::from_seconds(0)))
}

fn running(path: &Path) -> Survey {
    let order = Order::new(Depth::Bytes, UnixTime::from_seconds(0)).live();
    survey(detect(path, None).unwrap().as_ref(), &order)
}

fn fact(survey: &Survey, name: &str) -> Value {
    survey.facts.iter().find(|fact| fact.name == name).unwrap().value.clone()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    *bytes.get_mut(at).unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_records_and_the_end_are_those_of_pg_waldump() {
    let Some(cluster) = Cluster::new() else { return };
    cluster.start();
    cluster.fill(5000);
    cluster.sql("SELECT pg_switch_wal()");
    cluster.fill(3000);
    cluster.sql("SELECT pg_logical_emit_message(true, 'large', repeat('x', 3000000))");
    for ending in [Ending::Crash, Ending::InOrder] {
        cluster.stop(ending);
        let survey = stopped(&cluster.data());
        let (records, end) = cluster.dumped();
        assert_eq!(survey.records(), Some(records.len() as u64));
        assert_eq!(fact(&survey, "end_lsn"), Value::from(end));
        assert_eq!(
            (survey.damage.count(), survey.verdict.name()),
            (0, "starts"),
            "{:?}",
            survey.damage.listed()
        );
        for kind in ["heap", "btree", "xlog", "transaction", "standby", "storage"] {
            let count =
                records.iter().filter(|line| line.split(' ').next().unwrap().to_lowercase() == kind).count();
            assert_eq!(survey.kinds.get(kind).copied().unwrap_or(0), count as u64, "{kind}");
        }
        cluster.start();
    }
    let control = cluster.run("pg_controldata", &[]);
    let system = control.lines().find_map(|line| line.strip_prefix("Database system identifier:")).unwrap();
    let survey = running(&cluster.data());
    assert_eq!(fact(&survey, "system_identifier"), Value::Unsigned(system.trim().parse().unwrap()));
    assert_eq!(
        (fact(&survey, "version"), fact(&survey, "segment_bytes")),
        ("15".into(), Value::Unsigned(1 << 20))
    );
    let oldest = detect(&cluster.data(), None).unwrap().parts()[0].path.clone();
    assert_eq!(stopped(&oldest).damage.count(), 0, "a segment alone");
}

#[test]
fn a_log_that_is_being_written_shows_no_damage() {
    let Some(cluster) = Cluster::new() else { return };
    cluster.start();
    cluster.fill(10);
    let sql = "DO $$ BEGIN FOR i IN 1..200000 LOOP INSERT INTO t VALUES (repeat('x', 200)); \
               IF i % 50 = 0 THEN COMMIT; END IF; END LOOP; END $$";
    let mut writer = cluster.command("psql").args(["-X", "-q", "-c", sql]).spawn().unwrap();
    let mut looks = 0;
    while writer.try_wait().unwrap().is_none() {
        let survey = running(&cluster.data());
        // Old segments may be renamed to future ones under the reader's eyes; what they hold then is not theirs.
        assert!(survey.damage.is_empty(), "look {looks}: {:?}", survey.damage.listed());
        looks += 1;
    }
    assert!(looks > 0);
    cluster.stop(Ending::Crash);
}

#[test]
fn replay_ends_at_damage_and_rows_behind_are_lost_as_the_verdict_says() {
    let Some(cluster) = Cluster::new() else { return };
    cluster.start();
    cluster.fill(10);
    cluster.sql("CHECKPOINT");
    (0..20).for_each(|_| cluster.fill(100));
    cluster.stop(Ending::Crash);
    let redo = position(&fact(&stopped(&cluster.data()), "redo_lsn"));
    let places = cluster.places();
    let behind: Vec<_> = places.iter().filter(|(at, _, _)| *at > redo).collect();
    let (at, path, span) = behind[behind.len() / 2].clone();
    flip(&path, span.start + 21);
    let survey = stopped(&cluster.data());
    let damage = &survey.damage.listed()[0];
    assert_eq!((survey.damage.count(), damage.start, damage.end), (1, span.start as u64, span.end as u64));
    assert_eq!(survey.verdict.name(), "starts-with-loss");
    let place = format!("{:X}/{:X}", at >> 32, at & 0xffff_ffff);
    assert!(survey.verdict.what().unwrap().contains(&place), "{:?} {place}", survey.verdict);
    cluster.start();
    let rows: usize = cluster.sql("SELECT count(*) FROM t").parse().unwrap();
    assert!((10..2010).contains(&rows), "{rows}");
}

#[test]
fn damage_before_the_replay_is_damage_but_stops_nothing() {
    let Some(cluster) = Cluster::new() else { return };
    cluster.start();
    cluster.fill(100);
    cluster.sql("CHECKPOINT");
    cluster.fill(50);
    cluster.stop(Ending::Crash);
    let redo = position(&fact(&stopped(&cluster.data()), "redo_lsn"));
    let places = cluster.places();
    let (_, path, span) = places.iter().rfind(|(at, _, span)| *at < redo && span.len() > 100).unwrap();
    flip(path, span.start + 30);
    let survey = stopped(&cluster.data());
    assert_eq!((survey.damage.count(), survey.verdict.name()), (1, "starts"));
    cluster.start();
    assert_eq!(cluster.sql("SELECT count(*) FROM t"), "150");
}

#[test]
fn without_its_checkpoint_record_the_server_does_not_start() {
    let Some(cluster) = Cluster::new() else { return };
    cluster.start();
    cluster.fill(100);
    cluster.stop(Ending::InOrder);
    let checkpoint = position(&fact(&stopped(&cluster.data()), "checkpoint_lsn"));
    let places = cluster.places();
    // The last record of all: nothing behind it shows that it was ever whole.
    assert_eq!(places.last().unwrap().0, checkpoint);
    let (_, path, span) = places.last().unwrap().clone();
    flip(&path, span.start + 30);
    let survey = stopped(&cluster.data());
    assert_eq!((survey.damage.count(), survey.verdict.name()), (1, "refuses"));
    assert_eq!(survey.damage.listed()[0].start, span.start as u64);
    let log = cluster.try_start(&[]).unwrap_err();
    assert!(log.contains("could not locate a valid checkpoint record"), "{log}");
}

#[test]
fn a_slot_that_keeps_the_log_is_named() {
    let Some(cluster) = Cluster::new() else { return };
    cluster.start();
    cluster.sql("SELECT pg_create_physical_replication_slot('replica', true)");
    (0..6).for_each(|_| {
        cluster.fill(1000);
        cluster.sql("SELECT pg_switch_wal()");
    });
    cluster.sql("CHECKPOINT");
    cluster.sql("CHECKPOINT");
    let survey = running(&cluster.data());
    let restart = cluster.sql("SELECT restart_lsn FROM pg_replication_slots");
    let Value::List(slots) = fact(&survey, "replication_slots") else { panic!() };
    let Value::Map(slot) = &slots[0] else { panic!() };
    assert_eq!((&slot[0].1, &slot[1].1), (&"replica".into(), &Value::from(restart.as_str())));
    let Value::Text(blocker) = fact(&survey, "blocker") else { panic!("no blocker") };
    assert!(blocker.contains("slot replica") && blocker.contains(&restart), "{blocker}");
    cluster.sql("SELECT pg_drop_replication_slot('replica')");
    cluster.sql("CHECKPOINT");
    let after = running(&cluster.data());
    assert_eq!(fact(&after, "blocker"), Value::Null);
    let count = |survey: &Survey| survey.parts.iter().filter(|part| part.part.role.counts()).count();
    assert!(count(&after) < count(&survey), "{} {}", count(&after), count(&survey));
    assert_ne!(fact(&after, "recycled_segments"), Value::Unsigned(0));
    let end = position(&fact(&after, "end_lsn"));
    let said = position(&cluster.sql("SELECT pg_current_wal_lsn()").as_str().into());
    assert!(end >= said, "{end} {said}");
}

#[test]
fn an_archive_that_fails_is_named() {
    let Some(cluster) = Cluster::new() else { return };
    cluster.try_start(&["archive_mode=on", "archive_command=false"]).unwrap();
    (0..4).for_each(|_| {
        cluster.fill(1000);
        cluster.sql("SELECT pg_switch_wal()");
    });
    cluster.sql("CHECKPOINT");
    cluster.sql("CHECKPOINT");
    cluster.stop(Ending::InOrder);
    let survey = stopped(&cluster.data());
    let status = fs::read_dir(cluster.data().join("pg_wal/archive_status")).unwrap();
    let ready = status
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".ready"))
        .count();
    assert!(ready > 3, "{ready}");
    assert_eq!(fact(&survey, "archive_ready"), Value::Unsigned(ready as u64));
    let Value::Text(blocker) = fact(&survey, "blocker") else { panic!("no blocker") };
    assert!(blocker.contains("wait to be archived"), "{blocker}");
}
