//! What is read from a log must be what SQLite itself says of it.

#![expect(clippy::unwrap_used, clippy::big_endian_bytes, reason = "tests, which read what SQLite writes")]

mod peer;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use formats::{Depth, Order, Survey, UnixTime, Value, detect, survey};
use peer::Programs;

/// The shell of SQLite, or nothing, and then the test is skipped.
fn sqlite() -> Option<Programs> {
    peer::find("sqlite", "sqlite3", "usr/bin")
}

/// A connection that stays open: the shell of SQLite, fed line by line.
struct Connection {
    shell: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Connection {
    fn open(program: &Programs, database: &Path) -> Self {
        let mut shell = program
            .command("sqlite3")
            .args(["-batch", "-noheader", "-list", "-init", "/dev/null"])
            .arg(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = shell.stdin.take();
        let output = BufReader::new(shell.stdout.take().unwrap());
        Self { shell, input, output }
    }

    fn run(&mut self, sql: &str) {
        writeln!(self.input.as_mut().unwrap(), "{sql};").unwrap();
    }

    /// Runs a query that answers with one line. The pipe through `cat` makes the shell hand the line out at once.
    fn ask(&mut self, sql: &str) -> String {
        writeln!(self.input.as_mut().unwrap(), ".once |cat\n{sql};").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Ends the process without letting it close the database.
    fn kill(mut self) {
        self.shell.kill().unwrap();
        self.shell.wait().unwrap();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        drop(self.input.take());
        // A shell that was killed is gone already.
        let _ended = self.shell.wait();
    }
}

fn surveyed(path: &Path) -> Survey {
    survey(detect(path, None).unwrap().as_ref(), &Order::new(Depth::Bytes, UnixTime::from_seconds(0)).live())
}

fn fact(survey: &Survey, name: &str) -> Value {
    survey.facts.iter().find(|fact| fact.name == name).unwrap().value.clone()
}

fn number(survey: &Survey, name: &str) -> u64 {
    match fact(survey, name) {
        Value::Unsigned(number) => number,
        other => panic!("{name} is {other:?}"),
    }
}

/// A database with a table and `rows` rows, one transaction each, that nothing has been checkpointed of.
fn filled(program: &Programs, dir: &Path, rows: usize) -> (PathBuf, Connection) {
    let database = dir.join("x.db");
    let mut writer = Connection::open(program, &database);
    assert_eq!(writer.ask("PRAGMA journal_mode=WAL"), "wal");
    assert_eq!(writer.ask("PRAGMA wal_autocheckpoint=0"), "0");
    writer.run("CREATE TABLE t(x)");
    (0..rows).for_each(|_| writer.run("INSERT INTO t VALUES(hex(randomblob(600)))"));
    assert_eq!(writer.ask("SELECT count(*) FROM t"), rows.to_string());
    (database, writer)
}

/// Busy, frames in the log, frames copied.
fn checkpoint(connection: &mut Connection) -> [u64; 3] {
    let answer = connection.ask("PRAGMA wal_checkpoint(PASSIVE)");
    let numbers: Vec<u64> = answer.split('|').map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

/// The database and its log as a crash would leave them, without the index.
fn crashed(database: &Path, dir: &Path) -> PathBuf {
    let copy = dir.join("crashed.db");
    fs::copy(database, &copy).unwrap();
    fs::copy(with(database, "-wal"), with(&copy, "-wal")).unwrap();
    copy
}

fn with(database: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", database.display()))
}

/// What a new connection answers, or what it complains of.
fn ask_once(program: &Programs, database: &Path, sql: &str) -> String {
    let output = program.command("sqlite3").arg(database).arg(sql).output().unwrap();
    let text = if output.status.success() { output.stdout } else { output.stderr };
    String::from_utf8(text).unwrap().trim_end().to_owned()
}

#[test]
fn the_frames_of_an_open_database_are_those_that_sqlite_counts() {
    let Some(program) = sqlite() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (database, mut writer) = filled(&program, dir.path(), 50);
    let before = surveyed(&database);
    let [_, in_log, copied] = checkpoint(&mut writer);
    assert!(in_log > 50 && copied == in_log, "{in_log} {copied}");
    assert_eq!(number(&before, "committed_frames"), in_log);
    assert_eq!(number(&before, "uncheckpointed_frames"), in_log);
    assert_eq!(before.records(), Some(in_log));
    let after = surveyed(&database);
    assert_eq!((number(&after, "committed_frames"), number(&after, "uncheckpointed_frames")), (in_log, 0));
    assert_eq!(number(&after, "database_pages").to_string(), writer.ask("PRAGMA page_count"));
}

#[test]
fn a_log_that_was_started_over_counts_what_sqlite_counts() {
    let Some(program) = sqlite() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (database, mut writer) = filled(&program, dir.path(), 50);
    let [_, full, _] = checkpoint(&mut writer);
    writer.run("INSERT INTO t VALUES(1)");
    assert_eq!(writer.ask("SELECT count(*) FROM t"), "51");
    let survey = surveyed(&database);
    let stale = number(&survey, "stale_frames");
    let [_, in_log, _] = checkpoint(&mut writer);
    assert!(in_log < 5, "{in_log}");
    assert_eq!((number(&survey, "committed_frames"), stale), (in_log, full - in_log));
    assert!(survey.damage.is_empty());
}

#[test]
fn a_reader_that_holds_the_checkpoint_back_is_seen_where_sqlite_stops() {
    let Some(program) = sqlite() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (database, mut writer) = filled(&program, dir.path(), 20);
    let mut reader = Connection::open(&program, &database);
    reader.run("BEGIN");
    assert_eq!(reader.ask("SELECT count(*) FROM t"), "20");
    (0..30).for_each(|_| writer.run("INSERT INTO t VALUES(hex(randomblob(600)))"));
    let [_, in_log, copied] = checkpoint(&mut writer);
    assert!(copied < in_log, "{copied} {in_log}");
    let survey = surveyed(&database);
    assert_eq!(number(&survey, "uncheckpointed_frames"), in_log - copied);
    let Value::Text(blocker) = fact(&survey, "blocker") else { panic!("no blocker") };
    assert!(
        blocker.starts_with(&format!("a reader sees the log up to frame {copied} of {in_log}")),
        "{blocker}"
    );
    reader.run("COMMIT");
    assert_eq!(reader.ask("SELECT 1"), "1");
    let [_, in_log, copied] = checkpoint(&mut writer);
    assert_eq!(in_log, copied);
    assert_eq!(fact(&surveyed(&database), "blocker"), Value::Null);
}

#[test]
fn a_transaction_that_was_rolled_back_after_it_spilled_is_no_damage() {
    let Some(program) = sqlite() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (database, mut writer) = filled(&program, dir.path(), 5);
    writer.run("PRAGMA cache_size=5");
    writer.run("BEGIN");
    writer.run("INSERT INTO t SELECT hex(randomblob(2000)) FROM t a, t b, t c");
    writer.run("ROLLBACK");
    writer.run("INSERT INTO t VALUES(1)");
    assert_eq!(writer.ask("SELECT count(*) FROM t"), "6");
    let survey = surveyed(&database);
    assert!(survey.notes.iter().any(|note| note.code == "torn-tail"), "it did not spill: {:?}", survey.notes);
    assert!(survey.damage.is_empty(), "{:?}", survey.damage.listed());
    assert_eq!(number(&survey, "committed_frames"), checkpoint(&mut writer)[1]);
}

#[test]
fn after_damage_sqlite_keeps_exactly_the_transactions_that_the_verdict_names() {
    let Some(program) = sqlite() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (database, writer) = filled(&program, dir.path(), 40);
    let copy = crashed(&database, dir.path());
    writer.kill();
    let log = with(&copy, "-wal");
    let mut bytes = fs::read(&log).unwrap();
    let frame = 24 + u64::from(u16::from_be_bytes([bytes[10], bytes[11]]));
    let damaged = 32 + 30 * frame;
    bytes[usize::try_from(damaged + 100).unwrap()] ^= 1;
    fs::write(&log, &bytes).unwrap();
    let survey = surveyed(&copy);
    let damage = &survey.damage.listed()[0];
    assert_eq!((damage.start, damage.end), (damaged, damaged + frame));
    let committed = number(&survey, "committed_frames");
    let (all, lost) = ((bytes.len() as u64 - 32) / frame, number(&survey, "lost_frames"));
    assert_eq!((committed + lost, damage.lost.records), (all, Some(lost)));
    let what = survey.verdict.what().unwrap().to_owned();
    assert!(
        what.contains(&format!("first {committed} frames")) && what.contains(&format!("{lost} behind")),
        "{what}"
    );
    // Opening recovers the log; a checkpoint then tells how far that went.
    let answer = ask_once(&program, &copy, "PRAGMA wal_checkpoint(PASSIVE)");
    assert_eq!(answer, format!("0|{committed}|{committed}"));
}

#[test]
fn a_wrong_header_makes_sqlite_ignore_the_log_as_the_verdict_says() {
    let Some(program) = sqlite() else { return };
    for byte in [0, 5, 9, 17, 30] {
        let dir = tempfile::tempdir().unwrap();
        let (database, writer) = filled(&program, dir.path(), 4);
        let copy = crashed(&database, dir.path());
        writer.kill();
        let mut bytes = fs::read(with(&copy, "-wal")).unwrap();
        bytes[byte] ^= 1;
        fs::write(with(&copy, "-wal"), &bytes).unwrap();
        let survey = surveyed(&copy);
        assert_eq!((survey.verdict.name(), survey.damage.count()), ("starts-with-loss", 1), "byte {byte}");
        let answer = ask_once(&program, &copy, "SELECT count(*) FROM t");
        assert!(answer.contains("no such table"), "byte {byte}: {answer}");
    }
}

#[test]
fn without_a_database_sqlite_deletes_the_log_as_the_verdict_says() {
    let Some(program) = sqlite() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (database, writer) = filled(&program, dir.path(), 4);
    let copy = crashed(&database, dir.path());
    writer.kill();
    fs::remove_file(&copy).unwrap();
    let log = with(&copy, "-wal");
    assert!(surveyed(&log).verdict.what().unwrap().contains("deletes the log"));
    assert_eq!(ask_once(&program, &copy, "SELECT count(*) FROM sqlite_master"), "0");
    assert!(!log.exists());
}
