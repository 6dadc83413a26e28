//! A PostgreSQL under watch: what its files show, what its server says, and checkpoints in SQL.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use testkit::{need_program, wait_for};

use super::running::{Daemon, House, PATIENCE};
use super::watch::health;

/// Nobody: the server refuses to run as root.
const NOBODY: u32 = 65534;

/// What the role that watches logs in with.
const PASSWORD: &str = "hunter22hunter22";

/// A cluster with segments of 1 MiB, reached through a socket beside its data by anybody, and over TLS with a password.
pub(crate) struct Cluster {
    dir: tempfile::TempDir,
    port: u16,
}

impl Cluster {
    pub(crate) fn start() -> Option<Self> {
        need_program("initdb")?;
        let dir = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        if is_root(dir.path()) {
            chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { dir, port };
        cluster.run("initdb", &["--auth=trust", "--username=me", "--wal-segsize=1", "--no-sync"]);
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        cluster.write("server.crt", &made.cert.pem());
        cluster.write("server.key", &made.signing_key.serialize_pem());
        let access = "local all all trust\nhostssl all watcher 127.0.0.1/32 scram-sha-256\n";
        cluster.write("data/pg_hba.conf", access);
        let at = cluster.dir.path().display();
        // What stands on the command line could not be changed later.
        cluster.write("data/postgresql.auto.conf", "archive_command = 'true'\n");
        let options = format!(
            "-k {at} -p {port} -c listen_addresses=127.0.0.1 -c ssl=on -c ssl_cert_file={at}/server.crt -c ssl_key_file={at}/server.key \
             -c archive_mode=on -c min_wal_size=2MB -c max_wal_size=8MB -c fsync=off -c autovacuum=off"
        );
        // The server keeps what it inherits open; a pipe would never end.
        let mut start = cluster.command("pg_ctl");
        start.args(["start", "-w", "-o", &options, "-l"]).arg(cluster.dir.path().join("log"));
        assert!(start.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
        cluster.sql(&format!("CREATE ROLE watcher LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor"));
        cluster.sql("CREATE TABLE t(x text)");
        Some(cluster)
    }

    /// Where its data lies.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file that is the server's.
    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if is_root(self.dir.path()) || is_root(&path) {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = need_program(program).unwrap();
        command.env("PGDATA", self.path("data")).env("PGHOST", self.dir.path()).env("PGUSER", "me");
        command.env("PGDATABASE", "postgres").env("PGPORT", self.port.to_string());
        command.current_dir(self.dir.path());
        if is_root(Path::new("/proc/self")) {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn run(&self, program: &str, args: &[&str]) -> String {
        let output = self.command(program).args(args).output().unwrap();
        assert!(output.status.success(), "{program} {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        self.run("psql", &["-X", "-q", "-A", "-t", "-c", sql])
    }

    /// Writes some thirty segments.
    fn fill(&self) {
        self.sql("INSERT INTO t SELECT repeat(md5(i::text), 20) FROM generate_series(1, 40000) i");
        self.sql("CHECKPOINT");
    }

    /// A transaction that has written something and stays open for as long as this is held.
    fn transaction(&self) -> Transaction {
        let mut child = self.command("psql").args(["-X", "-q"]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(b"BEGIN; INSERT INTO t VALUES ('open');\n").unwrap();
        Transaction(child)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.command("pg_ctl").args(["stop", "-w", "-m", "immediate"]).output().ok();
    }
}

struct Transaction(Child);

impl Drop for Transaction {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn is_root(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.uid() == 0)
}

/// A house whose daemon asks the server over TLS, and makes checkpoints through the socket.
fn house(cluster: &Cluster) -> House {
    let house = House::new("");
    house.write("password", PASSWORD);
    let (data, at, port) = (cluster.path("data"), cluster.dir.path().display(), cluster.port);
    let (data, ca) = (data.display(), cluster.path("server.crt"));
    house.write(
        "seawall.toml",
        &format!(
            "[[watch]]\nname = 'orders'\npath = '{data}'\ninterval = '1s'\nmax_size = '20MiB'\ncritical_size = '1GiB'\nmin_free = '0%'\n\
             dsn = 'postgres://watcher@127.0.0.1:{port}/postgres?sslmode=verify-full'\npassword_file = 'password'\nca = '{}'\n\
             [watch.checkpoint]\ndsn = 'host={at} port={port} user=me dbname=postgres'\ncooldown = '1s'\npatience = '1s'\n\
             [[watch]]\nname = 'slow'\npath = '{data}'\ninterval = '1s'\npreset = 'engine'\nmin_free = '0%'\n\
             dsn = 'host={at} port={port} user=me dbname=postgres'\n\
             [watch.checkpoint]\nsql = 'SELECT pg_sleep(1000)'\ntimeout = '1s'\ncooldown = '0s'\n",
            ca.display()
        ),
    );
    house
}

fn orders(daemon: &Daemon) -> Value {
    daemon.get("/api/v1/targets/orders").json()
}

/// Waits until a blocker says this.
fn blocked(daemon: &Daemon, why: &str) -> String {
    let find = || {
        let target = orders(daemon);
        let all = target["blockers"].as_array()?.iter().filter_map(Value::as_str);
        all.into_iter().find(|told| told.contains(why)).map(str::to_owned)
    };
    wait_for(PATIENCE, find).unwrap_or_else(|| panic!("not {why}: {}", orders(daemon)))
}

#[test]
#[ignore = "starts a real server"]
fn a_server_says_what_keeps_its_log_and_once_that_is_gone_a_checkpoint_helps() {
    let Some(cluster) = Cluster::start() else { return };
    let house = house(&cluster);
    let daemon = house.start();
    health(&daemon, "healthy");
    a_slot_keeps_the_log(&daemon, &cluster);
    an_archiver_keeps_the_log(&daemon, &cluster);
    a_statement_that_takes_too_long_is_taken_back(&daemon, &cluster);
    limits_follow_the_settings(&daemon);
    let told = daemon.told();
    assert!(!format!("{told:?}").contains(PASSWORD), "{told:?}");
    cluster.run("pg_ctl", &["stop", "-m", "immediate"]);
    let gone = health(&daemon, "warning");
    assert!(gone["recommendations"].to_string().contains("failed to ask PostgreSQL at 127.0.0.1"), "{gone}");
    assert_eq!(orders(&daemon)["server"], Value::Null);
}

/// A transaction that has been open since before keeps none of it.
fn a_slot_keeps_the_log(daemon: &Daemon, cluster: &Cluster) {
    let open = cluster.transaction();
    cluster.sql("SELECT pg_create_physical_replication_slot('stuck', true)");
    cluster.fill();
    let why = blocked(daemon, "replication slot stuck keeps everything");
    assert!(why.contains("nobody reads from it"), "{why}");
    let in_vain = || (orders(daemon)["checkpoint"]["last"]["outcome"] == "ineffective").then_some(());
    wait_for(PATIENCE, in_vain).unwrap_or_else(|| panic!("{}", orders(daemon)));
    let server = orders(daemon)["server"].clone();
    assert_eq!((&server["standby"], &server["max_wal_size_bytes"]), (&json!(false), &json!(8 << 20)));
    assert!(server["version"].as_u64().unwrap() >= 15, "{server}");
    let slot = &server["slots"][0];
    assert_eq!(
        (&slot["name"], &slot["kind"], &slot["active"]),
        (&json!("stuck"), &json!("physical"), &json!(false))
    );
    assert!(slot["held_bytes"].as_u64().unwrap() > 20 << 20, "{server}");
    let oldest = &server["oldest_transaction"];
    assert_eq!(
        (&oldest["state"], &oldest["has_written"]),
        (&json!("idle in transaction"), &json!(true)),
        "{server}"
    );
    cluster.sql("SELECT pg_drop_replication_slot('stuck')");
    health(daemon, "healthy");
    let target = orders(daemon);
    assert_eq!((&target["blockers"], &target["format"]), (&json!([]), &json!("postgres")));
    assert!(target["checkpoint"]["freed_bytes"].as_u64().unwrap() > 20 << 20, "{target}");
    assert_eq!(target["server"]["oldest_transaction"]["state"], "idle in transaction");
    drop(open);
}

fn an_archiver_keeps_the_log(daemon: &Daemon, cluster: &Cluster) {
    let archive = |command: &str| {
        cluster.sql(&format!("ALTER SYSTEM SET archive_command = '{command}'"));
        cluster.sql("SELECT pg_reload_conf()");
    };
    archive("false");
    cluster.fill();
    let why = blocked(daemon, "the archiver fails");
    assert!(why.contains("it could not archive 0000"), "{why}");
    assert_eq!(orders(daemon)["server"]["archiver"]["failing"], true);
    archive("true");
    let well = || orders(daemon)["blockers"].as_array()?.is_empty().then_some(());
    wait_for(PATIENCE, well).unwrap_or_else(|| panic!("{}", orders(daemon)));
    health(daemon, "healthy");
}

fn a_statement_that_takes_too_long_is_taken_back(daemon: &Daemon, cluster: &Cluster) {
    // One that the log has asked for may still be at work.
    let post = || Some(daemon.post("/api/v1/targets/slow/checkpoint", b"")).filter(|it| it.status != 409);
    let late = wait_for(PATIENCE, post).unwrap();
    assert_eq!((late.status, late.code().as_str()), (502, "failed"), "{late:?}");
    let sleeping =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1000)' AND state = 'active'";
    let ended = || (cluster.sql(sleeping).trim() == "0").then_some(());
    wait_for(PATIENCE, ended).expect("the server does not go on with it");
}

/// 8 MiB is what the server aims at, so that far less than elsewhere is worth attention.
fn limits_follow_the_settings(daemon: &Daemon) {
    let limits = daemon.get("/api/v1/targets/slow").json()["limits"].clone();
    assert_eq!(
        (&limits["warning"]["bytes"], &limits["critical"]["bytes"]),
        (&json!(32 << 20), &json!(96 << 20)),
        "{limits}"
    );
    assert_eq!(orders(daemon)["limits"]["warning"]["bytes"], 20 << 20, "what was chosen counts");
}
