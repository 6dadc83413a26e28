//! A checkpoint of a SQLite database, made by SQLite itself.
//!
//! This has to run in a process that opens the files of that database in no other way: when a process closes any descriptor
//! of a file, the system drops all of its locks on it, those that SQLite holds too, and the watch opens and closes these
//! files all the time. So whoever watches starts another process for it.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// How a log is copied into its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqliteMode {
    /// What can be copied while nobody waits for it.
    Passive,
    /// All of it; the next write begins at the beginning of the log.
    Restart,
    /// All of it; then the log is empty.
    Truncate,
}

/// What a checkpoint has come to, as SQLite counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Whether somebody was in the way: a reader, a writer, another checkpoint.
    pub is_busy: bool,
    /// Frames in the log.
    pub frames: u64,
    /// Those of them that are in the database now.
    pub copied: u64,
}

/// How long readers and writers are waited for. Writers are kept waiting meanwhile, and many give up after some seconds.
const POLITE: Duration = Duration::from_secs(1);

/// What a database begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

impl SqliteMode {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            SqliteMode::Passive => "passive",
            SqliteMode::Restart => "restart",
            SqliteMode::Truncate => "truncate",
        }
    }

    const fn pragma(self) -> &'static str {
        match self {
            SqliteMode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
            SqliteMode::Restart => "PRAGMA wal_checkpoint(RESTART)",
            SqliteMode::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
        }
    }
}

impl FromStr for SqliteMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [SqliteMode::Passive, SqliteMode::Restart, SqliteMode::Truncate];
        let found = all.into_iter().find(|mode| mode.name() == text);
        found.ok_or_else(|| format!("{text:?} is none of passive, restart, truncate"))
    }
}

/// Copies what the log of a database holds into it; an error says why nothing was copied. A database that is not there is
/// not made. What reads the log is never waited for while writers wait: where a reader is in the way, what can be copied
/// without waiting is, and the rest is left.
pub fn checkpoint_sqlite(path: &Path, mode: SqliteMode) -> Result<Copied, String> {
    let path = path.canonicalize().map_err(|error| format!("failed to open {}: {error}", path.display()))?;
    recognise(&path)?;
    let fail = |error: rusqlite::Error| format!("failed to checkpoint {}: {error}", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(&path, flags).map_err(fail)?;
    database.busy_timeout(POLITE).map_err(fail)?;
    // What is copied has to be on the disk before the log may be overwritten, whatever the database is set to.
    database.execute_batch("PRAGMA synchronous = FULL").map_err(fail)?;
    let gently = copy(&database, SqliteMode::Passive).map_err(fail)?;
    let Some(gently) = gently else {
        return Err(format!("{} keeps no write-ahead log: its journal_mode is another", path.display()));
    };
    if mode == SqliteMode::Passive || gently.copied < gently.frames {
        return Ok(Copied { is_busy: gently.copied < gently.frames, ..gently });
    }
    // A log that was begun anew has no frames: what there was has been copied before.
    let fully = copy(&database, mode).map_err(fail)?;
    Ok(fully.filter(|fully| fully.is_busy).unwrap_or(gently))
}

/// The file has to be a database: SQLite takes an empty file for one, and a name such as `:memory:` for none.
fn recognise(path: &Path) -> Result<(), String> {
    let mut head = [0; MAGIC.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    if read.is_ok() && head == *MAGIC {
        return Ok(());
    }
    let why = read.err().map(|error| format!(" ({error})")).unwrap_or_default();
    Err(format!("{} is no SQLite database{why}: name the database, not its log", path.display()))
}

/// Nothing if there is no log that could be copied.
fn copy(database: &Connection, mode: SqliteMode) -> Result<Option<Copied>, rusqlite::Error> {
    database.query_row(mode.pragma(), [], |row| {
        let (busy, frames, copied) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?);
        let counts = u64::try_from(frames).ok().zip(u64::try_from(copied).ok());
        Ok(counts.map(|(frames, copied)| Copied { is_busy: busy != 0, frames, copied }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(path: &Path) -> Connection {
        let database = Connection::open(path).unwrap();
        let made = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t(x)";
        database.execute_batch(made).unwrap();
        database
    }

    fn fill(database: &Connection) {
        database.execute_batch("INSERT INTO t SELECT randomblob(5000)").unwrap();
    }

    #[test]
    fn a_log_is_copied_and_cut_unless_a_reader_needs_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        let log = directory.path().join("a.db-wal");
        let writer = database(&path);
        fill(&writer);
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
        fill(&writer);
        let held = checkpoint_sqlite(&path, SqliteMode::Truncate).unwrap();
        assert!(held.is_busy && held.copied > 0 && held.copied < held.frames, "{held:?}");
        reader.execute_batch("COMMIT").unwrap();
        let restarted = checkpoint_sqlite(&path, SqliteMode::Restart).unwrap();
        assert!(!restarted.is_busy && log.metadata().unwrap().len() > 0, "{restarted:?}");
        let cut = checkpoint_sqlite(&path, SqliteMode::Truncate).unwrap();
        assert!(!cut.is_busy && log.metadata().unwrap().len() == 0, "{cut:?}");
        let count: i64 = writer.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 2);
    }

    #[test]
    fn what_is_no_database_with_a_log_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let fails = |name: &str| checkpoint_sqlite(&at(name), SqliteMode::Truncate).unwrap_err();
        assert!(fails("missing.db").contains("failed to open"));
        assert!(!at("missing.db").exists(), "no database is made");
        std::fs::write(at("empty.db"), "").unwrap();
        assert!(fails("empty.db").contains("is no SQLite database"));
        let writer = database(&at("a.db"));
        fill(&writer);
        assert!(fails("a.db-wal").contains("name the database"));
        writer.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
        assert!(fails("a.db").contains("keeps no write-ahead log"));
    }

    #[test]
    fn a_database_that_is_held_alone_is_told_after_a_moment() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        let writer = database(&path);
        writer.execute_batch("PRAGMA locking_mode = EXCLUSIVE; INSERT INTO t VALUES (1)").unwrap();
        let refused = checkpoint_sqlite(&path, SqliteMode::Passive).unwrap_err();
        assert!(refused.contains("locked"), "{refused}");
    }
}
