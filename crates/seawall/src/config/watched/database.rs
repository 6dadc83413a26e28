//! Databases of a `[[watch]]`: the one whose server is asked, the one that is checkpointed in SQL, and SQLite's own.

use std::path::PathBuf;
use std::str::FromStr;

use watch::Action;
use watch::SqliteMode;
use watch::alert::Secret;
use watch::call::{Roots, RootsError};
use watch::postgres::{Database, Dsn};

use super::refuse;
use crate::config::{Reader, pem};

/// What a checkpoint is in SQL, unless somebody wants it otherwise.
const CHECKPOINT: &str = "CHECKPOINT";

/// The databases that are spoken to in SQL.
pub(super) struct Databases {
    /// The one whose server is asked what keeps the log.
    pub(super) asked: Option<Database>,
    /// The one that checkpoints are made in.
    made: Option<Database>,
}

/// Which they are; nothing if something is wrong with one of them, which is told.
pub(super) fn understand(read: &mut Reader<'_>) -> Option<Databases> {
    let (dsn, password) = (read.optional::<Dsn>("dsn"), read.optional::<Hidden>("password"));
    let own = (read.optional::<Dsn>("checkpoint.dsn"), read.optional::<Hidden>("checkpoint.password"));
    let ca = pem::file(read, "ca");
    let (dsn, password, own, ca) = (dsn?, password?, (own.0?, own.1?), ca?);
    if dsn.is_none() && password.is_some() {
        refuse(read, "password", "it says nothing without dsn".to_owned());
    }
    if dsn.is_none() && own.0.is_none() && ca.is_some() {
        refuse(read, "ca", "it says nothing without dsn or checkpoint.dsn".to_owned());
    }
    if dsn.is_some()
        && let Some(format) = other_format(read, "postgres")
    {
        refuse(read, "dsn", format!("only PostgreSQL is asked through one, and the format is {format}"));
    }
    let asked = database(read, "dsn", (dsn, password), ca.as_deref());
    let made = database(read, "checkpoint.dsn", own, ca.as_deref());
    let (asked, made) = (asked?, made?);
    Some(Databases { made: made.or_else(|| asked.clone()), asked })
}

/// The format, if another one was written than this.
fn other_format(read: &mut Reader<'_>, fitting: &str) -> Option<String> {
    read.entry("format").map(|entry| entry.text).filter(|format| format != "auto" && format != fitting)
}

/// A secret.
struct Hidden(Secret);

impl FromStr for Hidden {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Secret::new(text.to_owned())))
    }
}

#[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
fn database(
    read: &mut Reader<'_>,
    name: &'static str,
    (dsn, password): (Option<Dsn>, Option<Hidden>),
    ca: Option<&[u8]>,
) -> Option<Option<Database>> {
    let Some(dsn) = dsn else { return Some(None) };
    let roots = match ca {
        _ if !dsn.is_proven() => Roots::default(),
        Some(pem) => Roots::new(pem.to_vec()),
        None => Roots::new(pem::system_roots(read, "ca")?),
    };
    let password = password.map(|password| password.0);
    match Database::new(dsn, password.as_ref(), roots) {
        Ok(database) => Some(Some(database)),
        Err(error) => {
            let name = if error == RootsError::Empty { "ca" } else { name };
            refuse(read, name, error.to_string());
            None
        }
    }
}

/// A checkpoint in SQL, where one is written.
#[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
pub(super) fn sql(read: &mut Reader<'_>, databases: Option<&Databases>) -> Option<Option<Action>> {
    let statement = read.optional::<String>("checkpoint.sql")?;
    let is_named = read.is_written("checkpoint.dsn");
    if statement.is_none() && !is_named {
        return Some(None);
    }
    if let Some(database) = databases?.made.clone() {
        let statement = statement.unwrap_or_else(|| CHECKPOINT.to_owned());
        return Some(Some(Action::Sql { database, statement }));
    }
    let message = "it goes to a PostgreSQL, and none is named: set dsn, or checkpoint.dsn; a SQLite database is checkpointed by \
                   checkpoint.sqlite = \"truncate\"";
    refuse(read, "checkpoint.sql", message.to_owned());
    None
}

/// A checkpoint by SQLite, where one is written.
#[expect(clippy::option_option, reason = "wrong, left out and there are three things")]
pub(super) fn sqlite(read: &mut Reader<'_>) -> Option<Option<Action>> {
    let mode = read.optional::<SqliteMode>("checkpoint.sqlite")?;
    if mode.is_none() {
        return Some(None);
    }
    if let Some(format) = other_format(read, "sqlite") {
        refuse(read, "checkpoint.sqlite", format!("it is for SQLite, and the format is {format}"));
    }
    let path = read.value::<PathBuf>("path").map(|path| path.to_string_lossy().into_owned());
    if path.is_some_and(|path| path.ends_with("-wal") || path.ends_with("-shm")) {
        refuse(read, "path", "checkpoint.sqlite is set: name the database, and not its log".to_owned());
    }
    Some(mode.map(Action::Sqlite))
}
