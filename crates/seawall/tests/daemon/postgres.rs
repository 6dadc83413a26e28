//! A PostgreSQL under watch, whose slot keeps its log.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use testkit::{need_program, wait_for};

use super::running::{House, PATIENCE};
use super::watch::{health, line};

/// Nobody: the server refuses to run as root.
const NOBODY: u32 = 65534;

/// A cluster with segments of 1 MiB, reached through a socket beside its data.
pub(crate) struct Cluster {
    dir: tempfile::TempDir,
}

impl Cluster {
    pub(crate) fn start() -> Option<Self> {
        need_program("initdb")?;
        let dir = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        if is_root(dir.path()) {
            chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let cluster = Self { dir };
        cluster.run("initdb", &["--auth=trust", "--username=me", "--wal-segsize=1", "--no-sync"]);
        let socket = cluster.dir.path().display();
        let options = format!(
            "-k {socket} -c listen_addresses= -c min_wal_size=2MB -c max_wal_size=8MB -c fsync=off -c autovacuum=off"
        );
        // The server keeps what it inherits open; a pipe would never end.
        let mut start = cluster.command("pg_ctl");
        start.args(["start", "-w", "-o", &options, "-l"]).arg(cluster.dir.path().join("log"));
        assert!(start.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
        Some(cluster)
    }

    /// Where its data lies.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = need_program(program).unwrap();
        command
            .env("PGDATA", self.dir.path().join("data"))
            .env("PGHOST", self.dir.path())
            .env("PGUSER", "me");
        command.env("PGDATABASE", "postgres").current_dir(self.dir.path());
        if is_root(Path::new("/proc/self")) {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn run(&self, program: &str, args: &[&str]) {
        let output = self.command(program).args(args).output().unwrap();
        assert!(output.status.success(), "{program} {args:?}: {output:?}");
    }

    pub(crate) fn sql(&self, sql: &str) {
        self.run("psql", &["-X", "-q", "-c", sql]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.command("pg_ctl").args(["stop", "-w", "-m", "immediate"]).output().ok();
    }
}

fn is_root(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.uid() == 0)
}

#[test]
#[ignore = "starts a real server"]
fn a_slot_that_keeps_the_log_is_named_and_once_it_is_gone_a_checkpoint_helps() {
    let Some(cluster) = Cluster::start() else { return };
    let house = House::new(&format!(
        "[[watch]]\nname = 'orders'\npath = '{}'\ninterval = '1s'\nmax_size = '20MiB'\ncritical_size = '1GiB'\nmin_free = '0%'\n\
         [watch.checkpoint]\ncommand = \"{} -X -q -c CHECKPOINT\"\ncooldown = '1s'\npatience = '1s'\n",
        cluster.dir.path().join("data").display(),
        line(&cluster.command("psql")),
    ));
    let daemon = house.start();
    health(&daemon, "healthy");
    cluster.sql("SELECT pg_create_physical_replication_slot('stuck', true)");
    cluster.sql("CREATE TABLE t AS SELECT repeat(md5(i::text), 20) FROM generate_series(1, 50000) i");
    cluster.sql("CHECKPOINT");
    let in_vain = || {
        let target = daemon.get("/api/v1/targets/orders").json();
        let blocker = target["blockers"][0].as_str()?.to_owned();
        (target["checkpoint"]["last"]["outcome"] == "ineffective").then_some(blocker)
    };
    let why =
        wait_for(PATIENCE, in_vain).unwrap_or_else(|| panic!("{:?}", daemon.get("/api/v1/targets/orders")));
    assert!(why.contains("replication slot stuck keeps everything"), "{why}");
    cluster.sql("SELECT pg_drop_replication_slot('stuck')");
    health(&daemon, "healthy");
    let target = daemon.get("/api/v1/targets/orders").json();
    assert_eq!((&target["blockers"], &target["format"]), (&json!([]), &json!("postgres")));
    assert!(target["checkpoint"]["freed_bytes"].as_u64().unwrap() > 20 << 20, "{target}");
}
