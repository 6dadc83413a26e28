//! Logs of real programs, made once, and laid out as often as they are wanted: large files are linked and not copied.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::{need_program, wait_for};

use crate::bench::logs::{LARGE, SHAPES};
use crate::command::Failure;
use crate::workspace::{output, root, target};

/// Nobody: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65534;

/// Far longer than any of these programs takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A log that is copied.
struct Kind {
    /// What it is in the configuration.
    format: &'static str,
    /// How many of a hundred are of it.
    share: usize,
    original: PathBuf,
    /// What is watched below the copy.
    below: &'static str,
}

/// Those that could be made here.
pub(super) struct Kinds(Vec<Kind>);

/// A copy.
pub(super) struct Laid {
    pub(super) format: &'static str,
    pub(super) below: &'static str,
    pub(super) files: usize,
    pub(super) bytes: u64,
}

impl Kinds {
    /// Makes each of them, where its program is here.
    pub(super) fn make(place: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(place).map_err(|cause| broken(place, &cause.to_string()))?;
        let [large, ..] = LARGE;
        let [small, ..] = SHAPES;
        let mut kinds = Vec::new();
        let mut add = |format, share, original: PathBuf, below| {
            kinds.push(Kind { format, share, original, below });
        };
        add("prometheus", 10, large.make()?, "");
        add("prometheus", 30, small.make()?, "");
        add("influxdb3", 5, root().join("crates/formats/tests/corpus/influxdb3/v3.10.1/healthy/node-a"), "");
        add("directory", 5, made(place, "directory", directory)?, "");
        add("journal", 10, made(place, "journal", journal)?, "");
        for (format, share, program, make, below) in [
            ("postgres", 20, "initdb", postgres as fn(&Path, Command) -> Result<(), String>, ""),
            ("sqlite", 10, "sqlite3", sqlite, "log.db"),
            ("etcd", 10, "etcd", etcd, ""),
        ] {
            // What is lacking is told by name.
            if let Some(program) = need_program(program) {
                add(format, share, made(place, format, |dir| make(dir, program))?, below);
            }
        }
        Ok(Self(kinds))
    }

    /// Lays the log with this number, the kinds in turn by their shares.
    pub(super) fn lay(&self, number: usize, to: &Path) -> io::Result<Laid> {
        let all: usize = self.0.iter().map(|kind| kind.share).sum();
        let mut place = number % all.max(1);
        let kind = self.0.iter().find(|kind| {
            let here = place < kind.share;
            place = place.saturating_sub(kind.share);
            here
        });
        let kind = kind.ok_or_else(|| io::Error::other("there is no kind of logs"))?;
        let (files, bytes) = lay(&kind.original, to)?;
        Ok(Laid { format: kind.format, below: kind.below, files, bytes })
    }
}

/// Files above this are linked. Nobody writes to them.
const LINKED: u64 = 1024 * 1024;

fn lay(from: &Path, to: &Path) -> io::Result<(usize, u64)> {
    fs::create_dir_all(to)?;
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (place, meta) = (to.join(entry.file_name()), entry.metadata()?);
        if meta.is_dir() {
            let (more, larger) = lay(&entry.path(), &place)?;
            (files, bytes) = (files + more, bytes + larger);
        } else if meta.is_file() {
            if meta.len() > LINKED {
                fs::hard_link(entry.path(), place)?;
            } else {
                fs::copy(entry.path(), place)?;
            }
            (files, bytes) = (files + 1, bytes + meta.len());
        }
    }
    Ok((files, bytes))
}

fn broken(place: &Path, cause: &str) -> Failure {
    Failure::Work(format!("could not make {}: {cause}", place.display()))
}

/// A log that is made unless it is there: beside its place first, since one that was interrupted is none.
fn made(
    place: &Path,
    name: &str,
    make: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, Failure> {
    let (dir, unfinished) = (place.join(name), place.join(format!("{name}.unfinished")));
    if dir.is_dir() {
        return Ok(dir);
    }
    let result = (|| {
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(|cause| cause.to_string())?;
        }
        fs::create_dir(&unfinished).map_err(|cause| cause.to_string())?;
        make(&unfinished)?;
        #[expect(clippy::disallowed_methods, reason = "a log of a benchmark need not survive a crash")]
        fs::rename(&unfinished, &dir).map_err(|cause| cause.to_string())
    })();
    result.map(|()| dir.clone()).map_err(|cause| broken(&dir, &cause))
}

/// Five hundred files that somebody has to work off.
fn directory(dir: &Path) -> Result<(), String> {
    (0..500)
        .try_for_each(|number| fs::write(dir.join(number.to_string()), "x"))
        .map_err(|cause| cause.to_string())
}

/// A journal with some events.
fn journal(dir: &Path) -> Result<(), String> {
    let mut seawall = Command::new("sh");
    seawall.arg("-c").arg("seq 1 5000 | \"$0\" append --quiet jobs").arg(target().join("release/seawall"));
    output(seawall.env("SEAWALL_JOURNAL_DIR", dir)).map(drop)
}

/// A cluster as it is made, in a place where nobody may work.
fn postgres(dir: &Path, mut initdb: Command) -> Result<(), String> {
    let place = std::env::temp_dir().join(format!("seawall-bench-{}", std::process::id()));
    let text = |cause: io::Error| cause.to_string();
    fs::create_dir(&place).map_err(text)?;
    initdb.args(["--auth=trust", "--username=me", "--no-sync", "-D"]).arg(place.join("data"));
    if fs::metadata(&place).map_err(text)?.uid() == 0 {
        chown(&place, Some(NOBODY), Some(NOBODY)).map_err(text)?;
        initdb.uid(NOBODY).gid(NOBODY);
    }
    let made = output(&mut initdb).and_then(|_| lay_all(&place.join("data"), dir));
    fs::remove_dir_all(&place).map_err(text)?;
    made
}

/// The same without links: the original may lie on another file system.
fn lay_all(from: &Path, to: &Path) -> Result<(), String> {
    output(Command::new("cp").arg("-R").arg(from.join(".")).arg(to)).map(drop)
}

/// A database with a log of some thousand frames, which nobody has open.
fn sqlite(dir: &Path, mut sqlite: Command) -> Result<(), String> {
    let fill = "INSERT INTO t SELECT randomblob(1000) FROM generate_series(1, 4000)";
    sqlite.arg(dir.join("log.db")).args([
        ".dbconfig no_ckpt_on_close on",
        "PRAGMA journal_mode=WAL",
        "PRAGMA wal_autocheckpoint=0",
        "CREATE TABLE t(x)",
        fill,
    ]);
    output(&mut sqlite).map(drop)
}

/// A member that was killed after its start, with its first segment of 64 MB.
fn etcd(dir: &Path, mut etcd: Command) -> Result<(), String> {
    etcd.arg("--data-dir").arg(dir).args(["--listen-peer-urls", "http://127.0.0.1:0"]);
    etcd.args([
        "--listen-client-urls",
        "http://127.0.0.1:0",
        "--advertise-client-urls",
        "http://127.0.0.1:1",
    ]);
    let mut child = etcd
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|cause| format!("could not start etcd: {cause}"))?;
    let written = || dir.join("member/snap/db").is_file().then_some(());
    let written = wait_for(PATIENCE, written);
    child.kill().and_then(|()| child.wait()).map_err(|cause| format!("could not end etcd: {cause}"))?;
    written.ok_or_else(|| "etcd makes no log".to_owned())
}
